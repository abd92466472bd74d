import type { TransactionFilter } from '../../core/filters.ts';
import type { Transaction } from '../../core/transaction.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { parseUuidKey, readPage, TransactionConnection } from '../connection.ts';
import { present, readMetadata, readTimeRange, readTypes, TimeRangeInput } from '../filters.ts';
import { transactionPageCost } from '../protection/prices.ts';
import { TransactionTypeEnum } from './transaction.ts';

const TransactionFilterInput = builder.inputType('TransactionFilter', {
  description:
    'Selects transactions that match all given fields. Omitted fields are ignored. The times, `accountId` and `metadata` have ' +
    'indexes; `types` only filters what these find. A value that no transaction can have, such as a text that is too long, ' +
    'matches nothing.',
  fields: (t) => ({
    createdAt: t.field({ type: TimeRangeInput, description: 'When the transaction was recorded.' }),
    effectiveAt: t.field({ type: TimeRangeInput, description: 'The effective time.' }),
    types: t.field({
      type: [TransactionTypeEnum],
      description: 'The type is one of these. An empty list matches nothing.',
    }),
    accountId: t.id({
      description:
        'The account of at least one entry: its id, `acct_…`, or `ext:<externalId>`. An unknown account matches nothing.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'The metadata contains all these keys with exactly these values.',
    }),
  }),
});

async function readTransactionFilter(
  ledger: Ledger,
  input: typeof TransactionFilterInput.$inferInput | null | undefined,
): Promise<TransactionFilter> {
  const { createdAt, effectiveAt, types, accountId, metadata } = input ?? {};
  const filter = present({
    createdAt: readTimeRange('filter.createdAt', createdAt),
    effectiveAt: readTimeRange('filter.effectiveAt', effectiveAt),
    types: readTypes(types),
    metadata: readMetadata('filter.metadata', metadata),
  });
  if (accountId == null) return filter;
  return { ...filter, accountId: (await ledger.accountIdOf(accountId)) ?? null };
}

builder.objectField('Transaction', 'reversals', (t) =>
  t.connection(
    {
      type: 'Transaction',
      description: 'The transactions that reverse this one, completely or in part, oldest first.',
      complexity: transactionPageCost,
      resolve: ({ id }, args, context) =>
        readPage(context, args, {
          name: `reversals:${id}`,
          filter: {},
          keyOf: (reversal: Transaction) => reversal.id,
          parseKey: parseUuidKey,
          read: async (range) => ({
            rows: await context.loaders.reversals.load({ original: id, range }),
            stoppedAt: undefined,
          }),
        }),
    },
    TransactionConnection,
  ),
);

builder.queryField('transactions', (t) =>
  t.connection(
    {
      type: 'Transaction',
      description:
        'All posted transactions that match, newest first by `createdAt`. A transaction may appear later among older ones, because ' +
        '`createdAt` is set before the commit. Programs that follow the ledger should read `journal`.',
      args: {
        filter: t.arg({
          type: TransactionFilterInput,
          description: 'Returns only transactions that match. Default: all transactions.',
        }),
      },
      complexity: transactionPageCost,
      resolve: async (_, { filter: input, ...args }, context) => {
        const filter = await readTransactionFilter(context.ledger, input);
        return readPage(context, args, {
          name: 'transactions',
          filter,
          keyOf: ({ id }: Transaction) => id,
          parseKey: parseUuidKey,
          read: (range) => context.ledger.listTransactions(filter, range),
        });
      },
    },
    TransactionConnection,
  ),
);
