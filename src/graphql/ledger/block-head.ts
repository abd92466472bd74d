import { formatJournalPlace } from '../../core/values/journal-place.ts';
import { builder } from '../builder.ts';

builder.objectType('BlockHead', {
  description:
    'The last block of the journal. A saved head later proves that no transaction up to it was changed, removed or added.',
  fields: (t) => ({
    number: t.field({
      type: 'BigInt',
      description: 'The number of the block: 1, 2, 3 … without a gap. 0: there is no block yet.',
      resolve: ({ number }) => number,
    }),
    hash: t.string({
      description:
        'SHA-256 over everything recorded so far, in hexadecimal digits. Empty: there is no block yet.',
      resolve: ({ hash }) => hash.toString('hex'),
    }),
    cursor: t.string({
      description:
        'The position after this block in `Query.journal`. Pass it as `after` to read only later transactions.',
      resolve: ({ end }) => formatJournalPlace(end),
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: 'When the block was recorded. Before the first block: when the ledger was created.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});
