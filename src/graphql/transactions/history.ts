import type { HistoryFilter } from '../../core/filters.ts';
import type { EntryLine } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { EntryConnection, parseOrdinalKey, readPage } from '../connection.ts';
import { present, readTimeRange, readTypes, TimeRangeInput } from '../filters.ts';
import { pageCost } from '../protection/prices.ts';
import { LayerEnum, SideEnum } from './entry.ts';
import { TransactionTypeEnum } from './transaction.ts';

const HistoryFilterInput = builder.inputType('HistoryFilter', {
  description:
    'Selects entries of the account that match all given fields. Omitted fields are ignored. The times have indexes; the other ' +
    'fields only filter what these find.',
  fields: (t) => ({
    createdAt: t.field({ type: TimeRangeInput, description: 'When the entry was recorded.' }),
    effectiveAt: t.field({ type: TimeRangeInput, description: 'The effective time.' }),
    types: t.field({
      type: [TransactionTypeEnum],
      description: 'The type of the transaction is one of these. An empty list matches nothing.',
    }),
    side: t.field({ type: SideEnum, description: 'The side of the books.' }),
    layer: t.field({
      type: LayerEnum,
      description:
        'POSTED for entries that changed the balance, PENDING for entries that changed reserved money.',
    }),
  }),
});

function readHistoryFilter(input: typeof HistoryFilterInput.$inferInput | null | undefined): HistoryFilter {
  const { createdAt, effectiveAt, types, side, layer } = input ?? {};
  return present({
    createdAt: readTimeRange('filter.createdAt', createdAt),
    effectiveAt: readTimeRange('filter.effectiveAt', effectiveAt),
    types: readTypes(types),
    side,
    layer,
  });
}

builder.objectField('Account', 'history', (t) =>
  t.connection(
    {
      type: 'Entry',
      description:
        'The entries that match, newest first by version. They are read after the account and may be newer: an entry with a ' +
        '`version` above `Account.version` is not part of `balance`. To show a balance and a history that agree, skip such entries, ' +
        'or show `balanceAfter` of the newest entry.',
      args: {
        filter: t.arg({
          type: HistoryFilterInput,
          description: 'Returns only entries that match. Default: all entries.',
        }),
      },
      complexity: pageCost,
      resolve: ({ id }, { filter: input, ...args }, context) => {
        const filter = readHistoryFilter(input);
        return readPage(context, args, {
          name: `history:${id}`,
          filter,
          keyOf: ({ version }: EntryLine) => version,
          parseKey: parseOrdinalKey,
          read: (range) => context.ledger.listEntries(id, filter, range),
        });
      },
    },
    EntryConnection,
  ),
);
