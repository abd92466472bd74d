import type { HistoryFilter } from '../../core/filters.ts';
import type { EntryLine } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { EntryConnection, parseVersionKey, readPage } from '../connection.ts';
import { present, readTimeRange, readTypes, TimeRangeInput } from '../filters.ts';
import { pageCost } from '../protection/cost.ts';
import { LayerEnum, SideEnum } from './entry.ts';
import { TransactionTypeEnum } from './transaction.ts';

const HistoryFilterInput = builder.inputType('HistoryFilter', {
  description:
    'Which entries of the account are meant: those for which all of this holds; what is absent is not asked. By the times ' +
    'few entries are found at once, however long the history is; the rest only thins out what these find.',
  fields: (t) => ({
    createdAt: t.field({ type: TimeRangeInput, description: 'When it was recorded.' }),
    effectiveAt: t.field({ type: TimeRangeInput, description: 'When it counts economically.' }),
    types: t.field({
      type: [TransactionTypeEnum],
      description: 'What kind of act its transaction is: one of these. An empty list finds nothing.',
    }),
    side: t.field({ type: SideEnum, description: 'The side of the books on which it stands.' }),
    layer: t.field({
      type: LayerEnum,
      description: 'Whether it moved the balance itself or money that is reserved, as `Entry.layer` has it.',
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
        'Its entries, or those that match, by version, newest first. They are read after the account itself and may be newer: ' +
        'an entry whose `version` is above `Account.version` was posted in between and is not part of `balance`. To show a ' +
        'balance and a history that agree, leave out such entries, or show `balanceAfter` of the newest entry.',
      args: { filter: t.arg({ type: HistoryFilterInput, description: 'Only entries that match.' }) },
      complexity: pageCost,
      resolve: ({ id }, { filter: input, ...args }, { ledger, budget }) => {
        const filter = readHistoryFilter(input);
        return readPage(budget, args, {
          name: `history:${id}`,
          filter,
          keyOf: ({ version }: EntryLine) => version,
          parseKey: parseVersionKey,
          read: (range) => ledger.listEntries(id, filter, range),
        });
      },
    },
    EntryConnection,
  ),
);
