import { randomUUID } from 'node:crypto';
import type { PeriodEnd } from '../core/close-period.ts';
import type { AccountRequest } from '../core/create-account.ts';
import type { Command, PlannedCommand } from '../core/decide/command.ts';
import { nameAccount, toExpiry } from '../core/decide/request.ts';
import type { Refusal } from '../core/errors.ts';
import type { BatchProcessed, Outcome } from '../core/transaction.ts';
import type { AccountChange } from '../core/update-account.ts';
import type { Currency } from '../core/values/currency.ts';
import type { Uuid } from '../core/values/ids.ts';
import { findLocked } from '../db/accounts.ts';
import { findExpiredHolds } from '../db/holds.ts';
import type { LedgerRow } from '../db/ledgers.ts';
import type { Database, PoolUse } from '../db/postgres/database.ts';
import type { Access } from './access/access.ts';
import { type AccountUpdated, changeAccountOf } from './account-changes.ts';
import {
  type AccountContext,
  type AccountCreated,
  type AccountsCreated,
  createAccounts,
} from './accounts.ts';
import { postBatch } from './commit/batch.ts';
import { BusyNames } from './commit/busy-names.ts';
import { type BatchObservation, GroupCommit, type GroupCommitOptions } from './commit/group-commit.ts';
import { CachedStates } from './commit/optimistic.ts';
import { Currencies, type CurrencyRegistered } from './currencies.ts';
import { Names } from './names.ts';
import {
  type BatchMode,
  MAX_OPERATIONS,
  type Operation,
  Operations,
  type Places,
  SLICE,
} from './operations.ts';
import { type PeriodClosed, Periods } from './periods.ts';
import { BATCH_LANES, type Pools, WRITE_DEADLINE_MS } from './pools.ts';
import { LedgerReads } from './reads.ts';
import { type OnFault, refuseFault } from './retries.ts';

export type { EntryLine, EntryPlace } from '../db/journal/entries.ts';
export type { ReversalsPage } from '../db/journal/transactions.ts';
export type { KeysetRange, Listed } from '../db/keyset.ts';
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
  type Places,
} from './operations.ts';
export type { PeriodClosed } from './periods.ts';
export { UnavailableError } from './pools.ts';
export type { Preview } from './preview.ts';
export type { LedgerState, TrialBalanceLine } from './reads.ts';

export interface LedgerOptions {
  /** Its login is a member of the application's role. */
  readonly databaseUrl: string;
  readonly lanes?: number;
  /** The number of commands in one database transaction. */
  readonly maxBatch?: number;
  /** The number of commands that can wait. Further ones are rejected with OVERLOADED. */
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

/** The engine that a ledger belongs to. */
export interface LedgerEngine {
  readonly access: Access;
  main(): Promise<Ledger>;
  /** Returns the ledger of a name; undefined if there is none. */
  ledger(name: string): Promise<Ledger | undefined>;
  close(): Promise<void>;
}

/** The present load of the ledger. */
export interface LedgerLoad {
  /** Commands that wait for a lane, including those of batches, and their limit. */
  readonly queued: number;
  readonly maxQueue: number;
  /** Commands that wait for a locked account or a busy externalId. */
  readonly parked: number;
  /** Commands in lanes, and those of large batches that are next. */
  readonly underWay: number;
  readonly busyLanes: number;
  /** The ledger rejects further commands. */
  readonly draining: boolean;
  readonly connections: Readonly<Record<'reads' | 'writes' | 'batches', PoolUse>>;
}

/**
 * A ledger. Commands that move money are posted by the group commit; accounts, currencies and periods are changed in database
 * transactions of their own; reads are inherited from `LedgerReads`.
 */
export class Ledger extends LedgerReads {
  readonly id: Uuid;
  readonly name: string;
  readonly engine: LedgerEngine;
  readonly #pools: Pools;
  readonly #currencies: Currencies;
  readonly #names: Names;
  readonly #periods: Periods;
  readonly #onFault: OnFault;
  readonly #commits: GroupCommit;
  /** The group commit of large batches. */
  readonly #large: GroupCommit;
  readonly #operations: Operations;
  readonly #maxQueue: number;
  readonly #observers: ((batch: BatchObservation) => void)[] = [];

  /** Call `Engine.ledger` instead. */
  constructor(
    { id, name }: Pick<LedgerRow, 'id' | 'name'>,
    engine: LedgerEngine,
    pools: Pools,
    options: LedgerOptions,
  ) {
    const { lanes = LANES, maxBatch = 1000, maxQueue = 20_000 } = options;
    const { optimistic = true, onFault = () => {} } = options;
    const { reads, writes, batches } = pools;
    const states = new CachedStates(optimistic);
    const currencies = new Currencies(reads, id);
    const names = new Names(reads, id, states.currencyOf);
    super({ db: reads, ledgerId: id, ledgerName: name, currencies, names });
    this.id = id;
    this.name = name;
    this.engine = engine;
    this.#pools = pools;
    this.#currencies = currencies;
    this.#periods = new Periods(reads, { id, name });
    this.#names = names;
    this.#onFault = onFault;
    this.#maxQueue = maxQueue;
    const busy = new BusyNames((accounts) => findLocked(reads, id, accounts));
    const commitBy = (db: Database, size: Pick<GroupCommitOptions, 'lanes' | 'maxBatch' | 'silenceMs'>) => {
      const onAnswer = () => commits.noteAnswer();
      const context = { ledgerId: id, currencies, states, db, onAnswer };
      const commits: GroupCommit = new GroupCommit({
        post: (units) => postBatch(context, units),
        busy,
        onFault,
        onBatch: (batch) => {
          for (const observe of this.#observers) observe(batch);
        },
        maxQueue,
        ...size,
      });
      return commits;
    };
    this.#commits = commitBy(writes, { lanes, maxBatch });
    this.#large = commitBy(batches, {
      lanes: BATCH_LANES,
      maxBatch: SLICE,
      silenceMs: WRITE_DEADLINE_MS,
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

  /** Rejects further commands, and answers those that were accepted. */
  async drain(): Promise<void> {
    // Accepted batches still have slices to post.
    await Promise.all([this.#commits.drain(), this.#operations.drain()]);
    await Promise.all([this.#commits.drain(), this.#large.drain()]);
  }

  /** Closes the engine, with all of its ledgers. */
  close(): Promise<void> {
    return this.engine.close();
  }

  /** Calls the observer after each further batch. It must be quick and never throw. */
  observe(observer: (batch: BatchObservation) => void): void {
    this.#observers.push(observer);
  }

  get load(): LedgerLoad {
    return {
      queued: this.#commits.queued + this.#operations.waiting,
      maxQueue: this.#maxQueue,
      parked: this.#commits.parked + this.#large.parked,
      underWay: this.#commits.underWay + this.#large.underWay + this.#large.queued,
      busyLanes: this.#commits.busyLanes,
      draining: this.#commits.draining,
      connections: this.#pools.use,
    };
  }

  /**
   * Checks with two cheap queries whether the database takes writes and has this program's schema. Returns null or the problem
   * with the schema. Rejects with `UnavailableError`, whose message has the reason, if the database takes no writes or does not
   * answer; this can take seconds.
   */
  findSchemaProblem(): Promise<string | null> {
    return this.#pools.findSchemaProblem();
  }

  /**
   * Posts a command. Resolves with its durable outcome; a recorded outcome is returned for each repetition of the key. Never
   * rejects: faults are refusals.
   */
  post(command: Command): Promise<Outcome> {
    try {
      const planned = this.#names.plan(command);
      // If all names are known, the command is queued in this turn.
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
    return this.#operations.post(mode, operations, places);
  }

  /** Releases some hundred expired holds and returns their number. Rejects with `UnavailableError`. */
  async releaseExpiredHolds(): Promise<number> {
    const expired = await this.read(({ db }) => findExpiredHolds(db, this.id, SLICE));
    const outcomes = await Promise.all(expired.map((id) => this.post(toExpiry(id))));
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
    const find = () => this.#names.accountId(nameAccount(accountId));
    return this.#write(() => changeAccountOf(this.#accountContext, accountId, { change, requestId }, find));
  }

  /** Registers a currency. Accounts in it can be created at once, also by other processes. */
  registerCurrency(
    currency: Currency,
    requestId: string = randomUUID(),
  ): Promise<CurrencyRegistered | Refusal> {
    return this.#write(() => this.#currencies.register(currency, requestId));
  }

  /** Closes the period before an instant. This is final. */
  closePeriod(end: PeriodEnd, requestId: string = randomUUID()): Promise<PeriodClosed | Refusal> {
    return this.#write(() => this.#periods.close(end, requestId));
  }

  get #accountContext(): AccountContext {
    return { db: this.#pools.reads, ledgerId: this.id, currencies: this.#currencies };
  }

  async #write<T>(write: () => Promise<T | Refusal>): Promise<T | Refusal> {
    try {
      return await write();
    } catch (error) {
      return refuseFault(this.#onFault, error);
    }
  }
}

export const LANES = 2;
