import { LRUCache } from 'lru-cache';
import { MAIN } from '../core/create-ledger.ts';
import type { Uuid } from '../core/values/ids.ts';
import { type ExpiredHold, findExpiredHolds } from '../db/holds.ts';
import { identifyLedger, type LedgerRow } from '../db/ledgers.ts';
import { Access } from './access/access.ts';
import type { BatchObservation } from './commit/group-commit.ts';
import { type EngineParts, Ledger, type LedgerEngine, type LedgerOptions } from './ledger.ts';
import { NameCache } from './names.ts';
import { SLICE } from './operations.ts';
import { Pools } from './pools.ts';
import { type LedgerLoad, Posting } from './posting.ts';
import { retryRead } from './reads.ts';

export { MAIN };

/** The number of lanes. */
const LANES = 2;
/** Ledgers are light: their caches, queues and connections belong to the engine. */
const MAX_LEDGERS = 10_000;
/** A name without a ledger is read again after so long. */
const MISSING_MS = 1000;
const MAX_MISSING = 10_000;

/** The ledgers of one database. They share its connections, lanes, queues and caches, which do not grow with their number. */
export class Engine implements LedgerEngine {
  readonly access: Access;
  readonly #parts: EngineParts;
  readonly #ledgers = new LRUCache<Uuid, Ledger>({ max: MAX_LEDGERS });
  readonly #idByName = new LRUCache<string, Uuid>({ max: MAX_LEDGERS });
  readonly #missing = new LRUCache<string, true>({ max: MAX_MISSING, ttl: MISSING_MS });
  /** Ledgers that are being read, by name or id. */
  readonly #reading = new Map<string, Promise<Ledger | undefined>>();

  private constructor(parts: EngineParts) {
    this.#parts = parts;
    this.access = new Access({ db: parts.pools.reads, onFault: parts.onFault });
  }

  /** Connects to a migrated database. Rejects if the database does not answer. */
  static async open(options: LedgerOptions): Promise<Engine> {
    const { databaseUrl, lanes = LANES, readConnections = 8, onFault = () => {} } = options;
    const { allowUnsafeDurability = false, onUnreachable = () => {}, onAnswered = () => {} } = options;
    const { maxBatch = 1000, maxQueue = 20_000, optimistic = true } = options;
    const events = { onUnfit: onFault, onUnreachable, onAnswered };
    const pools = new Pools({ databaseUrl, lanes, readConnections, allowUnsafeDurability, ...events });
    const posting = new Posting(pools, {
      lanes,
      lanesPerLedger: lanes,
      maxBatch,
      maxQueue,
      optimistic,
      onFault,
    });
    const engine = new Engine({ pools, posting, names: new NameCache(), onFault });
    try {
      const main = await identifyLedger(pools.reads, { name: MAIN });
      if (main === undefined) throw new Error('This database has no ledger.');
      engine.#add(main);
      return engine;
    } catch (error) {
      await pools.close();
      throw error;
    }
  }

  /** Opens an engine for its ledger `main`. Closing the ledger closes the engine. */
  static async openMain(options: LedgerOptions): Promise<Ledger> {
    const engine = await Engine.open(options);
    return engine.main();
  }

  async main(): Promise<Ledger> {
    const ledger = await this.ledger(MAIN);
    if (ledger === undefined) throw new TypeError('a ledger is never removed');
    return ledger;
  }

  /**
   * Returns the ledger of a name; undefined if there is none, or if there was none within the last second. Rejects with
   * `UnavailableError` if the database does not answer.
   */
  async ledger(name: string): Promise<Ledger | undefined> {
    const id = this.#idByName.get(name);
    if (id !== undefined) return this.ledgerById(id);
    if (this.#missing.has(name)) return undefined;
    return this.#read(name, { name });
  }

  /** Returns the ledger of an id, like `ledger`. */
  async ledgerById(id: Uuid): Promise<Ledger | undefined> {
    const known = this.#ledgers.get(id);
    if (known !== undefined) return known;
    if (this.#missing.has(id)) return undefined;
    return this.#read(id, { id });
  }

  /** Reads a ledger. Concurrent calls share one read. */
  #read(key: string, by: Parameters<typeof identifyLedger>[1]): Promise<Ledger | undefined> {
    const pending = this.#reading.get(key);
    if (pending !== undefined) return pending;
    const reading = retryRead(() => identifyLedger(this.#parts.pools.reads, by))
      .then((row) => {
        if (row !== undefined) return this.#add(row);
        this.#missing.set(key, true);
        return undefined;
      })
      .finally(() => this.#reading.delete(key));
    this.#reading.set(key, reading);
    return reading;
  }

  #add(row: Pick<LedgerRow, 'id' | 'name'>): Ledger {
    const known = this.#ledgers.get(row.id);
    this.#idByName.set(row.name, row.id);
    if (known !== undefined) return known;
    const ledger = new Ledger(row, this, this.#parts);
    this.#ledgers.set(row.id, ledger);
    return ledger;
  }

  get load(): LedgerLoad {
    return this.#parts.posting.load;
  }

  /** Calls the observer after each further batch of any ledger. It must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void {
    this.#parts.posting.observe(observer);
  }

  /** See `Ledger.findSchemaProblem`. */
  findSchemaProblem(): Promise<string | null> {
    return this.#parts.pools.findSchemaProblem();
  }

  /** Finds some hundred expired holds of all ledgers except some, the earliest first. Rejects with `UnavailableError`. */
  findExpiredHolds(except: readonly Uuid[]): Promise<ExpiredHold[]> {
    return retryRead(() => findExpiredHolds(this.#parts.pools.reads, except, SLICE));
  }

  /** Rejects further commands, answers those that were accepted, and closes the connections. */
  async close(): Promise<void> {
    await this.#parts.posting.drain();
    await this.#parts.pools.close();
  }
}
