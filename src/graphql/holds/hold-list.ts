import type { HoldFilter } from '../../core/filters.ts';
import type { Hold } from '../../core/hold.ts';
import type { Transaction } from '../../core/transaction.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { HoldConnection, parseUuidKey, readPage, TransactionConnection } from '../connection.ts';
import { present, readTimeRange, TimeRangeInput } from '../filters.ts';
import { pageCost, transactionPageCost } from '../protection/cost.ts';
import { HoldStatusEnum } from './hold.ts';

const HoldFilterInput = builder.inputType('HoldFilter', {
  description:
    'Which holds are meant: those for which all of this holds; what is absent is not asked. By `accountId`, and by ' +
    '`expiresAt` together with the status OPEN, few holds are found at once, however many there are; the rest only thins out ' +
    'what these find.',
  fields: (t) => ({
    accountId: t.id({
      description:
        'The account that it is from or to: its id, `acct_…`, or `ext:` and its externalId. What stands for no account finds ' +
        'nothing.',
    }),
    status: t.field({ type: HoldStatusEnum, description: 'What has become of it.' }),
    expiresAt: t.field({
      type: TimeRangeInput,
      description: 'When it expires. One that never does is in no range that has a bound.',
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
        'All holds, or those that match, newest first by time of recording. This order is for people: that time is taken before ' +
        'the commit, so a hold may appear among those that you have already seen. A program that follows the ledger reads ' +
        '`journal`: it has every transaction that placed, captured or released a hold.',
      args: { filter: t.arg({ type: HoldFilterInput, description: 'Only holds that match.' }) },
      complexity: pageCost,
      resolve: async (_, { filter: input, ...args }, { ledger, budget }) => {
        const filter = await readHoldFilter(ledger, input);
        return readPage(budget, args, {
          name: 'holds',
          filter,
          keyOf: ({ id }: Hold) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.listHolds(filter, range),
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
      description: 'The holds from it or to it, or those of one status, newest first.',
      args: { status: t.arg({ type: HoldStatusEnum, description: 'Only holds of this status.' }) },
      complexity: pageCost,
      resolve: ({ id: accountId }, { status, ...args }, { ledger, budget }) => {
        const filter: HoldFilter = present({ accountId, status });
        return readPage(budget, args, {
          name: `holds:${accountId}`,
          filter,
          keyOf: ({ id }: Hold) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.listHolds(filter, range),
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
        'The transaction that placed it, and those that captured or released it, oldest first. Declined attempts are none.',
      complexity: transactionPageCost,
      resolve: ({ id: holdId }, args, { ledger, budget }) =>
        readPage(budget, args, {
          name: `hold-transactions:${holdId}`,
          filter: {},
          keyOf: ({ id }: Transaction) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.listHoldTransactions(holdId, range),
        }),
    },
    TransactionConnection,
  ),
);
