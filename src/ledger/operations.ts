/**
 * Batches of operations, as callers send them: one or thousands in one request.
 *
 * Short batches share database transactions with single commands and with each other. Large ones have lanes of their own, so
 * that they delay no other requests. An ATOMIC batch is one unit, which is posted or rejected whole. An INDEPENDENT batch is cut
 * into slices, each a unit of operations in order, and the slices are posted one after the other. A slice ends before an
 * operation whose hold or original transaction an earlier operation of the slice creates.
 */
import type { Command, PlannedCommand } from '../core/decide/command.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { BatchProcessed, Outcome } from '../core/transaction.ts';
import { planAtomic } from './atomic-batch.ts';
import type { GroupCommit } from './commit/group-commit.ts';
import { atomicUnitOf, findUnfinished, outcomesOf } from './commit/unit.ts';
import type { Names } from './names.ts';
import { type OnFault, overloaded, refuseFault } from './retries.ts';

export type BatchMode = 'ATOMIC' | 'INDEPENDENT';

/** A well-formed operation, or the refusal of a malformed one. */
export type Operation = Command | Refusal;

export const MAX_OPERATIONS = 10_000;
/** A journal counts its entries, any other operation 2, and each condition 1. */
export const MAX_BATCH_SIZE = 20_000;
export const SLICE = 500;
/** The number of operations of a short batch. */
const MAX_SHORT: Readonly<Record<BatchMode, number>> = { ATOMIC: 100, INDEPENDENT: SLICE };

export interface OperationsOptions {
  readonly names: Names;
  /** The group commit of single commands and short batches. */
  readonly short: GroupCommit;
  readonly large: GroupCommit;
  /** Limits of the operations of large batches that are posted, and of those that wait. */
  readonly maxBusy: number;
  readonly maxWaiting: number;
  readonly onFault: OnFault;
}

/** Places in the queue that are reserved for a batch while it is read and planned. */
export class Places {
  readonly lanes: GroupCommit;
  readonly #giveBack: (operations: number) => void;
  readonly #onRelease: () => void;
  #left: number;
  #isReleased = false;

  constructor(
    lanes: GroupCommit,
    operations: number,
    on: { readonly giveBack: (operations: number) => void; readonly release: () => void },
  ) {
    this.lanes = lanes;
    this.#left = operations;
    this.#giveBack = on.giveBack;
    this.#onRelease = on.release;
  }

  /** Gives back the places of operations that are about to be queued. */
  use(operations: number): void {
    this.#left -= operations;
    this.#giveBack(operations);
  }

  /** Gives back all places that are left. Further calls have no effect. */
  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.use(this.#left);
    this.#onRelease();
  }
}

export class Operations {
  readonly #options: OperationsOptions;
  /** Operations of large batches. */
  #large = 0;
  /** Operations of short batches that are not queued yet. */
  #short = 0;
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

  /** Whether a batch of so many operations would be accepted in at least one mode. */
  hasRoomFor(operations: number): boolean {
    return (['ATOMIC', 'INDEPENDENT'] as const).some((mode) => this.#mayTake(mode, operations));
  }

  #mayTake(mode: BatchMode, operations: number): boolean {
    const { short, maxBusy, maxWaiting } = this.#options;
    if (this.#closed) return false;
    return operations <= MAX_SHORT[mode]
      ? short.hasRoomFor(this.#short + operations)
      : this.#large + operations <= maxBusy + maxWaiting;
  }

  /** Reserves places for a batch. Returns a refusal if it has too many operations, or if there is no room for them. */
  reserve(mode: BatchMode, operations: number): Places | Refusal {
    const malformed = checkCount(operations);
    if (malformed !== undefined) return malformed;
    if (!this.#mayTake(mode, operations)) return overloaded();
    const { short, large } = this.#options;
    const isShort = operations <= MAX_SHORT[mode];
    const count = (change: number) => {
      if (isShort) this.#short += change;
      else this.#large += change;
    };
    count(operations);
    this.#batches += 1;
    return new Places(isShort ? short : large, operations, {
      giveBack: (used) => count(-used),
      release: () => {
        this.#batches -= 1;
        if (this.#batches === 0) this.#idle?.resolve();
      },
    });
  }

  /** Posts a batch and releases its places. Resolves when the outcomes are durable. Never rejects. */
  async post(
    mode: BatchMode,
    operations: readonly Operation[],
    places: Places | Refusal = this.reserve(mode, operations.length),
  ): Promise<BatchProcessed | Refusal> {
    if ('code' in places) return places;
    try {
      const tooLarge = checkSize(operations);
      if (tooLarge !== undefined) return tooLarge;
      return await (mode === 'ATOMIC'
        ? this.#postAtomic(places, operations)
        : this.#postEach(places, operations));
    } catch (error) {
      return refuseFault(this.#options.onFault, error);
    } finally {
      places.release();
    }
  }

  /** Rejects further batches. Resolves when all that were accepted are answered. */
  async drain(): Promise<void> {
    this.#closed = true;
    if (this.#batches === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  async #postAtomic(places: Places, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    const index = operations.findIndex((operation) => 'code' in operation);
    const cause = operations[index];
    if (cause !== undefined && 'code' in cause) return refuse('batchAborted', { index, cause });
    const slices = [...slicesOf(operations.filter(isCommand))];
    const planned = await planAtomic(this.#options.names, slices);
    if ('code' in planned) return planned;
    this.#use(places, operations.length);
    const answer = await places.lanes.postUnit(atomicUnitOf(planned));
    return 'code' in answer ? answer : { code: 'PROCESSED', outcomes: answer };
  }

  async #postEach(places: Places, operations: readonly Operation[]): Promise<BatchProcessed> {
    const outcomes: Outcome[] = [];
    for (const slice of slicesOf(operations)) {
      const unfinished = findUnfinished(outcomes);
      outcomes.push(
        ...(unfinished === undefined ? await this.#postSlice(places, slice) : slice.map(() => unfinished)),
      );
    }
    return { code: 'PROCESSED', outcomes };
  }

  /** Posts the well-formed operations of a slice as one unit. */
  async #postSlice(places: Places, slice: readonly Operation[]): Promise<Outcome[]> {
    const plans = slice.map((operation) =>
      'code' in operation ? operation : this.#options.names.plan(operation),
    );
    const planned = await Promise.all(plans);
    const unfinished = findUnfinished(planned.filter((each) => 'code' in each));
    if (unfinished !== undefined) planned.fill(unfinished, planned.indexOf(unfinished));
    const unit = { commands: planned.filter(isPlanned) };
    this.#use(places, slice.length);
    const answers = unit.commands.length === 0 ? [] : outcomesOf(unit, await places.lanes.postUnit(unit));
    const left = answers.values();
    return planned.map((each) => {
      const outcome = 'code' in each ? each : left.next().value;
      if (outcome === undefined) throw new TypeError('each command has an outcome');
      return outcome;
    });
  }

  /** Gives back the places of a short batch when it is queued. A large batch keeps its places until its end. */
  #use(places: Places, operations: number): void {
    if (places.lanes === this.#options.short) places.use(operations);
  }
}

function checkCount(operations: number): Refusal | undefined {
  return operations >= 1 && operations <= MAX_OPERATIONS
    ? undefined
    : malformed(`must have 1 to ${MAX_OPERATIONS} elements, but has ${operations}`);
}

function checkSize(operations: readonly Operation[]): Refusal | undefined {
  const size = operations.reduce((sum, operation) => sum + sizeOf(operation), 0);
  if (size <= MAX_BATCH_SIZE) return undefined;
  return malformed(
    `must have a size of at most ${MAX_BATCH_SIZE}, but has ${size}: a journal counts its entries, any other operation 2, ` +
      'and each condition 1',
  );
}

function malformed(problem: string): Refusal {
  return refuse('malformedInput', { field: 'operations', problem });
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

/** Cuts operations into slices, in order. An operation that refers to an earlier one by its externalId is in a later slice. */
function* slicesOf<O extends Operation>(operations: readonly O[]): Generator<O[]> {
  let slice: O[] = [];
  let named = new Set<string>();
  for (const operation of operations) {
    const target = 'code' in operation ? undefined : operation.target?.name;
    const isLater = target?.by === 'externalId' && named.has(target.externalId);
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
