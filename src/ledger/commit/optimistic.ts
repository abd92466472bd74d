/**
 * Optimistic batches. A process remembers the states of the accounts that its batches left. A batch on such accounts is decided
 * at once and sent in one flight: begin, lock, insert, commit.
 *
 * The rule. A batch may go this way only if every command in it
 * - is new: it was never sent before;
 * - names no hold and no original, and has no condition;
 * - is decided POSTED, so that its key and externalId are inserted, and their unique indexes catch a repeat.
 * The statement that locks the accounts compares every value that the decision used with the locked rows: compare-and-set, in
 * the database, under the lock. The trigger that appends the block compares the closed period. If anything fails, nothing was
 * done, the remembered states of these accounts are dropped, and the batch takes the ordinary way (see batch.ts).
 *
 * A wrong prediction is harmless, since the database compares it. So a remembered state may be one that another flight is
 * expected to leave: on an account that everybody pays, one lane decides while the other writes.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { AccountState } from '../../core/account.ts';
import type { Book } from '../../core/decide/book.ts';
import type { UnitDecision } from '../../core/decide/decide.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import { writeExpected } from '../../db/journal/locking.ts';
import { sqlStateOf } from '../../db/postgres/pg-errors.ts';
import { type BatchContext, decideOn, type Findings, rememberIds, transaction } from './deciding.ts';
import { isLockTimeout, isPassing } from './failures.ts';
import { atOnce } from './turns.ts';
import type { Unit, UnitAnswer } from './unit.ts';

const MAX_REMEMBERED = 100_000;
const MAX_PAUSE = 16;
const MAX_COMMANDS = 1000;
/** How long a batch waits for the decisions of others, which may be waiting for locks that it does not need. */
const MAX_WAIT_MS = 100;

/** What batches run in, and the account states that they share. */
export interface PostingContext extends BatchContext {
  readonly memory: AccountMemory;
}

/**
 * Posts a batch on remembered account states. Undefined: it may not go this way, or the database rejected it; nothing was done.
 * Throws if the outcome of COMMIT is unknown, and on faults of the program.
 */
export async function postOptimistically(
  context: PostingContext,
  units: readonly Unit[],
  ids: readonly Uuid[],
): Promise<UnitAnswer[] | undefined> {
  const { ledgerId, memory, answered } = context;
  if (!isShort(units) || !units.every(isPlain) || !(await memory.isReady(ids))) return undefined;
  const predicted = memory.predict(ids);
  if (predicted === undefined) return undefined;
  const { book, decisions, block } = atOnce(decideOn(ledgerId, predicted, units));
  const [write] = block;
  if (write === undefined || !decisions.every(isPosted)) {
    memory.noteMiss([]);
    return undefined;
  }
  memory.remember(book.accounts);
  rememberIds(units, decisions);
  try {
    const expected = [...predicted.accounts.values()];
    const clock = await transaction(context, (trx) =>
      writeExpected(trx, ledgerId, expected, book.createdAt, write),
    );
    answered();
    memory.noteHit(clock);
    return decisions.map(({ answer }) => answer);
  } catch (error) {
    memory.noteMiss(ids);
    // An error of the database says that nothing was done; the ordinary way finds out whether it was the prediction's.
    if (isPassing(error) === 'no answer' || isLockTimeout(error) || sqlStateOf(error) === undefined)
      throw error;
    return undefined;
  }
}

/** What is decided at once must not take long. */
function isShort(units: readonly Unit[]): boolean {
  return units.reduce((sum, { commands }) => sum + commands.length, 0) <= MAX_COMMANDS;
}

function isPlain({ commands }: Unit): boolean {
  return commands.every(
    ({ target, conditions, madeIds }) => target === null && conditions.length === 0 && madeIds.size === 0,
  );
}

function isPosted({ answer, ids }: UnitDecision): boolean {
  return !('code' in answer) && answer.every(({ code }) => code === 'POSTED') && !ids.includes(null);
}

/** The states of the accounts that this process moved last. */
export class AccountMemory {
  readonly #isEnabled: boolean;
  readonly #states = new Map<Uuid, AccountState>();
  /** Accounts that a batch is about to move in a way that is not decided yet. */
  readonly #undecided = new Map<Uuid, Promise<void>>();
  #closedBefore: Instant | null = null;
  /** The database's clock, and when it was read by our own. */
  #clock: { readonly instant: Instant; readonly readAt: number } | undefined;
  /** Batches that take the ordinary way after misses: more each time, and fewer after each hit. */
  #pause = 0;
  #toSkip = 0;

  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** The currency of an account whose state is remembered; it never changes. */
  readonly currencyOf = (id: Uuid): string | undefined => this.#states.get(id)?.currency.code;

  /** Announces a batch that moves these accounts. Call the function that is returned when it is decided, or never will be. */
  announce(ids: readonly Uuid[]): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const id of ids) this.#undecided.set(id, promise);
    return () => {
      for (const id of ids) if (this.#undecided.get(id) === promise) this.#undecided.delete(id);
      resolve();
    };
  }

  /** Whether a batch on these accounts may be tried. Waits a moment for the decisions of batches that are about to move them. */
  async isReady(ids: readonly Uuid[]): Promise<boolean> {
    if (!this.#isEnabled) return false;
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return false;
    }
    const before = new Set(ids.flatMap((id) => this.#undecided.get(id) ?? []));
    if (before.size === 0) return true;
    const timer = new AbortController();
    const isLate = sleep(MAX_WAIT_MS, true, { signal: timer.signal }).catch(() => true);
    if (await Promise.race([isLate, Promise.all(before).then(() => false)])) {
      // Nobody waits for them again.
      for (const id of ids) this.#undecided.delete(id);
      return false;
    }
    timer.abort();
    // They send what they write in this turn, so that PostgreSQL works on it meanwhile.
    await setImmediate();
    return true;
  }

  /** What a batch on these accounts will probably find; undefined where one of them is not remembered. */
  predict(ids: readonly Uuid[]): Findings | undefined {
    if (this.#clock === undefined) return undefined;
    const accounts = new Map<Uuid, AccountState>();
    for (const id of ids) {
      const state = this.#states.get(id);
      if (state === undefined) return undefined;
      accounts.set(id, state);
    }
    const { instant, readAt } = this.#clock;
    return {
      accounts,
      holds: new Map(),
      originals: new Map(),
      recorded: new Map(),
      externalIds: new Map(),
      closedBefore: this.#closedBefore,
      clock: instant + BigInt(Math.floor((performance.now() - readAt) * 1000)),
    };
  }

  /** Takes over what a batch found behind its locks, and the states in which it leaves its accounts. */
  learn({ clock, closedBefore }: Findings, left: Book['accounts']): void {
    this.#readClock(clock);
    this.#closedBefore = closedBefore;
    this.remember(left);
  }

  remember(left: Book['accounts']): void {
    for (const [id, state] of left) this.#states.set(id, state);
    // Dropped are those that were first remembered longest ago: an account that moves often soon comes back.
    for (const id of this.#states.keys()) {
      if (this.#states.size <= MAX_REMEMBERED) break;
      this.#states.delete(id);
    }
  }

  forget(ids: readonly Uuid[]): void {
    for (const id of ids) this.#states.delete(id);
  }

  noteHit(clock: Instant): void {
    this.#readClock(clock);
    this.#pause >>= 1;
  }

  noteMiss(ids: readonly Uuid[]): void {
    this.forget(ids);
    this.#pause = Math.min(2 * this.#pause + 1, MAX_PAUSE);
    this.#toSkip = this.#pause;
  }

  #readClock(instant: Instant): void {
    this.#clock = { instant, readAt: performance.now() };
  }
}
