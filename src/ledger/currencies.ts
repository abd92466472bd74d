import { LRUCache } from 'lru-cache';
import { auditRegistration, isCurrencyCode } from '../core/create-currency.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import { type Currency, ISO_4217 } from '../core/values/currency.ts';
import type { Uuid } from '../core/values/ids.ts';
import type { Instant } from '../core/values/instant.ts';
import { insertAuditEvent } from '../db/audit.ts';
import { UnknownCurrenciesError } from '../db/currency-rows.ts';
import { findRegisteredCurrencies, insertCurrency, type RegisteredCurrency } from '../db/ledgers.ts';
import type { Database } from '../db/postgres/database.ts';
import { untilAnswered } from './commit/failures.ts';

export interface CurrencyRegistered {
  readonly code: 'REGISTERED';
  readonly registered: Currency;
  /** An earlier request had registered it. */
  readonly replayed: boolean;
}

/** More than the accounts that one request can name, so that what it needs is remembered at once. */
const MAX_REMEMBERED = 50_000;
/** A reading runs so many statements at most that each meet other unknown currencies. */
const MAX_READS = 10;

/**
 * The currencies of a ledger: ISO 4217's and those that are registered in it. They never change, so that what was read
 * once stays right; only what is missing is read, by its code.
 */
export class Currencies {
  readonly #db: Database;
  readonly #ledgerId: Uuid;
  readonly #registered: LRUCache<string, Currency>;

  constructor(db: Database, ledgerId: Uuid, maxRemembered = MAX_REMEMBERED) {
    this.#db = db;
    this.#ledgerId = ledgerId;
    this.#registered = new LRUCache({ max: maxRemembered });
  }

  /** The currencies of these codes, by code; those that there are. A code that does not exist is not remembered. */
  async find(codes: ReadonlySet<string>): Promise<Map<string, Currency>> {
    const found = new Map<string, Currency>();
    const missing: string[] = [];
    for (const code of codes) {
      const currency = this.#known(code);
      if (currency !== undefined) found.set(code, currency);
      else if (isCurrencyCode(code)) missing.push(code);
    }
    if (missing.length > 0) {
      for (const { code, exponent } of await this.#read(missing)) found.set(code, { code, exponent });
    }
    return found;
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
      const [row] = await this.#read([code]);
      if (row === undefined) throw new TypeError('a currency is never removed');
      const registered = { code, exponent: row.exponent };
      return row.exponent === exponent
        ? { code: 'REGISTERED', registered, replayed: !made.has(row.createdAt) }
        : refuse('currencyTaken', { registered });
    });
  }

  /** The currency of a row of the books. Throws `UnknownCurrenciesError` for one that is not remembered. */
  readonly of = (code: string): Currency => {
    const currency = this.#known(code);
    if (currency === undefined) throw new UnknownCurrenciesError(new Set([code]));
    return currency;
  };

  /** Runs what reads rows, and again where their currencies are not remembered: then they are read first. */
  async reading<T>(read: () => Promise<T>): Promise<T> {
    for (let reads = 1; ; reads += 1) {
      try {
        return await read();
      } catch (error) {
        if (!(error instanceof UnknownCurrenciesError) || reads === MAX_READS) throw error;
        await this.#read([...error.codes]);
      }
    }
  }

  #known(code: string): Currency | undefined {
    return ISO_4217.get(code) ?? this.#registered.get(code);
  }

  async #read(codes: readonly string[]): Promise<RegisteredCurrency[]> {
    const rows = await findRegisteredCurrencies(this.#db, this.#ledgerId, codes);
    for (const { code, exponent } of rows) this.#registered.set(code, { code, exponent });
    return rows;
  }
}
