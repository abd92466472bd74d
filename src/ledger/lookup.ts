import DataLoader from 'dataloader';
import type { LRUCache } from 'lru-cache';
import type { Name } from '../core/decide/command.ts';

/** Finds values of a ledger by key, many in one query, and caches them. */
export class Lookup<Key extends string, Value extends {}> {
  readonly #scope: string;
  readonly #cache: LRUCache<string, Value>;
  readonly #loader: DataLoader<Key, Value | undefined>;

  /** `scope`: distinguishes the keys in a cache that is shared, such as the id of the ledger. */
  constructor(
    scope: string,
    cache: LRUCache<string, Value>,
    find: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Value>>,
  ) {
    this.#scope = scope;
    this.#cache = cache;
    this.#loader = new DataLoader(
      async (keys) => {
        const found = await find(keys);
        for (const [key, value] of found) cache.set(scope + key, value);
        return keys.map((key) => found.get(key));
      },
      { cache: false },
    );
  }

  /** Whether the name must be looked up. */
  lacks(this: Lookup<string, Value>, name: Name): boolean {
    return name.by === 'externalId' && this.known(name.externalId) === undefined;
  }

  /** Returns a cached value. */
  known(key: Key): Value | undefined {
    return this.#cache.get(this.#scope + key);
  }

  async find(key: Key): Promise<Value | undefined> {
    return this.known(key) ?? this.#loader.load(key);
  }
}
