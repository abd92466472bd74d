import type { LRUCache } from 'lru-cache';
import type { Name } from '../../core/decide/command.ts';
import { EXTERNAL_ID_MARK, type Uuid } from '../../core/values/ids.ts';
import { findOwnAccounts } from '../../db/access/own-accounts.ts';
import type { Database } from '../../db/postgres/database.ts';
import { Lookup } from '../lookup.ts';

export interface OwnAccountsContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly cache: LRUCache<string, Uuid>;
  readonly owner: string;
}

/**
 * The accounts of an owner in a ledger. Only these are cached: an account of another owner is looked up each time, as one that does
 * not exist, so that the time of an answer does not tell them apart. An account never changes its owner.
 */
export class OwnAccounts {
  /** The ids of accounts by their ids and by their `ext:` names. */
  readonly #lookup: Lookup<string, Uuid>;

  constructor({ db, ledgerId, cache, owner }: OwnAccountsContext) {
    // Neither text contains NUL.
    this.#lookup = new Lookup(`${ledgerId}${owner}\0`, cache, async (keys) => {
      const ids = keys.filter((key) => !key.startsWith(EXTERNAL_ID_MARK));
      const externalIds = keys
        .filter((key) => key.startsWith(EXTERNAL_ID_MARK))
        .map((key) => key.slice(EXTERNAL_ID_MARK.length));
      const found = await findOwnAccounts(db, ledgerId, owner, { ids, externalIds });
      return new Map(found.map(({ by, name, id }) => [by === 'id' ? name : EXTERNAL_ID_MARK + name, id]));
    });
  }

  /** Returns the id of an account of the owner. */
  async find(name: Name): Promise<Uuid | undefined> {
    switch (name.by) {
      case 'id':
        return this.#lookup.find(name.id);
      case 'externalId':
        return this.#lookup.find(EXTERNAL_ID_MARK + name.externalId);
      case 'nothing':
        return undefined;
    }
  }

  /** Returns those of the accounts that are the owner's. */
  async among(ids: readonly Uuid[]): Promise<ReadonlySet<Uuid>> {
    const own = await Promise.all([...new Set(ids)].map((id) => this.#lookup.find(id)));
    return new Set(own.filter((id) => id !== undefined));
  }
}
