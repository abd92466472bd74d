import { setImmediate } from 'node:timers/promises';
import type { Command } from '../../core/decide/command.ts';
import type { Refusal } from '../../core/errors.ts';
import type { BatchProcessed, Posted } from '../../core/transaction.ts';
import { type BatchMode, MAX_BATCH_SIZE, MAX_OPERATIONS, type Places } from '../../ledger/ledger.ts';
import { builder } from '../builder.ts';
import { type Context, noteAnswer, settle } from '../context.ts';
import * as refusals from '../refusals.ts';
import { OperationInput, OperationResult, pathInto, toCommand, withPath } from './operation.ts';

/** Operations that are read in one turn of the event loop. */
const SLICE = 250;

const BatchModeEnum = builder.enumType('BatchMode', {
  description: 'Whether the operations of a batch stand or fall together.',
  values: {
    ATOMIC: { description: 'All of them happen, or none.' },
    INDEPENDENT: { description: 'Each happens or is refused on its own, in order.' },
  } satisfies Record<BatchMode, object>,
});

const PostBatchInput = builder.inputType('PostBatchInput', {
  description:
    'Operations of any kind, in order: later ones see what earlier ones left, and may name their holds and transactions by ' +
    '`ext:` and the externalId.',
  fields: (t) => ({
    mode: t.field({
      type: BatchModeEnum,
      required: true,
      defaultValue: 'INDEPENDENT',
      description: 'Whether they stand or fall together.',
    }),
    operations: t.field({
      type: [OperationInput],
      required: true,
      description:
        `1 to ${MAX_OPERATIONS.toLocaleString('en')} operations, with a size of at most ` +
        `${MAX_BATCH_SIZE.toLocaleString('en')}: a journal counts its entries, any other operation 2, each condition 1. The ` +
        'whole can be sent again where its answer was lost: each key answers what it answered.',
    }),
  }),
});

builder.objectType('BatchProcessed', {
  description: 'What became of each operation.',
  fields: (t) => ({
    results: t.field({
      type: [OperationResult],
      complexity: { multiplier: MAX_OPERATIONS },
      description:
        'One for each operation, in order. The `field` of a refusal leads from the input on, such as ' +
        '`operations[17].transfer.amount`.',
      resolve: ({ outcomes }) => [...outcomes],
    }),
  }),
});

const PostBatchResult = builder.unionType('PostBatchResult', {
  description: 'What became of each operation, or why nothing of the batch happened.',
  types: ['BatchProcessed', refusals.BatchAbortedError, ...refusals.COMMON_REFUSALS],
  resolveType: ({ code }) => (code === 'PROCESSED' ? 'BatchProcessed' : refusals.refusalTypeName(code)),
});

builder.mutationField('postBatch', (t) =>
  t.field({
    type: PostBatchResult,
    nullable: true,
    description:
      'Posts many operations by one request. An ATOMIC batch that is aborted leaves nothing, but for the answer of the ' +
      'operation at fault where its key is to answer so forever: to try again, give that one a new key.',
    args: { input: t.arg({ type: PostBatchInput, required: true, description: 'The operations.' }) },
    resolve: async (_, { input }, context) => {
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

async function post(
  { mode, operations }: typeof PostBatchInput.$inferInput,
  context: Context,
  places: Places,
): Promise<BatchProcessed | Refusal> {
  const paths = operations.map((operation, place) => pathInto(operation, `operations[${place}]`));
  const commands = await toCommands(operations, paths);
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

/** Reads operations in slices, with a turn of the event loop between. */
async function toCommands(
  operations: readonly (typeof OperationInput.$inferInput)[],
  paths: readonly string[],
): Promise<(Command | Refusal)[]> {
  const commands: (Command | Refusal)[] = [];
  for (const [place, operation] of operations.entries()) {
    if (place > 0 && place % SLICE === 0) await setImmediate();
    commands.push(toCommand(operation, paths[place] ?? ''));
  }
  return commands;
}

/** Its path is whole already. */
function isMalformed(command: object | undefined): boolean {
  return command === undefined || 'code' in command;
}
