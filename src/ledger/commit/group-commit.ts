/**
 * The group commit: many callers' commands in one database transaction.
 *
 * A unit (a command, operations in order, or an ATOMIC batch) waits in a bounded line until a lane takes it. A lane has one
 * connection and runs one batch at a time; what arrives meanwhile becomes the next batch, so that a lone command waits for
 * nobody and a busy ledger pays for one lock, one write and one commit a batch. All promises of a batch are settled after its
 * COMMIT, and only then, some in each turn of the event loop, so that the other lanes hear their answers in between. What a lane
 * takes, and in which order, is said in waiting-line.ts.
 *
 * When a batch fails, nothing of it was done, or it is not known (CommitUnknownError). Then
 * - where a lock was waited for too long, and accounts are locked by others, the units that name those go aside (see
 *   held-names.ts) and the rest runs again;
 * - a passing failure (a deadlock, a lost connection, a COMMIT without an answer, an externalId or a period that another
 *   process took meanwhile) runs the whole batch again. Its locks wait for the old backend to end, and an outcome that is found
 *   recorded under an id that was made for the command is the command's own;
 * - any other error is some command's fault: the batch is split until that command, or its ATOMIC batch, stands alone, which
 *   answers INTERNAL.
 *
 * The watchdog answers UNAVAILABLE to who has waited for ANSWER_AFTER_MS while the database says nothing. What it answered
 * may still be done: the same key tells.
 */
import { setImmediate } from 'node:timers/promises';
import type { PlannedCommand } from '../../core/decide/command.ts';
import { refuse } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { CommitUnknownError } from '../../db/postgres/checked-pool.ts';
import {
  ANSWER_AFTER_MS,
  backOff,
  isLockTimeout,
  isPassing,
  MAX_ATTEMPTS,
  type OnFault,
  refuseFault,
} from './failures.ts';
import type { HeldNames } from './held-names.ts';
import { outcomesOf, type Unit, type UnitAnswer } from './unit.ts';
import { RETRY_AFTER_MS, Waiting } from './waiting.ts';
import { externalIdName, type LaneWork, WaitingLine } from './waiting-line.ts';

export interface GroupCommitOptions {
  /** Posts a batch in one database transaction; the answers are in the units' order. */
  readonly post: (units: readonly Unit[]) => Promise<UnitAnswer[]>;
  /** What all group commits of the process keep away from. */
  readonly held: HeldNames;
  /** Told of a command that failed by a fault of the ledger's own. */
  readonly onFault: OnFault;
  /** Told of each batch when it is over. It is called on the way of every write: quick, and never throws. */
  readonly onBatch: (batch: BatchObservation) => void;
  readonly lanes: number;
  /** Commands that a lane takes at most; a larger unit is taken alone. */
  readonly maxBatch: number;
  /** Commands that wait in line at most, and aside. */
  readonly maxQueue: number;
  /** How long the database may say nothing before callers hear UNAVAILABLE. */
  readonly silenceMs?: number;
}

/** How a batch went, from being taken by a lane to its COMMIT. */
export interface BatchObservation {
  /** Commands. */
  readonly size: number;
  readonly milliseconds: number;
  /** How often it, or a part of it, was run again as it was. */
  readonly retries: number;
  /** How often it, or a part of it, was cut in two to find the command at fault. */
  readonly splits: number;
}

/** A batch of more commands keeps its accounts to itself: who names one of them waits aside. */
const LARGE = 1000;
const SILENCE_MS = 2000;
const WATCH_EVERY_MS = 250;
/** Commands whose callers are answered in one turn of the event loop. */
const SETTLED_AT_ONCE = 50;

/** What a lane works on. Its accounts become fewer when units go aside, or back in line. */
interface Work extends LaneWork {
  accounts: ReadonlySet<string>;
  retries: number;
  splits: number;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  readonly #line: WaitingLine;
  /** What each busy lane works on. */
  readonly #lanes = new Set<LaneWork>();
  #wakeScheduled = false;
  #settling = 0;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #lastAnswerAt = 0;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
    this.#line = new WaitingLine({ ...options, maxAside: options.maxQueue });
    options.held.onRelease(() => {
      this.#line.goOn();
      this.#wakeSoon();
    });
  }

  /** Commands that wait for a lane; what waits aside is not among them. */
  get queued(): number {
    return this.#line.commands;
  }

  /** Commands that wait aside, for something that is held. */
  get aside(): number {
    return this.#line.asideCommands;
  }

  /** Commands that lanes work on. */
  get underWay(): number {
    return [...this.#lanes].reduce((sum, { size }) => sum + size, 0);
  }

  /** Lanes that work on a batch. */
  get busyLanes(): number {
    return this.#lanes.size;
  }

  /** Whether it takes nothing more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Whether so many commands more may wait. */
  hasRoomFor(commands: number): boolean {
    return !this.#draining && this.queued + commands <= this.#options.maxQueue;
  }

  /** Answers when the command's outcome is durable, or at once where the line is full or closed. Never rejects. */
  async post(command: PlannedCommand): Promise<Outcome> {
    if (!this.hasRoomFor(1)) return refuse('overloaded', { retryAfterMs: RETRY_AFTER_MS });
    const unit = { commands: [command] };
    const [outcome] = outcomesOf(unit, await this.postUnit(unit));
    if (outcome === undefined) throw new TypeError('each command has an outcome');
    return outcome;
  }

  /** Answers when what became of the unit is durable. It waits however many others do. Never rejects. */
  postUnit(unit: Unit): Promise<UnitAnswer> {
    return new Promise((answer) => {
      this.#line.add(new Waiting(unit, answer));
      this.#wakeSoon();
    });
  }

  /** The database answered something: it is there. */
  readonly heard = (): void => {
    this.#lastAnswerAt = performance.now();
  };

  /** Takes nothing more, and resolves when all that was taken is answered. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#isIdle) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
  }

  get #isIdle(): boolean {
    return this.#lanes.size + this.#settling === 0 && this.#line.isEmpty;
  }

  /** Lanes are woken after the turn of the event loop, so that all that arrives in it makes one batch. */
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
      const batch = this.#line.take([...this.#lanes]);
      if (batch.length === 0) break;
      // A lane settles its units itself and never rejects.
      void this.#runLane(batch);
    }
    this.#watch();
    if (!this.#isIdle) return;
    this.#idle?.resolve();
    this.#idle = undefined;
  }

  async #runLane(batch: readonly Waiting[]): Promise<void> {
    const size = batch.reduce((sum, waiting) => sum + waiting.size, 0);
    const work: Work = {
      batch,
      size,
      accounts: accountsOf(batch),
      since: performance.now(),
      retries: 0,
      splits: 0,
    };
    // While no lane worked, nothing was asked of the database: it was not silent.
    if (this.#lanes.size === 0) this.heard();
    this.#lanes.add(work);
    try {
      await this.#run(batch, work);
    } finally {
      const { since, retries, splits } = work;
      this.#options.onBatch({ size, milliseconds: performance.now() - since, retries, splits });
      this.#lanes.delete(work);
      this.#wakeSoon();
    }
  }

  async #run(batch: readonly Waiting[], work: Work): Promise<void> {
    let open = batch;
    for (let attempt = 1; ; attempt += 1) {
      open = open.filter(({ isAnswered }) => !isAnswered);
      if (open.length === 0) return;
      try {
        const answers = await this.#attempt(open);
        this.heard();
        void this.#settle(open, answers);
        return;
      } catch (error) {
        if (error instanceof CommitUnknownError) for (const waiting of open) waiting.isUnknown = true;
        if (isLockTimeout(error)) {
          open = await this.#leaveWaiting(open);
          work.accounts = accountsOf(open);
          work.retries += 1;
          attempt = 0;
          continue;
        }
        const passing = isPassing(error);
        if (passing !== 'no answer') this.heard();
        // A lost connection is tried until the watchdog has answered; what fails again and again is a fault in the end.
        const isEnough = passing === 'answered' && attempt >= MAX_ATTEMPTS;
        // A server that refuses everything, as one whose disk is full, is not a command's fault: nobody waits for the whole search.
        if (isEnough || (passing === 'answered' && work.splits > 0)) answerOverdue(open);
        if (passing === 'no' || isEnough) return this.#split(open, error, passing, work);
        work.retries += 1;
        await backOff(attempt);
      }
    }
  }

  async #attempt(batch: readonly Waiting[]): Promise<UnitAnswer[]> {
    const { held, post } = this.#options;
    const names = namesToHold(batch);
    if (names.length > 0) held.hold(names);
    try {
      return await post(batch.map(({ unit }) => unit));
    } finally {
      if (names.length > 0) held.release(names);
    }
  }

  /**
   * After a wait for a lock that took too long. Answers what runs again in this lane.
   *
   * Where others keep accounts locked, that is all that does not name them. Else the wait was for something else. It may be an
   * externalId that another session is about to take: what takes one runs again, half of it each time, until the one that waits
   * stands alone; the rest goes back in line. It goes on, but not forever.
   */
  async #leaveWaiting(batch: readonly Waiting[]): Promise<readonly Waiting[]> {
    const { held } = this.#options;
    await held.lookForLocked([...accountsOf(batch)]).catch((error: unknown) => {
      // What ails the database shows when the batch runs again.
      if (isPassing(error) === 'no') this.#options.onFault(error);
    });
    const kept = batch.flatMap((waiting) => (waiting.isAnswered ? [] : (this.#line.putAside(waiting) ?? [])));
    if (!isSame(kept, batch)) return kept;
    const now = performance.now();
    for (const waiting of kept) {
      waiting.waitsSince ??= now;
      if (now - waiting.waitsSince >= ANSWER_AFTER_MS) waiting.settle(refuse('unavailable', {}));
    }
    const takers = kept.filter(takesName);
    if (takers.length === 0) return kept;
    const first = new Set(
      takers.length < kept.length ? takers : takers.slice(0, Math.ceil(takers.length / 2)),
    );
    this.#line.putBack(kept.filter((waiting) => !first.has(waiting)));
    this.#wakeSoon();
    return [...first];
  }

  /** In slices, between which the other lanes hear their answers: what a caller does with its own may take long. */
  async #settle(batch: readonly Waiting[], answers: readonly UnitAnswer[]): Promise<void> {
    this.#settling += 1;
    let settled = 0;
    for (const [place, answer] of answers.entries()) {
      const waiting = batch[place];
      if (waiting === undefined) throw new TypeError('an answer without its unit');
      if (settled >= SETTLED_AT_ONCE) {
        await setImmediate();
        settled = 0;
      }
      waiting.settle(answer);
      settled += waiting.size;
    }
    this.#settling -= 1;
    this.#wakeSoon();
  }

  async #split(
    batch: readonly Waiting[],
    error: unknown,
    passing: 'answered' | 'no',
    work: Work,
  ): Promise<void> {
    const [only] = batch;
    if (only === undefined || batch.every(({ isAnswered }) => isAnswered)) return;
    if (!canSplit(batch)) {
      const fault = refuseFault(this.#options.onFault, error);
      only.settle(passing === 'no' ? fault : refuse('unavailable', {}));
      return;
    }
    work.splits += 1;
    const parts = batch.length === 1 ? only.cut(Math.ceil(only.size / 2)) : batch;
    const half = Math.ceil(parts.length / 2);
    await this.#run(parts.slice(0, half), work);
    const rest = parts.slice(half);
    // Where the operations before them wait aside, the later ones of a unit wait in line.
    this.#line.putBack(rest.filter(({ mayBegin }) => !mayBegin));
    await this.#run(
      rest.filter(({ mayBegin }) => mayBegin),
      work,
    );
  }

  /** Runs only while somebody waits. */
  #watch(): void {
    const waits = !this.#line.isEmpty || this.#lanes.size > 0;
    if (!waits) {
      clearInterval(this.#watchdog);
      this.#watchdog = undefined;
    } else if (this.#watchdog === undefined) {
      this.#lastAnswerAt = Math.max(this.#lastAnswerAt, performance.now() - WATCH_EVERY_MS);
      this.#watchdog = setInterval(() => this.#look(), WATCH_EVERY_MS).unref();
    }
  }

  #look(): void {
    this.#line.expire();
    const now = performance.now();
    if (now - this.#lastAnswerAt >= (this.#options.silenceMs ?? SILENCE_MS)) {
      const before = now - ANSWER_AFTER_MS;
      this.#line.answerUnavailable(before);
      answerOverdue([...this.#lanes].flatMap(({ batch }) => batch));
    }
    this.#wakeSoon();
  }
}

/** Whether a batch has parts that can be run one by one. */
function canSplit(batch: readonly Waiting[]): boolean {
  const [only] = batch;
  return batch.length > 1 || (only !== undefined && only.unit.steps === undefined && only.size > 1);
}

/** Answers UNAVAILABLE to who has waited for too long: the same key tells what became of it. */
function answerOverdue(batch: readonly Waiting[]): void {
  const before = performance.now() - ANSWER_AFTER_MS;
  for (const waiting of batch) if (waiting.since <= before) waiting.settle(refuse('unavailable', {}));
}

function isSame(some: readonly Waiting[], others: readonly Waiting[]): boolean {
  return some.length === others.length && some.every((waiting, place) => waiting === others[place]);
}

function takesName({ unit }: Waiting): boolean {
  return unit.commands.some(({ externalId }) => externalId !== null);
}

function accountsOf(batch: readonly Waiting[]): Set<Uuid> {
  const accounts = new Set<Uuid>();
  for (const { unit } of batch) {
    for (const command of unit.commands) for (const account of command.accounts) accounts.add(account);
  }
  return accounts;
}

/** What others must keep away from while the batch is in flight. */
function namesToHold(batch: readonly Waiting[]): string[] {
  const isLarge = batch.reduce((sum, { size }) => sum + size, 0) > LARGE;
  const names: string[] = [];
  for (const { unit } of batch) {
    for (const { accounts, externalId } of unit.commands) {
      if (isLarge) names.push(...accounts);
      if (externalId !== null) names.push(externalIdName(externalId));
    }
  }
  return names;
}
