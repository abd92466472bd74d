/**
 * The client: one method for each mutation and query of the schema, with its types.
 *
 * A mutation that takes an idempotency key gets its key before the first attempt and keeps it for all attempts, so that it is done
 * once. Refusals are results. All other failures are thrown; see errors.ts.
 */
import { BATCH_DEADLINE_MS, type Call, Calls } from './coalescing/calls.ts';
import * as documents from './generated.ts';
import { inChunks, withKey, withOperationKey } from './keys.ts';
import type {
  BatchOptions,
  CallOptions,
  ChangeOptions,
  LedgerClientOptions,
  MutationOptions,
} from './options.ts';
import { LedgerReads } from './reads.ts';
import { isRefusal } from './refusals.ts';
import type { AnyDocument } from './transport.ts';
import type * as t from './types.ts';

/**
 * Creates a client of the ledger service at `url`. It holds no connection and needs no closing.
 *
 * @throws TypeError if an option has a wrong form, or if the key store cannot keep its users apart.
 */
export function createLedgerClient(options: LedgerClientOptions): LedgerClient {
  return new LedgerClient(options);
}

export class LedgerClient extends LedgerReads {
  readonly #calls: Calls;

  constructor(options: LedgerClientOptions) {
    const calls = new Calls(options);
    super(calls);
    this.#calls = calls;
  }

  /** Posts incoming money: from the currency's external account to an account. */
  deposit(input: t.Keyless<t.DepositInput>, options?: MutationOptions): Promise<t.DepositResult> {
    return this.#calls.once('deposit', documents.DepositDocument, input, options);
  }

  /** Posts outgoing money: from an account to the currency's external account. */
  withdraw(input: t.Keyless<t.WithdrawInput>, options?: MutationOptions): Promise<t.WithdrawResult> {
    return this.#calls.once('withdraw', documents.WithdrawDocument, input, options);
  }

  /** Moves money from one account to another: from is debited, to is credited. */
  transfer(input: t.Keyless<t.TransferInput>, options?: MutationOptions): Promise<t.TransferResult> {
    return this.#calls.once('transfer', documents.TransferDocument, input, options);
  }

  /** Posts a journal: 2 to 100 balanced entries, all or none. */
  postTransaction(
    input: t.Keyless<t.PostTransactionInput>,
    options?: MutationOptions,
  ): Promise<t.PostTransactionResult> {
    return this.#calls.once('postTransaction', documents.PostTransactionDocument, input, options);
  }

  /** Reverses a transaction, wholly or in part. */
  reverseTransaction(
    input: t.Keyless<t.ReverseTransactionInput>,
    options?: MutationOptions,
  ): Promise<t.ReverseTransactionResult> {
    return this.#calls.once('reverseTransaction', documents.ReverseTransactionDocument, input, options);
  }

  /** Reserves money. The balances change when the hold is captured. */
  placeHold(input: t.Keyless<t.PlaceHoldInput>, options?: MutationOptions): Promise<t.PlaceHoldResult> {
    return this.#calls.once('placeHold', documents.PlaceHoldDocument, input, options);
  }

  /** Moves reserved money: all that remains of a hold, or a part of it. */
  captureHold(input: t.Keyless<t.CaptureHoldInput>, options?: MutationOptions): Promise<t.CaptureHoldResult> {
    return this.#calls.once('captureHold', documents.CaptureHoldDocument, input, options);
  }

  /** Ends a hold and releases what remains of it. */
  voidHold(input: t.Keyless<t.VoidHoldInput>, options?: MutationOptions): Promise<t.VoidHoldResult> {
    return this.#calls.once('voidHold', documents.VoidHoldDocument, input, options);
  }

  /** Creates an account, open and with a balance of zero. */
  createAccount(input: t.CreateAccountInput, options?: MutationOptions): Promise<t.CreateAccountResult> {
    return this.#calls.once('createAccount', documents.CreateAccountDocument, input, options);
  }

  /**
   * Creates accounts, each independently of the others, in requests of 1,000. The results are in the order of the inputs. If the
   * service refuses a whole request, the call returns that refusal. The same call with the same intent then resumes after the
   * last request that has results.
   */
  createAccounts(
    accounts: readonly t.CreateAccountInput[],
    { idempotencyKey, ...options }: BatchOptions = {},
  ): Promise<t.CreateAccountsResult> {
    const intended = { accounts, idempotencyKey };
    const run = async (key: string, call: Call): Promise<t.CreateAccountsResult> => {
      const results: t.AccountResult[] = [];
      for (const chunk of inChunks(accounts, key, withKey)) {
        const input = { accounts: chunk };
        const result = await this.#calls.mutate(
          documents.CreateAccountsDocument,
          input,
          call,
          BATCH_DEADLINE_MS,
        );
        if (isRefusal(result)) return result;
        results.push(...result.results);
        call.begun = true;
      }
      return { __typename: 'AccountsCreated', results };
    };
    return this.#calls.keeping('createAccounts', intended, options, run, BATCH_DEADLINE_MS);
  }

  /**
   * Posts many operations. INDEPENDENT operations, the default, go in requests of 1,000, and each is posted or refused on its own.
   * If the service refuses a whole request, the call returns that refusal. The same call with the same intent then resumes after
   * the last request that has results; operations that were declined stay declined. ATOMIC operations go in one request: all are
   * posted or none. The results are in the order of the operations.
   */
  postBatch(
    operations: readonly t.Operation[],
    { mode = 'INDEPENDENT', idempotencyKey, ...options }: BatchOptions & { readonly mode?: t.BatchMode } = {},
  ): Promise<t.PostBatchResult> {
    const intended = { mode, operations, idempotencyKey };
    const run = async (key: string, call: Call): Promise<t.PostBatchResult> => {
      const results: t.OperationResult[] = [];
      const chunkSize = mode === 'ATOMIC' ? operations.length : undefined;
      for (const chunk of inChunks(operations, key, withOperationKey, chunkSize)) {
        const input = { mode, operations: chunk };
        const result = await this.#calls.mutate(documents.PostBatchDocument, input, call, BATCH_DEADLINE_MS);
        if (isRefusal(result)) return result;
        results.push(...result.results);
        call.begun = true;
      }
      return { __typename: 'BatchProcessed', results };
    };
    return this.#calls.keeping('postBatch', intended, options, run, BATCH_DEADLINE_MS);
  }

  /** Registers a currency that is not in ISO 4217. It cannot be changed later. */
  createCurrency(input: t.CreateCurrencyInput, options?: CallOptions): Promise<t.CreateCurrencyResult> {
    return this.#calls.change('createCurrency', documents.CreateCurrencyDocument, input, options);
  }

  /** Changes limits and metadata of an account, or names it. All changes of the input happen, or none. */
  updateAccount(input: t.UpdateAccountInput, options?: MutationOptions): Promise<t.UpdateAccountResult> {
    return this.#calls.once('updateAccount', documents.UpdateAccountDocument, input, options);
  }

  /** Freezes an account: every posting, hold and capture on it is refused until it is unfrozen. */
  freezeAccount(
    accountId: t.NodeId,
    { idempotencyKey, ...options }: ChangeOptions = {},
  ): Promise<t.UpdateAccountResult> {
    const input = { accountId, idempotencyKey };
    return this.#calls.once('freezeAccount', documents.FreezeAccountDocument, input, options);
  }

  /** Opens a frozen account again. */
  unfreezeAccount(
    accountId: t.NodeId,
    { idempotencyKey, ...options }: ChangeOptions = {},
  ): Promise<t.UpdateAccountResult> {
    const input = { accountId, idempotencyKey };
    return this.#calls.once('unfreezeAccount', documents.UnfreezeAccountDocument, input, options);
  }

  /** Closes an account. It must have a balance of zero and no open hold, and cannot be opened again. */
  closeAccount(
    accountId: t.NodeId,
    { idempotencyKey, ...options }: ChangeOptions = {},
  ): Promise<t.UpdateAccountResult> {
    const input = { accountId, idempotencyKey };
    return this.#calls.once('closeAccount', documents.CloseAccountDocument, input, options);
  }

  /** Closes the period before an instant. It cannot be opened again. */
  closePeriod(input: t.ClosePeriodInput, options?: CallOptions): Promise<t.ClosePeriodResult> {
    return this.#calls.change('closePeriod', documents.ClosePeriodDocument, input, options);
  }

  /** Creates a ledger. Creating one that exists changes nothing. The client that made this call stays in its own ledger. */
  createLedger(input: t.CreateLedgerInput, options?: CallOptions): Promise<t.CreateLedgerResult> {
    return this.#calls.change('createLedger', documents.CreateLedgerDocument, input, options);
  }

  /**
   * Creates an API key. The result has its secret, which the service does not show again. If the response is lost, the retry returns
   * INVALID_INPUT, because the name is taken: revoke that key, and create another one.
   */
  createApiKey(input: t.CreateApiKeyInput, options?: CallOptions): Promise<t.CreateApiKeyResult> {
    return this.#calls.change('createApiKey', documents.CreateApiKeyDocument, input, options);
  }

  /** Revokes an API key, permanently. Revoking a revoked key returns the same result. `apiKeyId` is its id, `key_…`. */
  revokeApiKey(apiKeyId: string, options?: CallOptions): Promise<t.RevokeApiKeyResult> {
    return this.#calls.change('revokeApiKey', documents.RevokeApiKeyDocument, { apiKeyId }, options);
  }

  /**
   * Runs a document of your own and returns its data. A document that is clearly a query is retried until the deadline. A mutation
   * is sent once: whether it may be sent again depends on its idempotency key. Throws NoAnswer, or RequestRejected if the service
   * rejects the document.
   */
  request<Result, Variables>(
    document: AnyDocument<Result, Variables>,
    variables: Variables,
    options?: CallOptions,
  ): Promise<Result> {
    return this.#calls.request(document, variables, options);
  }

  /** Forgets an intent. The next call with it is another attempt. */
  forget(intent: string): Promise<void> {
    return this.#calls.forget(intent);
  }
}
