import { recordedKey } from '../core/access/restricted-commands.ts';
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
import { findParties, type Party } from '../db/parties.ts';
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
 * Reads a ledger. Ids that are malformed, of another ledger or unknown find nothing. If the caller is restricted to an owner, ids of
 * others find nothing either, by the same statements as unknown ones. Reads reject with `UnavailableError` if the database does not
 * answer.
 */
export class LedgerReads {
  readonly #context: ReadsContext;

  constructor(context: ReadsContext) {
    this.#context = context;
  }

  /** Returns the id that a public id or an `ext:` name of an account resolves to. There may be no account with this id. */
  accountIdOf(given: string): Promise<Uuid | undefined> {
    return this.read(({ names, planner: { restricted } }) =>
      // An own id is not looked up: what is read by it is restricted too.
      restricted === null || !given.startsWith(EXTERNAL_ID_MARK)
        ? names.accountId(nameAccount(given))
        : restricted.accountId(given),
    );
  }

  /** Returns the id that a public id or an `ext:` name of a transaction resolves to. There may be no transaction with this id. */
  async transactionIdOf(given: string): Promise<Uuid | undefined> {
    if (!given.startsWith(EXTERNAL_ID_MARK)) return parseId('transaction', given);
    const externalId = given.slice(EXTERNAL_ID_MARK.length);
    if (checkName(externalId) !== undefined) return undefined;
    const ids = await this.read(({ db, ledgerId, viewer: { owner } }) =>
      findTransactionIds(db, ledgerId, [externalId], owner),
    );
    return ids.get(externalId);
  }

  /** Returns the id that a public id of a hold, or an `ext:` name of the transaction that placed it, resolves to. */
  async holdIdOf(given: string): Promise<Uuid | undefined> {
    return given.startsWith(EXTERNAL_ID_MARK) ? this.transactionIdOf(given) : parseId('hold', given);
  }

  /** Returns the existing accounts with these ids. */
  async findAccounts(ids: readonly Uuid[]): Promise<Map<Uuid, Account>> {
    const accounts = await this.read(({ db, ledgerId, currencies, viewer: { owner } }) =>
      findAccounts(db, ledgerId, ids, currencies.of, owner),
    );
    return new Map(accounts.map((account) => [account.id, account]));
  }

  /** Returns the posted transactions with these ids. */
  async findTransactions(ids: readonly Uuid[]): Promise<Map<Uuid, Transaction>> {
    const found = await this.read(({ db, ledgerId, currencies, viewer: { owner } }) =>
      findTransactions(db, ledgerId, ids, currencies.of, owner),
    );
    return new Map(found.map((transaction) => [transaction.id, transaction]));
  }

  /** Returns the accounts that posted transactions move, by the transaction's id: each once, in the order of their first entries. */
  findParties(transactionIds: readonly Uuid[]): Promise<Map<Uuid, Party[]>> {
    return this.read(({ db, ledgerId, viewer: { owner } }) =>
      findParties(db, ledgerId, transactionIds, owner),
    );
  }

  /** Returns pages of the reversals of transactions, oldest first, in the order given. All pages have one size and direction. */
  findReversals(
    pages: readonly ReversalsPage[],
    size: Pick<KeysetRange<Uuid>, 'limit' | 'inverted'>,
  ): Promise<Transaction[][]> {
    return this.read(({ db, ledgerId, currencies, viewer: { owner } }) =>
      findReversals(db, ledgerId, pages, size, currencies.of, owner),
    );
  }

  /** Returns the existing holds with these ids, in their present state. */
  async findHolds(ids: readonly Uuid[]): Promise<Map<Uuid, Hold>> {
    const holds = await this.read(({ db, ledgerId, currencies, viewer: { owner } }) =>
      findHolds(db, ledgerId, ids, currencies.of, owner),
    );
    return new Map(holds.map((hold) => [hold.id, hold]));
  }

  /** Returns the existing entries with these accounts and versions, in any order. */
  findEntries(places: readonly EntryPlace[]): Promise<EntryLine[]> {
    return this.read(({ db, ledgerId, currencies, viewer: { owner } }) =>
      findEntries(db, ledgerId, places, currencies.of, owner),
    );
  }

  /** Lists the accounts that match, newest first. */
  listAccounts(filter: AccountFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Account>> {
    return this.#list(filter, ({ db, ledgerId, currencies, viewer: { owner } }) =>
      listMatchingAccounts(db, ledgerId, filter, range, currencies.of, owner),
    );
  }

  /** Lists the posted transactions that match, newest first. Not for callers restricted to an owner. */
  async listTransactions(
    filter: TransactionFilter,
    range: KeysetRange<Uuid>,
  ): Promise<Listed<Uuid, Transaction>> {
    this.#expectNoOwner();
    return this.#list(filter, ({ db, ledgerId, currencies }) =>
      listMatchingTransactions(db, ledgerId, filter, range, currencies.of),
    );
  }

  /**
   * Lists up to `size` posted transactions of the journal after a place, or from the beginning, in the order of their commits.
   * Returns undefined if the journal does not have this place, for example because the database was restored to an earlier state.
   * Not for callers restricted to an owner.
   */
  async listJournal(after: JournalPlace | undefined, size: number): Promise<JournalPage | undefined> {
    this.#expectNoOwner();
    return this.read(({ db, ledgerId, currencies }) => listJournal(db, ledgerId, after, size, currencies.of));
  }

  /** Lists an account's entries that match, by version, newest first. */
  listEntries(
    accountId: Uuid,
    filter: HistoryFilter,
    range: KeysetRange<bigint>,
  ): Promise<Listed<bigint, EntryLine>> {
    return this.#list(filter, ({ db, ledgerId, currencies, viewer: { owner } }) =>
      listMatchingEntries(db, ledgerId, accountId, filter, range, currencies.of, owner),
    );
  }

  /** Lists the holds that match, newest first. For a caller restricted to an owner, the filter must name an account. */
  listHolds(filter: HoldFilter, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Hold>> {
    return this.#list(filter, ({ db, ledgerId, currencies, viewer: { owner } }) =>
      listMatchingHolds(db, ledgerId, filter, range, currencies.of, owner),
    );
  }

  /** Lists the posted transactions of a hold, oldest first. */
  listHoldTransactions(holdId: Uuid, range: KeysetRange<Uuid>): Promise<Listed<Uuid, Transaction>> {
    return this.read(({ db, ledgerId, currencies, viewer: { owner } }) =>
      listHoldTransactions(db, ledgerId, holdId, range, currencies.of, owner),
    );
  }

  /** Returns the outcome that a command would have at present, without regard to its key. Nothing is recorded or reserved. */
  async preview(command: Command): Promise<Preview | Refusal> {
    const { planner } = this.#context;
    const planned = await planner.plan(command);
    const preview = 'code' in planned ? planned : await this.read((context) => previewOf(context, planned));
    const shown = planner.restricted === null ? preview : await planner.restricted.show(preview);
    if (shown.code === 'UNAVAILABLE') throw unavailable();
    return shown;
  }

  /** Returns the recorded outcome of an account's key; undefined if none is recorded yet. */
  async outcomeByKey(account: string, idempotencyKey: string): Promise<Outcome | undefined> {
    const { restricted } = this.#context.planner;
    if (restricted === null) return this.#findOutcome(await this.accountIdOf(account), idempotencyKey);
    const accountId = await this.read(() => restricted.accountId(account));
    const outcome = await this.#findOutcome(accountId, recordedKey(idempotencyKey));
    if (outcome === undefined) return undefined;
    const shown = await restricted.show(outcome);
    if (shown.code === 'UNAVAILABLE') throw unavailable();
    return shown;
  }

  async #findOutcome(accountId: Uuid | undefined, key: string): Promise<Outcome | undefined> {
    if (accountId === undefined || checkName(key) !== undefined) return undefined;
    return this.read(async ({ db, ledgerId, currencies }) => {
      const id = await findAttemptId(db, ledgerId, accountId, key);
      const recorded = await findRecorded(db, ledgerId, id === undefined ? [] : [id], currencies.of);
      return recorded.get(attemptKey(accountId, key))?.outcome;
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

  /** Returns one line per currency that a matching account has, by code. Not for callers restricted to an owner. */
  async trialBalance(filter: AccountFilter): Promise<TrialBalanceLine[]> {
    this.#expectNoOwner();
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

  #expectNoOwner(): void {
    if (this.#context.viewer.owner !== null) throw new TypeError('the caller is restricted to an owner');
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
