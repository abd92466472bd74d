import { IntentConflict } from './errors.ts';
import { meaningOf } from './meaning.ts';
import type { KeyStore } from './stores.ts';

/** What an intent stands for: one attempt at one operation. */
export interface Attempt {
  readonly operation: string;
  readonly key: string;
  readonly input: unknown;
}

const PREFIX = 'transactional-ledger:';
/** How often an intent may be forgotten by others between two looks at it. */
const MAX_LOOKS = 100;

/**
 * Remembers the key of an attempt before it is made, so that whoever comes back with the same intent, after a reload or a
 * crash too, makes the same attempt again and no second one.
 */
export class Intents {
  readonly #store: KeyStore;

  constructor(store: KeyStore) {
    this.#store = store;
  }

  /** Keeps the attempt, unless the intent has one already. Answers its key. Throws IntentConflict where it is another one. */
  async keep(intent: string, attempt: Attempt): Promise<string> {
    const name = PREFIX + intent;
    const record = JSON.stringify(attempt);
    for (let looks = 0; looks < MAX_LOOKS; looks += 1) {
      const found = await this.#store.getItem(name);
      if (typeof found === 'string') {
        const kept = read(found);
        if (kept === undefined || !isSame(kept, attempt)) throw new IntentConflict(intent, found);
        return kept.key;
      }
      // Of several who find nothing, the store takes one; the others find its attempt.
      if ((await this.#store.addItem(name, record)) === true) return attempt.key;
    }
    throw new Error(
      `The keyStore neither keeps nor shows the intent ${JSON.stringify(intent)}: addItem must resolve to true where it kept the ` +
        'text, and getItem must show what addItem found.',
    );
  }

  /** Forgets the intent, or does nothing where a key is given and it stands for another attempt by now. */
  async forget(intent: string, key?: string): Promise<void> {
    const name = PREFIX + intent;
    const found = await this.#store.getItem(name);
    if (typeof found !== 'string' || (key !== undefined && read(found)?.key !== key)) return;
    await this.#store.removeItem(name, found);
  }
}

function read(text: string): Attempt | undefined {
  try {
    const kept = JSON.parse(text) as Partial<Attempt> | null;
    return typeof kept?.key === 'string' && typeof kept.operation === 'string'
      ? (kept as Attempt)
      : undefined;
  } catch {
    return undefined;
  }
}

function isSame(one: Attempt, other: Attempt): boolean {
  return meaningOf(one.operation, one.input) === meaningOf(other.operation, other.input);
}
