import type { HoldFilter } from '../../core/filters.ts';
import type { Hold } from '../../core/hold.ts';
import type { Transaction } from '../../core/transaction.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { HoldConnection, parseUuidKey, readPage, TransactionConnection } from '../connection.ts';
import { present, readTimeRange, TimeRangeInput } from '../filters.ts';
import { pageCost, transactionPageCost } from '../protection/prices.ts';
import { HoldStatusEnum } from './hold.ts';

const HoldFilterInput = builder.inputType('HoldFilter', {
  description:
    'Selects holds that match all given fields. Omitted fields are ignored. `accountId` has an index, and so has `expiresAt` ' +
    'together with the status OPEN. The other fields only filter what these find.',
  fields: (t) => ({
    accountId: t.id({
      description:
        'The account that the hold is from or to: its id, `acct_…`, or `ext:<externalId>`. An unknown account matches nothing.',
    }),
    status: t.field({ type: HoldStatusEnum, description: 'The status of the hold.' }),
    expiresAt: t.field({
      type: TimeRangeInput,
      description: 'When the hold expires. A range with a bound excludes holds that never expire.',
    }),
  }),
});

async function readHoldFilter(
  ledger: Ledger,
  input: typeof HoldFilterInput.$inferInput | null | undefined,
): Promise<HoldFilter> {
  const { accountId, status, expiresAt } = input ?? {};
  const filter = present({ status, expiresAt: readTimeRange('filter.expiresAt', expiresAt) });
  if (accountId == null) return filter;
  return { ...filter, accountId: (await ledger.accountIdOf(accountId)) ?? null };
}

builder.queryField('holds', (t) =>
  t.connection(
    {
      type: 'Hold',
      description:
        'All holds that match, newest first by `createdAt`. A hold may appear later among older ones, because `createdAt` is set ' +
        'before the commit. Programs that follow the ledger should read `journal`, which has every transaction that placed, ' +
        'captured or released a hold.',
      args: {
        filter: t.arg({
          type: HoldFilterInput,
          description: 'Returns only holds that match. Default: all holds.',
        }),
      },
      complexity: pageCost,
      resolve: async (_, { filter: input, ...args }, context) => {
        const filter = await readHoldFilter(context.ledger, input);
        return readPage(context, args, {
          name: 'holds',
          filter,
          keyOf: ({ id }: Hold) => id,
          parseKey: parseUuidKey,
          read: (range) => context.ledger.listHolds(filter, range),
        });
      },
    },
    HoldConnection,
  ),
);

builder.objectField('Account', 'holds', (t) =>
  t.connection(
    {
      type: 'Hold',
      description: 'The holds from and to the account, newest first.',
      args: {
        status: t.arg({
          type: HoldStatusEnum,
          description: 'Returns only holds with this status. Default: all holds.',
        }),
      },
      complexity: pageCost,
      resolve: ({ id: accountId }, { status, ...args }, context) => {
        const filter: HoldFilter = present({ accountId, status });
        return readPage(context, args, {
          name: `holds:${accountId}`,
          filter,
          keyOf: ({ id }: Hold) => id,
          parseKey: parseUuidKey,
          read: (range) => context.ledger.listHolds(filter, range),
        });
      },
    },
    HoldConnection,
  ),
);

builder.objectField('Hold', 'transactions', (t) =>
  t.connection(
    {
      type: 'Transaction',
      description:
        'The transactions that placed, captured and released the hold, oldest first. Declined attempts are not included.',
      complexity: transactionPageCost,
      resolve: ({ id: holdId }, args, context) =>
        readPage(context, args, {
          name: `hold-transactions:${holdId}`,
          filter: {},
          keyOf: ({ id }: Transaction) => id,
          parseKey: parseUuidKey,
          read: (range) => context.ledger.listHoldTransactions(holdId, range),
        }),
    },
    TransactionConnection,
  ),
);
