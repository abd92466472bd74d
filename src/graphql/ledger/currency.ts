import { toCurrency } from '../../core/create-currency.ts';
import type { Refusal } from '../../core/errors.ts';
import type { CurrencyRegistered } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { settle } from '../context.ts';
import * as refusals from '../refusals/refusals.ts';

builder.objectType('Currency', {
  description:
    'A unit of account. ISO 4217 currencies are built in; others are registered in the ledger. A currency never changes.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'The code, such as USD.' }),
    exponent: t.exposeInt('exponent', {
      description: 'The number of decimals of its amounts: 2 for USD, 0 for JPY.',
    }),
  }),
});

const CreateCurrencyInput = builder.inputType('CreateCurrencyInput', {
  description: 'A currency outside ISO 4217, such as BTC with 8 decimals or ETH with 18.',
  fields: (t) => ({
    code: t.string({
      required: true,
      description: 'The code: 3 to 12 of the characters A to Z and 0 to 9, starting with a letter.',
    }),
    exponent: t.int({ required: true, description: 'The number of decimals of its amounts: 0 to 30.' }),
  }),
});

builder.objectType('CurrencyRegistered', {
  description: 'The currency is registered. Accounts can use it.',
  fields: (t) => ({
    registered: t.expose('registered', { type: 'Currency', description: 'The currency.' }),
    replayed: t.exposeBoolean('replayed', {
      description: 'True if it was registered before, with the same exponent.',
    }),
  }),
});

const CreateCurrencyResult = builder.unionType('CreateCurrencyResult', {
  description: 'The currency, or the reason why it was not registered.',
  types: ['CurrencyRegistered', refusals.CurrencyTakenError, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'REGISTERED' ? 'CurrencyRegistered' : refusals.refusalTypeName(code)),
});

builder.mutationField('createCurrency', (t) =>
  t.field({
    type: CreateCurrencyResult,
    nullable: true,
    description:
      'Registers a currency in the ledger, permanently. ISO 4217 currencies are built in: registering one is CURRENCY_TAKEN.',
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
