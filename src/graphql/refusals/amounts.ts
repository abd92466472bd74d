import { CODES, LedgerError, typeOf } from './refusal.ts';

export const InvalidAmountError = typeOf('INVALID_AMOUNT').implement({
  interfaces: [LedgerError],
  description: CODES.INVALID_AMOUNT,
  fields: (t) => ({
    field: t.string({
      description: 'The path of the field in the input, such as `minBalance.amount`.',
      resolve: ({ facts }) => facts.field,
    }),
  }),
});

export const UnknownCurrencyError = typeOf('UNKNOWN_CURRENCY').implement({
  interfaces: [LedgerError],
  description: CODES.UNKNOWN_CURRENCY,
  fields: (t) => ({
    currency: t.string({
      description: 'The code as given in the request.',
      resolve: ({ facts }) => facts.currency,
    }),
  }),
});

export const CurrencyTakenError = typeOf('CURRENCY_TAKEN').implement({
  interfaces: [LedgerError],
  description: CODES.CURRENCY_TAKEN,
  fields: (t) => ({
    registered: t.field({
      type: 'Currency',
      description: 'The existing currency.',
      resolve: ({ facts }) => facts.registered,
    }),
  }),
});

export const CurrencyMismatchError = typeOf('CURRENCY_MISMATCH').implement({
  interfaces: [LedgerError],
  description: CODES.CURRENCY_MISMATCH,
  fields: (t) => ({
    expected: t.string({
      description: 'The currency of the first account.',
      resolve: ({ facts }) => facts.expected,
    }),
    given: t.string({
      description: 'The currency of the account that differs.',
      resolve: ({ facts }) => facts.given,
    }),
  }),
});

export const UnbalancedError = typeOf('UNBALANCED').implement({
  interfaces: [LedgerError],
  description: CODES.UNBALANCED,
  fields: (t) => ({
    difference: t.field({
      type: 'Money',
      description:
        'The difference between debits and credits, in the first unbalanced currency, ordered by code.',
      resolve: ({ facts }) => facts.difference,
    }),
  }),
});
