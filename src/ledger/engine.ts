import { MAIN } from '../core/create-ledger.ts';
import { findLedger } from '../db/ledgers.ts';
import { Access } from './access/access.ts';
import { LANES, Ledger, type LedgerEngine, type LedgerOptions } from './ledger.ts';
import { Pools } from './pools.ts';

export { MAIN };

/** The ledgers of one database, which share its connections. */
export class Engine implements LedgerEngine {
  readonly access: Access;
  readonly #pools: Pools;
  readonly #options: LedgerOptions;
  readonly #ledgers = new Map<string, Promise<Ledger | undefined>>();

  private constructor(pools: Pools, options: LedgerOptions) {
    this.#pools = pools;
    this.#options = options;
    this.access = new Access({ db: pools.reads, onFault: options.onFault ?? (() => {}) });
  }

  /** Connects to a migrated database. Rejects if the database does not answer. */
  static async open(options: LedgerOptions): Promise<Engine> {
    const { databaseUrl, lanes = LANES, readConnections = 8, onFault = () => {} } = options;
    const { allowUnsafeDurability = false, onUnreachable = () => {}, onAnswered = () => {} } = options;
    const events = { onUnfit: onFault, onUnreachable, onAnswered };
    const pools = new Pools({ databaseUrl, lanes, readConnections, allowUnsafeDurability, ...events });
    const engine = new Engine(pools, options);
    try {
      if ((await engine.ledger(MAIN)) === undefined) throw new Error('This database has no ledger.');
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

  /** Returns the ledger of a name; undefined if there is none. */
  async ledger(name: string): Promise<Ledger | undefined> {
    const known = this.#ledgers.get(name);
    if (known !== undefined) return known;
    const opening = findLedger(this.#pools.reads, name).then((row) =>
      row === undefined ? undefined : new Ledger(row, this, this.#pools, this.#options),
    );
    this.#ledgers.set(name, opening);
    const forget = () => this.#ledgers.delete(name);
    void opening.then((ledger) => ledger === undefined && forget(), forget);
    return opening;
  }

  /** Rejects further commands, answers those that were accepted, and closes the connections. */
  async close(): Promise<void> {
    const ledgers = await Promise.all(this.#ledgers.values());
    await Promise.all(ledgers.map((ledger) => ledger?.drain()));
    await this.#pools.close();
  }
}
