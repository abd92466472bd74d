/** Stores of intents. Of several attempts that are added under one name at once, a store keeps one. It removes only the attempt it is given. */
import type { MaybePromise } from './transport.ts';

/**
 * Where intents are kept: texts by name, over a crash if they are to outlive it. Whoever shares a store shares its intents: of those
 * who add under one name at once exactly one must succeed, so that the payment is made once. A table does that by its primary key.
 */
export interface KeyStore {
  /** The text that is kept under the name; null or undefined where none is. */
  getItem(name: string): MaybePromise<string | null | undefined>;
  /** Keeps the text where the name has none, in one step, and answers true; answers false where it has one, and changes nothing. */
  addItem(name: string, value: string): MaybePromise<boolean>;
  /** Removes the text, in one step, where it is still this one; else changes nothing. */
  removeItem(name: string, value: string): MaybePromise<unknown>;
}

/** localStorage or sessionStorage. */
export interface WebStorage {
  getItem(name: string): string | null;
  setItem(name: string, value: string): void;
  removeItem(name: string): void;
}

/**
 * A store in the page's IndexedDB: for all tabs and workers of its origin, also on pages that are not secure. Each step is one
 * transaction, so that of two tabs one is first.
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

/** One transaction, of which the answer is the request's result or what is given to `answer`. It is on disk when this resolves. */
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

/** Web Locks, as far as they are used here. */
interface Locks {
  request<T>(name: string, run: () => Promise<T>): Promise<T>;
}

/**
 * The store as it is, or one that makes of the page's storage what it cannot do alone. Throws TypeError where nothing keeps two of
 * its users apart.
 */
export function storeOf(given: KeyStore | WebStorage): KeyStore {
  if ('addItem' in given && typeof given.addItem === 'function') return given;
  if (!isWebStorage(given)) {
    throw new TypeError(
      'The keyStore must have getItem, addItem and removeItem. addItem keeps a text only where its name has none, in one step, and ' +
        'answers whether it did: see KeyStore. In a browser take localStorage or indexedDBStore().',
    );
  }
  const { navigator, indexedDB } = globalThis as {
    readonly navigator?: { readonly locks?: Locks };
    readonly indexedDB?: unknown;
  };
  if (navigator?.locks !== undefined) return lockedStore(given, navigator.locks);
  if (indexedDB !== undefined && given === globalThis.localStorage) return indexedDBStore();
  throw new TypeError(
    'Storage alone keeps no two tabs apart, and there are no Web Locks here. Take indexedDBStore() as the keyStore, or another ' +
      'store whose addItem keeps a text only where its name has none.',
  );
}

/** One step after the other, in all tabs of the browser. */
function lockedStore(storage: WebStorage, locks: Locks): KeyStore {
  return {
    // Some stand-ins for storage answer by promises.
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
