import { type Currency, ISO_4217 } from '../core/currency.ts';
import type { Uuid } from '../core/ids.ts';
import type { Database } from '../db/database.ts';
import { findRegisteredCurrencies } from '../db/ledgers.ts';

/**
 * The currencies of a ledger: ISO 4217's and those that are registered in it. They never change, so that what was read
 * once stays right; only what is missing is looked for again.
 */
export class Currencies {
  readonly #db: Database;
  readonly #ledgerId: Uuid;
  readonly #registered = new Map<string, Currency>();

  constructor(db: Database, ledgerId: Uuid) {
    this.#db = db;
    this.#ledgerId = ledgerId;
  }

  /** The currency of that code; undefined where there is none. */
  async find(code: string): Promise<Currency | undefined> {
    const known = ISO_4217.get(code) ?? this.#registered.get(code);
    if (known !== undefined) return known;
    await this.load();
    return this.#registered.get(code);
  }

  /** The currency of a row of the books. Throws `UnknownRowCurrencyError` for one registered since the last `load`. */
  readonly of = (code: string): Currency => {
    const known = ISO_4217.get(code) ?? this.#registered.get(code);
    if (known === undefined) throw new UnknownRowCurrencyError(code);
    return known;
  };

  get registered(): Iterable<Currency> {
    return this.#registered.values();
  }

  async load(): Promise<void> {
    for (const currency of await findRegisteredCurrencies(this.#db, this.#ledgerId)) {
      this.#registered.set(currency.code, currency);
    }
  }

  /** Runs what reads rows, and once more where a currency was registered by another process in the meantime. */
  async reading<T>(read: () => Promise<T>): Promise<T> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof UnknownRowCurrencyError)) throw error;
      await this.load();
      return read();
    }
  }
}

/** A row has a currency that this process has not read yet. */
class UnknownRowCurrencyError extends Error {
  override readonly name = 'UnknownRowCurrencyError';
}
