import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { GraphQLError } from 'graphql';
import { looksLikeKeyText } from '../../core/access/key-text.ts';
import type { RateLimit } from '../../graphql/protection/caller-limits.ts';
import { rateLimited, tooManyRequests } from '../../graphql/protection/rate-limit.ts';
import type { LedgerEngine } from '../../ledger/ledger.ts';
import type { Origin } from './address.ts';
import { type Caller, EXPIRED_TOKEN, identify } from './authentication.ts';
import { RateLimits } from './rate-limits.ts';
import type { Tokens } from './tokens/tokens.ts';
import { WrongCredentials } from './wrong-credentials.ts';

export interface CallersOptions {
  /** Verifies tokens. Undefined: only API keys are accepted. */
  readonly tokens?: Tokens | undefined;
  /** Proxies whose X-Forwarded-For counts. */
  readonly trustedProxies?: BlockList | undefined;
  /** The requests per second of a key without a limit of its own. */
  readonly rateLimit?: number | undefined;
  /** The previews per second of a credential restricted to an owner. */
  readonly previewRateLimit?: number | undefined;
  /** The wrong credentials per second and address. */
  readonly maxWrongCredentials?: number | undefined;
  /** Milliseconds of a clock that never goes back. */
  readonly now?: (() => number) | undefined;
}

/** A caller whose request is within its rate limit. */
export interface AdmittedCaller extends Caller {
  /** The limits for the rest of the request. Undefined: the request needs no credential. */
  readonly rateLimit: RateLimit | undefined;
}

/** Identifies the callers of requests, and limits how many they send. */
export class Callers {
  readonly #engine: LedgerEngine;
  readonly #tokens: Tokens | undefined;
  readonly #rates: RateLimits;
  readonly #wrong: WrongCredentials;

  constructor(engine: LedgerEngine, options: CallersOptions = {}) {
    const {
      trustedProxies = new BlockList(),
      rateLimit,
      previewRateLimit,
      maxWrongCredentials,
      now,
    } = options;
    this.#engine = engine;
    this.#tokens = options.tokens;
    this.#rates = new RateLimits(rateLimit, now, previewRateLimit);
    this.#wrong = new WrongCredentials(trustedProxies, maxWrongCredentials);
  }

  /** Does the same as `identify`, and takes the request from the limit of its caller. */
  async admit(request: IncomingMessage): Promise<AdmittedCaller | GraphQLError> {
    const caller = await this.identify(request);
    if (caller instanceof GraphQLError) return caller;
    const { viewer, ledger, credential } = caller;
    if (credential === null) return { viewer, ledger, credential, rateLimit: undefined };
    const rateLimit = this.#rates.admit(credential);
    return 'allowed' in rateLimit ? rateLimited(rateLimit) : { viewer, ledger, credential, rateLimit };
  }

  /**
   * Returns the caller of a request, or the refusal of the request. Rejects with `UnavailableError` if the database does not answer.
   */
  async identify(request: IncomingMessage): Promise<Caller | GraphQLError> {
    const { authorization } = request.headers;
    if (authorization === undefined) return identify(this.#engine, request, this.#tokens);
    // A token is verified without the database. It is often new, as tokens expire soon, and must not wait for the wrong ones of others.
    const isToken = this.#tokens !== undefined && !looksLikeKeyText(authorization);
    const excess = isToken ? undefined : await this.#excessOf(request, authorization);
    if (excess !== undefined) return excess;
    const caller = await identify(this.#engine, request, this.#tokens);
    if (!(caller instanceof GraphQLError)) {
      if (caller.credential !== null) this.#wrong.noteRight(authorization, caller.credential);
      return caller;
    }
    if (caller.extensions['code'] !== 'UNAUTHENTICATED' || caller === EXPIRED_TOKEN) return caller;
    const tooMany = isToken ? await this.#excessOf(request, authorization) : undefined;
    await this.#wrong.noteWrong(originOf(request), authorization);
    return tooMany ?? caller;
  }

  /** Returns the refusal of a credential that was not right before, if too many wrong ones came from its address. */
  async #excessOf(request: IncomingMessage, authorization: string): Promise<GraphQLError | undefined> {
    const waitMs = await this.#wrong.waitMs(originOf(request), authorization);
    return waitMs === 0
      ? undefined
      : tooManyRequests(
          `More than ${this.#wrong.max} wrong credentials came from this address within a second.`,
          waitMs,
        );
  }
}

function originOf({ socket, headers }: IncomingMessage): Origin {
  const forwardedFor = headers['x-forwarded-for'];
  return {
    remoteAddress: socket.remoteAddress,
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
  };
}
