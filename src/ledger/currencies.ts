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
import { retry } from './retries.ts';

export interface CurrencyRegistered {
  readonly code: 'REGISTERED';
  readonly registered: Currency;
  /** An earlier request registered it. */
  readonly replayed: boolean;
}

/** More than the accounts that one request can refer to, so that all currencies of a request are cached at the same time. */
const MAX_CACHED = 50_000;
/** A read has at most so many statements that each find other unknown currencies. */
const MAX_READS = 10;

/** The registered currencies of all ledgers that were used last. A currency is found only under its ledger. */
export class CurrencyCache {
  readonly #currencies: LRUCache<string, Currency>;

  constructor(max = MAX_CACHED) {
    this.#currencies = new LRUCache({ max });
  }

  get(ledgerId: Uuid, code: string): Currency | undefined {
    return this.#currencies.get(ledgerId + code);
  }

  set(ledgerId: Uuid, { code, exponent }: Currency): void {
    this.#currencies.set(ledgerId + code, { code, exponent });
  }
}

/** The currencies of a ledger: those of ISO 4217 and those that are registered in it. They never change, so they are cached. */
export class Currencies {
  readonly #db: Database;
  readonly #ledgerId: Uuid;
  readonly #cache: CurrencyCache;

  constructor(db: Database, ledgerId: Uuid, cache: CurrencyCache) {
    this.#db = db;
    this.#ledgerId = ledgerId;
    this.#cache = cache;
  }

  /** Returns the existing currencies with these codes. An unknown code is read again each time. */
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

  /** Registers a currency that is not part of ISO 4217. Rejects with CURRENCY_TAKEN if it exists with another exponent. */
  register(
    { code, exponent }: Currency,
    requestId: string,
    actor: Uuid | null,
  ): Promise<CurrencyRegistered | Refusal> {
    // If the outcome of COMMIT is unknown, a row with one of these times belongs to this call.
    const made = new Set<Instant>();
    return retry(async () => {
      await this.#db
        .transaction()
        .setIsolationLevel('read committed')
        .execute(async (trx) => {
          const createdAt = await insertCurrency(trx, this.#ledgerId, { code, exponent });
          if (createdAt === undefined) return;
          made.add(createdAt);
          const event = auditRegistration({ code, exponent });
          await insertAuditEvent(trx, this.#ledgerId, event, requestId, actor);
        });
      const [row] = await this.#read([code]);
      if (row === undefined) throw new TypeError('a currency is never removed');
      const registered = { code, exponent: row.exponent };
      return row.exponent === exponent
        ? { code: 'REGISTERED', registered, replayed: !made.has(row.createdAt) }
        : refuse('currencyTaken', { registered });
    });
  }

  /** Returns the currency of a row of the database. Throws `UnknownCurrenciesError` if it is not cached. */
  readonly of = (code: string): Currency => {
    const currency = this.#known(code);
    if (currency === undefined) throw new UnknownCurrenciesError(new Set([code]));
    return currency;
  };

  /** Runs a read. If it finds currencies that are not cached, reads those and runs it again. */
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
    return ISO_4217.get(code) ?? this.#cache.get(this.#ledgerId, code);
  }

  async #read(codes: readonly string[]): Promise<RegisteredCurrency[]> {
    const rows = await findRegisteredCurrencies(this.#db, this.#ledgerId, codes);
    for (const row of rows) this.#cache.set(this.#ledgerId, row);
    return rows;
  }
}
