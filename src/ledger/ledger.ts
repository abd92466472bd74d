import { randomUUID } from 'node:crypto';
import { ANYBODY, type Viewer } from '../core/access/viewer.ts';
import type { PeriodEnd } from '../core/close-period.ts';
import type { AccountRequest } from '../core/create-account.ts';
import type { Command, PlannedCommand } from '../core/decide/command.ts';
import { nameAccount, toExpiry } from '../core/decide/request.ts';
import type { Refusal } from '../core/errors.ts';
import type { BatchProcessed, Outcome } from '../core/transaction.ts';
import type { AccountChange } from '../core/update-account.ts';
import type { Currency } from '../core/values/currency.ts';
import type { Uuid } from '../core/values/ids.ts';
import type { ExpiredHold } from '../db/holds.ts';
import type { LedgerRow } from '../db/ledgers.ts';
import type { Access } from './access/access.ts';
import { type AccountUpdated, changeAccountOf } from './account-changes.ts';
import {
  type AccountContext,
  type AccountCreated,
  type AccountsCreated,
  createAccounts,
} from './accounts.ts';
import type { BatchObservation } from './commit/group-commit.ts';
import type { PostingLedger } from './commit/posting-ledger.ts';
import type { CurrencyRegistered } from './currencies.ts';
import { type NameCache, Names } from './names.ts';
import { type BatchMode, type Operation, Operations } from './operations.ts';
import { type PeriodClosed, Periods } from './periods.ts';
import type { Places } from './places.ts';
import { Planner } from './planner.ts';
import type { Pools } from './pools.ts';
import type { LedgerLoad, Posting } from './posting.ts';
import { LedgerReads } from './reads.ts';
import { type OnFault, refuseFault } from './retries.ts';

export type { EntryLine, EntryPlace } from '../db/journal/entries.ts';
export type { ReversalsPage } from '../db/journal/transactions.ts';
export type { KeysetRange, Listed } from '../db/keyset.ts';
export type { Party } from '../db/parties.ts';
export type { ApiKey, ApiKeyCreated, ApiKeyRevoked, LedgerCreated } from './access/access.ts';
export type { AccountUpdated } from './account-changes.ts';
export type { AccountCreated, AccountsCreated } from './accounts.ts';
export type { BatchObservation } from './commit/group-commit.ts';
export type { CurrencyRegistered } from './currencies.ts';
export {
  type BatchMode,
  MAX_BATCH_SIZE,
  MAX_OPERATIONS,
  type Operation,
} from './operations.ts';
export type { PeriodClosed } from './periods.ts';
export type { Places } from './places.ts';
export { UnavailableError } from './pools.ts';
export type { LedgerLoad } from './posting.ts';
export type { Preview } from './preview.ts';
export type { LedgerState, TrialBalanceLine } from './reads.ts';

export interface LedgerOptions {
  /** Its login is a member of the application's role. */
  readonly databaseUrl: string;
  /** The number of batches that are posted at the same time, not counting large ones. */
  readonly lanes?: number;
  /** The number of them that one ledger can have. */
  readonly lanesPerLedger?: number;
  /** The number of commands in one database transaction. */
  readonly maxBatch?: number;
  /**
   * The number of commands of one ledger that can wait. Further ones are rejected with OVERLOADED. If several ledgers have commands,
   * each can have less, and all together at most twice as many.
   */
  readonly maxQueue?: number;
  readonly readConnections?: number;
  /** false: every batch takes the regular path. The outcomes are the same. */
  readonly optimistic?: boolean;
  /** true: accepts a server that may lose acknowledged writes in a crash. */
  readonly allowUnsafeDurability?: boolean;
  /** Called with faults that callers see as INTERNAL. */
  readonly onFault?: OnFault;
  /** Called with the error of each failed attempt to connect to the database. */
  readonly onUnreachable?: (error: unknown) => void;
  /** Called at each answer of the database. It must be quick and never throw. */
  readonly onAnswered?: () => void;
}

/** The engine of a database, which all its ledgers share. */
export interface LedgerEngine {
  readonly access: Access;
  readonly load: LedgerLoad;
  main(): Promise<Ledger>;
  /** Returns the ledger of a name; undefined if there is none. */
  ledger(name: string): Promise<Ledger | undefined>;
  /** Returns the ledger of an id; undefined if there is none. */
  ledgerById(id: Uuid): Promise<Ledger | undefined>;
  /** Calls the observer after each further batch of any ledger. It must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void;
  findSchemaProblem(): Promise<string | null>;
  /** Finds expired holds of all ledgers. */
  findExpiredHolds(except: readonly Uuid[]): Promise<ExpiredHold[]>;
  close(): Promise<void>;
}

/** The parts of an engine that its ledgers use. */
export interface EngineParts {
  readonly pools: Pools;
  readonly posting: Posting;
  readonly names: NameCache;
  readonly onFault: OnFault;
}

/** The parts of a ledger that are the same for all callers. */
interface Books {
  readonly posting: PostingLedger;
  readonly names: Names;
  readonly periods: Periods;
}

function openBooks(
  { id, name }: Pick<LedgerRow, 'id' | 'name'>,
  { pools, posting, names }: EngineParts,
): Books {
  const db = pools.reads;
  const ledger = posting.ledgerOf(id);
  const { currencyOf } = ledger.states;
  return {
    posting: ledger,
    names: new Names({ db, ledgerId: id, cache: names, currencyOf }),
    periods: new Periods(db, { id, name }),
  };
}

/**
 * A ledger. Commands that move money are posted by the group commit; accounts, currencies and periods are changed in database
 * transactions of their own; reads are inherited from `LedgerReads`. It is light: connections, lanes, queues and caches belong to
 * the engine.
 */
export class Ledger extends LedgerReads {
  readonly id: Uuid;
  readonly name: string;
  readonly engine: LedgerEngine;
  /** The caller: everything below is done and read on its behalf. */
  readonly viewer: Viewer;
  readonly #parts: EngineParts;
  readonly #books: Books;
  readonly #planner: Planner;
  readonly #operations: Operations;

  /** Call `Engine.ledger` instead. `books`: those of the same ledger for another viewer. */
  constructor(
    row: Pick<LedgerRow, 'id' | 'name'>,
    engine: LedgerEngine,
    parts: EngineParts,
    viewer: Viewer = ANYBODY,
    books: Books = openBooks(row, parts),
  ) {
    const { id, name } = row;
    const { posting, names } = books;
    const planner = new Planner(names, viewer);
    const db = parts.pools.reads;
    super({ db, ledgerId: id, ledgerName: name, currencies: posting.currencies, names, planner, viewer });
    this.id = id;
    this.name = name;
    this.engine = engine;
    this.viewer = viewer;
    this.#parts = parts;
    this.#books = books;
    this.#planner = planner;
    const { places } = parts.posting;
    this.#operations = new Operations({ ledger: posting, planner, places, onFault: parts.onFault });
  }

  /** Returns the same ledger for another caller. */
  as(viewer: Viewer): Ledger {
    return viewer === this.viewer ? this : new Ledger(this, this.engine, this.#parts, viewer, this.#books);
  }

  /** Closes the engine, with all of its ledgers. */
  close(): Promise<void> {
    return this.engine.close();
  }

  /** Calls the observer after each further batch of any ledger. It must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void {
    this.engine.observe(observer);
  }

  /** The load of the engine: all ledgers together. */
  get load(): LedgerLoad {
    return this.engine.load;
  }

  /**
   * Checks with two cheap queries whether the database takes writes and has this program's schema. Returns null or the problem
   * with the schema. Rejects with `UnavailableError`, whose message has the reason, if the database takes no writes or does not
   * answer; this can take seconds.
   */
  findSchemaProblem(): Promise<string | null> {
    return this.engine.findSchemaProblem();
  }

  /**
   * Posts a command. Resolves with its durable outcome; a recorded outcome is returned for each repetition of the key. Never
   * rejects: faults are refusals.
   */
  post(command: Command): Promise<Outcome> {
    const { restricted } = this.#planner;
    const outcome = this.#post(command);
    return restricted === null ? outcome : this.#write(async () => restricted.show(await outcome));
  }

  #post(command: Command): Promise<Outcome> {
    try {
      const planned = this.#planner.plan(command);
      // If all names are known, the command is queued in this turn.
      return planned instanceof Promise
        ? planned
            .then((ready) => this.#queue(ready))
            .catch((error) => refuseFault(this.#parts.onFault, error))
        : this.#queue(planned);
    } catch (error) {
      return Promise.resolve(refuseFault(this.#parts.onFault, error));
    }
  }

  #queue(planned: PlannedCommand | Refusal): Promise<Outcome> {
    return 'code' in planned
      ? Promise.resolve(planned)
      : this.#parts.posting.short.post(this.#books.posting, planned);
  }

  /** Whether a batch of so many operations would be accepted in at least one mode. */
  hasRoomFor(operations: number): boolean {
    return this.#operations.hasRoomFor(operations);
  }

  /** Reserves places in the queue for a batch whose operations are still being read. Returns a refusal if there is no room. */
  reserve(mode: BatchMode, operations: number): Places | Refusal {
    return this.#operations.reserve(mode, operations);
  }

  /**
   * Posts up to 10,000 operations in order: each on its own (INDEPENDENT), or all or none (ATOMIC). `places` are released at the
   * end. Never rejects: faults are refusals.
   */
  postBatch(
    mode: BatchMode,
    operations: readonly Operation[],
    places?: Places,
  ): Promise<BatchProcessed | Refusal> {
    const { restricted } = this.#planner;
    const answer = this.#operations.post(mode, operations, places);
    return restricted === null ? answer : this.#write(async () => restricted.show(await answer));
  }

  /** Releases holds that have expired, and returns their number. Those that another process released meanwhile do not count. */
  async releaseHolds(ids: readonly Uuid[]): Promise<number> {
    const outcomes = await Promise.all(ids.map((id) => this.post(toExpiry(id))));
    return outcomes.filter(({ code }) => code === 'POSTED').length;
  }

  /** Creates an account. Never rejects, like all writes below: faults are refusals. */
  async createAccount(request: AccountRequest): Promise<AccountCreated | Refusal> {
    const created = await this.createAccounts([request]);
    if (created.code !== 'ACCOUNTS_CREATED') return created;
    const [result] = created.results;
    if (result === undefined) throw new TypeError('each request has a result');
    return result;
  }

  /** Creates accounts one after the other, each on its own. A refusal among the requests is returned in its place. */
  createAccounts(requests: readonly (AccountRequest | Refusal)[]): Promise<AccountsCreated | Refusal> {
    return this.#write(() => createAccounts(this.#accountContext, requests));
  }

  /**
   * Changes the account that a public id or an `ext:` name resolves to. The audit log records each change with its requestId, as
   * it does for currencies and periods.
   */
  changeAccount(
    accountId: string,
    change: AccountChange,
    requestId: string = randomUUID(),
  ): Promise<AccountUpdated | Refusal> {
    const find = () => this.#books.names.accountId(nameAccount(accountId));
    return this.#write(() => changeAccountOf(this.#accountContext, accountId, { change, requestId }, find));
  }

  /** Registers a currency. Accounts in it can be created at once, also by other processes. */
  registerCurrency(
    currency: Currency,
    requestId: string = randomUUID(),
  ): Promise<CurrencyRegistered | Refusal> {
    return this.#write(() => this.#books.posting.currencies.register(currency, requestId, this.#actor));
  }

  /** Closes the period before an instant. This is final. */
  closePeriod(end: PeriodEnd, requestId: string = randomUUID()): Promise<PeriodClosed | Refusal> {
    return this.#write(() => this.#books.periods.close({ end, requestId, actor: this.#actor }));
  }

  get #actor(): Uuid | null {
    return this.viewer.actor?.id ?? null;
  }

  get #accountContext(): AccountContext {
    const { currencies } = this.#books.posting;
    return { db: this.#parts.pools.reads, ledgerId: this.id, currencies, actor: this.#actor };
  }

  async #write<T>(write: () => Promise<T | Refusal>): Promise<T | Refusal> {
    try {
      return await write();
    } catch (error) {
      return refuseFault(this.#parts.onFault, error);
    }
  }
}
