import { setImmediate } from 'node:timers/promises';
import type { Viewer } from '../../core/access/viewer.ts';
import type { Command } from '../../core/decide/command.ts';
import type { Refusal } from '../../core/errors.ts';
import type { BatchProcessed, Posted } from '../../core/transaction.ts';
import { type BatchMode, MAX_BATCH_SIZE, MAX_OPERATIONS, type Places } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { type Context, noteAnswer, settle } from '../context.ts';
import { takePreviews } from '../protection/rate-limit.ts';
import * as refusals from '../refusals/refusals.ts';
import { OperationInput, OperationResult, pathInto, toCommand, withPath } from './operation.ts';

/** The operations that are parsed in one turn of the event loop. */
const SLICE = 250;

const BatchModeEnum = builder.enumType('BatchMode', {
  description: 'Whether the operations of a batch succeed or fail together.',
  values: {
    ATOMIC: { description: 'All operations are posted, or none.' },
    INDEPENDENT: { description: 'Each operation is posted or refused on its own, in order.' },
  } satisfies Record<BatchMode, object>,
});

const PostBatchInput = builder.inputType('PostBatchInput', {
  description:
    'Operations of any kind. They are executed in order: later ones see the effects of earlier ones, and can refer to their holds ' +
    'and transactions by `ext:<externalId>`.',
  fields: (t) => ({
    mode: t.field({
      type: BatchModeEnum,
      required: true,
      defaultValue: 'INDEPENDENT',
      description: 'Whether the operations succeed or fail together.',
    }),
    operations: t.field({
      type: [OperationInput],
      required: true,
      description:
        `1 to ${MAX_OPERATIONS.toLocaleString('en')} operations, with a size of at most ` +
        `${MAX_BATCH_SIZE.toLocaleString('en')}: a journal counts its entries, any other operation 2, each condition 1. Send the ` +
        'same batch again if its answer is lost: each key returns its recorded outcome.',
    }),
  }),
});

builder.objectType('BatchProcessed', {
  description: 'The outcomes of all operations.',
  fields: (t) => ({
    results: t.field({
      type: [OperationResult],
      complexity: { multiplier: MAX_OPERATIONS },
      description:
        'One outcome for each operation, in the order of the request. The `field` of a refusal is a path from the input, such as ' +
        '`operations[17].transfer.amount`.',
      resolve: ({ outcomes }) => [...outcomes],
    }),
  }),
});

const PostBatchResult = builder.unionType('PostBatchResult', {
  description: 'The outcomes, or the reason why no operation was posted.',
  types: ['BatchProcessed', refusals.BatchAbortedError, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'PROCESSED' ? 'BatchProcessed' : refusals.refusalTypeName(code)),
});

builder.mutationField('postBatch', (t) =>
  t.field({
    type: PostBatchResult,
    nullable: true,
    description:
      'Posts many operations with one request. An aborted ATOMIC batch posts nothing. If the failed operation was declined, its ' +
      'key keeps that outcome: use a new key for this operation to try again.',
    args: { input: t.arg({ type: PostBatchInput, required: true, description: 'The operations.' }) },
    resolve: async (_, { input }, context) => {
      const excess = takePreviews(context, previewsIn(input));
      if (excess !== undefined) return settle(context, excess);
      const places = context.ledger.reserve(input.mode, input.operations.length);
      if ('code' in places) return settle(context, places);
      try {
        return await post(input, context, places);
      } finally {
        places.release();
      }
    },
  }),
);

/**
 * Returns how many operations reveal as much as a preview, without paying: all of an ATOMIC batch, which may be aborted, and holds,
 * which may expire at once.
 */
function previewsIn({ mode, operations }: typeof PostBatchInput.$inferInput): number {
  return mode === 'ATOMIC' ? operations.length : operations.filter(({ placeHold }) => placeHold).length;
}

async function post(
  { mode, operations }: typeof PostBatchInput.$inferInput,
  context: Context,
  places: Places,
): Promise<BatchProcessed | Refusal> {
  const paths = operations.map((operation, place) => pathInto(operation, `operations[${place}]`));
  const commands = await toCommands(operations, paths, context.viewer);
  const answer = settle(context, await context.ledger.postBatch(mode, commands, places));
  if (answer.code === 'BATCH_ABORTED') {
    const { index, cause } = answer.facts;
    const command = commands[index];
    return {
      ...answer,
      facts: { index, cause: isMalformed(command) ? cause : withPath<never>(cause, paths[index] ?? '') },
    };
  }
  if (answer.code !== 'PROCESSED') return answer;
  for (const outcome of answer.outcomes) noteAnswer(context, outcome);
  return {
    ...answer,
    outcomes: answer.outcomes.map((outcome, place) =>
      isMalformed(commands[place]) ? outcome : withPath<Posted>(outcome, paths[place] ?? ''),
    ),
  };
}

/** Parses operations in slices, between which other requests run. */
async function toCommands(
  operations: readonly (typeof OperationInput.$inferInput)[],
  paths: readonly string[],
  viewer: Viewer,
): Promise<(Command | Refusal)[]> {
  const commands: (Command | Refusal)[] = [];
  for (const [place, operation] of operations.entries()) {
    if (place > 0 && place % SLICE === 0) await setImmediate();
    commands.push(toCommand(operation, paths[place] ?? '', viewer));
  }
  return commands;
}

/** Returns whether the input made no command. The field of its refusal already has the whole path. */
function isMalformed(command: object | undefined): boolean {
  return command === undefined || 'code' in command;
}
