import type { AccountState } from '../core/account.ts';
import type { Book, BookState } from '../core/book.ts';
import type { Uuid } from '../core/ids.ts';
import type { Instant } from '../core/instant.ts';

/** What a batch is decided beside, all but the randomness of its ids. */
export type Scene = Omit<BookState, 'random'>;

const MAX_REMEMBERED = 100_000;
/** How long before its locks were taken a batch may be dated. */
const MAX_AGE_MICROS = 1_000_000n;
const MAX_PAUSE = 16;

/**
 * What a batch will find once its accounts are locked, as far as this process can know: what its own batches left there.
 *
 * A batch that is decided on it is written unseen (see `writeUnseen`), or where that cannot be, decided while it waits for its
 * locks and kept only where the locked accounts, the keys and the clock then show just that scene. `decide` is pure, so that
 * both are the decision that would have been made behind the locks. Nothing here has to be right, therefore, and nobody has
 * to tell of what failed. On an account that everybody pays, one lane decides while the other writes.
 *
 * Where other processes move the same accounts it is mostly in vain: after misses it pauses, for longer and longer.
 */
export class Foresight {
  readonly #accounts = new Map<Uuid, Remembered>();
  #closedBefore: Instant | null = null;
  /** The database's clock, and when it was heard by our own. */
  #clock: { readonly instant: Instant; readonly heardAt: number } | undefined;
  readonly #scenes = new Trust();
  readonly #unseen = new Trust();
  /** Batches whose decision is still to come. */
  readonly #undecided = new Set<{
    readonly accounts: ReadonlySet<Uuid>;
    readonly decided: Promise<void>;
  }>();

  /**
   * Joins the line of the batches that are being decided: `before` resolves when all earlier ones on these accounts are, and is
   * undefined where there are none; `leave` says that this one is decided, or never will be. On other accounts nobody waits.
   */
  join(ids: readonly Uuid[]): Line {
    const earlier = [...this.#undecided].filter(({ accounts }) => ids.some((id) => accounts.has(id)));
    const { promise: decided, resolve } = Promise.withResolvers<void>();
    const place = { accounts: new Set(ids), decided };
    this.#undecided.add(place);
    return {
      before: earlier.length === 0 ? undefined : Promise.all(earlier.map((each) => each.decided)),
      leave: () => {
        this.#undecided.delete(place);
        resolve();
      },
    };
  }

  /** Whether a batch on these accounts may be written unseen: each was last moved by a batch of this process. */
  knows(ids: readonly Uuid[]): boolean {
    return ids.every((id) => this.#accounts.get(id)?.moved) && this.#unseen.isGiven();
  }

  /** The scene of a batch whose keys and externalIds are new, on these accounts; undefined where it cannot be known. */
  foresee(ids: readonly Uuid[]): Scene | undefined {
    if (this.#clock === undefined || !this.#scenes.isGiven()) return undefined;
    const accounts = new Map<Uuid, AccountState>();
    for (const id of ids) {
      const known = this.#accounts.get(id);
      if (known === undefined) return undefined;
      accounts.set(id, known.account);
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
  readonly currencyOf = (id: Uuid): string | undefined => this.#accounts.get(id)?.account.currency.code;

  /**
   * Told of what was found behind the locks, and what the batch leaves there; whether it was as foreseen, if anything was, and
   * whether the batch is one that is `fit` to be written unseen.
   */
  learn(
    { accounts, clock, closedBefore }: Scene,
    { foreseen, fit }: { readonly foreseen: boolean | undefined; readonly fit: boolean },
    left: Book['accounts'],
  ): void {
    this.#hear(clock);
    this.#closedBefore = closedBefore;
    this.#remember(accounts, left);
    if (foreseen === undefined) return;
    this.#scenes.note(foreseen);
    if (foreseen && fit) this.#unseen.note(true);
  }

  /** Told of what a batch leaves that is about to be written unseen, beside the scene that it was decided on. */
  expect({ accounts }: Scene, left: Book['accounts']): void {
    this.#remember(accounts, left);
  }

  /** Told of the clock of a batch that was written unseen. */
  noteWritten(clock: Instant): void {
    this.#hear(clock);
    this.#unseen.note(true);
  }

  /** Told that a batch is none that can be written unseen, or was refused: then what it expected of these accounts is wrong. */
  noteUnwritten(ids: readonly Uuid[]): void {
    this.#unseen.note(false);
    this.forget(ids);
  }

  /** Told that these accounts may be moved by who does not tell what it leaves. */
  forget(ids: readonly Uuid[]): void {
    for (const id of ids) this.#accounts.delete(id);
  }

  #hear(instant: Instant): void {
    this.#clock = { instant, heardAt: performance.now() };
  }

  #remember(found: Book['accounts'], left: Book['accounts']): void {
    for (const [id, account] of left) {
      this.#accounts.set(id, { account, moved: account.version !== found.get(id)?.version });
    }
    // Forgotten are those that were first heard of longest ago: who moves often is soon heard of again.
    for (const id of this.#accounts.keys()) {
      if (this.#accounts.size <= MAX_REMEMBERED) break;
      this.#accounts.delete(id);
    }
  }
}

/** A batch's place among those that are being decided. */
export interface Line {
  readonly before: Promise<unknown> | undefined;
  readonly leave: () => void;
}

interface Remembered {
  readonly account: AccountState;
  /** Whether the batch that left it so moved it: its limits were set before its last entry, then. */
  readonly moved: boolean;
}

/** Given until it is disappointed; then it pauses, for longer each time, and is regained in steps. */
class Trust {
  #pause = 0;
  #toSkip = 0;

  isGiven(): boolean {
    if (this.#toSkip === 0) return true;
    this.#toSkip -= 1;
    return false;
  }

  note(kept: boolean): void {
    this.#pause = kept ? this.#pause >> 1 : Math.min(2 * this.#pause + 1, MAX_PAUSE);
    this.#toSkip = kept ? Math.min(this.#toSkip, this.#pause) : this.#pause;
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
