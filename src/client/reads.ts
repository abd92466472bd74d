import type { Calls } from './coalescing/calls.ts';
import * as documents from './generated.ts';
import { makeKey, withOperationKey } from './keys.ts';
import { type List, listOf, PAGE_SIZE, pagesOf } from './lists.ts';
import type { CallOptions } from './options.ts';
import type * as t from './types.ts';

/** The queries of the client. Each throws Unreachable where the deadline passes, and RequestRejected where the service rejects it. */
export class LedgerReads {
  readonly #calls: Calls;

  constructor(calls: Calls) {
    this.#calls = calls;
  }

  /**
   * Returns the account, or null if there is none. `id` is its id, `acct_…`, or the name that you gave it with the prefix `ext:`.
   * `account('alice')` finds nothing: the account with the externalId `alice` is `account('ext:alice')`. All methods take
   * accounts, transactions and holds in these two forms.
   */
  account(id: t.NodeId, options?: CallOptions): Promise<t.Account | null> {
    return this.#calls.read('account', documents.AccountDocument, id, options);
  }

  /** Returns the transaction with its parties, or null if there is none. `id` is its id, `txn_…`, or `ext:` and its externalId. */
  transaction(id: t.NodeId, options?: CallOptions): Promise<t.TransactionWithParties | null> {
    return this.#calls.read('transaction', documents.TransactionDocument, id, options);
  }

  /**
   * Returns the hold with its parties, or null if there is none. `id` is its id, `hold_…`, or `ext:` and the externalId it was placed
   * with.
   */
  hold(id: t.NodeId, options?: CallOptions): Promise<t.HoldWithParties | null> {
    return this.#calls.read('hold', documents.HoldDocument, id, options);
  }

  /** Returns the type and id of a node, or null if there is none. `id` is an id of any type, without `ext:`. */
  node(id: string, options?: CallOptions): Promise<t.NamedNode | null> {
    return this.#calls.read('node', documents.NodeDocument, id, options);
  }

  /** Returns the nodes of up to 100 ids, in their order, with null for each id that names nothing. */
  nodes(ids: readonly string[], options?: CallOptions): Promise<readonly (t.NamedNode | null)[]> {
    return this.#calls.query('nodes', documents.NodesDocument, { ids: [...ids] }, options);
  }

  /** Returns the caller: the API key or token of the client, its scopes, its owner, and the ledger of its requests. */
  viewer(options?: CallOptions): Promise<t.Viewer> {
    return this.#calls.query('viewer', documents.ViewerDocument, {}, options);
  }

  /** Returns the ledger: its name, its currencies and its closed period. */
  ledger(options?: CallOptions): Promise<t.Ledger> {
    return this.#calls.query('ledger', documents.LedgerDocument, {}, options);
  }

  /** Returns the last block of the journal. Its cursor is the end of the journal: see `journal`. */
  async head(options?: CallOptions): Promise<t.BlockHead> {
    return (await this.#calls.query('head', documents.HeadDocument, {}, options)).head;
  }

  /** Returns the sums of debits and credits, one line for each currency. Without a filter both sums are equal. */
  async trialBalance(
    filter?: t.AccountFilter,
    options?: CallOptions,
  ): Promise<readonly t.TrialBalanceLine[]> {
    const variables = { filter: filter ?? null };
    const { trialBalance } = await this.#calls.query(
      'trialBalance',
      documents.TrialBalanceDocument,
      variables,
      options,
    );
    return trialBalance;
  }

  /**
   * Returns the recorded outcome of a key, or null if none is recorded. A request with this key may still be in flight: to learn
   * its outcome, send the same request again.
   */
  outcomeByKey(accountId: string, idempotencyKey: string, options?: CallOptions): Promise<t.Outcome | null> {
    const variables = { accountId, idempotencyKey };
    return this.#calls.query('outcomeByKey', documents.OutcomeByKeyDocument, variables, options);
  }

  /** Returns the result that an operation would have at this moment. Records and reserves nothing. */
  preview(operation: t.Operation, options?: CallOptions): Promise<t.PreviewResult> {
    const variables = { operation: withOperationKey(operation, makeKey()) };
    return this.#calls.query('preview', documents.PreviewDocument, variables, options);
  }

  /** Lists accounts, newest first: `for await (const account of ledger.accounts())`, or `ledger.accounts().page({ first: 20 })`. */
  accounts(filter?: t.AccountFilter, options?: CallOptions): List<t.Account> {
    return listOf((first, after) => {
      const variables = { filter: filter ?? null, first, after };
      return this.#calls.query('accounts', documents.AccountsDocument, variables, options);
    });
  }

  /** Lists transactions, newest first. */
  transactions(filter?: t.TransactionFilter, options?: CallOptions): List<t.Transaction> {
    return listOf((first, after) => {
      const variables = { filter: filter ?? null, first, after };
      return this.#calls.query('transactions', documents.TransactionsDocument, variables, options);
    });
  }

  /** Lists holds, newest first. */
  holds(filter?: t.HoldFilter, options?: CallOptions): List<t.Hold> {
    return listOf((first, after) => {
      const variables = { filter: filter ?? null, first, after };
      return this.#calls.query('holds', documents.HoldsDocument, variables, options);
    });
  }

  /** Lists the ledgers that the caller may use, newest first. */
  ledgers(options?: CallOptions): List<t.LedgerName> {
    return listOf((first, after) =>
      this.#calls.query('ledgers', documents.LedgersDocument, { first, after }, options),
    );
  }

  /** Lists API keys, newest first, without their secrets. A key for one ledger sees the keys of that ledger. */
  apiKeys(options?: CallOptions): List<t.ApiKey> {
    return listOf((first, after) =>
      this.#calls.query('apiKeys', documents.ApiKeysDocument, { first, after }, options),
    );
  }

  /** Lists the audit events of the ledger, newest first. Needs the scope ADMIN. */
  auditEvents(filter?: t.AuditFilter, options?: CallOptions): List<t.AuditEvent> {
    return listOf((first, after) => {
      const variables = { filter: filter ?? null, first, after };
      return this.#calls.query('auditEvents', documents.AuditEventsDocument, variables, options);
    });
  }

  /** Lists the changes of an account, newest first. Empty if there is no such account. */
  changes(accountId: t.NodeId, options?: CallOptions): List<t.AuditEvent> {
    return listOf(async (first, after) => {
      const variables = { accountId, first, after };
      const account = await this.#calls.query('changes', documents.ChangesDocument, variables, options);
      return account?.changes ?? { nodes: [], pageInfo: { hasNextPage: false } };
    });
  }

  /** Lists the entries of an account, newest first, with the type of their transactions. Empty if there is no such account. */
  history(accountId: t.NodeId, filter?: t.HistoryFilter, options?: CallOptions): List<t.HistoryEntry> {
    return listOf(async (first, after) => {
      const variables = { accountId, filter: filter ?? null, first, after };
      const account = await this.#calls.query('history', documents.HistoryDocument, variables, options);
      return account?.history ?? { nodes: [], pageInfo: { hasNextPage: false } };
    });
  }

  /**
   * Reads the journal in pages, in the order of commits, from a cursor or from the beginning to its present end. To follow the
   * ledger, save each page's `cursor` with the results of the page, and call this again with the last one: no transaction is
   * missed or returned twice. A page may be empty. To begin at the present, take `(await ledger.head()).cursor`. Throws
   * RequestRejected with the code JOURNAL_REWOUND if the cursor's block does not exist.
   */
  async *journal(
    after?: string | null,
    options?: CallOptions,
  ): AsyncGenerator<t.JournalPage, void, undefined> {
    const read = (cursor: string | null) =>
      this.#calls.query('journal', documents.JournalDocument, { first: PAGE_SIZE, after: cursor }, options);
    for await (const { nodes: transactions, pageInfo } of pagesOf(read, after)) {
      yield { transactions, cursor: pageInfo.endCursor ?? '' };
    }
  }
}
