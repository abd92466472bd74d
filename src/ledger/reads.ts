import type { Viewer } from '../core/access/viewer.ts';
import type { Account } from '../core/account.ts';
import { attemptKey } from '../core/decide/book.ts';
import type { Command } from '../core/decide/command.ts';
import { nameAccount } from '../core/decide/request.ts';
import type { Refusal } from '../core/errors.ts';
import {
  type AccountFilter,
  canMatch,
  type HistoryFilter,
  type HoldFilter,
  type TransactionFilter,
} from '../core/filters.ts';
import type { Hold } from '../core/hold.ts';
import type { Outcome, Transaction } from '../core/transaction.ts';
import type { Currency } from '../core/values/currency.ts';
import { EXTERNAL_ID_MARK, parseId, type Uuid } from '../core/values/ids.ts';
import type { Instant } from '../core/values/instant.ts';
import type { JournalPlace } from '../core/values/journal-place.ts';
import type { Money } from '../core/values/money.ts';
import { checkName } from '../core/values/text.ts';
import { findAccounts } from '../db/accounts.ts';
import { findHolds } from '../db/holds.ts';
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
import type { Database } from '../db/postgres/database.ts';
import type { Currencies } from './currencies.ts';
import type { Names } from './names.ts';
import type { Planner } from './planner.ts';
import { UnavailableError } from './pools.ts';
import { type Preview, previewOf } from './preview.ts';
import { retry } from './retries.ts';

/** The ledger itself, with the head of its journal. */
export interface LedgerState {
  readonly id: Uuid;
  readonly name: string;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly head: BlockHead;
}

/** The sums of all accounts of a currency. */
export interface TrialBalanceLine {
  readonly currency: Currency;
  readonly debits: Money;
  readonly credits: Money;
  readonly held: Money;
  readonly accounts: bigint;
}

export interface ReadsContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly ledgerName: string;
  readonly currencies: Currencies;
  readonly names: Names;
  readonly planner: Planner;
  /** The caller. */
  readonly viewer: Viewer;
}

/**
 * Reads a ledger. Ids that are malformed, of another ledger or unknown find nothing. Reads reject with `UnavailableError` if the
 * database does not answer.
 */
export class LedgerReads {
  readonly #context: ReadsContext;

  constructor(context: ReadsContext) {
    this.#context = context;
  }

  /** Returns the id that a public id or an `ext:` name of an account resolves to. There may be no account with this id. */
  accountIdOf(given: string): Promise<Uuid | undefined> {
    return this.read(({ names }) => names.accountId(nameAccount(given)));
  }

  /** Returns the id that a public id or an `ext:` name of a transaction resolves to. There may be no transaction with this id. */
  async transactionIdOf(given: string): Promise<Uuid | undefined> {
    if (!given.startsWith(EXTERNAL_ID_MARK)) return parseId('transaction', given);
    const externalId = given.slice(EXTERNAL_ID_MARK.length);
    if (checkName(externalId) !== undefined) return undefined;
    const ids = await this.read(({ db, ledgerId }) => findTransactionIds(db, ledgerId, [externalId]));
    return ids.get(externalId);
  }

  /** Returns the id that a public id of a hold, or an `ext:` name of the transaction that placed it, resolves to. */
  async holdIdOf(given: string): Promise<Uuid | undefined> {
    return given.startsWith(EXTERNAL_ID_MARK) ? this.transactionIdOf(given) : parseId('hold', given);
  }

  /** Returns the existing accounts with these ids. */
  async findAccounts(ids: readonly Uuid[]): Promise<Map<Uuid, Account>> {
    const accounts = await this.read(({ db, ledgerId, currencies }) =>
      findAccounts(db, ledgerId, ids, currencies.of),
    );
    return new Map(accounts.map((account) => [account.id, account]));
  }

  /** Returns the posted transactions with these ids. */
  async findTransactions(ids: readonly Uuid[]): Promise<Map<Uuid, Transaction>> {
    const found = await this.read(({ db, ledgerId, currencies }) =>
      findTransactions(db, ledgerId, ids, currencies.of),
    );
    return new Map(found.map((transaction) => [transaction.id, transaction]));
  }

  /** Returns pages of the reversals of transactions, oldest first, in the order given. All pages have one size and direction. */
  findReversals(
    pages: readonly ReversalsPage[],
    size: Pick<KeysetRange<Uuid>, 'limit' | 'inverted'>,
  ): Promise<Transaction[][]> {
    return this.read(({ db, ledgerId, currencies }) =>
      findReversals(db, ledgerId, pages, size, currencies.of),
    );
  }

  /** Returns the existing holds with these ids, in their present state. */
  async findHolds(ids: readonly Uuid[]): Promise<Map<Uuid, Hold>> {
    const holds = await this.read(({ db, ledgerId, currencies }) =>
      findHolds(db, ledgerId, ids, currencies.of),
    );
    return new Map(holds.map((hold) => [hold.id, hold]));
  }

  /** Returns the existing entries with these accounts and versions, in any order. */
  findEntries(places: readonly EntryPlace[]): Promise<EntryLine[]> {
    return this.read(({ db, ledgerId, currencies }) => findEntries(db, ledgerId, places, currencies.of));
  }

  /** Lists the accounts that match, newest first. */
  listAccounts(filter: AccountFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Account>> {
    return this.#list(filter, ({ db, ledgerId, currencies }) =>
      listMatchingAccounts(db, ledgerId, filter, range, currencies.of),
    );
  }

  /** Lists the posted transactions that match, newest first. */
  listTransactions(filter: TransactionFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Transaction>> {
    return this.#list(filter, ({ db, ledgerId, currencies }) =>
      listMatchingTransactions(db, ledgerId, filter, range, currencies.of),
    );
  }

  /**
   * Lists up to `size` posted transactions of the journal after a place, or from the beginning, in the order of their commits.
   * Returns undefined if the journal does not have this place, for example because the database was restored to an earlier state.
   */
  listJournal(after: JournalPlace | undefined, size: number): Promise<JournalPage | undefined> {
    return this.read(({ db, ledgerId, currencies }) => listJournal(db, ledgerId, after, size, currencies.of));
  }

  /** Lists an account's entries that match, by version, newest first. */
  listEntries(
    accountId: Uuid,
    filter: HistoryFilter,
    range: KeysetRange<bigint>,
  ): Promise<Listed<bigint, EntryLine>> {
    return this.#list(filter, ({ db, ledgerId, currencies }) =>
      listMatchingEntries(db, ledgerId, accountId, filter, range, currencies.of),
    );
  }

  /** Lists the holds that match, newest first. */
  listHolds(filter: HoldFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Hold>> {
    return this.#list(filter, ({ db, ledgerId, currencies }) =>
      listMatchingHolds(db, ledgerId, filter, range, currencies.of),
    );
  }

  /** Lists the posted transactions of a hold, oldest first. */
  listHoldTransactions(holdId: Uuid, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Transaction>> {
    return this.read(({ db, ledgerId, currencies }) =>
      listHoldTransactions(db, ledgerId, holdId, range, currencies.of),
    );
  }

  /** Returns the outcome that a command would have at present, without regard to its key. Nothing is recorded or reserved. */
  async preview(command: Command): Promise<Preview | Refusal> {
    const planned = await this.#context.planner.plan(command);
    if (!('code' in planned)) return this.read((context) => previewOf(context, planned));
    if (planned.code === 'UNAVAILABLE') throw unavailable();
    return planned;
  }

  /** Returns the recorded outcome of an account's key; undefined if none is recorded yet. */
  async outcomeByKey(account: string, idempotencyKey: string): Promise<Outcome | undefined> {
    const accountId = await this.accountIdOf(account);
    if (accountId === undefined || checkName(idempotencyKey) !== undefined) return undefined;
    return this.read(async ({ db, ledgerId, currencies }) => {
      const id = await findAttemptId(db, ledgerId, accountId, idempotencyKey);
      const recorded = await findRecorded(db, ledgerId, id === undefined ? [] : [id], currencies.of);
      return recorded.get(attemptKey(accountId, idempotencyKey))?.outcome;
    });
  }

  async state(): Promise<LedgerState> {
    const state = await this.read(({ db, ledgerName }) => findLedger(db, ledgerName));
    if (state === undefined) throw new TypeError('a ledger is never removed');
    return state;
  }

  /** Returns the currencies that an account has or that are registered, by code. */
  async findCurrencies(): Promise<Currency[]> {
    const all = await this.read(async ({ db, ledgerId, currencies }) => {
      const used = await findUsedCurrencies(db, ledgerId);
      const registered = await listRegisteredCurrencies(db, ledgerId);
      const byCode = new Map(registered.map((currency) => [currency.code, currency]));
      for (const code of used) if (!byCode.has(code)) byCode.set(code, currencies.of(code));
      return byCode;
    });
    return [...all.values()].sort((a, b) => (a.code < b.code ? -1 : 1));
  }

  /** Returns one line per currency that a matching account has, by code. */
  async trialBalance(filter: AccountFilter): Promise<TrialBalanceLine[]> {
    if (!canMatch(filter)) return [];
    return this.read(async ({ db, ledgerId, currencies }) => {
      const rows = await sumTrialBalance(db, ledgerId, filter);
      const known = await currencies.find(new Set(rows.map(({ currency }) => currency)));
      return rows.map(({ currency: code, debits, credits, held, accounts }) => {
        const currency = known.get(code);
        if (currency === undefined) throw new TypeError('a currency is never removed');
        const money = (minor: bigint): Money => ({ minor, currency });
        return { currency, debits: money(debits), credits: money(credits), held: money(held), accounts };
      });
    });
  }

  /** Runs a read and retries it. Rejects with `UnavailableError` if no attempt succeeds. */
  protected async read<T>(run: (context: ReadsContext) => Promise<T>): Promise<T> {
    const context = this.#context;
    return retryRead(() => context.currencies.reading(() => run(context)));
  }

  async #list<Key, Row>(
    filter: AccountFilter | TransactionFilter | HistoryFilter | HoldFilter,
    list: (context: ReadsContext) => Promise<Listed<Key, Row>>,
  ): Promise<Listed<Key, Row>> {
    return canMatch(filter) ? this.read(list) : { rows: [], stoppedAt: undefined };
  }
}

/** Runs a read and retries it. Rejects with `UnavailableError` if no attempt succeeds. */
export async function retryRead<T>(run: () => Promise<T>): Promise<T> {
  const answer = await retry(async () => ({ value: await run() }));
  if ('code' in answer) throw unavailable();
  return answer.value;
}

function unavailable(): UnavailableError {
  return new UnavailableError('The ledger cannot reach its database. Try again in a moment.');
}
