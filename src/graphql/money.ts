import { formatMinor } from '../core/values/money.ts';
import { builder } from './builder.ts';

builder.objectType('Money', {
  description: 'An exact amount of a currency.',
  fields: (t) => ({
    amount: t.field({
      type: 'Decimal',
      description: 'The amount with all decimals of the currency: 5 dollars are "5.00", 5 yen are "5".',
      resolve: ({ minor, currency }) => formatMinor(minor, currency),
    }),
    currency: t.string({
      description: 'The code of the currency, such as USD.',
      resolve: ({ currency }) => currency.code,
    }),
  }),
});
