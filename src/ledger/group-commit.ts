/**
 * The group commit: many callers' commands in one database transaction.
 *
 * A command waits in a bounded queue until a lane takes it. A lane has one connection and runs one batch at a time; what
 * arrives meanwhile becomes the next batch, so that a lone command waits for nobody and a busy ledger pays for one lock, one
 * write and one commit a batch. All promises of a batch are settled after its COMMIT, and only then, some in each turn of the
 * event loop, so that the other lanes hear their answers in between.
 *
 * Taking. In order of arrival, up to `maxBatch`. A command that names an account of another lane's batch is passed over: it
 * would only wait for that lane's locks. After MAX_PASSES batches that went ahead of it, it is taken all the same; so are all
 * of them where nothing else waits and they are a lane's fair share of the work: then the lane waits in the database, and its
 * work begins in the moment in which the other's ends. A command whose externalId is in another lane always waits: two lanes,
 * each waiting for an externalId of the other's, would deadlock.
 *
 * When a batch fails, nothing of it was done, or it is not known (CommitUnknownError). Then
 * - a passing failure (a deadlock, a lost connection, a COMMIT without an answer, an externalId or a period that another
 *   process took meanwhile) runs the whole batch again by the same road. Its locks wait for the old backend to end, and an
 *   outcome that is found recorded under an id that was made for the command is the command's own;
 * - any other error is some command's fault: the batch is split until that command stands alone, which answers INTERNAL.
 *
 * The watchdog answers UNAVAILABLE to who has waited for ANSWER_AFTER_MS while the database says nothing. What it answered
 * may still be done: the same key tells.
 */
import { setImmediate } from 'node:timers/promises';
import type { PlannedCommand } from '../core/command.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { Outcome } from '../core/transaction.ts';
import { ANSWER_AFTER_MS, backOff, isPassing, MAX_ATTEMPTS, type OnFault, refuseFault } from './failures.ts';

export interface GroupCommitOptions {
  /** Posts a batch in one database transaction; the outcomes are in the commands' order. */
  readonly post: (commands: readonly PlannedCommand[]) => Promise<Outcome[]>;
  /** Told of a command that failed by a fault of the ledger's own. */
  readonly onFault: OnFault;
  /** Told of each batch when it is over. It is called on the way of every write: quick, and never throws. */
  readonly onBatch: (batch: BatchObservation) => void;
  readonly lanes: number;
  readonly maxBatch: number;
  readonly maxQueue: number;
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

const MAX_PASSES = 4;
/** What of its share of the work makes a lane wait in the database, and how many commands at least. */
const FAIR_SHARE = 0.8;
const WORTH_WAITING = 25;
const SILENCE_MS = 2000;
const WATCH_EVERY_MS = 250;
/** Callers that are answered in one turn of the event loop. */
const SETTLED_AT_ONCE = 50;
const RETRY_AFTER_MS = 100;

interface Waiting {
  readonly command: PlannedCommand;
  readonly since: number;
  readonly answer: (outcome: Outcome) => void;
  passes: number;
  answered: boolean;
}

interface Tally {
  retries: number;
  splits: number;
}

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #queue: Waiting[] = [];
  /** What each busy lane works on. */
  readonly #lanes = new Set<readonly Waiting[]>();
  readonly #names = new Map<string, number>();
  #wakeScheduled = false;
  #settling = 0;
  #draining = false;
  #idle: PromiseWithResolvers<void> | undefined;
  #watchdog: NodeJS.Timeout | undefined;
  #lastAnswerAt = 0;

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  /** Commands that wait for a lane. */
  get queued(): number {
    return this.#queue.length;
  }

  /** Lanes that work on a batch. */
  get busyLanes(): number {
    return this.#lanes.size;
  }

  /** Whether it takes nothing more. */
  get draining(): boolean {
    return this.#draining;
  }

  /** Answers when the command's outcome is durable, or at once where the queue is full or closed. Never rejects. */
  post(command: PlannedCommand): Promise<Outcome> {
    if (this.#draining || this.#queue.length >= this.#options.maxQueue) {
      return Promise.resolve(refuse('overloaded', { retryAfterMs: RETRY_AFTER_MS }));
    }
    return new Promise((answer) => {
      this.#queue.push({ command, since: performance.now(), answer, passes: 0, answered: false });
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
    if (this.#lanes.size + this.#settling + this.#queue.length === 0) return;
    this.#idle ??= Promise.withResolvers();
    await this.#idle.promise;
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
      const batch = this.#take();
      if (batch.length === 0) break;
      // A lane settles its commands itself and never rejects.
      void this.#runLane(batch);
    }
    this.#watch();
    if (this.#lanes.size + this.#settling + this.#queue.length === 0) this.#idle?.resolve();
  }

  #take(): Waiting[] {
    const { maxBatch } = this.#options;
    const free: Waiting[] = [];
    const contended: Waiting[] = [];
    const barred: Waiting[] = [];
    let place = 0;
    // What is passed over is bounded too, so that a long queue does not cost every batch a walk through all of it.
    while (
      place < this.#queue.length &&
      free.length < maxBatch &&
      contended.length + barred.length < 4 * maxBatch
    ) {
      const waiting = this.#queue[place];
      place += 1;
      if (waiting === undefined || waiting.answered) continue;
      if (this.#isBarred(waiting)) barred.push(waiting);
      else if (this.#isContended(waiting)) contended.push(waiting);
      else free.push(waiting);
    }
    const rest = this.#queue.slice(place);
    if (free.length === 0 && contended.length >= this.#fairShare(contended.length)) {
      this.#queue = [...contended.slice(maxBatch), ...barred, ...rest];
      return contended.slice(0, maxBatch);
    }
    if (free.length > 0) for (const waiting of contended) waiting.passes += 1;
    this.#queue = [...contended, ...barred, ...rest];
    return free;
  }

  #fairShare(waiting: number): number {
    const { lanes, maxBatch } = this.#options;
    const all = [...this.#lanes].reduce((sum, { length }) => sum + length, waiting);
    return Math.max(FAIR_SHARE * Math.min(all / lanes, maxBatch), WORTH_WAITING);
  }

  #isContended({ command, passes }: Waiting): boolean {
    if (this.#names.size === 0 || passes >= MAX_PASSES) return false;
    return command.accounts.some((name) => this.#names.has(name));
  }

  #isBarred({ command: { externalId } }: Waiting): boolean {
    return externalId !== null && this.#names.has(externalIdName(externalId));
  }

  async #runLane(batch: readonly Waiting[]): Promise<void> {
    const names = new Set<string>();
    for (const { command } of batch) {
      for (const account of command.accounts) names.add(account);
      if (command.externalId !== null) names.add(externalIdName(command.externalId));
    }
    this.#lanes.add(batch);
    for (const name of names) this.#names.set(name, (this.#names.get(name) ?? 0) + 1);
    const takenAt = performance.now();
    const tally: Tally = { retries: 0, splits: 0 };
    try {
      await this.#run(batch, tally);
    } finally {
      this.#options.onBatch({ size: batch.length, milliseconds: performance.now() - takenAt, ...tally });
      this.#lanes.delete(batch);
      for (const name of names) {
        const count = (this.#names.get(name) ?? 1) - 1;
        if (count === 0) this.#names.delete(name);
        else this.#names.set(name, count);
      }
      this.#wakeSoon();
    }
  }

  async #run(batch: readonly Waiting[], tally: Tally): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const open = batch.filter(({ answered }) => !answered);
      if (open.length === 0) return;
      try {
        const outcomes = await this.#options.post(open.map(({ command }) => command));
        this.heard();
        void this.#settle(open, outcomes);
        return;
      } catch (error) {
        const passing = isPassing(error);
        if (passing !== 'no answer') this.heard();
        // A lost connection is tried until the watchdog has answered; what fails again and again is a fault in the end.
        if (passing === 'no' || (passing === 'answered' && attempt >= MAX_ATTEMPTS)) {
          return this.#split(open, error, passing, tally);
        }
        tally.retries += 1;
        await backOff(attempt);
      }
    }
  }

  /** In slices, between which the other lanes hear their answers: what a caller does with its own may take long. */
  async #settle(batch: readonly Waiting[], outcomes: readonly Outcome[]): Promise<void> {
    this.#settling += 1;
    for (const [place, outcome] of outcomes.entries()) {
      if (place > 0 && place % SETTLED_AT_ONCE === 0) await setImmediate();
      settle(batch[place], outcome);
    }
    this.#settling -= 1;
    this.#wakeSoon();
  }

  async #split(
    batch: readonly Waiting[],
    error: unknown,
    passing: 'answered' | 'no',
    tally: Tally,
  ): Promise<void> {
    if (batch.length === 1) {
      const fault = refuseFault(this.#options.onFault, error);
      settle(batch[0], passing === 'no' ? fault : refuse('unavailable', {}));
      return;
    }
    tally.splits += 1;
    const half = Math.ceil(batch.length / 2);
    await this.#run(batch.slice(0, half), tally);
    await this.#run(batch.slice(half), tally);
  }

  /** Runs only while somebody waits. */
  #watch(): void {
    const waits = this.#queue.length > 0 || this.#lanes.size > 0;
    if (!waits) {
      clearInterval(this.#watchdog);
      this.#watchdog = undefined;
    } else if (this.#watchdog === undefined) {
      this.#lastAnswerAt = Math.max(this.#lastAnswerAt, performance.now() - WATCH_EVERY_MS);
      this.#watchdog = setInterval(() => this.#answerSilence(), WATCH_EVERY_MS).unref();
    }
  }

  #answerSilence(): void {
    const now = performance.now();
    if (now - this.#lastAnswerAt < SILENCE_MS) return;
    const unavailable: Refusal = refuse('unavailable', {});
    for (const batch of [this.#queue, ...this.#lanes]) {
      for (const waiting of batch) if (now - waiting.since >= ANSWER_AFTER_MS) settle(waiting, unavailable);
    }
    this.#queue = this.#queue.filter(({ answered }) => !answered);
  }
}

function settle(waiting: Waiting | undefined, outcome: Outcome): void {
  if (waiting === undefined) throw new TypeError('an outcome without its command');
  waiting.answered = true;
  waiting.answer(outcome);
}

function externalIdName(externalId: string): string {
  return `ext:${externalId}`;
}
