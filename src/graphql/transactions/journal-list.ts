import { GraphQLError } from 'graphql';
import { formatJournalPlace, parseJournalPlace } from '../../core/values/journal-place.ts';
import { builder } from '../builder.ts';
import { checkSizes, DEFAULT_SIZE, TransactionConnection } from '../connection.ts';
import { invalidInput } from '../node.ts';
import { transactionPageCost } from '../protection/cost.ts';

const WHAT_TO_DO =
  'Pass an edge’s cursor, `endCursor` or `ledger.head.cursor`, or no cursor to read from the beginning.';

builder.queryField('journal', (t) =>
  t.field({
    type: TransactionConnection,
    description:
      'The journal: all posted transactions in the order of their commits, oldest first. Use it to follow the ledger. Keep ' +
      '`endCursor` and pass it as `after` in the next request: you miss nothing and see nothing twice. A transaction that is ' +
      'posted later never comes before a cursor that you have. `endCursor` is never null. It also moves past declined ' +
      'outcomes, which are not listed: a page looks at up to 10,000 outcomes, so it can be short or empty although ' +
      '`hasNextPage` is true. `ledger.head.cursor` is where “from now on” begins. If the books were restored to an earlier ' +
      'state, or are others, the cursor is refused as JOURNAL_REWOUND.',
    args: {
      first: t.arg.int({ description: 'How many to take: 0 to 100. Without it: 20.' }),
      after: t.arg.string({
        description:
          'Only what comes after this cursor of the journal. Without it: from the beginning. Any other text is INVALID_INPUT.',
      }),
    },
    complexity: transactionPageCost,
    resolve: async (_, { first = null, after = null }, { ledger, budget }) => {
      checkSizes({ first, last: null });
      const start = after === null ? undefined : parseJournalPlace(after);
      if (after !== null && start === undefined) {
        throw invalidInput(`after must be a cursor of the journal. ${WHAT_TO_DO}`);
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
    'after is a cursor of a block that is not in these books. They were restored to an earlier state, or it is from another ' +
      'ledger. Compare what you have processed with the ledger, then read from the beginning or from ledger.head.cursor.',
    { extensions: { code: 'JOURNAL_REWOUND' } },
  );
}
