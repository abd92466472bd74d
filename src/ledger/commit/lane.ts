/** Posts the batch of a lane, and retries it by the table in ../retries.ts until each of its units is answered or has left it. */
import { type Failure, failureOf, type OnFault, pauseBefore, RETRIES, refuseAfter } from '../retries.ts';
import { namesToReserve } from './busy-names.ts';
import type { Line } from './lines.ts';
import type { PostingLedger } from './posting-ledger.ts';
import type { LaneWork } from './queue.ts';
import { accountsOf, type QueuedUnit, sizeOf } from './queued-unit.ts';
import type { Unit, UnitAnswer } from './unit.ts';

/** The parts of the group commit that a lane uses. */
export interface LaneContext {
  /** Posts a batch in one database transaction. The answers are in the order of the units. */
  readonly post: (ledger: PostingLedger, units: readonly Unit[]) => Promise<UnitAnswer[]>;
  readonly onFault: OnFault;
  /** Called at each answer of the database. */
  readonly onAnswer: () => void;
  /** Answers the callers of a batch that was posted. */
  readonly settle: (batch: readonly QueuedUnit[], answers: readonly UnitAnswer[]) => void;
  /** Called after units were put back into the queue. */
  readonly onPutBack: () => void;
}

/** A batch with more commands reserves its accounts: other units that use them are parked. */
const LARGE = 1000;

/** A lane's work on one batch. */
export class Lane implements LaneWork {
  readonly batch: readonly QueuedUnit[];
  readonly size: number;
  readonly since = performance.now();
  readonly #line: Line;
  readonly #context: LaneContext;
  #accounts: ReadonlySet<string>;
  #retries = 0;
  #splits = 0;

  constructor(line: Line, batch: readonly QueuedUnit[], context: LaneContext) {
    this.batch = batch;
    this.size = sizeOf(batch);
    this.#line = line;
    this.#context = context;
    this.#accounts = accountsOf(batch);
  }

  /** Shrinks when units are parked or put back. */
  get accounts(): ReadonlySet<string> {
    return this.#accounts;
  }

  get retries(): number {
    return this.#retries;
  }

  get splits(): number {
    return this.#splits;
  }

  /** Never rejects. */
  run(): Promise<void> {
    return this.#run(this.batch);
  }

  async #run(batch: readonly QueuedUnit[]): Promise<void> {
    const { onAnswer, settle } = this.#context;
    let open = batch;
    for (let attempt = 1; ; attempt += 1) {
      open = unanswered(open);
      if (open.length === 0) return;
      try {
        const answers = await this.#attempt(open);
        onAnswer();
        settle(open, answers);
        return;
      } catch (error) {
        const failure = failureOf(error);
        const { provesLife, splitAfter } = RETRIES[failure];
        if (provesLife) onAnswer();
        if (failure === 'commitUnknown') for (const queued of open) queued.isUnknown = true;
        if (failure === 'lockTimeout') {
          open = await this.#leaveLocked(open, error);
          this.#accounts = accountsOf(open);
          if (open.length > 0) this.#retries += 1;
          attempt = 0;
          continue;
        }
        if (attempt >= splitAfter && canSplit(open)) return this.#split(open);
        this.#refuseOverdue(open, failure, error);
        if (unanswered(open).length === 0) return;
        this.#retries += 1;
        await pauseBefore(attempt);
      }
    }
  }

  async #attempt(batch: readonly QueuedUnit[]): Promise<UnitAnswer[]> {
    const { ledger } = this.#line;
    const names = namesToReserve(
      batch.flatMap(({ unit }) => unit.commands),
      sizeOf(batch) > LARGE,
    );
    if (names.length > 0) ledger.busy.reserve(names);
    try {
      return await this.#context.post(
        ledger,
        batch.map(({ unit }) => unit),
      );
    } finally {
      if (names.length > 0) ledger.busy.release(names);
    }
  }

  /**
   * Handles a lock timeout, and returns the units that this lane retries. If accounts are locked, units that use them are parked
   * and the others are retried. Otherwise the wait was for something else, such as an externalId that another session is about
   * to take: half of the units with an externalId are retried until the one that waits is alone, and the others are put back.
   */
  async #leaveLocked(batch: readonly QueuedUnit[], error: unknown): Promise<readonly QueuedUnit[]> {
    const { ledger, parked, queue } = this.#line;
    const { onFault, onPutBack } = this.#context;
    await ledger.busy.probe([...accountsOf(batch)]).catch((failed: unknown) => {
      // Other failures recur in the next attempt.
      if (failureOf(failed) === 'fault') onFault(failed);
    });
    const kept = batch.flatMap((queued) => (queued.isAnswered ? [] : (parked.park(queued) ?? [])));
    if (!isSame(kept, batch)) return kept;
    this.#refuseOverdue(kept, 'lockTimeout', error);
    const takers = kept.filter(({ unit }) => unit.commands.some(({ externalId }) => externalId !== null));
    if (takers.length === 0) return kept;
    const retried = new Set(
      takers.length < kept.length ? takers : takers.slice(0, Math.ceil(takers.length / 2)),
    );
    queue.putBack(kept.filter((queued) => !retried.has(queued)));
    onPutBack();
    return [...retried];
  }

  #refuseOverdue(batch: readonly QueuedUnit[], failure: Failure, error: unknown): void {
    const overdue = batch.filter((queued) => queued.isOverdueAfter(failure));
    if (overdue.length === 0) return;
    const refusal = refuseAfter(failure, error, this.#context.onFault);
    for (const queued of overdue) queued.refuse(refusal);
  }

  /** Runs the two halves of a batch, one after the other. */
  async #split(batch: readonly QueuedUnit[]): Promise<void> {
    this.#splits += 1;
    const [only] = batch;
    const parts = batch.length === 1 && only !== undefined ? only.cut(Math.ceil(only.size / 2)) : batch;
    const half = Math.ceil(parts.length / 2);
    await this.#run(parts.slice(0, half));
    const rest = parts.slice(half);
    // Later operations of a unit must not begin while its earlier ones are parked.
    this.#line.queue.putBack(rest.filter(({ mayBegin }) => !mayBegin));
    await this.#run(rest.filter(({ mayBegin }) => mayBegin));
  }
}

/** Whether parts of the batch can be posted separately. */
function canSplit(batch: readonly QueuedUnit[]): boolean {
  const [only] = batch;
  return batch.length > 1 || (only !== undefined && only.unit.atomic === undefined && only.size > 1);
}

function unanswered(batch: readonly QueuedUnit[]): readonly QueuedUnit[] {
  return batch.filter(({ isAnswered }) => !isAnswered);
}

function isSame(some: readonly QueuedUnit[], others: readonly QueuedUnit[]): boolean {
  return some.length === others.length && some.every((queued, place) => queued === others[place]);
}
