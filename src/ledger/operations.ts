/**
 * Batches of operations, as callers send them: thousands in one request.
 *
 * They have tracks of their own, so that single requests on other accounts keep their lanes. On a track they come one after
 * the other; while the database writes for one track, the other decides. INDEPENDENT operations go through a group commit in
 * slices of SLICE, in order: each slice is one database transaction, and a slice ends before an operation whose hold or original
 * an earlier one of the slice names. ATOMIC ones are one transaction: see atomic-batch.ts.
 */
import type { Command, PlannedCommand } from '../core/command.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { BatchProcessed, Outcome } from '../core/transaction.ts';
import { postAtomic } from './atomic-batch.ts';
import { type OnFault, refuseFault } from './failures.ts';
import type { GroupCommit } from './group-commit.ts';
import type { Names } from './names.ts';
import type { PostingContext } from './optimistic.ts';

export type BatchMode = 'ATOMIC' | 'INDEPENDENT';

/** An operation that is well formed, or why it is not. */
export type Operation = Command | Refusal;

export const MAX_OPERATIONS = 10_000;
/** A journal counts its entries, any other operation 2, each condition 1. */
export const MAX_BATCH_SIZE = 20_000;
export const SLICE = 500;
/** On each track. */
const MAX_WAITING = 8;
const RETRY_AFTER_MS = 1000;

/** Where batches come one after the other. */
export interface Track {
  /** It has one lane: what is posted there is written in order. */
  readonly commits: GroupCommit;
  readonly context: PostingContext;
}

export interface OperationsOptions {
  readonly names: Names;
  readonly tracks: readonly Track[];
  readonly onFault: OnFault;
}

interface Line {
  readonly track: Track;
  last: Promise<unknown>;
  waiting: number;
}

export class Operations {
  readonly #options: OperationsOptions;
  readonly #lines: readonly Line[];
  #closed = false;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#lines = options.tracks.map((track) => ({ track, last: Promise.resolve(), waiting: 0 }));
  }

  /** Answers when all is durable, or certainly not done. Never rejects. */
  async post(mode: BatchMode, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    const tooMuch = checkSize(operations);
    if (tooMuch !== undefined) return tooMuch;
    const [line] = this.#lines.toSorted((a, b) => a.waiting - b.waiting);
    if (line === undefined || this.#closed || line.waiting >= MAX_WAITING) {
      return refuse('overloaded', { retryAfterMs: RETRY_AFTER_MS });
    }
    line.waiting += 1;
    const turn = line.last.then(() =>
      mode === 'ATOMIC' ? this.#postAtomic(line.track, operations) : this.#postEach(line.track, operations),
    );
    line.last = turn.catch(() => {});
    try {
      return await turn;
    } catch (error) {
      return refuseFault(this.#options.onFault, error);
    } finally {
      line.waiting -= 1;
    }
  }

  /** Takes nothing more, and resolves when all that was taken is answered. */
  async drain(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#lines.map(({ last }) => last));
  }

  async #postEach({ commits }: Track, operations: readonly Operation[]): Promise<BatchProcessed> {
    const outcomes: Outcome[] = [];
    for (const slice of slicesOf(operations)) {
      const planned = await Promise.all(slice.map((operation) => this.#plan(operation)));
      const posted = planned.map((command) => ('code' in command ? command : commits.post(command)));
      outcomes.push(...(await Promise.all(posted)));
    }
    return { code: 'PROCESSED', outcomes };
  }

  async #postAtomic({ context }: Track, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    const malformed = operations.findIndex((operation) => 'code' in operation);
    const cause = operations[malformed];
    if (cause !== undefined && 'code' in cause) return refuse('batchAborted', { index: malformed, cause });
    const commands = operations.filter(isCommand);
    return postAtomic(context, this.#options.names, [...slicesOf(commands)]);
  }

  #plan(operation: Operation): PlannedCommand | Refusal | Promise<PlannedCommand | Refusal> {
    return 'code' in operation ? operation : this.#options.names.plan(operation);
  }
}

function checkSize(operations: readonly Operation[]): Refusal | undefined {
  const wrong = (problem: string) => refuse('malformedInput', { field: 'operations', problem });
  const { length } = operations;
  if (length < 1 || length > MAX_OPERATIONS)
    return wrong(`must be 1 to ${MAX_OPERATIONS}, and are ${length}`);
  const size = operations.reduce((sum, operation) => sum + sizeOf(operation), 0);
  if (size <= MAX_BATCH_SIZE) return undefined;
  return wrong(
    `must have a size of at most ${MAX_BATCH_SIZE}, and have ${size}: a journal counts its entries, any other operation 2, ` +
      'and each condition 1',
  );
}

function isCommand(operation: Operation): operation is Command {
  return !('code' in operation);
}

function sizeOf(operation: Operation): number {
  if ('code' in operation) return 2;
  const { type, legs, conditions } = operation;
  return (type === 'JOURNAL' ? legs.length : 2) + conditions.length;
}

/** Cuts operations into slices, in order, so that what names an earlier one by its externalId stands in a later slice. */
function* slicesOf<O extends Operation>(operations: readonly O[]): Generator<O[]> {
  let slice: O[] = [];
  let named = new Set<string>();
  for (const operation of operations) {
    const needs = 'code' in operation ? undefined : operation.target?.name;
    const isLater = needs?.by === 'externalId' && named.has(needs.externalId);
    if (slice.length === SLICE || isLater) {
      yield slice;
      slice = [];
      named = new Set();
    }
    slice.push(operation);
    if (!('code' in operation) && operation.externalId !== null) named.add(operation.externalId);
  }
  if (slice.length > 0) yield slice;
}
