import type { Account } from '../core/account.ts';
import { type Command, nameAccount } from '../core/command.ts';
import type { AccountRequest } from '../core/create-account.ts';
import type { Currency } from '../core/currency.ts';
import { attemptKey } from '../core/decide.ts';
import type { Refusal } from '../core/errors.ts';
import { type AccountFilter, canMatch, type HistoryFilter, type TransactionFilter } from '../core/filters.ts';
import { EXTERNAL_ID_MARK, parseId, type Uuid } from '../core/ids.ts';
import type { Instant } from '../core/instant.ts';
import type { Money } from '../core/money.ts';
import { checkName } from '../core/text.ts';
import type { Outcome, Transaction } from '../core/transaction.ts';
import { listMatchingAccounts } from '../db/account-lists.ts';
import { findAccounts } from '../db/accounts.ts';
import { type Database, openDatabase, type PoolUse, poolUse } from '../db/database.ts';
import { listMatchingEntries } from '../db/entry-lists.ts';
import type { KeysetRange, Listed } from '../db/keyset.ts';
import { findLedger, findUsedCurrencies, sumTrialBalance } from '../db/ledgers.ts';
import { DatabaseNotReadyError, dueMigrations } from '../db/migrator.ts';
import { listMatchingTransactions } from '../db/transaction-lists.ts';
import {
  type EntryLine,
  type EntryPlace,
  findAttemptId,
  findEntries,
  findRecorded,
  findReversals,
  findTransactionIds,
  findTransactions,
} from '../db/transactions.ts';
import { type AccountCreated, createAccount } from './accounts.ts';
import { postBatch } from './batch.ts';
import { Currencies } from './currencies.ts';
import { type OnFault, refuseFault, untilAnswered } from './failures.ts';
import { Foresight } from './foresight.ts';
import { type BatchObservation, GroupCommit } from './group-commit.ts';
import { Names } from './names.ts';

export type { KeysetRange, Listed } from '../db/keyset.ts';
export type { EntryLine, EntryPlace } from '../db/transactions.ts';
export type { AccountCreated } from './accounts.ts';
export type { BatchObservation } from './group-commit.ts';

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
  /** Told of faults that callers only see as INTERNAL, and of connections that were lost. */
  readonly onFault?: OnFault;
}

/** The ledger itself, as readers see it. */
export interface LedgerState {
  readonly id: Uuid;
  readonly name: string;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly head: { readonly number: bigint; readonly hash: Buffer; readonly createdAt: Instant };
}

/** What the ledger is busy with at this moment. */
export interface LedgerLoad {
  /** Commands that wait for a lane, and how many may. */
  readonly queued: number;
  readonly maxQueue: number;
  readonly busyLanes: number;
  /** It takes no command any more. */
  readonly draining: boolean;
  readonly connections: Readonly<Record<'reads' | 'writes', PoolUse>>;
}

export interface TrialBalanceLine {
  readonly currency: Currency;
  readonly debits: Money;
  readonly credits: Money;
  readonly held: Money;
  readonly accounts: bigint;
}

/**
 * The ledger's face. Everything that moves money goes through `post`; accounts are made by `createAccount`; the rest reads.
 * Ids that are malformed, foreign or unknown find nothing.
 */
export class Ledger {
  readonly id: Uuid;
  readonly #name: string;
  readonly #reads: Database;
  readonly #writes: Database;
  readonly #currencies: Currencies;
  readonly #names: Names;
  readonly #onFault: OnFault;
  readonly #commits: GroupCommit;
  readonly #maxQueue: number;
  readonly #observers: ((batch: BatchObservation) => void)[] = [];

  private constructor(id: Uuid, reads: Database, options: LedgerOptions) {
    const { lanes = 2, maxBatch = 500, maxQueue = 20_000, onFault = () => {} } = options;
    this.id = id;
    this.#name = options.name ?? MAIN;
    this.#reads = reads;
    this.#writes = open(options, lanes, 'writes', 10_000);
    this.#currencies = new Currencies(reads, id);
    this.#names = new Names(reads, id);
    this.#onFault = onFault;
    this.#maxQueue = maxQueue;
    const context = {
      db: this.#writes,
      ledgerId: id,
      currencies: this.#currencies,
      foresight: new Foresight(),
    };
    this.#commits = new GroupCommit({
      post: (commands) => postBatch({ ...context, answered: this.#commits.heard }, commands),
      onFault,
      onBatch: (batch) => {
        for (const observe of this.#observers) observe(batch);
      },
      lanes,
      maxBatch,
      maxQueue,
    });
  }

  /** Opens the ledger of that name, which migrating made. Throws where there is none, or no database. */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const { name = MAIN, readConnections = 8 } = options;
    const reads = open(options, readConnections, 'reads', 4000);
    try {
      const row = await findLedger(reads, name);
      if (row === undefined) throw new Error(`There is no ledger ${JSON.stringify(name)} in this database.`);
      return new Ledger(row.id, reads, options);
    } catch (error) {
      await reads.destroy();
      throw error;
    }
  }

  /** Takes nothing more, answers what it has taken, and gives its connections back. */
  async close(): Promise<void> {
    await this.#commits.drain();
    await Promise.all([this.#reads.destroy(), this.#writes.destroy()]);
  }

  /** Has every batch told of once it is over, from now on. The observer must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void {
    this.#observers.push(observer);
  }

  get load(): LedgerLoad {
    return {
      queued: this.#commits.queued,
      maxQueue: this.#maxQueue,
      busyLanes: this.#commits.busyLanes,
      draining: this.#commits.draining,
      connections: { reads: poolUse(this.#reads), writes: poolUse(this.#writes) },
    };
  }

  /**
   * Asks the database once, by a cheap query, which schema it has: null where it is this program's, else what is wrong with
   * it. Throws `UnavailableError` where the database does not answer, which can take seconds.
   */
  async findSchemaProblem(): Promise<string | null> {
    try {
      const due = await dueMigrations(this.#reads);
      return due.length === 0 ? null : `It lacks the migrations ${due.join(', ')}.`;
    } catch (error) {
      if (error instanceof DatabaseNotReadyError) return error.message;
      throw new UnavailableError('The database does not answer.', { cause: error });
    }
  }

  /**
   * Posts a command by the group commit. The outcome is durable when it is answered; the same key is answered the same way
   * forever. Never rejects: faults are refusals too.
   */
  async post(command: Command): Promise<Outcome> {
    try {
      const planned = this.#names.plan(command);
      // A command that names ids alone is planned at once, and then waits for nothing before it is queued.
      const ready = planned instanceof Promise ? await planned : planned;
      return 'code' in ready ? ready : this.#commits.post(ready);
    } catch (error) {
      return refuseFault(this.#onFault, error);
    }
  }

  /** Makes an account. Never rejects: faults are refusals too. */
  async createAccount(request: AccountRequest): Promise<AccountCreated | Refusal> {
    try {
      return await createAccount(
        { db: this.#reads, ledgerId: this.id, currencies: this.#currencies },
        request,
      );
    } catch (error) {
      return refuseFault(this.#onFault, error);
    }
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

  /** The transactions that reverse these, by the id of the reversed one. */
  async findReversals(ids: readonly Uuid[]): Promise<Map<Uuid, Transaction[]>> {
    const found = await this.#read(() => findReversals(this.#reads, this.id, ids, this.#currencies.of));
    return Map.groupBy(found, ({ reverses }) => reverses ?? '');
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
    const used = await this.#read(() => findUsedCurrencies(this.#reads, this.id));
    await this.#read(() => this.#currencies.load());
    const all = new Map([...this.#currencies.registered].map((currency) => [currency.code, currency]));
    for (const code of used) all.set(code, this.#currencies.of(code));
    return [...all.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
  }

  /** One line a currency that has an account which matches, by code. */
  async trialBalance(filter: AccountFilter): Promise<TrialBalanceLine[]> {
    if (!canMatch(filter)) return [];
    return this.#read(async () =>
      (await sumTrialBalance(this.#reads, this.id, filter)).map(
        ({ currency: code, debits, credits, held, accounts }) => {
          const currency = this.#currencies.of(code);
          const money = (minor: bigint): Money => ({ minor, currency });
          return { currency, debits: money(debits), credits: money(credits), held: money(held), accounts };
        },
      ),
    );
  }

  async #list<Key, Row>(
    filter: AccountFilter | TransactionFilter | HistoryFilter,
    list: () => Promise<Listed<Key, Row>>,
  ): Promise<Listed<Key, Row>> {
    return canMatch(filter) ? this.#read(list) : { rows: [], stoppedAt: undefined };
  }

  async #read<T>(read: () => Promise<T>): Promise<T> {
    const answer = await untilAnswered(async () => ({ value: await this.#currencies.reading(read) }));
    if ('code' in answer)
      throw new UnavailableError('The ledger cannot reach its database. Try again in a moment.');
    return answer.value;
  }
}

/** The database does not answer. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

const MAIN = 'main';

function open(
  options: LedgerOptions,
  maxConnections: number,
  use: string,
  statementDeadlineMs: number,
): Database {
  return openDatabase({
    url: options.databaseUrl,
    maxConnections,
    applicationName: `transactional-ledger ${use}`,
    statementDeadlineMs,
    ...(options.onFault === undefined ? {} : { onIdleLoss: options.onFault }),
  });
}
