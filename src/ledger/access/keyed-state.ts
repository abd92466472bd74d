import { wasKeyEverCreated } from '../../db/access/api-keys.ts';
import type { Database } from '../../db/postgres/database.ts';
import { retryRead } from '../reads.ts';

const READ_AFTER_MS = 1000;

/** Whether an API key was ever created. Once it is true, it stays true. */
export class KeyedState {
  readonly #db: Database;
  #isKeyed = false;
  /** The start of the last read that succeeded. */
  #readAt = -Infinity;
  #reading: Promise<boolean> | undefined;

  constructor(db: Database) {
    this.#db = db;
  }

  /** See `Access.isKeyed`. */
  async isKeyed(): Promise<boolean> {
    if (this.#isKeyed) return true;
    if (performance.now() - this.#readAt < READ_AFTER_MS) return false;
    this.#reading ??= this.#read().finally(() => {
      this.#reading = undefined;
    });
    return this.#reading;
  }

  /** Call after a key was created in this process. */
  setKeyed(): void {
    this.#isKeyed = true;
  }

  async #read(): Promise<boolean> {
    let startedAt = 0;
    const isKeyed = await retryRead(() => {
      startedAt = performance.now();
      return wasKeyEverCreated(this.#db);
    });
    // After a failed read the answer is unknown: `false` would admit anybody.
    this.#readAt = startedAt;
    this.#isKeyed ||= isKeyed;
    return this.#isKeyed;
  }
}
