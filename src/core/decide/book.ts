import type { AccountState } from '../account.ts';
import type { Hold } from '../hold.ts';
import type { Transaction } from '../transaction.ts';
import { blockIds, type Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import type { Recorded, Recording } from './recording.ts';

/** The state beside which a batch is decided, and what has become of it so far. */
export interface Book {
  /** Every account that the batch names and the ledger has, locked. */
  readonly accounts: Map<Uuid, AccountState>;
  /** The holds and the originals that the batch names; their accounts are locked. */
  readonly holds: Map<Uuid, Hold>;
  readonly originals: Map<Uuid, Original>;
  /** What the batch's keys answered before; see `attemptKey`. */
  readonly recorded: Map<string, Recorded>;
  /** Who has the externalIds that the batch would take. */
  readonly externalIds: Map<string, Uuid>;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly idAt: (place: number) => Uuid;
  /** What is to be written, in decided order, and the holds that it leaves changed or new. */
  readonly recordings: Recording[];
  readonly changedHolds: Map<Uuid, Hold>;
}

/** An original transaction, and how much of it was reversed: of its first POSTED entry, in minor units. */
export interface Original {
  readonly transaction: Transaction;
  readonly reversed: bigint;
}

export interface BookState
  extends Pick<Book, 'accounts' | 'holds' | 'originals' | 'recorded' | 'externalIds' | 'closedBefore'> {
  /** The database's clock, read after the locks were taken. */
  readonly clock: Instant;
  /** 42 random bits, for the block's ids. */
  readonly random: number;
}

/**
 * Opens a book. createdAt is the clock's time, or later where an account's last entry or the closed period lies later:
 * along an account's versions it always increases.
 */
export function openBook({ clock, random, ...state }: BookState): Book {
  let createdAt = clock;
  for (const { lastAt } of state.accounts.values()) if (lastAt >= createdAt) createdAt = lastAt + 1n;
  if (state.closedBefore !== null && state.closedBefore > createdAt) createdAt = state.closedBefore;
  const idAt = blockIds(createdAt, BigInt(random));
  return { ...state, createdAt, idAt, recordings: [], changedHolds: new Map() };
}

/** The name of an attempt in `Book.recorded`: keys are unique in their account. */
export function attemptKey(accountId: Uuid, idempotencyKey: string): string {
  return accountId + idempotencyKey;
}

/** A book on top of another, which stays as it is until `settle` carries it forward. */
export interface Draft {
  readonly book: Book;
  settle(): void;
}

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

/** A map that has what another one has, and its own entries before those. Only its own are listed. */
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
