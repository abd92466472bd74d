import { LRUCache } from 'lru-cache';
import { actorId } from '../../core/access/actor.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { insertTokenActor } from '../../db/access/actors.ts';
import type { Database } from '../../db/postgres/database.ts';
import { retryRead } from '../reads.ts';

const MAX_CACHED = 10_000;

/** Records the actors of tokens. An actor that is recorded never changes. */
export class TokenActors {
  readonly #db: Database;
  readonly #recorded = new LRUCache<Uuid, true>({ max: MAX_CACHED });
  /** The writes in flight, which concurrent requests share. */
  readonly #writes = new Map<Uuid, Promise<void>>();

  constructor(db: Database) {
    this.#db = db;
  }

  /** See `Access.recordTokenActor`. */
  async record(issuer: string, subject: string): Promise<void> {
    const id = actorId('TOKEN', issuer, subject);
    if (this.#recorded.get(id) === true) return;
    let writing = this.#writes.get(id);
    if (writing === undefined) {
      // A repetition changes nothing, so the write is retried like a read.
      writing = retryRead(() => insertTokenActor(this.#db, id, issuer, subject))
        .then(() => {
          this.#recorded.set(id, true);
        })
        .finally(() => this.#writes.delete(id));
      this.#writes.set(id, writing);
    }
    return writing;
  }
}
