import { toCurrency } from '../core/create-currency.ts';
import type { Refusal } from '../core/errors.ts';
import type { CurrencyRegistered } from '../ledger/ledger.ts';
import { builder } from './builder.ts';
import { settle } from './context.ts';
import * as refusals from './refusals.ts';

const CreateCurrencyInput = builder.inputType('CreateCurrencyInput', {
  description: 'A currency that ISO 4217 does not have, such as BTC with 8 decimals or ETH with 18.',
  fields: (t) => ({
    code: t.string({
      required: true,
      description: '3 to 12 of the characters A to Z and 0 to 9, the first one a letter.',
    }),
    exponent: t.int({ required: true, description: 'How many decimals its amounts have, 0 to 30.' }),
  }),
});

builder.objectType('CurrencyRegistered', {
  description: 'The ledger has the currency, and accounts can be made in it. It never changes.',
  fields: (t) => ({
    registered: t.expose('registered', { type: 'Currency', description: 'The currency.' }),
    replayed: t.exposeBoolean('replayed', {
      description: 'It had been registered before, with the same exponent.',
    }),
  }),
});

const CreateCurrencyResult = builder.unionType('CreateCurrencyResult', {
  description: 'The currency, or why it was not registered.',
  types: ['CurrencyRegistered', refusals.CurrencyTakenError, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'REGISTERED' ? 'CurrencyRegistered' : refusals.refusalTypeName(code)),
});

builder.mutationField('createCurrency', (t) =>
  t.field({
    type: CreateCurrencyResult,
    nullable: true,
    description:
      'Registers a currency in the ledger, for good. Those of ISO 4217 need it not, and are always CURRENCY_TAKEN.',
    args: {
      input: t.arg({ type: CreateCurrencyInput, required: true, description: 'The currency.' }),
    },
    resolve: async (_, { input }, context): Promise<CurrencyRegistered | Refusal> => {
      const currency = toCurrency(input);
      return settle(
        context,
        'facts' in currency
          ? currency
          : await context.ledger.registerCurrency(currency, context.notes.requestId),
      );
    },
  }),
);
