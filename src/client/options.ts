import type { KeyStore, WebStorage } from './stores.ts';
import type { TokenSource } from './tokens.ts';
import type { Fetch, RequestHeaders } from './transport.ts';

export type LedgerClientOptions = CommonOptions & (KeyOption | TokenOption);

interface KeyOption {
  /** An API key of the service, `tlsk_…`. Sent with each request as `authorization: Bearer …`. */
  readonly apiKey?: string;
  readonly token?: never;
}

interface TokenOption {
  /**
   * Returns a token of the caller, which is sent in the same way. Called before the first request, and again once the service
   * has rejected the last token. Requests share a call. The client keeps the token in memory only.
   */
  readonly token?: TokenSource;
  readonly apiKey?: never;
}

interface CommonOptions {
  /** The URL of the GraphQL endpoint, such as `http://127.0.0.1:4000/graphql`. In a browser also a path of the page's origin. */
  readonly url: string;
  /**
   * The name of the ledger, sent with each request as `x-ledger`. Default: that of the credential; `main` if it is for all ledgers.
   */
  readonly ledger?: string;
  /**
   * The owner that the credential is restricted to; null: none. Each owner has intents of its own. A client with a token and a
   * keyStore needs it.
   */
  readonly owner?: string | null;
  /** Used instead of the runtime's own fetch. */
  readonly fetch?: Fetch;
  /** Keeps intents: localStorage, indexedDBStore(), fileStore() or a store of your own. Calls with an intent need one. */
  readonly keyStore?: KeyStore | WebStorage;
  /** Sent with each request. A function is called for each request. */
  readonly headers?: RequestHeaders;
  /** How long a call may take with all its retries. Default: 30 s, and 120 s for a batch. */
  readonly deadlineMs?: number;
  /** Ends all calls of the client early, such as when its user signs out. It has the effect of the option `signal` of each call. */
  readonly signal?: AbortSignal;
  /**
   * Whether calls that are made in the same turn of the event loop share requests. Default: true. Results are the same either
   * way, but a call that shares a request is answered with the slowest call of the request.
   */
  readonly coalesce?: boolean;
}

export interface CallOptions {
  /** How long the call may take with all its retries. */
  readonly deadlineMs?: number;
  /** Ends the call early. A mutation that was sent then throws OutcomeUnknown, because it may have been done. */
  readonly signal?: AbortSignal;
}

export interface MutationOptions extends CallOptions {
  /**
   * Your own name for an operation that must be done once, such as `checkout-42`. The client stores its idempotency key in the key
   * store before the first attempt. A call with the same intent, even after a crash, repeats the same attempt. A posted intent
   * stays until `forget`. A declined intent is forgotten, and the next call with it is another attempt.
   */
  readonly intent?: string;
}

export interface ChangeOptions extends MutationOptions {
  /** Names this change, unique among the changes of the account. Default: a random key. */
  readonly idempotencyKey?: string;
}

export interface BatchOptions extends MutationOptions {
  /** The prefix of the items' keys. Default: a random key. */
  readonly idempotencyKey?: string;
}
