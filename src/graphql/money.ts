import { formatMinor } from '../core/values/money.ts';
import { builder } from './builder.ts';

builder.objectType('Money', {
  description: 'An exact amount of a currency.',
  fields: (t) => ({
    amount: t.field({
      type: 'Decimal',
      description: 'Decimal text with the currency\'s full scale: 5 dollars are "5.00", 5 yen are "5".',
      resolve: ({ minor, currency }) => formatMinor(minor, currency),
    }),
    currency: t.string({
      description: 'The code of the currency, such as USD.',
      resolve: ({ currency }) => currency.code,
    }),
  }),
});

builder.objectType('Currency', {
  description:
    'A unit of account. Those of ISO 4217 are there from the start; others are registered in the ledger. None ever changes.',
  fields: (t) => ({
    code: t.exposeString('code', { description: 'Such as USD.' }),
    exponent: t.exposeInt('exponent', {
      description: 'How many decimals its amounts have: 2 for USD, 0 for JPY.',
    }),
  }),
});
