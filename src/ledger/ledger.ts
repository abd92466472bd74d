import { randomUUID } from 'node:crypto';
import type { Account } from '../core/account.ts';
import type { PeriodEnd } from '../core/close-period.ts';
import type { AccountRequest } from '../core/create-account.ts';
import { attemptKey } from '../core/decide/book.ts';
import type { Command, PlannedCommand } from '../core/decide/command.ts';
import { nameAccount, toExpiry } from '../core/decide/request.ts';
import type { Refusal } from '../core/errors.ts';
import {
  type AccountFilter,
  canMatch,
  type HistoryFilter,
  type HoldFilter,
  type TransactionFilter,
} from '../core/filters.ts';
import type { Hold } from '../core/hold.ts';
import type { BatchProcessed, Outcome, Transaction } from '../core/transaction.ts';
import type { AccountChange } from '../core/update-account.ts';
import type { Currency } from '../core/values/currency.ts';
import { EXTERNAL_ID_MARK, parseId, type Uuid } from '../core/values/ids.ts';
import type { Instant } from '../core/values/instant.ts';
import type { JournalPlace } from '../core/values/journal-place.ts';
import type { Money } from '../core/values/money.ts';
import { checkName } from '../core/values/text.ts';
import { findAccounts, findLocked } from '../db/accounts.ts';
import { findExpiredHolds, findHolds } from '../db/holds.ts';
import { type EntryLine, type EntryPlace, findEntries } from '../db/journal/entries.ts';
import {
  findAttemptId,
  findRecorded,
  findReversals,
  findTransactionIds,
  findTransactions,
  type ReversalsPage,
} from '../db/journal/transactions.ts';
import type { KeysetRange, Listed } from '../db/keyset.ts';
import { type BlockHead, findLedger, findUsedCurrencies, listRegisteredCurrencies } from '../db/ledgers.ts';
import { listMatchingAccounts } from '../db/lists/account-lists.ts';
import { listMatchingEntries } from '../db/lists/entry-lists.ts';
import { listHoldTransactions, listMatchingHolds } from '../db/lists/hold-lists.ts';
import { type JournalPage, listJournal } from '../db/lists/journal-list.ts';
import { listMatchingTransactions } from '../db/lists/transaction-lists.ts';
import { sumTrialBalance } from '../db/lists/trial-balance.ts';
import { ConnectionLostError } from '../db/postgres/checked-pool.ts';
import {
  APPLICATION,
  type Database,
  type DatabaseOptions,
  openDatabase,
  type PoolUse,
  poolUse,
} from '../db/postgres/database.ts';
import { dueMigrations } from '../db/postgres/migrator.ts';
import { Primary, UnfitServerError } from '../db/postgres/primary.ts';
import { DatabaseNotReadyError } from '../db/postgres/start-client.ts';
import { type AccountUpdated, changeAccountOf } from './account-changes.ts';
import {
  type AccountContext,
  type AccountCreated,
  type AccountsCreated,
  createAccounts,
} from './accounts.ts';
import { postBatch } from './commit/batch.ts';
import { type OnFault, refuseFault, untilAnswered } from './commit/failures.ts';
import { type BatchObservation, GroupCommit, type GroupCommitOptions } from './commit/group-commit.ts';
import { HeldNames } from './commit/held-names.ts';
import { AccountMemory } from './commit/optimistic.ts';
import { Currencies, type CurrencyRegistered } from './currencies.ts';
import { Names } from './names.ts';
import { type BatchMode, MAX_OPERATIONS, type Operation, Operations, SLICE } from './operations.ts';
import { type PeriodClosed, Periods } from './periods.ts';
import { type Preview, previewOf } from './preview.ts';

export type { EntryLine, EntryPlace } from '../db/journal/entries.ts';
export type { ReversalsPage } from '../db/journal/transactions.ts';
export type { KeysetRange, Listed } from '../db/keyset.ts';
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
export type { Preview } from './preview.ts';

export interface LedgerOptions {
  /** Its login is a member of the application's role. */
  readonly databaseUrl: string;
  readonly name?: string;
  readonly lanes?: number;
  /** Commands that one database transaction takes at most. */
  readonly maxBatch?: number;
  /** Commands that wait at most; what comes then is OVERLOADED. */
  readonly maxQueue?: number;
  readonly readConnections?: number;
  /** false: every batch takes the ordinary way. The answers are the same. */
  readonly optimistic?: boolean;
  /** true: the server may lose in a crash what it has answered. Unless it is set, such a server is refused. */
  readonly allowUnsafeDurability?: boolean;
  /** Told of faults that callers only see as INTERNAL. */
  readonly onFault?: OnFault;
  /** Called with each attempt to connect to the database that fails, with what failed. */
  readonly onUnreachable?: (error: unknown) => void;
  /** Called with each answer of the database. It must be quick and never throw. */
  readonly onAnswered?: () => void;
}

/** The ledger itself, as readers see it. */
export interface LedgerState {
  readonly id: Uuid;
  readonly name: string;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly head: BlockHead;
}

/** What the ledger is busy with at this moment. */
export interface LedgerLoad {
  /** Commands that wait for a lane, those of batches too, and how many may. */
  readonly queued: number;
  readonly maxQueue: number;
  /** Commands that wait for an account, or an externalId, that is locked by others. */
  readonly aside: number;
  /** Commands that lanes work on, and those of large batches that are next. */
  readonly underWay: number;
  readonly busyLanes: number;
  /** It takes no command any more. */
  readonly draining: boolean;
  readonly connections: Readonly<Record<'reads' | 'writes' | 'batches', PoolUse>>;
}

export interface TrialBalanceLine {
  readonly currency: Currency;
  readonly debits: Money;
  readonly credits: Money;
  readonly held: Money;
  readonly accounts: bigint;
}

/**
 * The ledger's face. Everything that moves money goes through `post`; what makes or changes accounts, currencies and periods
 * stands beside it; the rest reads.
 * Ids that are malformed, foreign or unknown find nothing.
 */
export class Ledger {
  readonly id: Uuid;
  readonly #name: string;
  readonly #primary: Primary;
  readonly #reads: Database;
  readonly #writes: Database;
  readonly #batches: Database;
  readonly #currencies: Currencies;
  readonly #names: Names;
  readonly #periods: Periods;
  readonly #onFault: OnFault;
  readonly #commits: GroupCommit;
  /** Of batches of many operations. */
  readonly #large: GroupCommit;
  readonly #operations: Operations;
  readonly #maxQueue: number;
  readonly #observers: ((batch: BatchObservation) => void)[] = [];

  private constructor(id: Uuid, reads: Database, primary: Primary, options: LedgerOptions) {
    const { lanes = 2, maxBatch = 1000, maxQueue = 20_000, optimistic = true, onFault = () => {} } = options;
    this.id = id;
    this.#name = options.name ?? MAIN;
    this.#primary = primary;
    this.#reads = reads;
    this.#writes = open(options, primary, lanes, 'writes', WRITING);
    // A large batch locks many accounts, one after the other. Whoever names one of them waits aside.
    this.#batches = open(options, primary, BATCH_LANES, 'batches', { ...WRITING, lockTimeoutMs: 1000 });
    this.#currencies = new Currencies(reads, id);
    this.#periods = new Periods(reads, { id, name: this.#name });
    const memory = new AccountMemory(optimistic);
    this.#names = new Names(reads, id, memory.currencyOf);
    this.#onFault = onFault;
    this.#maxQueue = maxQueue;
    const held = new HeldNames((accounts) => findLocked(reads, id, accounts));
    const commitBy = (db: Database, size: Pick<GroupCommitOptions, 'lanes' | 'maxBatch' | 'silenceMs'>) => {
      const context = {
        ledgerId: id,
        currencies: this.#currencies,
        memory,
        db,
        answered: () => commits.heard(),
      };
      const commits: GroupCommit = new GroupCommit({
        post: (units) => postBatch(context, units),
        held,
        onFault,
        onBatch: (batch) => {
          for (const observe of this.#observers) observe(batch);
        },
        maxQueue,
        ...size,
      });
      return commits;
    };
    this.#commits = commitBy(this.#writes, { lanes, maxBatch });
    this.#large = commitBy(this.#batches, {
      lanes: BATCH_LANES,
      maxBatch: SLICE,
      silenceMs: WRITING.statementDeadlineMs,
    });
    this.#operations = new Operations({
      names: this.#names,
      short: this.#commits,
      large: this.#large,
      maxBusy: BATCH_LANES * MAX_OPERATIONS,
      maxWaiting: maxQueue,
      onFault,
    });
  }

  /** Opens the ledger of that name, which migrating made. Throws where there is none, or no database. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { name = MAIN, readConnections = 8, onFault = () => {}, allowUnsafeDurability = false } = options;
    const { onUnreachable = () => {}, onAnswered = () => {} } = options;
    const primary = new Primary({ onUnfit: onFault, onUnreachable, onAnswered, allowUnsafeDurability });
    // Who changes a locked account, or reads what a lock keeps final, must not keep all connections while it waits.
    const waits = { statementDeadlineMs: 4000, lockTimeoutMs: WRITING.lockTimeoutMs };
    const reads = open(options, primary, readConnections, 'reads', waits);
    try {
      const row = await findLedger(reads, name);
      if (row === undefined) throw new Error(`There is no ledger ${JSON.stringify(name)} in this database.`);
      return new Ledger(row.id, reads, primary, options);
    } catch (error) {
      await reads.destroy();
      throw error;
    }
  }

  /** Takes nothing more, answers what it has taken, and gives its connections back. */
  async close(): Promise<void> {
    // Batches that were taken have further slices to post.
    await Promise.all([this.#commits.drain(), this.#operations.drain()]);
    await Promise.all([this.#commits.drain(), this.#large.drain()]);
    await Promise.all([this.#reads.destroy(), this.#writes.destroy(), this.#batches.destroy()]);
  }

  /** Has every batch told of once it is over, from now on. The observer must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void {
    this.#observers.push(observer);
  }

  /** Whether it would take a batch of so many operations now, of one mode or the other. */
  hasRoomFor(operations: number): boolean {
    return this.#operations.hasRoomFor(operations);
  }

  get load(): LedgerLoad {
    return {
      queued: this.#commits.queued + this.#operations.waiting,
      maxQueue: this.#maxQueue,
      aside: this.#commits.aside + this.#large.aside,
      underWay: this.#commits.underWay + this.#large.underWay + this.#large.queued,
      busyLanes: this.#commits.busyLanes,
      draining: this.#commits.draining,
      connections: {
        reads: poolUse(this.#reads),
        writes: poolUse(this.#writes),
        batches: poolUse(this.#batches),
      },
    };
  }

  /**
   * Asks the database, by two cheap queries, whether it takes writes and which schema it has: null where that is this program's,
   * else what is wrong with it. Throws `UnavailableError`, which says why, where the database takes no writes or does not
   * answer; that can take seconds.
   */
  async findSchemaProblem(): Promise<string | null> {
    try {
      await this.#primary.examine(this.#reads);
      const due = await dueMigrations(this.#reads);
      return due.length === 0 ? null : `It lacks the migrations ${due.join(', ')}.`;
    } catch (error) {
      if (error instanceof DatabaseNotReadyError) return error.message;
      throw new UnavailableError(whyUnavailable(error), { cause: error });
    }
  }

  /**
   * Posts a command by the group commit. The outcome is durable when it is answered; the same key is answered the same way
   * forever. Never rejects: faults are refusals too.
   */
  post(command: Command): Promise<Outcome> {
    try {
      const planned = this.#names.plan(command);
      // A command that names what is known is planned at once, and then waits for nothing before it is queued.
      return planned instanceof Promise
        ? planned.then((ready) => this.#queue(ready)).catch((error) => refuseFault(this.#onFault, error))
        : this.#queue(planned);
    } catch (error) {
      return Promise.resolve(refuseFault(this.#onFault, error));
    }
  }

  #queue(planned: PlannedCommand | Refusal): Promise<Outcome> {
    return 'code' in planned ? Promise.resolve(planned) : this.#commits.post(planned);
  }

  /**
   * Posts up to 10,000 operations in order, each on its own or all or none, by the same road. Never rejects: faults are
   * refusals too.
   */
  postBatch(mode: BatchMode, operations: readonly Operation[]): Promise<BatchProcessed | Refusal> {
    return this.#operations.post(mode, operations);
  }

  /** Releases holds whose time is over, up to some hundred, and answers how many. Rejects where the database does not answer. */
  async releaseExpiredHolds(): Promise<number> {
    const expired = await this.#read(() => findExpiredHolds(this.#reads, this.id, SLICE));
    const outcomes = await Promise.all(expired.map((id) => this.post(toExpiry(id))));
    return outcomes.filter(({ code }) => code === 'POSTED').length;
  }

  /** Makes an account. Never rejects: faults are refusals too. So it is with all that follows and writes. */
  async createAccount(request: AccountRequest): Promise<AccountCreated | Refusal> {
    const made = await this.createAccounts([request]);
    if (made.code !== 'ACCOUNTS_CREATED') return made;
    const [result] = made.results;
    if (result === undefined) throw new TypeError('each request has a result');
    return result;
  }

  /** Makes accounts, each on its own, as if they were asked for one after the other; refusals stand in their places. */
  createAccounts(requests: readonly (AccountRequest | Refusal)[]): Promise<AccountsCreated | Refusal> {
    return this.#write(() => createAccounts(this.#accountContext, requests));
  }

  /**
   * Changes the account that a public id or an `ext:` name stands for. The audit log has each change, with the id of the request
   * that asked for it; so it is with currencies and periods.
   */
  changeAccount(
    accountId: string,
    change: AccountChange,
    requestId: string = randomUUID(),
  ): Promise<AccountUpdated | Refusal> {
    const find = () => this.#names.accountId(nameAccount(accountId));
    return this.#write(() => changeAccountOf(this.#accountContext, accountId, { change, requestId }, find));
  }

  /** Registers a currency: accounts can be made in it at once, here and in other processes. */
  registerCurrency(
    currency: Currency,
    requestId: string = randomUUID(),
  ): Promise<CurrencyRegistered | Refusal> {
    return this.#write(() => this.#currencies.register(currency, requestId));
  }

  /** Closes the period before an instant, for good. */
  closePeriod(end: PeriodEnd, requestId: string = randomUUID()): Promise<PeriodClosed | Refusal> {
    return this.#write(() => this.#periods.close(end, requestId));
  }

  // What follows reads. It throws `UnavailableError` where the database does not answer.

  /** The id of the account that a public id or an `ext:` name stands for. The id may be that of no account. */
  accountIdOf(given: string): Promise<Uuid | undefined> {
    return this.#read(() => this.#names.accountId(nameAccount(given)));
  }

  /** The id of the transaction that a public id or an `ext:` name stands for. The id may be that of no transaction. */
  async transactionIdOf(given: string): Promise<Uuid | undefined> {
    if (!given.startsWith(EXTERNAL_ID_MARK)) return parseId('transaction', given);
    const externalId = given.slice(EXTERNAL_ID_MARK.length);
    if (checkName(externalId) !== undefined) return undefined;
    return (await this.#read(() => findTransactionIds(this.#reads, this.id, [externalId]))).get(externalId);
  }

  /**
   * The id of the hold that a public id stands for, or the `ext:` name of the transaction that placed it. The id may be that of
   * no hold.
   */
  async holdIdOf(given: string): Promise<Uuid | undefined> {
    return given.startsWith(EXTERNAL_ID_MARK) ? this.transactionIdOf(given) : parseId('hold', given);
  }

  /** Accounts by id; those that there are. */
  async findAccounts(ids: readonly Uuid[]): Promise<Map<Uuid, Account>> {
    const accounts = await this.#read(() => findAccounts(this.#reads, this.id, ids, this.#currencies.of));
    return new Map(accounts.map((account) => [account.id, account]));
  }

  /** Posted transactions by id; those that there are. */
  async findTransactions(ids: readonly Uuid[]): Promise<Map<Uuid, Transaction>> {
    const found = await this.#read(() => findTransactions(this.#reads, this.id, ids, this.#currencies.of));
    return new Map(found.map((transaction) => [transaction.id, transaction]));
  }

  /** Pages of the transactions that reverse one, oldest first; pages of one size and direction, in the order given. */
  findReversals(
    pages: readonly ReversalsPage[],
    size: Pick<KeysetRange<Uuid>, 'limit' | 'inverted'>,
  ): Promise<Transaction[][]> {
    return this.#read(() => findReversals(this.#reads, this.id, pages, size, this.#currencies.of));
  }

  /** Holds by id, as they are now; those that there are. */
  async findHolds(ids: readonly Uuid[]): Promise<Map<Uuid, Hold>> {
    const holds = await this.#read(() => findHolds(this.#reads, this.id, ids, this.#currencies.of));
    return new Map(holds.map((hold) => [hold.id, hold]));
  }

  /** Entries by account and version; those that there are, in any order. */
  findEntries(places: readonly EntryPlace[]): Promise<EntryLine[]> {
    return this.#read(() => findEntries(this.#reads, this.id, places, this.#currencies.of));
  }

  /** The accounts that match, newest first. */
  listAccounts(filter: AccountFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Account>> {
    return this.#list(filter, () =>
      listMatchingAccounts(this.#reads, this.id, filter, range, this.#currencies.of),
    );
  }

  /** The posted transactions that match, newest first. */
  listTransactions(filter: TransactionFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Transaction>> {
    return this.#list(filter, () =>
      listMatchingTransactions(this.#reads, this.id, filter, range, this.#currencies.of),
    );
  }

  /**
   * Up to `size` posted transactions of the journal after a place, or from the beginning, in the order of their commits.
   * Undefined: the place is not in these books, which may have been restored to an earlier state.
   */
  listJournal(after: JournalPlace | undefined, size: number): Promise<JournalPage | undefined> {
    return this.#read(() => listJournal(this.#reads, this.id, after, size, this.#currencies.of));
  }

  /** An account's entries that match, by version, newest first. */
  listEntries(
    accountId: Uuid,
    filter: HistoryFilter,
    range: KeysetRange<bigint>,
  ): Promise<Listed<bigint, EntryLine>> {
    return this.#list(filter, () =>
      listMatchingEntries(this.#reads, this.id, accountId, filter, range, this.#currencies.of),
    );
  }

  /** The holds that match, newest first. */
  listHolds(filter: HoldFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Hold>> {
    return this.#list(filter, () =>
      listMatchingHolds(this.#reads, this.id, filter, range, this.#currencies.of),
    );
  }

  /** The posted transactions of a hold, oldest first. */
  listHoldTransactions(holdId: Uuid, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Transaction>> {
    return this.#read(() => listHoldTransactions(this.#reads, this.id, holdId, range, this.#currencies.of));
  }

  /** What a command would be answered now, whatever its key has been answered; nothing is recorded or reserved. */
  async preview(command: Command): Promise<Preview | Refusal> {
    const planned = await this.#names.plan(command);
    if (!('code' in planned)) {
      return this.#read(() => previewOf(this.#accountContext, planned));
    }
    if (planned.code === 'UNAVAILABLE') throw unavailable();
    return planned;
  }

  /** What was answered to an account's key; undefined where nothing is recorded, yet or at all. */
  async outcomeByKey(account: string, idempotencyKey: string): Promise<Outcome | undefined> {
    const accountId = await this.accountIdOf(account);
    if (accountId === undefined || checkName(idempotencyKey) !== undefined) return undefined;
    return this.#read(async () => {
      const id = await findAttemptId(this.#reads, this.id, accountId, idempotencyKey);
      const recorded = await findRecorded(
        this.#reads,
        this.id,
        id === undefined ? [] : [id],
        this.#currencies.of,
      );
      return recorded.get(attemptKey(accountId, idempotencyKey))?.outcome;
    });
  }

  /** The ledger itself, with the head of its journal. */
  async state(): Promise<LedgerState> {
    const state = await this.#read(() => findLedger(this.#reads, this.#name));
    if (state === undefined) throw new TypeError('a ledger is never removed');
    return state;
  }

  /** The currencies that an account has or that are registered, by code. */
  async findCurrencies(): Promise<Currency[]> {
    const all = await this.#read(async () => {
      const used = await findUsedCurrencies(this.#reads, this.id);
      const registered = await listRegisteredCurrencies(this.#reads, this.id);
      const byCode = new Map(registered.map((currency) => [currency.code, currency]));
      for (const code of used) if (!byCode.has(code)) byCode.set(code, this.#currencies.of(code));
      return byCode;
    });
    return [...all.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
  }

  /** One line a currency that has an account which matches, by code. */
  async trialBalance(filter: AccountFilter): Promise<TrialBalanceLine[]> {
    if (!canMatch(filter)) return [];
    return this.#read(async () => {
      const rows = await sumTrialBalance(this.#reads, this.id, filter);
      const currencies = await this.#currencies.find(new Set(rows.map(({ currency }) => currency)));
      return rows.map(({ currency: code, debits, credits, held, accounts }) => {
        const currency = currencies.get(code);
        if (currency === undefined) throw new TypeError('a currency is never removed');
        const money = (minor: bigint): Money => ({ minor, currency });
        return { currency, debits: money(debits), credits: money(credits), held: money(held), accounts };
      });
    });
  }

  async #list<Key, Row>(
    filter: AccountFilter | TransactionFilter | HistoryFilter | HoldFilter,
    list: () => Promise<Listed<Key, Row>>,
  ): Promise<Listed<Key, Row>> {
    return canMatch(filter) ? this.#read(list) : { rows: [], stoppedAt: undefined };
  }

  get #accountContext(): AccountContext {
    return { db: this.#reads, ledgerId: this.id, currencies: this.#currencies };
  }

  async #write<T>(write: () => Promise<T | Refusal>): Promise<T | Refusal> {
    try {
      return await write();
    } catch (error) {
      return refuseFault(this.#onFault, error);
    }
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    const answer = await untilAnswered(async () => ({ value: await this.#currencies.reading(read) }));
    if ('code' in answer) throw unavailable();
    return answer.value;
  }
}

/** The database does not answer. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

function whyUnavailable(error: unknown): string {
  const cause = error instanceof ConnectionLostError ? error.cause : error;
  return cause instanceof UnfitServerError ? cause.message : 'The database does not answer.';
}

function unavailable(): UnavailableError {
  return new UnavailableError('The ledger cannot reach its database. Try again in a moment.');
}

const MAIN = 'main';
/** Large batches that are worked on at once. */
const BATCH_LANES = 2;
/** What writes waits for a lock only briefly: then it is found out which account it is, and who names that waits aside. */
const WRITING = {
  statementDeadlineMs: 10_000,
  lockTimeoutMs: 250,
  planCacheMode: 'force_generic_plan',
} as const;

function open(
  options: LedgerOptions,
  primary: Primary,
  maxConnections: number,
  use: string,
  limits: Pick<DatabaseOptions, 'statementDeadlineMs' | 'lockTimeoutMs' | 'planCacheMode'>,
): Database {
  return openDatabase({
    url: options.databaseUrl,
    maxConnections,
    applicationName: `${APPLICATION} ${use}`,
    primary,
    ...limits,
  });
}
