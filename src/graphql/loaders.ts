import DataLoader from 'dataloader';
import type { Actor, Viewer } from '../core/access/viewer.ts';
import type { Account } from '../core/account.ts';
import type { RecordedEvent } from '../core/audit.ts';
import type { Hold } from '../core/hold.ts';
import type { Transaction } from '../core/transaction.ts';
import { formatEntryId, type Uuid } from '../core/values/ids.ts';
import type {
  ApiKey,
  EntryLine,
  EntryPlace,
  Ledger,
  LedgerState,
  Party,
  ReversalsPage,
} from '../ledger/ledger.ts';
import type { AnswerBudget } from './protection/answer-budget.ts';

/**
 * Loads the objects that the answer of one request links to. One SQL statement loads all objects of a kind on one level of the
 * answer. Objects that do not exist or that the viewer may not read load as null. Loaders are created on demand, because most
 * requests load nothing.
 */
export class Loaders {
  readonly #ledger: Ledger;
  readonly #viewer: Viewer;
  readonly #budget: AnswerBudget;
  #accounts: DataLoader<Uuid, Account | null> | undefined;
  #transactions: DataLoader<Uuid, Transaction | null> | undefined;
  #parties: DataLoader<Uuid, readonly Party[] | null> | undefined;
  #reversals: DataLoader<ReversalsPage, readonly Transaction[], string> | undefined;
  #entries: DataLoader<EntryPlace, EntryLine | null, string> | undefined;
  #holds: DataLoader<Uuid, Hold | null> | undefined;
  #apiKeys: DataLoader<Uuid, ApiKey | null> | undefined;
  #actors: DataLoader<Uuid, Actor | null> | undefined;
  #visibleActors: DataLoader<Uuid, Actor | null> | undefined;
  #auditEvents: DataLoader<bigint, RecordedEvent | null> | undefined;
  #ledgers: DataLoader<string, LedgerState | null> | undefined;

  constructor(ledger: Ledger, viewer: Viewer, budget: AnswerBudget) {
    this.#ledger = ledger;
    this.#viewer = viewer;
    this.#budget = budget;
  }

  get accounts(): DataLoader<Uuid, Account | null> {
    this.#accounts ??= createLoader((ids) => this.#ledger.findAccounts(ids), CHUNK.accounts, this.#budget);
    return this.#accounts;
  }

  get transactions(): DataLoader<Uuid, Transaction | null> {
    this.#transactions ??= createLoader(
      (ids) => this.#ledger.findTransactions(ids),
      CHUNK.transactions,
      this.#budget,
    );
    return this.#transactions;
  }

  /** Loads the parties of transactions, by the transaction's id. */
  get parties(): DataLoader<Uuid, readonly Party[] | null> {
    this.#parties ??= createLoader((ids) => this.#ledger.findParties(ids), CHUNK.transactions, this.#budget);
    return this.#parties;
  }

  /** Loads pages of the transactions that reverse a transaction. */
  get reversals(): DataLoader<ReversalsPage, readonly Transaction[], string> {
    this.#reversals ??= new DataLoader((pages) => this.#findReversals(pages), {
      cacheKeyFn: (page) => JSON.stringify(page),
      batchScheduleFn: (callback) => this.#budget.schedule(callback),
    });
    return this.#reversals;
  }

  /** Loads pages of equal size and direction with one statement. */
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
        const found = await this.#budget.read(await this.#ledger.findEntries(places));
        const named = new Map(found.map((entry) => [nameOf(entry), entry]));
        return places.map((place) => named.get(nameOf(place)) ?? null);
      },
      { cacheKeyFn: nameOf, batchScheduleFn: (callback) => this.#budget.schedule(callback) },
    );
    return this.#entries;
  }

  get holds(): DataLoader<Uuid, Hold | null> {
    this.#holds ??= createLoader((ids) => this.#ledger.findHolds(ids), CHUNK.holds, this.#budget);
    return this.#holds;
  }

  /** Loads API keys that the viewer may see. */
  get apiKeys(): DataLoader<Uuid, ApiKey | null> {
    const { engine, id } = this.#ledger;
    this.#apiKeys ??= createLoader(
      (ids) => engine.access.findKeys(this.#viewer, id, ids),
      CHUNK.apiKeys,
      this.#budget,
    );
    return this.#apiKeys;
  }

  /** Loads actors that a record names which the viewer may read. */
  get actors(): DataLoader<Uuid, Actor | null> {
    const { access } = this.#ledger.engine;
    this.#actors ??= createLoader((ids) => access.findActors(ids), CHUNK.actors, this.#budget);
    return this.#actors;
  }

  /** Loads actors that the viewer may look up. */
  get visibleActors(): DataLoader<Uuid, Actor | null> {
    const { engine, id } = this.#ledger;
    this.#visibleActors ??= createLoader(
      (ids) => engine.access.findVisibleActors(this.#viewer, id, ids),
      CHUNK.actors,
      this.#budget,
    );
    return this.#visibleActors;
  }

  /** Loads the events of the ledger's audit log that the viewer may see, by number. */
  get auditEvents(): DataLoader<bigint, RecordedEvent | null> {
    const { engine, id } = this.#ledger;
    this.#auditEvents ??= createLoader(
      (numbers) => engine.access.findAuditEvents(this.#viewer, id, numbers),
      CHUNK.auditEvents,
      this.#budget,
    );
    return this.#auditEvents;
  }

  /** Loads ledgers by name. */
  get ledgers(): DataLoader<string, LedgerState | null> {
    this.#ledgers ??= createLoader(
      async (names) => {
        const found = new Map<string, LedgerState>();
        for (const name of names) {
          const ledger = await this.#ledger.engine.ledger(name);
          if (ledger !== undefined) found.set(name, await ledger.state());
        }
        return found;
      },
      CHUNK.ledgers,
      this.#budget,
    );
    return this.#ledgers;
  }

  /** Empties the caches: later loads read the database again. */
  clear(): void {
    this.#accounts?.clearAll();
    this.#transactions?.clearAll();
    this.#parties?.clearAll();
    this.#reversals?.clearAll();
    this.#entries?.clearAll();
    this.#holds?.clearAll();
    this.#apiKeys?.clearAll();
    this.#actors?.clearAll();
    this.#visibleActors?.clearAll();
    this.#auditEvents?.clearAll();
    this.#ledgers?.clearAll();
  }
}

/** The maximum objects that one statement loads. A transaction has up to a hundred entries. */
const CHUNK = {
  accounts: 1000,
  transactions: 100,
  holds: 1000,
  apiKeys: 1000,
  actors: 1000,
  auditEvents: 1000,
  ledgers: 100,
};

function createLoader<Key extends Uuid | bigint, Row extends object>(
  find: (keys: readonly Key[]) => Promise<ReadonlyMap<Key, Row>>,
  chunkSize: number,
  budget: AnswerBudget,
): DataLoader<Key, Row | null> {
  return new DataLoader(
    async (keys) => {
      const rows: (Row | null)[] = [];
      for (let start = 0; start < keys.length; start += chunkSize) {
        const chunk = keys.slice(start, start + chunkSize);
        const found = await find(chunk);
        await budget.read([...found.values()]);
        rows.push(...chunk.map((key) => found.get(key) ?? null));
      }
      return rows;
    },
    { batchScheduleFn: (callback) => budget.schedule(callback) },
  );
}

function nameOf({ accountId, version }: EntryPlace): string {
  return formatEntryId(accountId, version);
}
