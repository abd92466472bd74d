/**
 * Batches of operations, as callers send them: one or thousands in one request.
 *
 * Short ones share database transactions with single commands and with each other. Large ones have lanes of their own, so that
 * nobody else waits while they are decided and written. An ATOMIC batch is one unit, which is taken or rejected whole. An
 * INDEPENDENT one is cut into slices, each a unit of operations in order, which are posted one after the other; a slice ends
 * before an operation whose hold or original an earlier one of the slice makes.
 */
import type { Command, PlannedCommand } from '../core/decide/command.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { BatchProcessed, Outcome } from '../core/transaction.ts';
import { planAtomic } from './atomic-batch.ts';
import { type OnFault, refuseFault } from './commit/failures.ts';
import type { GroupCommit } from './commit/group-commit.ts';
import { findUnfinished, outcomesOf, unitOf } from './commit/unit.ts';
import type { Names } from './names.ts';

export type BatchMode = 'ATOMIC' | 'INDEPENDENT';

/** An operation that is well formed, or why it is not. */
export type Operation = Command | Refusal;

export const MAX_OPERATIONS = 10_000;
/** A journal counts its entries, any other operation 2, each condition 1. */
export const MAX_BATCH_SIZE = 20_000;
export const SLICE = 500;
/** Operations of a short batch. */
const MAX_SHORT: Readonly<Record<BatchMode, number>> = { ATOMIC: 100, INDEPENDENT: SLICE };
const RETRY_AFTER_MS = 1000;

export interface OperationsOptions {
  readonly names: Names;
  /** The lanes that single commands have, too. */
  readonly short: GroupCommit;
  readonly large: GroupCommit;
  /** Operations of large batches that are worked on, and that wait, at most. */
  readonly maxBusy: number;
  readonly maxWaiting: number;
  readonly onFault: OnFault;
}

export class Operations {
  readonly #options: OperationsOptions;
  /** Operations of large batches. */
  #large = 0;
  /** Operations of short batches that are being planned, and then wait in line. */
  #planning = 0;
  #batches = 0;
  #closed = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Operations of large batches that wait. */
  get waiting(): number {
    return Math.max(0, this.#large - this.#options.maxBusy);
  }

  /** Whether a batch of so many operations may come, of at least one mode. */
  hasRoomFor(operations: number): boolean {
    return (['ATOMIC', 'INDEPENDENT'] as const).some((mode) => this.#mayTake(mode, operations));
  }

  #mayTake(mode: BatchMode, operations: number): boolean {
    const { short, maxBusy, maxWaiting } = this.#options;
    if (this.#closed) return false;
    return operations <= MAX_SHORT[mode]
      ? short.hasRoomFor(this.#planning + operations)
      : this.#large + operations <= maxBusy + maxWaiting;
  }

  /** Answers when all is durable, or certainly not done. Never rejects. */
  async post(mode: BatchMode, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    const tooMuch = checkSize(operations);
    if (tooMuch !== undefined) return tooMuch;
    const { short, large, onFault } = this.#options;
    const size = operations.length;
    const isShort = size <= MAX_SHORT[mode];
    if (!this.#mayTake(mode, size)) return refuse('overloaded', { retryAfterMs: RETRY_AFTER_MS });
    this.#batches += 1;
    if (!isShort) this.#large += size;
    try {
      const lanes = isShort ? short : large;
      return await (mode === 'ATOMIC'
        ? this.#postAtomic(lanes, operations)
        : this.#postEach(lanes, operations));
    } catch (error) {
      return refuseFault(onFault, error);
    } finally {
      if (!isShort) this.#large -= size;
      this.#batches -= 1;
      if (this.#batches === 0) this.#idle?.resolve();
    }
  }

  /** Takes nothing more, and resolves when all that was taken is answered. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#batches === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  async #postAtomic(lanes: GroupCommit, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    const index = operations.findIndex((operation) => 'code' in operation);
    const cause = operations[index];
    if (cause !== undefined && 'code' in cause) return refuse('batchAborted', { index, cause });
    const slices = [...slicesOf(operations.filter(isCommand))];
    const steps = await this.#whilePlanning(
      lanes,
      operations.length,
      planAtomic(this.#options.names, slices),
    );
    if ('code' in steps) return steps;
    const answer = await lanes.postUnit(unitOf(steps));
    return 'code' in answer ? answer : { code: 'PROCESSED', outcomes: answer };
  }

  async #postEach(lanes: GroupCommit, operations: readonly Operation[]): Promise<BatchProcessed> {
    const outcomes: Outcome[] = [];
    for (const slice of slicesOf(operations)) {
      // What did not come to its end keeps what comes behind it from beginning.
      const isOver = findUnfinished(outcomes);
      outcomes.push(
        ...(isOver === undefined ? await this.#postSlice(lanes, slice) : slice.map(() => isOver)),
      );
    }
    return { code: 'PROCESSED', outcomes };
  }

  async #whilePlanning<T>(lanes: GroupCommit, operations: number, planning: Promise<T>): Promise<T> {
    const counted = lanes === this.#options.short ? operations : 0;
    this.#planning += counted;
    try {
      return await planning;
    } finally {
      this.#planning -= counted;
    }
  }

  /** The operations that are well formed are one unit. */
  async #postSlice(lanes: GroupCommit, slice: readonly Operation[]): Promise<Outcome[]> {
    const plans = slice.map((operation) =>
      'code' in operation ? operation : this.#options.names.plan(operation),
    );
    const planned = await this.#whilePlanning(lanes, slice.length, Promise.all(plans));
    const unplanned = planned.findIndex((each) => 'code' in each && each.code === 'UNAVAILABLE');
    if (unplanned >= 0) planned.fill(refuse('unavailable', {}), unplanned);
    const unit = { commands: planned.filter(isPlanned) };
    const answers = unit.commands.length === 0 ? [] : outcomesOf(unit, await lanes.postUnit(unit));
    const left = answers.values();
    return planned.map((each) => {
      const outcome = 'code' in each ? each : left.next().value;
      if (outcome === undefined) throw new TypeError('each command has an outcome');
      return outcome;
    });
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

function isPlanned(command: PlannedCommand | Refusal): command is PlannedCommand {
  return !('code' in command);
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
