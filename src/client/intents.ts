import { IntentConflict, KeyStoreError } from './errors.ts';
import { MAIN } from './identity.ts';
import { meaningOf } from './meaning.ts';
import { within } from './retry.ts';
import type { KeyStore } from './stores.ts';
import type { MaybePromise } from './transport.ts';

/** One attempt at one operation, which an intent is kept for. */
export interface Attempt {
  /** The URL of the service, without its query. */
  readonly service: string;
  readonly operation: string;
  readonly key: string;
  readonly input: unknown;
}

const PREFIX = 'transactional-ledger';
/** How often other processes may forget the intent while this one tries to keep it. */
const MAX_TRIES = 100;

/**
 * Stores the key of an attempt before the attempt is made, so that a later call with the same intent repeats it.
 *
 * Each ledger has intents of its own. Each owner that a credential is restricted to has its own too, because the service keeps their
 * keys apart: the same key of another owner could pay twice, or be refused for an attempt that is done. The intents of a ledger
 * belong to one service: if the same intent is used with another URL, that may be the same service under a new name, so that another
 * key could pay twice. It is therefore a conflict.
 */
export class Intents {
  readonly #store: KeyStore;
  readonly #service: string;
  readonly #prefix: string;

  constructor(store: KeyStore, endpoint: string, ledger: string = MAIN, owner: string | null = null) {
    this.#store = store;
    const { origin, pathname } = new URL(endpoint);
    this.#service = origin + pathname;
    // No name begins like the name of an intent of another ledger or owner: neither part contains "@", "#" or ":".
    const ofLedger = ledger === MAIN ? '' : `@${ledger}`;
    const ofOwner = owner === null ? '' : `#${encodeURIComponent(owner)}`;
    this.#prefix = `${PREFIX}${ofLedger}${ofOwner}:`;
  }

  /**
   * Stores the attempt unless the intent has one. Returns the key of the stored attempt. Throws IntentConflict if that is for another
   * input or service, and KeyStoreError if the store fails or has not answered when the signal aborts.
   */
  async keep(intent: string, made: Omit<Attempt, 'service'>, signal: AbortSignal): Promise<string> {
    const name = this.#prefix + intent;
    const attempt = { service: this.#service, ...made };
    const record = JSON.stringify(attempt);
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const found = await ask(intent, signal, () => this.#store.getItem(name));
      if (typeof found === 'string') {
        const kept = read(found);
        if (kept === undefined || !isSame(kept, attempt)) throw new IntentConflict(intent, found);
        return kept.key;
      }
      // Of several concurrent callers the store accepts one. The others read its attempt in the next try.
      const isAdded = await ask(intent, signal, () => this.#store.addItem(name, record));
      if (isAdded === true) return attempt.key;
    }
    throw new Error(
      `The keyStore neither stores nor returns the intent ${JSON.stringify(intent)}: addItem must return true if it stored the text, ` +
        'and otherwise getItem must return the text that exists.',
    );
  }

  /** Removes the intent. With a key, removes it only if it has the attempt with this key. Throws KeyStoreError as `keep`. */
  async forget(intent: string, signal: AbortSignal, key?: string): Promise<void> {
    const name = this.#prefix + intent;
    const found = await ask(intent, signal, () => this.#store.getItem(name));
    if (typeof found !== 'string' || (key !== undefined && read(found)?.key !== key)) return;
    await ask(intent, signal, () => this.#store.removeItem(name, found));
  }
}

/** Runs a step of the store. A browser may never answer: another tab can block its database. */
async function ask<T>(intent: string, signal: AbortSignal, step: () => MaybePromise<T>): Promise<T> {
  try {
    return await within(signal, (async () => step())());
  } catch (error) {
    throw new KeyStoreError(intent, signal.aborted ? 'It did not answer in time.' : error);
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
  if (one.service !== other.service) return false;
  return meaningOf(one.operation, one.input) === meaningOf(other.operation, other.input);
}
