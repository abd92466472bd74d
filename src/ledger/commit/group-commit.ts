/**
 * The group commit posts the commands of many callers in one database transaction.
 *
 * 1. Queue: a unit (a command, operations in order, or an ATOMIC batch) waits in a bounded queue (queue.ts, queued-unit.ts).
 *    A unit that uses a locked account or another busy name is parked (parked.ts, busy-names.ts).
 * 2. Take: a free lane takes a batch. A lane has one connection and runs one batch at a time. Units that arrive meanwhile form
 *    the next batch: a lone command waits for no others, and a busy ledger pays for one lock, one write and one commit per batch.
 * 3. Post: the batch runs in one database transaction (batch.ts, deciding.ts; optimistic.ts on cached account states).
 * 4. Retry: after a failed attempt nothing was done, or the outcome of COMMIT is unknown. The table in ../retries.ts says how
 *    long the batch is retried. A retry waits for the locks of the earlier attempt's backend. If that attempt was committed, the
 *    retry finds a recorded outcome with an id that was generated for the command, and returns it as the command's own. A failure
 *    that one command may cause splits the batch until that unit is alone.
 * 5. Settle: the callers receive their answers after COMMIT, some in each turn of the event loop.
 *
 * While the database is silent, the watchdog (watchdog.ts) refuses units that have waited for too long with UNAVAILABLE.
 */
import { setImmediate } from 'node:timers/promises';
import type { PlannedCommand } from '../../core/decide/command.ts';
import { refuse } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';
import {
  type Failure,
  failureOf,
  type OnFault,
  overloaded,
  pauseBefore,
  RETRIES,
  refuseAfter,
  UNAVAILABLE_AFTER_MS,
} from '../retries.ts';
import { type BusyNames, namesToReserve } from './busy-names.ts';
import { ParkedUnits } from './parked.ts';
import { CommandQueue, type LaneWork } from './queue.ts';
import { accountsOf, QueuedUnit, sizeOf } from './queued-unit.ts';
import { outcomesOf, type Unit, type UnitAnswer } from './unit.ts';
import { Watchdog } from './watchdog.ts';

export interface GroupCommitOptions {
  /** Posts a batch in one database transaction. The answers are in the order of the units. */
  readonly post: (units: readonly Unit[]) => Promise<UnitAnswer[]>;
  /** Shared by all group commits of the ledger. */
  readonly busy: BusyNames;
  readonly onFault: OnFault;
  /** Called after each batch. It must be quick and never throw. */
  readonly onBatch: (batch: BatchObservation) => void;
  readonly lanes: number;
  /** The number of commands that a lane takes. A larger unit is taken alone. */
  readonly maxBatch: number;
  /** The number of commands that can be queued, and the number that can be parked. */
  readonly maxQueue: number;
  /** The time without an answer after which the database counts as silent. Then units older than 4 s receive UNAVAILABLE. */
  readonly silenceMs?: number;
}

/** A finished batch, measured from the moment a lane took it. */
export interface BatchObservation {
  /** The number of commands. */
  readonly size: number;
  readonly milliseconds: number;
  /** Attempts after the first, including those of its parts. */
  readonly retries: number;
  /** The number of times that it or a part of it was split. */
  readonly splits: number;
}

/** A batch with more commands reserves its accounts: other units that use them are parked. */
const LARGE = 1000;
/** The default of `silenceMs`. */
const SILENCE_MS = 2000;
/** Commands whose callers are answered in one turn of the event loop. */
const SETTLED_AT_ONCE = 50;

/** The batch of a lane. `accounts` shrinks when units are parked or put back. */
interface Work extends LaneWork {
  accounts: ReadonlySet<string>;
  retries: number;
  splits: number;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #parked: ParkedUnits;
  readonly #queue: CommandQueue;
  readonly #watchdog: Watchdog;
  /** The work of each busy lane. */
  readonly #lanes = new Set<LaneWork>();
  #wakeScheduled = false;
  #settling = 0;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: GroupCommitOptions) {
    const { busy, maxQueue, silenceMs = SILENCE_MS } = options;
    this.#options = options;
    this.#parked = new ParkedUnits(busy, maxQueue);
    this.#queue = new CommandQueue({ ...options, parked: this.#parked });
    this.#watchdog = new Watchdog(silenceMs, () => this.#refuseLate());
    busy.onRelease(() => {
      this.#queue.putBack(this.#parked.unpark());
      this.#wakeSoon();
    });
  }

  /** Commands that wait for a lane, without the parked ones. */
  get queued(): number {
    return this.#queue.commands;
  }

  /** Commands that wait for a busy name. */
  get parked(): number {
    return this.#parked.commands;
  }

  /** Commands in lanes. */
  get underWay(): number {
    return [...this.#lanes].reduce((sum, { size }) => sum + size, 0);
  }

  get busyLanes(): number {
    return this.#lanes.size;
  }

  /** Whether it rejects further commands. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Whether the queue can take so many more commands. */
  hasRoomFor(commands: number): boolean {
    return !this.#draining && this.queued + commands <= this.#options.maxQueue;
  }

  /** Resolves with the command's durable outcome, or with OVERLOADED at once if the queue is full or closed. Never rejects. */
  async post(command: PlannedCommand): Promise<Outcome> {
    if (!this.hasRoomFor(1)) return overloaded();
    const unit = { commands: [command] };
    const [outcome] = outcomesOf(unit, await this.postUnit(unit));
    if (outcome === undefined) throw new TypeError('each command has an outcome');
    return outcome;
  }

  /** Resolves with the unit's durable outcomes. The unit is queued even if the queue is full. Never rejects. */
  postUnit(unit: Unit): Promise<UnitAnswer> {
    return new Promise((answer) => {
      this.#queue.add(new QueuedUnit(unit, answer));
      this.#wakeSoon();
    });
  }

  /** Records an answer of the database. The context of `post` calls it at each one. */
  noteAnswer(): void {
    this.#watchdog.noteAnswer();
  }

  /** Rejects further commands. Resolves when all that were accepted are answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#isIdle) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  get #isIdle(): boolean {
    return this.#lanes.size + this.#settling === 0 && !this.#hasWaitingUnits;
  }

  get #hasWaitingUnits(): boolean {
    return !this.#queue.isEmpty || !this.#parked.isEmpty;
  }

  /** Wakes the lanes after this turn of the event loop, so that all units that arrive in it share a batch. */
  #wakeSoon(): void {
    if (this.#wakeScheduled) return;
    this.#wakeScheduled = true;
    globalThis.setImmediate(() => {
      this.#wakeScheduled = false;
      this.#wakeLanes();
    });
  }

  #wakeLanes(): void {
    while (this.#lanes.size < this.#options.lanes) {
      const batch = this.#queue.take([...this.#lanes]);
      if (batch.length === 0) break;
      // A lane settles its units itself and never rejects.
      void this.#runLane(batch);
    }
    this.#watchdog.run(this.#lanes.size > 0 || this.#hasWaitingUnits);
    if (!this.#isIdle) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  async #runLane(batch: readonly QueuedUnit[]): Promise<void> {
    const [size, since] = [sizeOf(batch), performance.now()];
    const work: Work = { batch, size, since, accounts: accountsOf(batch), retries: 0, splits: 0 };
    // The time without a busy lane is not silence: the database had nothing to answer.
    if (this.#lanes.size === 0) this.noteAnswer();
    this.#lanes.add(work);
    try {
      await this.#run(batch, work);
    } finally {
      const { retries, splits } = work;
      this.#options.onBatch({ size, milliseconds: performance.now() - since, retries, splits });
      this.#lanes.delete(work);
      this.#wakeSoon();
    }
  }

  /** Posts a batch and retries it by the table in ../retries.ts. */
  async #run(batch: readonly QueuedUnit[], work: Work): Promise<void> {
    let open = batch;
    for (let attempt = 1; ; attempt += 1) {
      open = unanswered(open);
      if (open.length === 0) return;
      try {
        const answers = await this.#attempt(open);
        this.noteAnswer();
        void this.#settle(open, answers);
        return;
      } catch (error) {
        const failure = failureOf(error);
        const { provesLife, splitAfter } = RETRIES[failure];
        if (provesLife) this.noteAnswer();
        if (failure === 'commitUnknown') for (const queued of open) queued.isUnknown = true;
        if (failure === 'lockTimeout') {
          open = await this.#leaveLocked(open, error);
          work.accounts = accountsOf(open);
          if (open.length > 0) work.retries += 1;
          attempt = 0;
          continue;
        }
        if (attempt >= splitAfter && canSplit(open)) return this.#split(open, work);
        this.#refuseOverdue(open, failure, error);
        if (unanswered(open).length === 0) return;
        work.retries += 1;
        await pauseBefore(attempt);
      }
    }
  }

  async #attempt(batch: readonly QueuedUnit[]): Promise<UnitAnswer[]> {
    const { busy, post } = this.#options;
    const names = namesToReserve(
      batch.flatMap(({ unit }) => unit.commands),
      sizeOf(batch) > LARGE,
    );
    if (names.length > 0) busy.reserve(names);
    try {
      return await post(batch.map(({ unit }) => unit));
    } finally {
      if (names.length > 0) busy.release(names);
    }
  }

  /**
   * Handles a lock timeout, and returns the units that this lane retries. If accounts are locked, units that use them are parked
   * and the others are retried. Otherwise the wait was for something else, such as an externalId that another session is about
   * to take: half of the units with an externalId are retried until the one that waits is alone, and the others are put back.
   */
  async #leaveLocked(batch: readonly QueuedUnit[], error: unknown): Promise<readonly QueuedUnit[]> {
    const { busy, onFault } = this.#options;
    await busy.probe([...accountsOf(batch)]).catch((failed: unknown) => {
      // Other failures recur in the next attempt.
      if (failureOf(failed) === 'fault') onFault(failed);
    });
    const kept = batch.flatMap((queued) => (queued.isAnswered ? [] : (this.#parked.park(queued) ?? [])));
    if (!isSame(kept, batch)) return kept;
    this.#refuseOverdue(kept, 'lockTimeout', error);
    const takers = kept.filter(({ unit }) => unit.commands.some(({ externalId }) => externalId !== null));
    if (takers.length === 0) return kept;
    const retried = new Set(
      takers.length < kept.length ? takers : takers.slice(0, Math.ceil(takers.length / 2)),
    );
    this.#queue.putBack(kept.filter((queued) => !retried.has(queued)));
    this.#wakeSoon();
    return [...retried];
  }

  #refuseOverdue(batch: readonly QueuedUnit[], failure: Failure, error: unknown): void {
    const overdue = batch.filter((queued) => queued.isOverdueAfter(failure));
    if (overdue.length === 0) return;
    const refusal = refuseAfter(failure, error, this.#options.onFault);
    for (const queued of overdue) queued.refuse(refusal);
  }

  /** Answers the callers in slices, so that a lane can read its results in between: callers may take long. */
  async #settle(batch: readonly QueuedUnit[], answers: readonly UnitAnswer[]): Promise<void> {
    this.#settling += 1;
    let settled = 0;
    for (const [place, answer] of answers.entries()) {
      const queued = batch[place];
      if (queued === undefined) throw new TypeError('an answer without its unit');
      if (settled >= SETTLED_AT_ONCE) {
        await setImmediate();
        settled = 0;
      }
      queued.settle(answer);
      settled += queued.size;
    }
    this.#settling -= 1;
    this.#wakeSoon();
  }

  /** Runs the two halves of a batch, one after the other. */
  async #split(batch: readonly QueuedUnit[], work: Work): Promise<void> {
    work.splits += 1;
    const [only] = batch;
    const parts = batch.length === 1 && only !== undefined ? only.cut(Math.ceil(only.size / 2)) : batch;
    const half = Math.ceil(parts.length / 2);
    await this.#run(parts.slice(0, half), work);
    const rest = parts.slice(half);
    // Later operations of a unit must not begin while its earlier ones are parked.
    this.#queue.putBack(rest.filter(({ mayBegin }) => !mayBegin));
    await this.#run(
      rest.filter(({ mayBegin }) => mayBegin),
      work,
    );
  }

  /** Refuses the units that have waited for too long: parked ones, and all of them while the database is silent. */
  #refuseLate(): void {
    this.#parked.expire();
    if (this.#watchdog.isSilent) {
      const before = performance.now() - UNAVAILABLE_AFTER_MS;
      this.#queue.refuseUnavailable(before);
      this.#parked.refuseUnavailable(before);
      for (const { batch } of this.#lanes) {
        for (const queued of batch) if (queued.since <= before) queued.settle(refuse('unavailable', {}));
      }
    }
    this.#wakeSoon();
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
