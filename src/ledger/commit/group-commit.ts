/**
 * The group commit posts the commands of many callers in one database transaction.
 *
 * 1. Queue: a unit (a command, operations in order, or an ATOMIC batch) waits in the bounded queue of its ledger (queue.ts,
 *    queued-unit.ts). A unit that uses a locked account or another busy name is parked (parked.ts, busy-names.ts).
 * 2. Take: a free lane takes a batch of one ledger; the ledgers take turns (lines.ts). A lane has one connection and runs one batch
 *    at a time. Units that arrive meanwhile form the next batch: a lone command waits for no others, and a busy ledger pays for one
 *    lock, one write and one commit per batch.
 * 3. Post: the batch runs in one database transaction (batch.ts, deciding.ts; optimistic.ts on cached account states).
 * 4. Retry: after a failed attempt nothing was done, or the outcome of COMMIT is unknown (lane.ts). The table in ../retries.ts says
 *    how long the batch is retried. A retry waits for the locks of the earlier attempt's backend. If that attempt was committed, the
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
import type { Uuid } from '../../core/values/ids.ts';
import { overloaded, UNAVAILABLE_AFTER_MS } from '../retries.ts';
import { Lane, type LaneContext } from './lane.ts';
import { type Line, Lines, type LinesOptions } from './lines.ts';
import type { PostingLedger } from './posting-ledger.ts';
import { QueuedUnit } from './queued-unit.ts';
import { outcomesOf, type Unit, type UnitAnswer } from './unit.ts';
import { Watchdog } from './watchdog.ts';

export interface GroupCommitOptions extends LinesOptions, Pick<LaneContext, 'post' | 'onFault'> {
  /** Called after each batch. It must be quick and never throw. */
  readonly onBatch: (batch: BatchObservation) => void;
  /** The number of batches that are posted at the same time, of all ledgers together. */
  readonly lanes: number;
  /** The time without an answer after which the database counts as silent. Then units older than 4 s receive UNAVAILABLE. */
  readonly silenceMs?: number;
}

/** A finished batch, measured from the moment a lane took it. */
export interface BatchObservation {
  readonly ledgerId: Uuid;
  /** The number of commands. */
  readonly size: number;
  readonly milliseconds: number;
  /** Attempts after the first, including those of its parts. */
  readonly retries: number;
  /** The number of times that it or a part of it was split. */
  readonly splits: number;
}

/** The default of `silenceMs`. */
const SILENCE_MS = 2000;
/** Commands whose callers are answered in one turn of the event loop. */
const SETTLED_AT_ONCE = 50;

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #lines: Lines;
  readonly #watchdog: Watchdog;
  readonly #context: LaneContext;
  /** The work of each busy lane. */
  readonly #lanes = new Set<Lane>();
  #wakeScheduled = false;
  #settling = 0;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;

  constructor(options: GroupCommitOptions) {
    const { post, onFault, silenceMs = SILENCE_MS } = options;
    this.#options = options;
    this.#lines = new Lines(options);
    this.#watchdog = new Watchdog(silenceMs, () => this.#refuseLate());
    this.#context = {
      post,
      onFault,
      onAnswer: () => this.noteAnswer(),
      settle: (batch, answers) => void this.#settle(batch, answers),
      onPutBack: () => this.#wakeSoon(),
    };
  }

  /** Commands that wait for a lane, without the parked ones. */
  get queued(): number {
    return this.#lines.queued;
  }

  /** Those of one ledger. */
  queuedOf(ledgerId: Uuid): number {
    return this.#lines.queuedOf(ledgerId);
  }

  /** Commands that wait for a busy name. */
  get parked(): number {
    return this.#lines.parked;
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

  /** Whether a ledger may queue so many more commands. `reserved` are the places that are reserved already. */
  hasRoomFor(
    ledgerId: Uuid,
    commands: number,
    reserved?: { readonly own: number; readonly all: number },
  ): boolean {
    return !this.#draining && this.#lines.hasRoomFor(ledgerId, commands, reserved);
  }

  /** Resolves with the command's durable outcome, or with OVERLOADED at once if the queue is full or closed. Never rejects. */
  async post(ledger: PostingLedger, command: PlannedCommand): Promise<Outcome> {
    if (!this.hasRoomFor(ledger.id, 1)) return overloaded();
    const unit = { commands: [command] };
    const [outcome] = outcomesOf(unit, await this.postUnit(ledger, unit));
    if (outcome === undefined) throw new TypeError('each command has an outcome');
    return outcome;
  }

  /** Resolves with the unit's durable outcomes. The unit is queued even if the queue is full. Never rejects. */
  postUnit(ledger: PostingLedger, unit: Unit): Promise<UnitAnswer> {
    return new Promise((answer) => {
      this.#lines.of(ledger).queue.add(new QueuedUnit(unit, answer));
      this.#wakeSoon();
    });
  }

  /** Queues the parked units of a ledger for which a name was released. */
  unpark(ledgerId: Uuid): void {
    this.#lines.unpark(ledgerId);
    this.#wakeSoon();
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
    return this.#settling === 0 && this.#lines.isEmpty;
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
      const next = this.#lines.take();
      if (next === undefined) break;
      // A lane settles its units itself and never rejects.
      void this.#runLane(next.line, new Lane(next.line, next.batch, this.#context));
    }
    this.#watchdog.run(!this.#lines.isEmpty);
    if (!this.#isIdle) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  async #runLane(line: Line, lane: Lane): Promise<void> {
    // The time without a busy lane is not silence: the database had nothing to answer.
    if (this.#lanes.size === 0) this.noteAnswer();
    this.#lanes.add(lane);
    line.lanes.add(lane);
    try {
      await lane.run();
    } finally {
      const { size, since, retries, splits } = lane;
      const milliseconds = performance.now() - since;
      this.#options.onBatch({ ledgerId: line.ledger.id, size, milliseconds, retries, splits });
      this.#lanes.delete(lane);
      line.lanes.delete(lane);
      this.#lines.dropIfEmpty(line);
      this.#wakeSoon();
    }
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

  /** Refuses the units that have waited for too long: parked ones, and all of them while the database is silent. */
  #refuseLate(): void {
    const before = this.#watchdog.isSilent ? performance.now() - UNAVAILABLE_AFTER_MS : undefined;
    for (const line of this.#lines.all) {
      line.parked.expire();
      if (before !== undefined) refuseUnavailable(line, before);
      this.#lines.dropIfEmpty(line);
    }
    this.#wakeSoon();
  }
}

/** Refuses the units that have waited since before an instant. */
function refuseUnavailable({ queue, parked, lanes }: Line, before: number): void {
  queue.refuseUnavailable(before);
  parked.refuseUnavailable(before);
  for (const { batch } of lanes) {
    for (const queued of batch) if (queued.since <= before) queued.settle(refuse('unavailable', {}));
  }
}
