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
import type { PostingLedger } from './commit/posting-ledger.ts';
import { atomicUnitOf, findUnfinished, outcomesOf } from './commit/unit.ts';
import type { BatchPlaces, Places } from './places.ts';
import type { Planner } from './planner.ts';
import { type OnFault, refuseFault } from './retries.ts';

const MODES = ['ATOMIC', 'INDEPENDENT'] as const;
export type BatchMode = (typeof MODES)[number];

/** A well-formed operation, or the refusal of a malformed one. */
export type Operation = Command | Refusal;

export const MAX_OPERATIONS = 10_000;
/** A journal counts its entries, any other operation 2, and each condition 1. */
export const MAX_BATCH_SIZE = 20_000;
export const SLICE = 500;
/** The number of operations of a short batch. */
const MAX_SHORT: Readonly<Record<BatchMode, number>> = { ATOMIC: 100, INDEPENDENT: SLICE };

export interface OperationsOptions {
  readonly ledger: PostingLedger;
  readonly planner: Planner;
  readonly places: BatchPlaces;
  readonly onFault: OnFault;
}

/** The batches of a ledger. */
export class Operations {
  readonly #options: OperationsOptions;

  constructor(options: OperationsOptions) {
    this.#options = options;
  }

  /** Whether a batch of so many operations would be accepted in at least one mode. */
  hasRoomFor(operations: number): boolean {
    const { ledger, places } = this.#options;
    return MODES.some((mode) => places.mayTake(ledger.id, isShort(mode, operations), operations));
  }

  /** Reserves places for a batch. Returns a refusal if it has too many operations, or if there is no room for them. */
  reserve(mode: BatchMode, operations: number): Places | Refusal {
    const { ledger, places } = this.#options;
    return checkCount(operations) ?? places.reserve(ledger.id, isShort(mode, operations), operations);
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

  async #postAtomic(places: Places, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    const index = operations.findIndex((operation) => 'code' in operation);
    const cause = operations[index];
    if (cause !== undefined && 'code' in cause) return refuse('batchAborted', { index, cause });
    const slices = [...slicesOf(operations.filter(isCommand))];
    const planned = await planAtomic(this.#options.planner, slices);
    if ('code' in planned) return planned;
    places.use(operations.length);
    const answer = await places.lanes.postUnit(this.#options.ledger, atomicUnitOf(planned));
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
      'code' in operation ? operation : this.#options.planner.plan(operation),
    );
    const planned = await Promise.all(plans);
    const unfinished = findUnfinished(planned.filter((each) => 'code' in each));
    if (unfinished !== undefined) planned.fill(unfinished, planned.indexOf(unfinished));
    const unit = { commands: planned.filter(isPlanned) };
    places.use(slice.length);
    const answers =
      unit.commands.length === 0
        ? []
        : outcomesOf(unit, await places.lanes.postUnit(this.#options.ledger, unit));
    const left = answers.values();
    return planned.map((each) => {
      const outcome = 'code' in each ? each : left.next().value;
      if (outcome === undefined) throw new TypeError('each command has an outcome');
      return outcome;
    });
  }
}

function isShort(mode: BatchMode, operations: number): boolean {
  return operations <= MAX_SHORT[mode];
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
