import { formatId, parseId } from '../core/values/ids.ts';
import { formatJournalPlace } from '../core/values/journal-place.ts';
import { AccountFilterInput, readAccountFilter } from './accounts/account-list.ts';
import { builder } from './builder.ts';
import { CURRENCIES } from './protection/cost.ts';

builder.node('Ledger', {
  description: 'A closed book of accounts: inside it, in each currency, debits equal credits. Always.',
  id: {
    description: 'Names the ledger: `ldg_…`.',
    resolve: ({ id }) => formatId('ledger', id),
  },
  loadWithoutCache: (id, { ledger }) => (parseId('ledger', id) === ledger.id ? ledger.state() : null),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name under which it was made.' }),
    currencies: t.field({
      type: ['Currency'],
      complexity: { multiplier: CURRENCIES },
      description:
        'The currencies that an account has or that are registered here, by code. Accounts can be made in any other of ' +
        'ISO 4217 as well.',
      resolve: (_, __, { ledger }) => ledger.findCurrencies(),
    }),
    trialBalance: t.field({
      // It reads every account.
      complexity: { field: 1000, multiplier: CURRENCIES },
      type: ['TrialBalanceLine'],
      description:
        'One line a currency that has an account, by code; under a filter, one that has an account which matches. It reads ' +
        'all of these accounts: not for every page view.',
      args: {
        filter: t.arg({ type: AccountFilterInput, description: 'Only the balances of accounts that match.' }),
      },
      resolve: (_, { filter }, { ledger }) => ledger.trialBalance(readAccountFilter(filter)),
    }),
    closedBefore: t.field({
      type: 'DateTime',
      nullable: true,
      description: 'An effectiveAt before this instant is refused as PERIOD_CLOSED. Null: nothing is closed.',
      resolve: ({ closedBefore }) => closedBefore,
    }),
    head: t.expose('head', { type: 'BlockHead', description: 'The last block of its journal.' }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When it was made.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.objectType('TrialBalanceLine', {
  description:
    "A currency's POSTED balances, summed by the side that they are on: an overdrawn CREDIT account stands under debits, " +
    'positive. Over the whole ledger, unfiltered, debits equal credits; anything else is a fault of the ledger.',
  fields: (t) => ({
    currency: t.string({
      description: 'The code of the currency.',
      resolve: ({ currency }) => currency.code,
    }),
    debits: t.expose('debits', { type: 'Money', description: 'All balances on the debit side.' }),
    credits: t.expose('credits', { type: 'Money', description: 'All balances on the credit side.' }),
    held: t.expose('held', { type: 'Money', description: 'What open holds would lower, over all accounts.' }),
    accounts: t.int({
      description: "How many accounts there are, the currency's external account included.",
      resolve: ({ accounts }) => Number(accounts),
    }),
  }),
});

builder.objectType('BlockHead', {
  description:
    'The last block of the journal. Whoever keeps it can later prove that nothing before it was changed, removed or added.',
  fields: (t) => ({
    number: t.field({
      type: 'BigInt',
      description: 'Blocks are numbered 1, 2, 3 … without a gap; 0 before the first.',
      resolve: ({ number }) => number,
    }),
    hash: t.string({
      description:
        'SHA-256 over all that was recorded so far, in hexadecimal digits; empty before the first block.',
      resolve: ({ hash }) => hash.toString('hex'),
    }),
    cursor: t.string({
      description:
        'The place after this block in `Query.journal`: pass it as `after` to read what is posted from now on.',
      resolve: ({ end }) => formatJournalPlace(end),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: "When the block was recorded; before the first, the ledger's own createdAt.",
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.queryField('ledger', (t) =>
  t.field({
    type: 'Ledger',
    description: 'The ledger that this service keeps.',
    resolve: (_, __, { ledger }) => ledger.state(),
  }),
);
