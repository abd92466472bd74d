import DataLoader from 'dataloader';
import type { Account } from '../core/account.ts';
import type { Hold } from '../core/hold.ts';
import { formatEntryId, type Uuid } from '../core/ids.ts';
import type { Transaction } from '../core/transaction.ts';
import type { EntryLine, EntryPlace, Ledger, ReversalsPage } from '../ledger/ledger.ts';

/**
 * What one request reads of the ledger: all rows of a kind that a level of the answer links to by one query. Absent rows load as
 * null. Most requests read nothing beside their outcome, so that each loader is made when it is asked for.
 */
export class Loaders {
  readonly #ledger: Ledger;
  #accounts: DataLoader<Uuid, Account | null> | undefined;
  #transactions: DataLoader<Uuid, Transaction | null> | undefined;
  #reversals: DataLoader<ReversalsPage, readonly Transaction[], string> | undefined;
  #entries: DataLoader<EntryPlace, EntryLine | null, string> | undefined;
  #holds: DataLoader<Uuid, Hold | null> | undefined;

  constructor(ledger: Ledger) {
    this.#ledger = ledger;
  }

  get accounts(): DataLoader<Uuid, Account | null> {
    this.#accounts ??= createLoader((ids) => this.#ledger.findAccounts(ids), null);
    return this.#accounts;
  }

  get transactions(): DataLoader<Uuid, Transaction | null> {
    this.#transactions ??= createLoader((ids) => this.#ledger.findTransactions(ids), null);
    return this.#transactions;
  }

  /** The transactions that reverse one, by pages. */
  get reversals(): DataLoader<ReversalsPage, readonly Transaction[], string> {
    this.#reversals ??= new DataLoader((pages) => this.#findReversals(pages), {
      cacheKeyFn: (page) => JSON.stringify(page),
    });
    return this.#reversals;
  }

  /** Pages of one size and direction are read together. */
  async #findReversals(pages: readonly ReversalsPage[]): Promise<(readonly Transaction[])[]> {
    const found = new Map<ReversalsPage, readonly Transaction[]>();
    const alike = Map.groupBy(pages, ({ range: { limit, inverted } }) => `${limit} ${inverted}`);
    for (const group of alike.values()) {
      const [first] = group;
      if (first === undefined) continue;
      const rows = await this.#ledger.findReversals(group, first.range);
      for (const [place, page] of group.entries()) found.set(page, rows[place] ?? []);
    }
    return pages.map((page) => found.get(page) ?? []);
  }

  get entries(): DataLoader<EntryPlace, EntryLine | null, string> {
    this.#entries ??= new DataLoader(
      async (places) => {
        const found = await this.#ledger.findEntries(places);
        const named = new Map(found.map((entry) => [nameOf(entry), entry]));
        return places.map((place) => named.get(nameOf(place)) ?? null);
      },
      { cacheKeyFn: nameOf },
    );
    return this.#entries;
  }

  get holds(): DataLoader<Uuid, Hold | null> {
    this.#holds ??= createLoader((ids) => this.#ledger.findHolds(ids), null);
    return this.#holds;
  }

  /** What is asked for from now on is read anew. */
  clear(): void {
    this.#accounts?.clearAll();
    this.#transactions?.clearAll();
    this.#reversals?.clearAll();
    this.#entries?.clearAll();
    this.#holds?.clearAll();
  }
}

function createLoader<Row, Absent>(
  find: (ids: readonly Uuid[]) => Promise<ReadonlyMap<Uuid, Row>>,
  absent: Absent,
): DataLoader<Uuid, Row | Absent> {
  return new DataLoader(async (ids) => {
    const found = await find(ids);
    return ids.map((id) => found.get(id) ?? absent);
  });
}

function nameOf({ accountId, version }: EntryPlace): string {
  return formatEntryId(accountId, version);
}
