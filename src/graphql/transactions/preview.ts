import { MAX_ENTRIES } from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Preview } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { getAccount } from '../context.ts';
import { STATEMENT_COST } from '../protection/prices.ts';
import { takePreviews } from '../protection/rate-limit.ts';
import * as refusals from '../refusals/refusals.ts';
import { balanceAfter, heldAfter, LayerEnum, SideEnum, shownLayer, sideOf, sizeOfEntry } from './entry.ts';
import { OPERATION_REFUSALS, OperationInput, pathInto, toCommand, withPath } from './operation.ts';

builder.objectType('EntryPreview', {
  description: 'An entry that the operation would record.',
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account of the entry, in its current state.',
      resolve: ({ accountId }, _, context, info) => getAccount(context, accountId, info),
    }),
    side: t.field({
      type: SideEnum,
      description: 'The side of the books.',
      resolve: sideOf,
    }),
    layer: t.field({
      type: LayerEnum,
      description: 'POSTED if it would change the balance, PENDING if it would change reserved money.',
      resolve: shownLayer,
    }),
    amount: t.field({
      type: 'Money',
      description: 'The amount, always positive. `side` is its direction.',
      resolve: sizeOfEntry,
    }),
    balanceAfter: t.field({
      type: 'Money',
      description: 'The posted balance of the account after the entry, positive on its normal side.',
      resolve: balanceAfter,
    }),
    heldAfter: t.field({
      type: 'Money',
      description: 'The held amount of the account after the entry.',
      resolve: heldAfter,
    }),
  }),
});

builder.objectType('Preview', {
  description: 'The operation would be posted. Other operations may change the accounts before it is sent.',
  fields: (t) => ({
    entries: t.field({
      type: ['EntryPreview'],
      complexity: { multiplier: MAX_ENTRIES },
      description:
        'The entries that the operation would record, in order. A caller restricted to an owner sees those of its accounts.',
      resolve: ({ entries }) => [...entries],
    }),
  }),
});

const PreviewResult = builder.unionType('PreviewResult', {
  description: 'The entries of an operation, or the reason why it would be refused.',
  types: ['Preview', ...OPERATION_REFUSALS, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'PREVIEWED' ? 'Preview' : refusals.refusalTypeName(code)),
});

builder.queryField('preview', (t) =>
  t.field({
    type: PreviewResult,
    complexity: STATEMENT_COST,
    description:
      'Returns the result that the operation would have now. Nothing is recorded or reserved. The idempotency key is not looked ' +
      'up: it must be well formed, and may have been used before.',
    args: { operation: t.arg({ type: OperationInput, required: true, description: 'The operation.' }) },
    resolve: async (_, { operation }, context): Promise<Preview | Refusal> => {
      const excess = takePreviews(context, 1);
      if (excess !== undefined) return excess;
      const path = pathInto(operation, 'operation');
      const command = toCommand(operation, path, context.viewer);
      return 'code' in command ? command : withPath(await context.ledger.preview(command), path);
    },
  }),
);
