import type { IncomingMessage } from 'node:http';
import { BlockList } from 'node:net';
import { GraphQLError } from 'graphql';
import { type RateLimit, rateLimited, tooManyRequests } from '../../graphql/protection/rate-limit.ts';
import type { LedgerEngine } from '../../ledger/ledger.ts';
import type { Origin } from './address.ts';
import { type Caller, identify } from './authentication.ts';
import { RateLimits } from './rate-limits.ts';
import { WrongCredentials } from './wrong-credentials.ts';

export interface CallersOptions {
  /** Proxies whose X-Forwarded-For counts. */
  readonly trustedProxies?: BlockList | undefined;
  /** The requests per second of a key without a limit of its own. */
  readonly rateLimit?: number | undefined;
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
  readonly #rates: RateLimits;
  readonly #wrong: WrongCredentials;

  constructor(engine: LedgerEngine, options: CallersOptions = {}) {
    const { trustedProxies = new BlockList(), rateLimit, maxWrongCredentials, now } = options;
    this.#engine = engine;
    this.#rates = new RateLimits(rateLimit, now);
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
    if (authorization === undefined) return identify(this.#engine, request);
    const waitMs = await this.#wrong.waitMs(originOf(request), authorization);
    if (waitMs > 0)
      return tooManyRequests(
        `More than ${this.#wrong.max} wrong credentials came from this address within a second.`,
        waitMs,
      );
    const caller = await identify(this.#engine, request);
    if (!(caller instanceof GraphQLError)) {
      if (caller.credential !== null) this.#wrong.noteRight(authorization, caller.credential);
    } else if (caller.extensions['code'] === 'UNAUTHENTICATED') {
      await this.#wrong.noteWrong(originOf(request), authorization);
    }
    return caller;
  }
}

function originOf({ socket, headers }: IncomingMessage): Origin {
  const forwardedFor = headers['x-forwarded-for'];
  return {
    remoteAddress: socket.remoteAddress,
    forwardedFor: Array.isArray(forwardedFor) ? forwardedFor.join(',') : forwardedFor,
  };
}
