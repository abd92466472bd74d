/** Stores of intents. A store keeps one of several values that are added under one name at once, and removes only a given value. */
import type { MaybePromise } from './transport.ts';

/**
 * Keeps texts by name. Programs that share a store share its intents. If several add a text under one name at once, exactly one must
 * succeed, so that the payment is made once: the primary key of a table guarantees this. Intents outlive a crash only if the texts do.
 */
export interface KeyStore {
  /** Returns the text with the name; null or undefined if there is none. */
  getItem(name: string): MaybePromise<string | null | undefined>;
  /** Adds the text and returns true if the name has none; else changes nothing and returns false. Must be atomic. */
  addItem(name: string, value: string): MaybePromise<boolean>;
  /** Removes the text if the name still has this one; else changes nothing. Must be atomic. */
  removeItem(name: string, value: string): MaybePromise<unknown>;
}

/** localStorage or sessionStorage. */
export interface WebStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

/**
 * Returns a store in IndexedDB, for all tabs and workers of the page's origin. It works on pages that are not secure too. Each step
 * is one transaction, so that tabs cannot interleave.
 */
export function indexedDBStore(database = 'transactional-ledger'): KeyStore {
  return {
    getItem: (name) => inDatabase(database, 'readonly', (items) => items.get(name)),
    addItem: (name, value) =>
      inDatabase<boolean>(database, 'readwrite', (items, answer) => {
        const found = items.getKey(name);
        found.onsuccess = () => {
          answer(found.result === undefined);
          if (found.result === undefined) items.add(value, name);
        };
      }),
    removeItem: (name, value) =>
      inDatabase<void>(database, 'readwrite', (items) => {
        const found = items.get(name);
        found.onsuccess = () => {
          if (found.result === value) items.delete(name);
        };
      }),
  };
}

const ITEMS = 'intents';

/** Runs one transaction. Resolves, once it is on disk, to the request's result or to the value that `answer` received. */
async function inDatabase<T>(
  name: string,
  mode: IDBTransactionMode,
  run: (items: IDBObjectStore, answer: (value: T) => void) => IDBRequest<T> | undefined,
): Promise<T> {
  const opening = indexedDB.open(name, 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(ITEMS);
  const database = await resultOf(opening);
  try {
    return await new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(ITEMS, mode, { durability: 'strict' });
      let answer: T;
      const request = run(transaction.objectStore(ITEMS), (value) => {
        answer = value;
      });
      transaction.oncomplete = () => resolve(request === undefined ? answer : request.result);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    database.close();
  }
}

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** The part of Web Locks that is used here. */
interface Locks {
  request<T>(name: string, run: () => Promise<T>): Promise<T>;
}

/**
 * Returns the store itself, or one that makes the steps of the page's storage atomic. Throws TypeError if nothing can make them
 * atomic.
 */
export function storeOf(given: KeyStore | WebStorage): KeyStore {
  if ('addItem' in given && typeof given.addItem === 'function') return given;
  if (!isWebStorage(given)) {
    throw new TypeError(
      'The keyStore must have getItem, addItem and removeItem. addItem must add a text only if its name has none, in one atomic ' +
        'step, and return whether it did: see KeyStore. In a browser, use localStorage or indexedDBStore().',
    );
  }
  const { navigator, indexedDB } = globalThis as {
    readonly navigator?: { readonly locks?: Locks };
    readonly indexedDB?: unknown;
  };
  if (navigator?.locks !== undefined) return lockedStore(given, navigator.locks);
  if (indexedDB !== undefined && given === globalThis.localStorage) return indexedDBStore();
  throw new TypeError(
    'This storage cannot be shared by two tabs, because there are no Web Locks. Use indexedDBStore() as the keyStore, or another ' +
      'store whose addItem adds a text only if its name has none.',
  );
}

/** Runs one step at a time in all tabs of the browser. */
function lockedStore(storage: WebStorage, locks: Locks): KeyStore {
  return {
    // Some replacements of Storage return promises.
    getItem: (name) => storage.getItem(name),
    addItem: (name, value) =>
      locks.request(name, async () => {
        if ((await storage.getItem(name)) !== null) return false;
        await storage.setItem(name, value);
        return true;
      }),
    removeItem: (name, value) =>
      locks.request(name, async () => {
        if ((await storage.getItem(name)) === value) await storage.removeItem(name);
      }),
  };
}

function isWebStorage(given: object): given is WebStorage {
  return typeof Storage === 'function' && given instanceof Storage;
}
