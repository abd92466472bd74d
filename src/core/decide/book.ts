import type { AccountState } from '../account.ts';
import type { Hold } from '../hold.ts';
import type { Transaction } from '../transaction.ts';
import { blockIds, type Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import type { Recorded, Recording } from './recording.ts';

/** The state that a batch is decided on, and the batch's effects so far. */
export interface Book {
  /**
   * Every existing account that the batch names. On the regular path they are locked; an optimistic write compares them under the
   * lock; a preview does neither.
   */
  readonly accounts: Map<Uuid, AccountState>;
  /** The holds and original transactions that the batch names. Their accounts are in `accounts`. */
  readonly holds: Map<Uuid, Hold>;
  readonly originals: Map<Uuid, Original>;
  /** The recorded outcomes of the batch's idempotency keys, by `attemptKey`. */
  readonly recorded: Map<string, Recorded>;
  /** The transactions that have the externalIds of the batch. */
  readonly externalIds: Map<string, Uuid>;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly idAt: (place: number) => Uuid;
  /** The outcomes to write, in the order of decision, and the holds that they place or change. */
  readonly recordings: Recording[];
  readonly changedHolds: Map<Uuid, Hold>;
}

/** An original transaction, and the reversed amount of its first POSTED entry, in minor units. */
export interface Original {
  readonly transaction: Transaction;
  readonly reversed: bigint;
}

/** The state that a book is opened on. */
export interface BookState
  extends Pick<Book, 'accounts' | 'holds' | 'originals' | 'recorded' | 'externalIds' | 'closedBefore'> {
  /** The database's clock, read after the locks were taken, or a prediction of it. */
  readonly clock: Instant;
  /** At least 42 random bits for the block's ids. */
  readonly random: number;
}

/**
 * Opens a book. createdAt is the latest of the clock, the instant after the last entry of each account, and closedBefore. So it
 * increases with every batch of an account.
 */
export function openBook({ clock, random, ...state }: BookState): Book {
  let createdAt = clock;
  for (const { lastAt } of state.accounts.values()) if (lastAt >= createdAt) createdAt = lastAt + 1n;
  if (state.closedBefore !== null && state.closedBefore > createdAt) createdAt = state.closedBefore;
  const idAt = blockIds(createdAt, BigInt(random));
  return { ...state, createdAt, idAt, recordings: [], changedHolds: new Map() };
}

/** Returns the key of an attempt in `Book.recorded`. Idempotency keys are unique per account. */
export function attemptKey(accountId: Uuid, idempotencyKey: string): string {
  return accountId + idempotencyKey;
}

/** A book layered on another one, which does not change until `settle` copies the draft's changes to it. */
export interface Draft {
  readonly book: Book;
  settle(): void;
}

/** Opens a draft on a book. */
export function draftOf(book: Book): Draft {
  const maps = {
    accounts: new Layer(book.accounts),
    holds: new Layer(book.holds),
    originals: new Layer(book.originals),
    recorded: new Layer(book.recorded),
    externalIds: new Layer(book.externalIds),
    changedHolds: new Layer(book.changedHolds),
  };
  const recordings: Recording[] = [];
  const first = book.recordings.length;
  return {
    book: { ...book, ...maps, recordings, idAt: (place) => book.idAt(first + place) },
    settle() {
      for (const map of Object.values(maps)) map.settle();
      for (const recording of recordings) book.recordings.push(recording);
    },
  };
}

/** A map layered on another one: its own entries hide those below. Iteration returns only its own entries. */
class Layer<Key, Value> extends Map<Key, Value> {
  readonly #below: Map<Key, Value>;

  constructor(below: Map<Key, Value>) {
    super();
    this.#below = below;
  }

  override get(key: Key): Value | undefined {
    return super.get(key) ?? this.#below.get(key);
  }

  override has(key: Key): boolean {
    return super.has(key) || this.#below.has(key);
  }

  settle(): void {
    for (const [key, value] of this) this.#below.set(key, value);
  }
}
