/**
 * Optimistic writes. A process caches the states of the accounts that it moved last. A batch on such accounts is decided on the
 * cached states and sent in one pipeline: start, lock, write, commit.
 *
 * The rule: a batch may be written optimistically only if every command in it
 * - is new: no earlier attempt sent it to the database;
 * - has no hold or original transaction as its target, and no condition;
 * - is decided POSTED, so that its key and externalId are inserted, and their unique indexes reject a repetition.
 *
 * The statement that locks the accounts compares every value that the decision used with the locked rows: compare-and-set, in
 * the database, under the lock. The trigger that appends the block compares the closed period. If the database rejects the write,
 * nothing was done, the cached states of these accounts are dropped, and the batch takes the regular path (batch.ts). After a lost
 * connection or a lock timeout, the group commit retries the batch, on the regular path because it is not new.
 *
 * A cached state may be a prediction: the state that another batch leaves if its write succeeds. So on an account that every
 * batch moves, one lane decides while the other writes. A wrong prediction is harmless, because the database compares it.
 */
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { AccountState } from '../../core/account.ts';
import type { Book } from '../../core/decide/book.ts';
import type { UnitDecision } from '../../core/decide/decide.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import { writeExpected } from '../../db/journal/locking.ts';
import { sqlStateOf } from '../../db/postgres/pg-errors.ts';
import { failureOf } from '../retries.ts';
import { type BatchContext, decideOn, type Findings, rememberIds, transaction } from './deciding.ts';
import { atOnce } from './turns.ts';
import type { Unit, UnitAnswer } from './unit.ts';

const MAX_CACHED = 100_000;
/** The most batches that take the regular path after a miss. */
const MAX_PAUSE = 16;
/** A larger batch would block the event loop, because it is decided without interruption. */
const MAX_COMMANDS = 1000;
/** The longest wait for the decisions of other batches: they may be waiting for unrelated locks. */
const MAX_WAIT_MS = 100;

/** The context of a batch, with the cached states that all batches of a ledger share. */
export interface PostingContext extends BatchContext {
  readonly states: CachedStates;
}

/** Posts a batch on the regular path. Calls `note` with the states that it found and those that it leaves, before it writes. */
export type RegularPath = (note: (found: Findings, left: Book['accounts']) => void) => Promise<UnitAnswer[]>;

/** Posts a batch optimistically if the rule allows it and the database accepts it, else on the regular path. */
export async function postOptimistically(
  context: PostingContext,
  units: readonly Unit[],
  ids: readonly Uuid[],
  postRegularly: RegularPath,
): Promise<UnitAnswer[]> {
  const { states } = context;
  const answers = await tryOptimistically(context, units, ids);
  if (answers !== undefined) return answers;
  const endDeciding = states.announce(ids);
  try {
    return await postRegularly((found, left) => {
      states.learn(found, left);
      endDeciding();
    });
  } catch (error) {
    states.drop(ids);
    throw error;
  } finally {
    endDeciding();
  }
}

/** Returns undefined if the rule does not allow an optimistic write or the database rejected it. Then nothing was done. */
async function tryOptimistically(
  context: PostingContext,
  units: readonly Unit[],
  ids: readonly Uuid[],
): Promise<UnitAnswer[] | undefined> {
  const { ledgerId, states, onAnswer } = context;
  if (!isShort(units) || !units.every(isPlain) || !(await states.areReady(ids))) return undefined;
  const predicted = states.predict(ids);
  if (predicted === undefined) return undefined;
  const { book, decisions, block } = atOnce(decideOn(ledgerId, predicted, units));
  const [write] = block;
  if (write === undefined || !decisions.every(isPosted)) {
    states.noteMiss([]);
    return undefined;
  }
  states.cache(book.accounts);
  rememberIds(units, decisions);
  try {
    const expected = [...predicted.accounts.values()];
    const clock = await transaction(context, (trx) =>
      writeExpected(trx, ledgerId, expected, book.createdAt, write),
    );
    onAnswer();
    states.noteHit(clock);
    return decisions.map(({ answer }) => answer);
  } catch (error) {
    states.noteMiss(ids);
    // The regular path would wait for the same lock again.
    if (sqlStateOf(error) === undefined || failureOf(error) === 'lockTimeout') throw error;
    return undefined;
  }
}

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

/** Caches the states of the accounts that this process moved last. */
export class CachedStates {
  readonly #isEnabled: boolean;
  readonly #states = new Map<Uuid, AccountState>();
  /** Accounts of batches on the regular path that are not decided yet. */
  readonly #undecided = new Map<Uuid, Promise<void>>();
  #closedBefore: Instant | null = null;
  /** The database's clock, and the local time at which it was read. */
  #clock: { readonly instant: Instant; readonly readAt: number } | undefined;
  /**
   * Batches that take the regular path after a miss: more after each one, fewer after each hit. A miss is a write that failed, or a
   * batch with a command that is not decided POSTED.
   */
  #pause = 0;
  #toSkip = 0;

  constructor(isEnabled: boolean) {
    this.#isEnabled = isEnabled;
  }

  /** Returns the currency of an account whose state is cached. The currency never changes. */
  readonly currencyOf = (id: Uuid): string | undefined => this.#states.get(id)?.currency.code;

  /** Announces a batch on the regular path. Call the returned function when it is decided or has failed. */
  announce(ids: readonly Uuid[]): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const id of ids) this.#undecided.set(id, promise);
    return () => {
      for (const id of ids) if (this.#undecided.get(id) === promise) this.#undecided.delete(id);
      resolve();
    };
  }

  /** Whether an optimistic write on these accounts may be tried. Waits briefly for the decisions of announced batches. */
  async areReady(ids: readonly Uuid[]): Promise<boolean> {
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
      // The next batch does not wait for them again.
      for (const id of ids) this.#undecided.delete(id);
      return false;
    }
    timer.abort();
    // The decided batches send their writes in this turn: PostgreSQL executes them while this batch is decided.
    await setImmediate();
    return true;
  }

  /** Predicts the state that a batch on these accounts will find. Returns undefined if one of them is not cached. */
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

  /** Caches the states that a batch on the regular path leaves, with the clock and the closed period that it read. */
  learn({ clock, closedBefore }: Findings, left: Book['accounts']): void {
    this.#readClock(clock);
    this.#closedBefore = closedBefore;
    this.cache(left);
  }

  /** Caches the states that a batch leaves. */
  cache(left: Book['accounts']): void {
    for (const [id, state] of left) this.#states.set(id, state);
    // The oldest are dropped, in order of their first insertion. An account that moves often is cached again soon.
    for (const id of this.#states.keys()) {
      if (this.#states.size <= MAX_CACHED) break;
      this.#states.delete(id);
    }
  }

  /** Drops the states of accounts that may have changed otherwise. */
  drop(ids: readonly Uuid[]): void {
    for (const id of ids) this.#states.delete(id);
  }

  /** Records an optimistic write that succeeded, with the clock that it returned. */
  noteHit(clock: Instant): void {
    this.#readClock(clock);
    this.#pause >>= 1;
  }

  /** Records a miss, and drops the states of these accounts. The next batches take the regular path. */
  noteMiss(ids: readonly Uuid[]): void {
    this.drop(ids);
    this.#pause = Math.min(2 * this.#pause + 1, MAX_PAUSE);
    this.#toSkip = this.#pause;
  }

  #readClock(instant: Instant): void {
    this.#clock = { instant, readAt: performance.now() };
  }
}
