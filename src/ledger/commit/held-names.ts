import { setTimeout as sleep } from 'node:timers/promises';
import type { Uuid } from '../../core/values/ids.ts';

/** Units that wait for one name at most. */
const MAX_WAITING = 1000;
/** How often it is looked whether accounts are locked still. */
const LOOK_EVERY_MS = 100;
const INFORMED_FOR_MS = 1000;

interface Held {
  /** Batches of this process that keep it to themselves. */
  batches: number;
  isLocked: boolean;
  /** Units that wait for it. */
  waiting: number;
  /** It was given back; who holds the name after that is another matter. */
  isFree: boolean;
}

/** Somebody's wait for names. */
export interface Wait {
  /** One of the names was given back. */
  readonly isOver: boolean;
  end(): void;
}

/**
 * What no batch can have for now, so that it waits aside and nobody else waits with it: accounts that a large batch moves,
 * externalIds that a batch is about to take, and accounts that some other session keeps locked in the database.
 */
export class HeldNames {
  readonly #findLocked: (accounts: readonly Uuid[]) => Promise<ReadonlySet<Uuid>>;
  readonly #held = new Map<string, Held>();
  readonly #listeners: (() => void)[] = [];
  #isWatching = false;
  #lookedAt = Number.NEGATIVE_INFINITY;

  /** `findLocked` answers which of these accounts other sessions have locked. */
  constructor(findLocked: (accounts: readonly Uuid[]) => Promise<ReadonlySet<Uuid>>) {
    this.#findLocked = findLocked;
  }

  /** Has a listener told whenever a name may be free again. */
  onRelease(listener: () => void): void {
    this.#listeners.push(listener);
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** Whether the database has just answered which accounts are locked. */
  get isInformed(): boolean {
    return performance.now() - this.#lookedAt < INFORMED_FOR_MS;
  }

  has(name: string): boolean {
    return this.#held.has(name);
  }

  /** Keeps names for a batch; it must give them back by `release`. */
  hold(names: Iterable<string>): void {
    for (const name of names) this.#of(name).batches += 1;
  }

  release(names: Iterable<string>): void {
    this.#change(names, (held) => {
      held.batches -= 1;
    });
  }

  /** Begins to wait for those of the names that are held. Undefined: too many wait for one of them. */
  wait(names: Iterable<string>): Wait | undefined {
    const held = [...new Set(names)].flatMap((name) => this.#held.get(name) ?? []);
    if (held.some(({ waiting }) => waiting >= MAX_WAITING)) return undefined;
    for (const each of held) each.waiting += 1;
    return {
      get isOver() {
        return held.some(({ isFree }) => isFree);
      },
      end() {
        for (const each of held) each.waiting -= 1;
      },
    };
  }

  /** Looks which of these accounts are locked by others, and holds them until they are not. Answers whether any is. */
  async lookForLocked(accounts: readonly Uuid[]): Promise<boolean> {
    const locked = await this.#look(accounts);
    for (const account of locked) this.#of(account).isLocked = true;
    if (locked.size > 0) void this.#watch();
    return locked.size > 0;
  }

  async #look(accounts: readonly Uuid[]): Promise<ReadonlySet<Uuid>> {
    const locked = await this.#findLocked(accounts);
    this.#lookedAt = performance.now();
    return locked;
  }

  #of(name: string): Held {
    const known = this.#held.get(name);
    if (known !== undefined) return known;
    const held = { batches: 0, isLocked: false, waiting: 0, isFree: false };
    this.#held.set(name, held);
    return held;
  }

  #change(names: Iterable<string>, change: (held: Held) => void): void {
    let isFree = false;
    for (const name of names) {
      const held = this.#held.get(name);
      if (held === undefined) continue;
      change(held);
      if (held.batches > 0 || held.isLocked) continue;
      this.#held.delete(name);
      held.isFree = true;
      isFree = true;
    }
    if (isFree) for (const listener of this.#listeners) listener();
  }

  /** Looks again and again, while somebody waits. Who comes later finds out anew. */
  async #watch(): Promise<void> {
    if (this.#isWatching) return;
    this.#isWatching = true;
    for (;;) {
      await sleep(LOOK_EVERY_MS);
      const locked = [...this.#held].flatMap(([name, { isLocked }]) => (isLocked ? name : []));
      if (locked.length === 0) break;
      const waitedFor = locked.filter((name) => (this.#held.get(name)?.waiting ?? 0) > 0);
      // A database that does not answer says nothing of locks.
      const still = await this.#look(waitedFor).catch(() => new Set(waitedFor));
      this.#change(
        locked.filter((name) => !still.has(name)),
        (held) => {
          held.isLocked = false;
        },
      );
    }
    this.#isWatching = false;
  }
}
