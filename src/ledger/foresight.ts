import type { AccountState } from '../core/account.ts';
import type { Book, BookState } from '../core/book.ts';
import type { Uuid } from '../core/ids.ts';
import type { Instant } from '../core/instant.ts';

/** What a batch is decided beside, all but the randomness of its ids. */
export type Scene = Omit<BookState, 'random'>;

const MAX_REMEMBERED = 100_000;
/** How long before its locks were taken a batch may be dated. */
const MAX_AGE_MICROS = 1_000_000n;
const MAX_PAUSE = 64;

/**
 * What a batch will find once its accounts are locked, as far as this process can know: what its own batches left there.
 *
 * A lane decides on it while it waits for its locks, and keeps the decision only where the locked accounts, the keys and the
 * clock then show just that scene; else it decides anew. `decide` is pure, so that both are one decision. Nothing here has to
 * be right, therefore, and nobody has to tell of what failed. On an account that everybody pays, one lane decides while the
 * other writes.
 *
 * Where other processes move the same accounts it is mostly in vain: after each miss it pauses for longer.
 */
export class Foresight {
  readonly #accounts = new Map<Uuid, AccountState>();
  #closedBefore: Instant | null = null;
  /** The database's clock, and when it was heard by our own. */
  #clock: { readonly instant: Instant; readonly heardAt: number } | undefined;
  #pause = 0;
  #toSkip = 0;
  #undecided: Promise<unknown> = Promise.resolve();

  /** Joins the line of the batches: `before` resolves when all earlier ones are decided, `leave` says that this one is, or never will be. */
  join(): { readonly before: Promise<unknown>; readonly leave: () => void } {
    const before = this.#undecided;
    const { promise, resolve: leave } = Promise.withResolvers<void>();
    this.#undecided = Promise.all([before, promise]);
    return { before, leave };
  }

  /** The scene of a batch whose keys and externalIds are new, on these accounts; undefined where it cannot be known. */
  foresee(ids: readonly Uuid[]): Scene | undefined {
    if (this.#toSkip > 0) {
      this.#toSkip -= 1;
      return undefined;
    }
    if (this.#clock === undefined) return undefined;
    const accounts = new Map<Uuid, AccountState>();
    for (const id of ids) {
      const account = this.#accounts.get(id);
      if (account === undefined) return undefined;
      accounts.set(id, account);
    }
    const { instant, heardAt } = this.#clock;
    const clock = instant + BigInt(Math.floor((performance.now() - heardAt) * 1000));
    return {
      accounts,
      holds: new Map(),
      originals: new Map(),
      recorded: new Map(),
      externalIds: new Map(),
      closedBefore: this.#closedBefore,
      clock,
    };
  }

  /** The currency of an account that was heard of; it never changes. */
  readonly currencyOf = (id: Uuid): string | undefined => this.#accounts.get(id)?.currency.code;

  /** Told of what was found behind the locks, whether it was as foreseen, if anything was, and what the batch leaves there. */
  learn({ clock, closedBefore }: Scene, foreseen: boolean | undefined, left: Book['accounts']): void {
    this.#clock = { instant: clock, heardAt: performance.now() };
    this.#closedBefore = closedBefore;
    for (const [id, account] of left) this.#accounts.set(id, account);
    // Forgotten are those that were first heard of longest ago: who moves often is soon heard of again.
    for (const id of this.#accounts.keys()) {
      if (this.#accounts.size <= MAX_REMEMBERED) break;
      this.#accounts.delete(id);
    }
    if (foreseen === undefined) return;
    this.#pause = foreseen ? 0 : Math.min(2 * this.#pause + 1, MAX_PAUSE);
    this.#toSkip = this.#pause;
  }
}

/** Whether a decision on what was foreseen is a decision on what was found. */
export function isSameScene(foreseen: Scene, found: Scene): boolean {
  return (
    found.recorded.size === 0 &&
    found.externalIds.size === 0 &&
    found.closedBefore === foreseen.closedBefore &&
    found.accounts.size === foreseen.accounts.size &&
    [...foreseen.accounts].every(([id, account]) => isSameState(account, found.accounts.get(id)))
  );
}

/** Whether a batch that finds its locks at `clock` may be dated so. */
export function isTimely(createdAt: Instant, clock: Instant): boolean {
  return createdAt <= clock && createdAt >= clock - MAX_AGE_MICROS;
}

function isSameState(a: AccountState, b: AccountState | undefined): boolean {
  return (
    b !== undefined &&
    a.version === b.version &&
    a.posted === b.posted &&
    a.pendingDebits === b.pendingDebits &&
    a.pendingCredits === b.pendingCredits &&
    a.totalDebits === b.totalDebits &&
    a.lastAt === b.lastAt &&
    a.status === b.status &&
    a.minBalance === b.minBalance &&
    a.maxBalance === b.maxBalance
  );
}
