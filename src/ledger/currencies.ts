import { auditRegistration } from '../core/create-currency.ts';
import { type Currency, ISO_4217 } from '../core/currency.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { Uuid } from '../core/ids.ts';
import type { Instant } from '../core/instant.ts';
import { insertAuditEvent } from '../db/audit.ts';
import type { Database } from '../db/database.ts';
import { findRegisteredCurrencies, insertCurrency, type RegisteredCurrency } from '../db/ledgers.ts';
import { untilAnswered } from './failures.ts';

export interface CurrencyRegistered {
  readonly code: 'REGISTERED';
  readonly registered: Currency;
  /** An earlier request had registered it. */
  readonly replayed: boolean;
}

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

  /** The currencies of these codes, by code; those that there are. */
  async find(codes: ReadonlySet<string>): Promise<Map<string, Currency>> {
    if (![...codes].every((code) => this.#known(code) !== undefined)) await this.load();
    return new Map(
      [...codes].flatMap((code) => {
        const currency = this.#known(code);
        return currency === undefined ? [] : [[code, currency]];
      }),
    );
  }

  /**
   * Registers a currency that ISO 4217 does not have; the same again changes nothing, and with another exponent it is
   * CURRENCY_TAKEN.
   */
  register({ code, exponent }: Currency, requestId: string): Promise<CurrencyRegistered | Refusal> {
    // A row that bears one of these times was made by this very call, whatever became of its COMMIT.
    const made = new Set<Instant>();
    return untilAnswered(async () => {
      await this.#db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (trx) => {
          const createdAt = await insertCurrency(trx, this.#ledgerId, { code, exponent });
          if (createdAt === undefined) return;
          made.add(createdAt);
          await insertAuditEvent(trx, this.#ledgerId, auditRegistration({ code, exponent }), requestId);
        });
      const row = (await this.#read()).find((currency) => currency.code === code);
      if (row === undefined) throw new TypeError('a currency is never removed');
      const registered = { code, exponent: row.exponent };
      return row.exponent === exponent
        ? { code: 'REGISTERED', registered, replayed: !made.has(row.createdAt) }
        : refuse('currencyTaken', { registered });
    });
  }

  /** The currency of a row of the books. Throws `UnknownRowCurrencyError` for one registered since the last `load`. */
  readonly of = (code: string): Currency => {
    const currency = this.#known(code);
    if (currency === undefined) throw new UnknownRowCurrencyError(code);
    return currency;
  };

  get registered(): Iterable<Currency> {
    return this.#registered.values();
  }

  async load(): Promise<void> {
    await this.#read();
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

  #known(code: string): Currency | undefined {
    return ISO_4217.get(code) ?? this.#registered.get(code);
  }

  async #read(): Promise<RegisteredCurrency[]> {
    const rows = await findRegisteredCurrencies(this.#db, this.#ledgerId);
    for (const { code, exponent } of rows) this.#registered.set(code, { code, exponent });
    return rows;
  }
}

/** A row has a currency that this process has not read yet. */
class UnknownRowCurrencyError extends Error {
  override readonly name = 'UnknownRowCurrencyError';
}
