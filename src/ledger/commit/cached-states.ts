import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import type { AccountState } from '../../core/account.ts';
import type { Book } from '../../core/decide/book.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import type { Findings } from './deciding.ts';

const MAX_CACHED = 100_000;
/** The most batches of a ledger that take the regular path after a miss. */
const MAX_PAUSE = 16;
/** The longest wait for the decisions of other batches: they may be waiting for unrelated locks. */
const MAX_WAIT_MS = 100;

/** The state of an account, and the ledger that the account belongs to. */
interface Cached {
  readonly ledgerId: Uuid;
  state: AccountState;
}

/** Caches the states of the accounts that this process moved last, of all ledgers together, and the clock of their database. */
export class StateCache {
  readonly isEnabled: boolean;
  readonly #states = new Map<Uuid, Cached>();
  /** The database's clock, and the local time at which it was read. */
  #clock: { readonly instant: Instant; readonly readAt: number } | undefined;

  constructor(isEnabled: boolean) {
    this.isEnabled = isEnabled;
  }

  /** Returns the state of an account of this ledger. */
  find(ledgerId: Uuid, id: Uuid): AccountState | undefined {
    const cached = this.#states.get(id);
    return cached?.ledgerId === ledgerId ? cached.state : undefined;
  }

  cache(ledgerId: Uuid, states: Book['accounts']): void {
    for (const [id, state] of states) {
      const cached = this.#states.get(id);
      if (cached?.ledgerId === ledgerId) cached.state = state;
      else this.#states.set(id, { ledgerId, state });
    }
    // The oldest are dropped, in order of their first insertion. An account that moves often is cached again soon.
    for (const id of this.#states.keys()) {
      if (this.#states.size <= MAX_CACHED) break;
      this.#states.delete(id);
    }
  }

  drop(ledgerId: Uuid, ids: readonly Uuid[]): void {
    for (const id of ids) if (this.#states.get(id)?.ledgerId === ledgerId) this.#states.delete(id);
  }

  setClock(instant: Instant): void {
    this.#clock = { instant, readAt: performance.now() };
  }

  /** Returns the present time of the database's clock; undefined if the clock was never read. */
  now(): Instant | undefined {
    if (this.#clock === undefined) return undefined;
    const { instant, readAt } = this.#clock;
    return instant + BigInt(Math.floor((performance.now() - readAt) * 1000));
  }
}

/** The cached states of one ledger, and what decides whether its next batch may be written optimistically. */
export class CachedStates {
  readonly #cache: StateCache;
  readonly #ledgerId: Uuid;
  /** Accounts of batches on the regular path that are not decided yet. */
  readonly #undecided = new Map<Uuid, Promise<void>>();
  /** Undefined until a batch on the regular path has read it. */
  #closedBefore: Instant | null | undefined;
  /**
   * Batches that take the regular path after a miss: more after each one, fewer after each hit. A miss is a write that failed, or a
   * batch with a command that is not decided POSTED.
   */
  #pause = 0;
  #toSkip = 0;

  constructor(cache: StateCache, ledgerId: Uuid) {
    this.#cache = cache;
    this.#ledgerId = ledgerId;
  }

  /** Returns the currency of an account whose state is cached. The currency never changes. */
  readonly currencyOf = (id: Uuid): string | undefined => this.#cache.find(this.#ledgerId, id)?.currency.code;

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
    if (!this.#cache.isEnabled) return false;
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
    const [closedBefore, clock] = [this.#closedBefore, this.#cache.now()];
    if (closedBefore === undefined || clock === undefined) return undefined;
    const accounts = new Map<Uuid, AccountState>();
    for (const id of ids) {
      const state = this.#cache.find(this.#ledgerId, id);
      if (state === undefined) return undefined;
      accounts.set(id, state);
    }
    return {
      accounts,
      holds: new Map(),
      originals: new Map(),
      recorded: new Map(),
      externalIds: new Map(),
      closedBefore,
      clock,
    };
  }

  /** Caches the states that a batch on the regular path leaves, with the clock and the closed period that it read. */
  learn({ clock, closedBefore }: Findings, left: Book['accounts']): void {
    this.#cache.setClock(clock);
    this.#closedBefore = closedBefore;
    this.cache(left);
  }

  /** Caches the states that a batch leaves. */
  cache(left: Book['accounts']): void {
    this.#cache.cache(this.#ledgerId, left);
  }

  /** Drops the states of accounts that may have changed otherwise. */
  drop(ids: readonly Uuid[]): void {
    this.#cache.drop(this.#ledgerId, ids);
  }

  /** Records an optimistic write that succeeded, with the clock that it returned. */
  noteHit(clock: Instant): void {
    this.#cache.setClock(clock);
    this.#pause >>= 1;
  }

  /** Records a miss, and drops the states of these accounts. The next batches take the regular path. */
  noteMiss(ids: readonly Uuid[]): void {
    this.drop(ids);
    this.#pause = Math.min(2 * this.#pause + 1, MAX_PAUSE);
    this.#toSkip = this.#pause;
  }
}
