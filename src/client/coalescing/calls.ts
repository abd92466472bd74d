/**
 * Runs calls: gives each mutation its key, keeps its intent, retries until there is a result, and lets calls share requests.
 */
import { IntentConflict, OutcomeUnknown, queryFailed, Unreachable } from '../errors.ts';
import { NoAnswer } from '../failures.ts';
import { Intents } from '../intents.ts';
import { makeKey, type WithKey, withKey } from '../keys.ts';
import type { CallOptions, LedgerClientOptions, MutationOptions } from '../options.ts';
import { isRefusal } from '../refusals.ts';
import { type Patience, signalOf, untilAnswered } from '../retry.ts';
import { storeOf } from '../stores.ts';
import { Tokens } from '../tokens.ts';
import { type AnyDocument, resultOf, Transport, type TypedDocument } from '../transport.ts';
import type * as t from '../types.ts';
import { SharedMutations } from './shared-mutations.ts';
import { SharedReads } from './shared-reads.ts';
import { randomOfTurn } from './turns.ts';

const DEADLINE_MS = 30_000;
export const BATCH_DEADLINE_MS = 120_000;
/** How long a call that was declined waits for the store to forget its intent. */
const FORGET_MS = 1000;
/** After these refusals the key may have, or may get, another outcome. */
const OPEN_CODES: readonly string[] = ['FORBIDDEN', 'IDEMPOTENCY_CONFLICT', 'INTERNAL'];

/** One call of a mutation, with the facts that its errors name. */
export interface Call extends MutationOptions {
  readonly operation: string;
  readonly idempotencyKey?: string;
  /** Whether earlier requests of the call have results. */
  begun?: boolean;
}

interface AnyResult {
  readonly __typename: string;
}

/** The data of a mutation's document: one field, which is null only where the outcome is unknown. */
type Answer<Field extends string, Result> = { readonly [Only in Field]: Result | null };
type UnreadError = Extract<
  t.PostBatchResult,
  { readonly __typename: 'OverloadedError' | 'RateLimitedError' }
>;

/** The service knows the ledger of a key or token, but intents are kept before a request is sent. */
const LEDGER_MISSING =
  'A client with an apiKey or a token and a keyStore needs the name of its ledger, because each ledger has intents of its own. Add ' +
  'the option ledger, such as { ledger: "main" }.';
/** The users of one browser share its stores. */
const OWNER_MISSING =
  'A client with a token and a keyStore needs the owner that its tokens are restricted to, because each owner has intents of its own. ' +
  'Add the option owner, such as { owner: "alice" }, or { owner: null } for tokens without an owner.';

export class Calls {
  readonly #transport: Transport;
  readonly #tokens: Tokens | undefined;
  readonly #intents: Intents | undefined;
  readonly #deadlineMs: number | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #sharedMutations: SharedMutations | undefined;
  readonly #sharedReads: SharedReads | undefined;

  constructor(options: LedgerClientOptions) {
    const { url, apiKey, token, ledger, owner, fetch, keyStore, headers = {}, deadlineMs } = options;
    const { coalesce = true, signal } = options;
    const tokens = token === undefined ? undefined : new Tokens(token, owner);
    this.#tokens = tokens;
    this.#transport = new Transport({ url, apiKey, tokens, ledger, owner, fetch, headers });
    if (keyStore !== undefined) {
      const hasCredential = apiKey !== undefined || tokens !== undefined;
      if (hasCredential && ledger === undefined) throw new TypeError(LEDGER_MISSING);
      if (tokens !== undefined && owner === undefined) throw new TypeError(OWNER_MISSING);
      this.#intents = new Intents(storeOf(keyStore), this.#transport.endpoint, ledger, owner);
    }
    this.#deadlineMs = deadlineMs;
    this.#signal = signal;
    this.#sharedMutations = coalesce ? new SharedMutations(this.#transport) : undefined;
    this.#sharedReads = coalesce ? new SharedReads(this.#transport) : undefined;
  }

  /** Runs a mutation that takes an idempotency key. */
  once<Field extends string, Input extends WithKey, Result extends AnyResult>(
    operation: Field,
    document: TypedDocument<Answer<Field, Result>, { input: Input }>,
    input: t.Keyless<Input>,
    options: MutationOptions = {},
  ): Promise<Result> {
    return this.keeping(operation, input, options, (key, call) =>
      this.mutate(document, withKey(input, key) as Input, call),
    );
  }

  /** Runs a mutation that takes no key, because repeating it changes nothing. */
  change<Field extends string, Input extends object, Result extends AnyResult>(
    operation: Field,
    document: TypedDocument<Answer<Field, Result>, { input: Input }>,
    input: Input,
    options: CallOptions = {},
  ): Promise<Result> {
    return this.mutate(document, input, { ...options, operation });
  }

  /** Runs an operation under the key of its intent, or under a random one, and forgets an intent that is declined. */
  async keeping<Result extends AnyResult>(
    operation: string,
    { idempotencyKey, ...input }: WithKey & Readonly<Record<string, unknown>>,
    options: MutationOptions,
    run: (key: string, call: Call) => Promise<Result>,
    defaultDeadlineMs = DEADLINE_MS,
  ): Promise<Result> {
    const { intent } = options;
    const newKey = idempotencyKey ?? makeKey();
    if (intent === undefined) return run(newKey, { ...options, operation, idempotencyKey: newKey });

    const intents = this.#keptIntents();
    const patience = this.#patience(options, defaultDeadlineMs);
    const endsAt = performance.now() + patience.deadlineMs;
    const key = await intents.keep(intent, { operation, input, key: newKey }, signalOf(patience));
    if (key !== newKey && idempotencyKey) throw new IntentConflict(intent, JSON.stringify({ key }));
    const deadlineMs = Math.max(1, endsAt - performance.now());
    const call: Call = { ...options, deadlineMs, operation, idempotencyKey: key };
    const result = await run(key, call);
    // Another attempt would repeat the part of a batch that has results.
    if (isRefusal(result) && !call.begun && !result.retryable && !OPEN_CODES.includes(result.code)) {
      // A call that has its result returns it. If the store fails, the next call with the intent has the same refusal.
      await intents.forget(intent, AbortSignal.timeout(FORGET_MS), key).catch(() => {});
    }
    return result;
  }

  /** Sends a mutation until it has a result. Throws OutcomeUnknown; RequestRejected or Unreachable where nothing was done. */
  async mutate<Field extends string, Input extends object, Result extends AnyResult>(
    document: TypedDocument<Answer<Field, Result>, { input: Input }>,
    input: Input,
    { operation, idempotencyKey, intent, begun, ...options }: Call,
    defaultDeadlineMs = DEADLINE_MS,
  ): Promise<Result> {
    const sendOnce = this.#withToken(
      this.#sharedMutations?.prepare(operation, document, input) ??
        (async (signal: AbortSignal) => resultOf(await this.#transport.send(document, { input }, signal))),
    );
    const tried = await untilAnswered(
      async (signal) => {
        try {
          const result = (await sendOnce(signal)) as Result | null | undefined;
          if (result === null || result === undefined) throw new NoAnswer('The response has no result.');
          return result;
        } catch (error) {
          const unread = error instanceof NoAnswer ? unreadError(error) : undefined;
          if (unread === undefined) throw error;
          return unread as AnyResult as Result;
        }
      },
      { ...this.#patience(options, defaultDeadlineMs), begun },
    );
    if (tried.answered) return tried.answer;
    throw new OutcomeUnknown({ operation, idempotencyKey, intent, attempts: tried.attempts }, tried.cause);
  }

  /** Sends a query until it has a result, and resolves to its field. Throws Unreachable or RequestRejected. */
  query<Data extends object, Variables>(
    operation: string,
    document: TypedDocument<Data, Variables>,
    variables: Variables,
    options: CallOptions = {},
  ): Promise<Data[keyof Data]> {
    const send = async (signal: AbortSignal) =>
      resultOf<Data>(await this.#transport.send(document, variables, signal));
    return this.#untilRead(operation, send, options);
  }

  /** Reads one node by its id, possibly in one request with other nodes. */
  read<Data extends object>(
    operation: string,
    document: TypedDocument<Data, { readonly id: string }>,
    id: string,
    options: CallOptions = {},
  ): Promise<Data[keyof Data]> {
    const shared = this.#sharedReads;
    if (shared === undefined) return this.query(operation, document, { id }, options);
    const send = (signal: AbortSignal) => shared.send(document, id, signal) as Promise<Data[keyof Data]>;
    return this.#untilRead(operation, send, options);
  }

  /** Runs a document of the caller's. A query is retried; a mutation is sent once. */
  async request<Result, Variables>(
    document: AnyDocument<Result, Variables>,
    variables: Variables,
    options: CallOptions = {},
  ): Promise<Result> {
    const patience = this.#patience(options, DEADLINE_MS);
    const send = this.#withToken((signal) => this.#transport.send(document, variables, signal));
    const text = document.toString();
    const isQuery = /^\s*(query\b|\{)/.test(text) && !/\bmutation\b/.test(text);
    if (!isQuery) return send(signalOf(patience));
    const tried = await untilAnswered(send, patience);
    if (tried.answered) return tried.answer;
    throw tried.cause;
  }

  async forget(intent: string): Promise<void> {
    await this.#keptIntents().forget(intent, signalOf(this.#patience({}, DEADLINE_MS)));
  }

  async #untilRead<T>(
    operation: string,
    send: (signal: AbortSignal) => Promise<T>,
    options: CallOptions,
  ): Promise<T> {
    const tried = await untilAnswered(this.#withToken(send), {
      ...this.#patience(options, DEADLINE_MS),
      reads: true,
    });
    if (tried.answered) return tried.answer;
    throw new Unreachable(queryFailed(operation, tried.attempts, tried.cause), tried.cause);
  }

  /** Returns `send`, or a function that calls it with a token. */
  #withToken<T>(send: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T> {
    const tokens = this.#tokens;
    return tokens === undefined ? send : (signal) => tokens.sendWith(send, signal);
  }

  #patience({ deadlineMs, signal }: CallOptions, defaultMs: number): Patience {
    const signals = [signal, this.#signal].filter((each) => each !== undefined);
    return {
      deadlineMs: deadlineMs ?? this.#deadlineMs ?? defaultMs,
      signal: signals.length > 1 ? AbortSignal.any(signals) : signals[0],
      // Calls of a shared request that failed share the next one too.
      random: this.#sharedMutations === undefined ? Math.random : randomOfTurn,
    };
  }

  #keptIntents(): Intents {
    if (this.#intents === undefined) {
      throw new TypeError('An intent needs a key store: create the client with the option keyStore.');
    }
    return this.#intents;
  }
}

/** Returns the refusal that every mutation's union has, for a request that was rejected unread. */
function unreadError({ unread, message, retryAfterMs }: NoAnswer): UnreadError | undefined {
  if (unread === undefined) return undefined;
  const __typename = unread === 'OVERLOADED' ? 'OverloadedError' : 'RateLimitedError';
  return { __typename, code: unread, message, retryable: true, replayed: false, retryAfterMs };
}
