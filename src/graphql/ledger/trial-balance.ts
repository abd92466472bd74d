import { AccountFilterInput, readAccountFilter } from '../accounts/account-list.ts';
import { builder } from '../builder.ts';
import { getLedger } from '../context.ts';
import { CURRENCIES, TRIAL_BALANCE_COST } from '../protection/prices.ts';

builder.objectType('TrialBalanceLine', {
  description:
    'The posted balances of one currency, summed by side. An overdrawn CREDIT account counts as a debit. Without a filter, debits ' +
    'equal credits; any difference is a fault of the ledger.',
  fields: (t) => ({
    currency: t.string({
      description: 'The code of the currency.',
      resolve: ({ currency }) => currency.code,
    }),
    debits: t.expose('debits', { type: 'Money', description: 'The sum of all balances on the debit side.' }),
    credits: t.expose('credits', {
      type: 'Money',
      description: 'The sum of all balances on the credit side.',
    }),
    held: t.expose('held', { type: 'Money', description: 'The sum of `held` of all accounts.' }),
    accounts: t.int({
      description: 'The number of accounts, including the external account of the currency.',
      resolve: ({ accounts }) => Number(accounts),
    }),
  }),
});

builder.objectField('Ledger', 'trialBalance', (t) =>
  t.field({
    complexity: { field: TRIAL_BALANCE_COST, multiplier: CURRENCIES },
    type: ['TrialBalanceLine'],
    description:
      'One line for each currency that has a matching account, ordered by code. It reads all matching accounts: do not request it ' +
      'for every page view.',
    args: {
      filter: t.arg({
        type: AccountFilterInput,
        description: 'Includes only accounts that match. Default: all accounts.',
      }),
    },
    resolve: async (state, { filter }, context) =>
      (await getLedger(context, state)).trialBalance(readAccountFilter(filter)),
  }),
);
