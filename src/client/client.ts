/**
 * The client: one method a mutation and query, typed by the schema.
 *
 * A mutation that takes an idempotency key has it made before the first attempt and kept for all further ones, so that what
 * is sent twice is done once. Refusals are results; what is thrown instead stands in errors.ts.
 */
import { inChunks } from './chunks.ts';
import { IntentConflict, OutcomeUnknown, Unreachable, unanswered } from './errors.ts';
import { NoAnswer } from './failures.ts';
import * as documents from './generated.ts';
import { Intents } from './intents.ts';
import { listNodes, listPages, PAGE_SIZE } from './lists.ts';
import { isRefusal } from './refusals.ts';
import { type Patience, signalOf, untilAnswered } from './retry.ts';
import { type KeyStore, storeOf, type WebStorage } from './stores.ts';
import {
  type AnyDocument,
  type Fetch,
  type RequestHeaders,
  Transport,
  type TypedDocument,
} from './transport.ts';
import type * as t from './types.ts';

export interface LedgerClientOptions {
  /** Of the GraphQL endpoint, such as `http://127.0.0.1:4000/graphql`; in a page also a path of its origin. */
  readonly url: string;
  /** Sent as `authorization: Bearer …`. */
  readonly apiKey?: string;
  /** The runtime's own where it is left out. */
  readonly fetch?: Fetch;
  /** Where intents are kept: localStorage, indexedDBStore(), or a store of your own. Without one, no call can name an intent. */
  readonly keyStore?: KeyStore | WebStorage;
  /** Sent with each request; a function is asked each time. */
  readonly headers?: RequestHeaders;
  /** How long a request is tried at most: 30 s where it is left out, and 120 s where it carries a batch. */
  readonly deadlineMs?: number;
}

export interface CallOptions {
  /** How long this call's request is tried at most. */
  readonly deadlineMs?: number;
  /** Ends the call early: a mutation by OutcomeUnknown, since it may have been done. */
  readonly signal?: AbortSignal;
}

export interface MutationOptions extends CallOptions {
  /**
   * Your own name for what is to be done once, such as `checkout-42`. Its key is kept in the key store before the first attempt:
   * who comes back with the same intent, after a crash too, repeats that attempt. It stays until `forget` where the answer is
   * posted, and is forgotten where it is declined, so that the same intent then makes a new attempt.
   */
  readonly intent?: string;
}

export interface ChangeOptions extends MutationOptions {
  /** Names this change among those of the account; made where it is left out. */
  readonly idempotencyKey?: string;
}

export interface BatchOptions extends MutationOptions {
  /** What the keys of the items begin with; made where it is left out. */
  readonly idempotencyKey?: string;
}

const DEADLINE_MS = 30_000;
const BATCH_DEADLINE_MS = 120_000;
/** After these refusals it is open what the key stands for, or will. */
const OPEN_CODES: readonly string[] = ['FORBIDDEN', 'IDEMPOTENCY_CONFLICT', 'INTERNAL'];

/**
 * Makes a client of the ledger service at `url`. It holds no connection of its own, and needs no closing.
 *
 * @throws TypeError where `url` is no URL of http or https, or the key store cannot keep its users apart.
 */
export function createLedgerClient(options: LedgerClientOptions): LedgerClient {
  return new LedgerClient(options);
}

export class LedgerClient {
  readonly #transport: Transport;
  readonly #intents: Intents | undefined;
  readonly #deadlineMs: number | undefined;

  constructor({ url, apiKey, fetch, keyStore, headers = {}, deadlineMs }: LedgerClientOptions) {
    this.#transport = new Transport({ url, apiKey, fetch, headers });
    this.#intents = keyStore === undefined ? undefined : new Intents(storeOf(keyStore));
    this.#deadlineMs = deadlineMs;
  }

  /** Posts money that came in: from the currency's external account to an account. */
  deposit(input: t.Keyless<t.DepositInput>, options?: MutationOptions): Promise<t.DepositResult> {
    return this.#once('deposit', documents.DepositDocument, input, options);
  }

  /** Posts money that goes out: from an account to the currency's external account. */
  withdraw(input: t.Keyless<t.WithdrawInput>, options?: MutationOptions): Promise<t.WithdrawResult> {
    return this.#once('withdraw', documents.WithdrawDocument, input, options);
  }

  /** Moves money from one account to another: from is debited, to is credited. */
  transfer(input: t.Keyless<t.TransferInput>, options?: MutationOptions): Promise<t.TransferResult> {
    return this.#once('transfer', documents.TransferDocument, input, options);
  }

  /** Posts a journal: entries of your own making, all of them or none. */
  postTransaction(
    input: t.Keyless<t.PostTransactionInput>,
    options?: MutationOptions,
  ): Promise<t.PostTransactionResult> {
    return this.#once('postTransaction', documents.PostTransactionDocument, input, options);
  }

  /** Reverses a transaction, wholly or in part. */
  reverseTransaction(
    input: t.Keyless<t.ReverseTransactionInput>,
    options?: MutationOptions,
  ): Promise<t.ReverseTransactionResult> {
    return this.#once('reverseTransaction', documents.ReverseTransactionDocument, input, options);
  }

  /** Reserves money: neither balance changes until a capture. */
  placeHold(input: t.Keyless<t.PlaceHoldInput>, options?: MutationOptions): Promise<t.PlaceHoldResult> {
    return this.#once('placeHold', documents.PlaceHoldDocument, input, options);
  }

  /** Moves reserved money: all that remains of a hold or a part of it. */
  captureHold(input: t.Keyless<t.CaptureHoldInput>, options?: MutationOptions): Promise<t.CaptureHoldResult> {
    return this.#once('captureHold', documents.CaptureHoldDocument, input, options);
  }

  /** Ends a hold: what remains of it is free again. */
  voidHold(input: t.Keyless<t.VoidHoldInput>, options?: MutationOptions): Promise<t.VoidHoldResult> {
    return this.#once('voidHold', documents.VoidHoldDocument, input, options);
  }

  /** Makes an account, empty and open. */
  createAccount(input: t.CreateAccountInput, options?: MutationOptions): Promise<t.CreateAccountResult> {
    return this.#once('createAccount', documents.CreateAccountDocument, input, options);
  }

  /**
   * Makes many accounts, each as if it was asked for on its own, 1,000 a request. The results are in the inputs' order. Where a whole
   * request is refused, that refusal is the answer; the same call with the same intent goes on behind what was made.
   */
  createAccounts(
    accounts: readonly t.CreateAccountInput[],
    { idempotencyKey, ...options }: BatchOptions = {},
  ): Promise<t.CreateAccountsResult> {
    return this.#keeping('createAccounts', { accounts, idempotencyKey }, options, async (key, call) => {
      const results: t.AccountResult[] = [];
      for (const chunk of inChunks(accounts, key, withKey)) {
        const input = { accounts: chunk };
        const answer = await this.#mutate(documents.CreateAccountsDocument, input, call, BATCH_DEADLINE_MS);
        if (isRefusal(answer)) return answer;
        results.push(...answer.results);
        call.begun = true;
      }
      return { __typename: 'AccountsCreated', results };
    });
  }

  /**
   * Posts many operations. INDEPENDENT ones, the default, go 1,000 a request, and the results are in their order. Where a whole
   * request is refused, that refusal is the answer; the same call with the same intent goes on behind what was posted. ATOMIC
   * ones go in one request, all or none. What of an INDEPENDENT batch is declined stays declined under its intent.
   */
  postBatch(
    operations: readonly t.Operation[],
    { mode = 'INDEPENDENT', idempotencyKey, ...options }: BatchOptions & { readonly mode?: t.BatchMode } = {},
  ): Promise<t.PostBatchResult> {
    return this.#keeping('postBatch', { mode, operations, idempotencyKey }, options, async (key, call) => {
      const results: t.OperationResult[] = [];
      const chunkSize = mode === 'ATOMIC' ? operations.length : undefined;
      for (const chunk of inChunks(operations, key, withOperationKey, chunkSize)) {
        const input = { mode, operations: chunk };
        const answer = await this.#mutate(documents.PostBatchDocument, input, call, BATCH_DEADLINE_MS);
        if (isRefusal(answer)) return answer;
        results.push(...answer.results);
        call.begun = true;
      }
      return { __typename: 'BatchProcessed', results };
    });
  }

  /** Registers a currency that ISO 4217 does not have, for good. */
  createCurrency(input: t.CreateCurrencyInput, options?: CallOptions): Promise<t.CreateCurrencyResult> {
    return this.#change('createCurrency', documents.CreateCurrencyDocument, input, options);
  }

  /** Changes limits and metadata of an account, or gives it a name. All of it happens, or nothing. */
  updateAccount(input: t.UpdateAccountInput, options?: MutationOptions): Promise<t.UpdateAccountResult> {
    return this.#once('updateAccount', documents.UpdateAccountDocument, input, options);
  }

  /** Refuses every posting, hold and capture on an account until it is unfrozen. */
  freezeAccount(accountId: string, options?: ChangeOptions): Promise<t.UpdateAccountResult> {
    return this.#changeStatus('freezeAccount', documents.FreezeAccountDocument, accountId, options);
  }

  /** Lets a frozen account take part again. */
  unfreezeAccount(accountId: string, options?: ChangeOptions): Promise<t.UpdateAccountResult> {
    return this.#changeStatus('unfreezeAccount', documents.UnfreezeAccountDocument, accountId, options);
  }

  /** Closes an account for good: at a balance of zero, with no open hold. */
  closeAccount(accountId: string, options?: ChangeOptions): Promise<t.UpdateAccountResult> {
    return this.#changeStatus('closeAccount', documents.CloseAccountDocument, accountId, options);
  }

  /** Closes the books before an instant, for good. */
  closePeriod(input: t.ClosePeriodInput, options?: CallOptions): Promise<t.ClosePeriodResult> {
    return this.#change('closePeriod', documents.ClosePeriodDocument, input, options);
  }

  /** The account; null where there is none. `id` is its id, or `ext:` and its externalId, as everywhere. */
  async account(id: string, options?: CallOptions): Promise<t.Account | null> {
    return this.#query('account', documents.AccountDocument, { id }, options);
  }

  /** The transaction; null where there is none. */
  async transaction(id: string, options?: CallOptions): Promise<t.Transaction | null> {
    return this.#query('transaction', documents.TransactionDocument, { id }, options);
  }

  /** The hold; null where there is none. */
  async hold(id: string, options?: CallOptions): Promise<t.Hold | null> {
    return this.#query('hold', documents.HoldDocument, { id }, options);
  }

  /** The ledger itself: its closed period, its currencies, the head of its chain. */
  async ledger(options?: CallOptions): Promise<t.Ledger> {
    return this.#query('ledger', documents.LedgerDocument, {}, options);
  }

  /** What an id names, whatever its type; null where it names nothing. */
  async node(id: string, options?: CallOptions): Promise<t.NamedNode | null> {
    return this.#query('node', documents.NodeDocument, { id }, options);
  }

  /** What several ids name, 100 at most, in their order, with null in the place of each that names nothing. */
  async nodes(ids: readonly string[], options?: CallOptions): Promise<readonly (t.NamedNode | null)[]> {
    return this.#query('nodes', documents.NodesDocument, { ids: [...ids] }, options);
  }

  /** What was answered to a key. Null: nothing yet, and it may be on its way: only sending the same again is safe. */
  async outcomeByKey(
    accountId: string,
    idempotencyKey: string,
    options?: CallOptions,
  ): Promise<t.Outcome | null> {
    const variables = { accountId, idempotencyKey };
    return this.#query('outcomeByKey', documents.OutcomeByKeyDocument, variables, options);
  }

  /** What an operation would answer now. Nothing is recorded or reserved. */
  async preview(operation: t.Operation, options?: CallOptions): Promise<t.PreviewResult> {
    const variables = { operation: withOperationKey(operation, makeKey()) };
    return this.#query('preview', documents.PreviewDocument, variables, options);
  }

  /** Accounts that match, page by page as they are asked for: `for await (const account of ledger.accounts())`. */
  accounts(filter?: t.AccountFilter, options?: CallOptions): AsyncGenerator<t.Account, void, undefined> {
    return listNodes(async (after) => {
      const variables = { filter: filter ?? null, first: PAGE_SIZE, after };
      return this.#query('accounts', documents.AccountsDocument, variables, options);
    });
  }

  /** Transactions that match, newest first. */
  transactions(
    filter?: t.TransactionFilter,
    options?: CallOptions,
  ): AsyncGenerator<t.Transaction, void, undefined> {
    return listNodes(async (after) => {
      const variables = { filter: filter ?? null, first: PAGE_SIZE, after };
      return this.#query('transactions', documents.TransactionsDocument, variables, options);
    });
  }

  /**
   * The journal in pages, in the order of commits, from after a cursor or from the beginning, up to its present end. To follow
   * the ledger, keep each page's `cursor` once you have processed its transactions, and call this again with the last one: you
   * miss nothing and see nothing twice. A page may be empty. `(await ledger.ledger()).head.cursor` is where "from now on"
   * begins. Throws RequestRejected with the code JOURNAL_REWOUND where the cursor's block is not in the books.
   */
  async *journal(
    after?: string | null,
    options?: CallOptions,
  ): AsyncGenerator<t.JournalPage, void, undefined> {
    const pages = listPages(
      async (cursor) =>
        this.#query('journal', documents.JournalDocument, { first: PAGE_SIZE, after: cursor }, options),
      after,
    );
    for await (const { nodes: transactions, pageInfo } of pages) {
      yield { transactions, cursor: pageInfo.endCursor ?? '' };
    }
  }

  /** Holds that match, newest first. */
  holds(filter?: t.HoldFilter, options?: CallOptions): AsyncGenerator<t.Hold, void, undefined> {
    return listNodes(async (after) => {
      const variables = { filter: filter ?? null, first: PAGE_SIZE, after };
      return this.#query('holds', documents.HoldsDocument, variables, options);
    });
  }

  /** The entries of an account that match, newest first; none where there is no such account. */
  history(
    accountId: string,
    filter?: t.HistoryFilter,
    options?: CallOptions,
  ): AsyncGenerator<t.HistoryEntry, void, undefined> {
    return listNodes(async (after) => {
      const variables = { accountId, filter: filter ?? null, first: PAGE_SIZE, after };
      const account = await this.#query('history', documents.HistoryDocument, variables, options);
      return account?.history ?? { nodes: [], pageInfo: { hasNextPage: false } };
    });
  }

  /**
   * Runs a document of your own. What is clearly a query is tried until the deadline; a mutation is sent once, since only you
   * know whether it may be sent again: under the same idempotency key it may. Throws NoAnswer, or RequestRejected where the service does not take it.
   */
  async request<Result, Variables>(
    document: AnyDocument<Result, Variables>,
    variables: Variables,
    options: CallOptions = {},
  ): Promise<Result> {
    const patience = this.#patience(options, DEADLINE_MS);
    const send = (signal: AbortSignal) => this.#transport.send(document, variables, signal);
    const text = document.toString();
    const isQuery = /^\s*(query\b|\{)/.test(text) && !/\bmutation\b/.test(text);
    if (!isQuery) return send(signalOf(patience));
    const tried = await untilAnswered(send, patience);
    if (tried.answered) return tried.answer;
    throw tried.cause;
  }

  /** Forgets an intent: the next call that names it makes a new attempt. */
  async forget(intent: string): Promise<void> {
    await this.#keptIntents().forget(intent);
  }

  /** A mutation with a key. */
  #once<Field extends string, Input extends WithKey, Result extends AnyResult>(
    operation: Field,
    document: TypedDocument<Answer<Field, Result>, { input: Input }>,
    input: t.Keyless<Input>,
    options: MutationOptions = {},
  ): Promise<Result> {
    return this.#keeping(operation, input, options, (key, call) =>
      this.#mutate(document, withKey(input, key) as Input, call, DEADLINE_MS),
    );
  }

  /** A mutation with a key that takes nothing but an account. */
  #changeStatus<Field extends string, Result extends AnyResult>(
    operation: Field,
    document: TypedDocument<Answer<Field, Result>, { input: { readonly accountId: string } & WithKey }>,
    accountId: string,
    { idempotencyKey, ...options }: ChangeOptions = {},
  ): Promise<Result> {
    return this.#once(operation, document, { accountId, idempotencyKey }, options);
  }

  /** A mutation without a key: however often it is sent, it is done once. */
  #change<Field extends string, Input, Result extends AnyResult>(
    operation: Field,
    document: TypedDocument<Answer<Field, Result>, { input: Input }>,
    input: Input,
    options: CallOptions = {},
  ): Promise<Result> {
    return this.#mutate(document, input, { ...options, operation }, DEADLINE_MS);
  }

  /** Runs an operation under the key that its intent is kept with, or a new one, and keeps the intent as long as it is to be kept. */
  async #keeping<Result extends AnyResult>(
    operation: string,
    { idempotencyKey, ...input }: WithKey & Readonly<Record<string, unknown>>,
    options: MutationOptions,
    run: (key: string, call: Call) => Promise<Result>,
  ): Promise<Result> {
    const { intent } = options;
    const newKey = idempotencyKey ?? makeKey();
    if (intent === undefined) return run(newKey, { ...options, operation, idempotencyKey: newKey });

    const intents = this.#keptIntents();
    const key = await intents.keep(intent, { operation, input, key: newKey });
    if (key !== newKey && idempotencyKey) throw new IntentConflict(intent, JSON.stringify({ key }));
    const call: Call = { ...options, operation, idempotencyKey: key };
    const result = await run(key, call);
    // Where a part of it was answered, a new attempt would do that part again.
    if (isRefusal(result) && !call.begun && !result.retryable && !OPEN_CODES.includes(result.code)) {
      await intents.forget(intent, key);
    }
    return result;
  }

  /** Sends a mutation until it is answered. Throws OutcomeUnknown; RequestRejected or Unreachable where nothing was done. */
  async #mutate<Field extends string, Input, Result extends AnyResult>(
    document: TypedDocument<Answer<Field, Result>, { input: Input }>,
    input: Input,
    { operation, idempotencyKey, intent, begun, ...options }: Call,
    defaultDeadlineMs: number,
  ): Promise<Result> {
    const tried = await untilAnswered(
      async (signal) => {
        try {
          const result = fieldOf(await this.#transport.send(document, { input }, signal));
          if (result === null || result === undefined) throw new NoAnswer('The answer had no result.');
          return result;
        } catch (error) {
          if (error instanceof NoAnswer && error.isOverload)
            return overloadedError(error) as AnyResult as Result;
          throw error;
        }
      },
      { ...this.#patience(options, defaultDeadlineMs), begun },
    );
    if (tried.answered) return tried.answer;
    throw new OutcomeUnknown({ operation, idempotencyKey, intent, attempts: tried.attempts }, tried.cause);
  }

  /** Sends a query until it is answered, and resolves to the field that it asks for. Throws Unreachable or RequestRejected. */
  async #query<Data extends object, Variables>(
    operation: string,
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    options: CallOptions = {},
  ): Promise<Data[keyof Data]> {
    const tried = await untilAnswered(
      async (signal) => fieldOf<Data>(await this.#transport.send(document, variables, signal)),
      { ...this.#patience(options, DEADLINE_MS), reads: true },
    );
    if (tried.answered) return tried.answer;
    throw new Unreachable(unanswered(operation, tried.attempts, tried.cause), tried.cause);
  }

  #patience({ deadlineMs, signal }: CallOptions, defaultMs: number): Patience {
    return { deadlineMs: deadlineMs ?? this.#deadlineMs ?? defaultMs, signal };
  }

  #keptIntents(): Intents {
    if (this.#intents === undefined)
      throw new TypeError('An intent is kept in a keyStore: give the client one.');
    return this.#intents;
  }
}

/** A call of a mutation, as its errors tell of it. */
interface Call extends MutationOptions {
  readonly operation: string;
  readonly idempotencyKey?: string;
  /** Whether earlier requests of it were answered. */
  begun?: boolean;
}

interface AnyResult {
  readonly __typename: string;
}

/** The same refusal as a result: every mutation may have it. */
function overloadedError({ message, retryAfterMs }: NoAnswer): OverloadedError {
  const facts = { code: 'OVERLOADED', message, retryable: true, replayed: false } as const;
  return { __typename: 'OverloadedError', ...facts, retryAfterMs };
}

type OverloadedError = Extract<t.PostBatchResult, { readonly __typename: 'OverloadedError' }>;

type WithKey = { readonly idempotencyKey?: string | null | undefined };

/** The answer's one field: each document of this client asks for one. */
function fieldOf<Data extends object>(data: Data): Data[keyof Data] {
  return Object.values(data)[0] as Data[keyof Data];
}

/** What a mutation's document answers: one field, which is null only where nothing is known. */
type Answer<Field extends string, Result> = { readonly [Only in Field]: Result | null };

function withKey<Input extends WithKey>(
  input: Input,
  key: string,
): Input & { readonly idempotencyKey: string } {
  return { ...input, idempotencyKey: input.idempotencyKey ?? key };
}

/** The one field of an operation has the input with the key. */
function withOperationKey(operation: t.Operation, key: string): t.OperationInput {
  const fields = Object.entries<WithKey | undefined>(operation).flatMap(([name, input]) =>
    input === undefined ? [] : [[name, withKey(input, key)]],
  );
  return Object.fromEntries(fields) as t.OperationInput;
}

/** 128 random bits. Not crypto.randomUUID, which browsers have on secure pages alone. */
function makeKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
