import { MAX_ENTRIES } from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Preview } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals.ts';
import { OPERATION_REFUSALS, OperationInput, pathInto, toCommand, withPath } from './operation.ts';

builder.objectType('Preview', {
  description: 'The operation would be posted. Others may come before it once it is sent.',
  fields: (t) => ({
    entries: t.field({
      type: ['EntryPreview'],
      complexity: { multiplier: MAX_ENTRIES },
      description: 'The entries that it would be recorded with, in their order.',
      resolve: ({ entries }) => [...entries],
    }),
  }),
});

const PreviewResult = builder.unionType('PreviewResult', {
  description: 'What an operation would leave, or why it would be refused.',
  types: ['Preview', ...OPERATION_REFUSALS, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'PREVIEWED' ? 'Preview' : refusals.refusalTypeName(code)),
});

builder.queryField('preview', (t) =>
  t.field({
    type: PreviewResult,
    description:
      'What this operation would answer now. Nothing is recorded or reserved, and the key is not looked at: it must be well ' +
      'formed, and may be used already.',
    args: { operation: t.arg({ type: OperationInput, required: true, description: 'The operation.' }) },
    resolve: async (_, { operation }, { ledger }): Promise<Preview | Refusal> => {
      const path = pathInto(operation, 'operation');
      const command = toCommand(operation, path);
      return 'code' in command ? command : withPath(await ledger.preview(command), path);
    },
  }),
);
