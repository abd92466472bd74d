import type { TransactionFilter } from '../../core/filters.ts';
import type { Transaction } from '../../core/transaction.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { parseUuidKey, readPage, TransactionConnection } from '../connection.ts';
import { present, readMetadata, readTimeRange, readTypes, TimeRangeInput } from '../filters.ts';
import { transactionPageCost } from '../protection/cost.ts';
import { TransactionTypeEnum } from './transaction.ts';

const TransactionFilterInput = builder.inputType('TransactionFilter', {
  description:
    'Which transactions are meant: those for which all of this holds; what is absent is not asked. By the times, ' +
    '`accountId` and `metadata` few transactions are found at once, however many there are; `types` only thins out what ' +
    'these find. What no transaction can have, such as a text that is too long, finds nothing.',
  fields: (t) => ({
    createdAt: t.field({ type: TimeRangeInput, description: 'When it was recorded.' }),
    effectiveAt: t.field({ type: TimeRangeInput, description: 'When it counts economically.' }),
    types: t.field({
      type: [TransactionTypeEnum],
      description: 'What kind of act it is: one of these. An empty list finds nothing.',
    }),
    accountId: t.id({
      description:
        'The account of any of its entries: its id, `acct_…`, or `ext:` and its externalId. What stands for no account ' +
        'finds nothing.',
    }),
    metadata: t.field({
      type: 'Metadata',
      description: 'Its metadata has all of these keys, with these very values.',
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
      description: 'The transactions that reverse this one, wholly or in part, oldest first.',
      complexity: transactionPageCost,
      resolve: ({ id }, args, { loaders, budget }) =>
        readPage(budget, args, {
          name: `reversals:${id}`,
          filter: {},
          keyOf: (reversal: Transaction) => reversal.id,
          parseKey: parseUuidKey,
          read: async (range) => ({
            rows: await loaders.reversals.load({ original: id, range }),
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
        'All posted transactions, or those that match, newest first by time of recording. This order is for people: that time ' +
        'is taken before the commit, so a transaction may appear among those that you have already seen. A program that follows ' +
        'the ledger reads `journal`.',
      args: { filter: t.arg({ type: TransactionFilterInput, description: 'Only transactions that match.' }) },
      complexity: transactionPageCost,
      resolve: async (_, { filter: input, ...args }, { ledger, budget }) => {
        const filter = await readTransactionFilter(ledger, input);
        return readPage(budget, args, {
          name: 'transactions',
          filter,
          keyOf: ({ id }: Transaction) => id,
          parseKey: parseUuidKey,
          read: (range) => ledger.listTransactions(filter, range),
        });
      },
    },
    TransactionConnection,
  ),
);
