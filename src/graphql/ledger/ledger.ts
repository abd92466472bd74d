import { formatId, parseId } from '../../core/values/ids.ts';
import { builder } from '../builder.ts';
import { getLedger } from '../context.ts';
import { CURRENCIES, STATEMENT_COST } from '../protection/prices.ts';

builder.node('Ledger', {
  description: 'A closed book of accounts: in each currency, its debits always equal its credits.',
  id: {
    description: 'The id of the ledger: `ldg_…`.',
    resolve: ({ id }) => formatId('ledger', id),
  },
  loadWithoutCache: (id, { ledger }) => (parseId('ledger', id) === ledger.id ? ledger.state() : null),
  fields: (t) => ({
    name: t.exposeString('name', { description: 'The name that it was created with.' }),
    currencies: t.field({
      type: ['Currency'],
      complexity: { field: STATEMENT_COST, multiplier: CURRENCIES },
      description:
        'The registered currencies and those of existing accounts, ordered by code. Accounts can also use any other ISO 4217 ' +
        'currency.',
      resolve: async (state, _, context) => (await getLedger(context, state)).findCurrencies(),
    }),
    closedBefore: t.field({
      type: 'DateTime',
      nullable: true,
      description:
        'An effectiveAt before this instant is rejected with PERIOD_CLOSED. Null: no period is closed.',
      resolve: ({ closedBefore }) => closedBefore,
    }),
    head: t.expose('head', { type: 'BlockHead', description: 'The last block of the journal.' }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the ledger was created.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.queryField('ledger', (t) =>
  t.field({
    type: 'Ledger',
    complexity: STATEMENT_COST,
    description: 'The ledger of the request.',
    resolve: (_, __, { ledger }) => ledger.state(),
  }),
);
