import { IntentConflict } from './errors.ts';
import type { MaybePromise } from './transport.ts';

/**
 * Where intents are kept: localStorage, or anything else that remembers texts by name, over a crash if they are to outlive it.
 * Where several processes share it, `setItem` should throw if the name is there already, so that of two that name an intent in the
 * same moment only one begins.
 */
export interface KeyStore {
  getItem(name: string): MaybePromise<string | null | undefined>;
  setItem(name: string, value: string): MaybePromise<unknown>;
  removeItem(name: string): MaybePromise<unknown>;
}

/** What an intent stands for: one attempt at one operation. */
export interface Attempt {
  readonly operation: string;
  readonly key: string;
  readonly input: unknown;
}

/** Web Locks, as far as they are used here. */
interface Locks {
  request<T>(name: string, run: () => Promise<T>): Promise<T>;
}

const PREFIX = 'transactional-ledger:';

/**
 * Remembers the key of an attempt before it is made, so that whoever comes back with the same intent, after a reload or a
 * crash too, makes the same attempt again and no second one.
 */
export class Intents {
  readonly #store: KeyStore;
  readonly #busy = new Map<string, Promise<unknown>>();

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** Keeps the attempt, unless the intent has one already. Answers its key. Throws IntentConflict where it is another one. */
  keep(intent: string, attempt: Attempt): Promise<string> {
    return this.#alone(intent, async () => {
      const found = await this.#store.getItem(PREFIX + intent);
      if (found !== null && found !== undefined) {
        const kept = read(found);
        if (kept === undefined || meaningOf(kept) !== meaningOf(attempt))
          throw new IntentConflict(intent, found);
        return kept.key;
      }
      await this.#store.setItem(PREFIX + intent, JSON.stringify(attempt));
      return attempt.key;
    });
  }

  /** Forgets the intent, or does nothing where a key is given and it stands for another attempt by now. */
  forget(intent: string, key?: string): Promise<void> {
    return this.#alone(intent, async () => {
      if (key !== undefined) {
        const found = await this.#store.getItem(PREFIX + intent);
        if (found === null || found === undefined || read(found)?.key !== key) return;
      }
      await this.#store.removeItem(PREFIX + intent);
    });
  }

  /** One at a time, in this client, and in all tabs of a browser that has Web Locks. */
  #alone<T>(intent: string, run: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(intent) ?? Promise.resolve();
    const { navigator } = globalThis as { readonly navigator?: { readonly locks?: Locks } };
    const locks = navigator?.locks;
    const turn = before
      .catch(() => {})
      .then(() => (locks === undefined ? run() : locks.request(PREFIX + intent, run)));
    this.#busy.set(intent, turn);
    const done = () => {
      if (this.#busy.get(intent) === turn) this.#busy.delete(intent);
    };
    turn.then(done, done);
    return turn;
  }
}

function read(text: string): Attempt | undefined {
  try {
    const kept = JSON.parse(text) as Partial<Attempt> | null;
    return typeof kept?.key === 'string' ? (kept as Attempt) : undefined;
  } catch {
    return undefined;
  }
}

/** The operation and its input, whatever the order of its fields. */
function meaningOf({ operation, input }: Attempt): string {
  return JSON.stringify([operation, input], (_, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}
