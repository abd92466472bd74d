import { GraphQLError } from 'graphql';
import { formatJournalPlace, parseJournalPlace } from '../../core/values/journal-place.ts';
import { builder } from '../builder.ts';
import { checkSizes, DEFAULT_SIZE, TransactionConnection } from '../connection.ts';
import { invalidInput } from '../node.ts';
import { transactionPageCost } from '../protection/prices.ts';

const REMEDY =
  'Pass the cursor of an edge, `endCursor` or `ledger.head.cursor`. Omit it to read from the beginning.';

builder.queryField('journal', (t) =>
  t.field({
    type: TransactionConnection,
    description:
      'The journal: all posted transactions in commit order, oldest first. Use it to follow the ledger. Save `endCursor` and pass it ' +
      'as `after` in the next request: you get each transaction exactly once, because later transactions never come before a ' +
      'cursor. A page reads up to 10,000 outcomes and skips declined ones, so it can be short or empty although `hasNextPage` is ' +
      'true. Start at `ledger.head.cursor` to read only later transactions. If the ledger was restored to an earlier state, the ' +
      'cursor is rejected with JOURNAL_REWOUND.',
    args: {
      first: t.arg.int({ description: 'The number of transactions: 0 to 100. Default: 20.' }),
      after: t.arg.string({
        description:
          'Returns transactions after this cursor of the journal. Default: from the beginning. Any other text is INVALID_INPUT.',
      }),
    },
    complexity: transactionPageCost,
    resolve: async (_, { first = null, after = null }, { ledger, budget }) => {
      checkSizes({ first, last: null });
      const start = after === null ? undefined : parseJournalPlace(after);
      if (after !== null && start === undefined) {
        throw invalidInput(`after must be a cursor of the journal. ${REMEDY}`);
      }
      const page = await ledger.listJournal(start, first ?? DEFAULT_SIZE);
      if (page === undefined) throw rewound();
      await budget.read(page.rows);
      const edges = page.rows.map(({ transaction, place }) => ({
        cursor: formatJournalPlace(place),
        node: transaction,
      }));
      const endCursor = formatJournalPlace(page.end);
      return {
        edges,
        pageInfo: {
          startCursor: edges[0]?.cursor ?? endCursor,
          endCursor,
          hasNextPage: page.hasMore,
          hasPreviousPage: start !== undefined && start.block > 0n,
        },
      };
    },
  }),
);

function rewound(): GraphQLError {
  return new GraphQLError(
    'The block of the cursor `after` does not exist in this ledger. The ledger was restored to an earlier state, or the cursor is ' +
      'from another ledger. Compare the ledger with what you have processed. Then read from the beginning or from ' +
      'ledger.head.cursor.',
    { extensions: { code: 'JOURNAL_REWOUND' } },
  );
}
