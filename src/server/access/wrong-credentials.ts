import { createHash } from 'node:crypto';
import type { BlockList } from 'node:net';
import { LRUCache } from 'lru-cache';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { addressOf, networkOf, type Origin } from './address.ts';

/** The wrong credentials that are looked up in a second for one address, or one IPv6 network of 64 bits. */
export const MAX_WRONG_CREDENTIALS = 20;
const SECONDS = 1;
/** Addresses and credentials that are remembered. The oldest are forgotten first. */
const MAX_REMEMBERED = 10_000;

/**
 * Limits wrong credentials by the address of the caller. A credential that was right before is not limited: callers may share an
 * address with others.
 */
export class WrongCredentials {
  readonly #proxies: BlockList;
  readonly max: number;
  readonly #limiter: RateLimiterMemory;
  /** The limiter keeps any number of addresses for a second. */
  readonly #networks = new LRUCache<string, true>({
    max: MAX_REMEMBERED,
    dispose: (_, network, reason) => {
      if (reason === 'evict') void this.#limiter.delete(network);
    },
  });
  /** The digests of right credentials. */
  readonly #right = new LRUCache<string, true>({ max: MAX_REMEMBERED });
  readonly #noted = new WeakSet<object>();
  #lastWrongAt = Number.NEGATIVE_INFINITY;

  constructor(proxies: BlockList, max = MAX_WRONG_CREDENTIALS) {
    this.#proxies = proxies;
    this.max = max;
    this.#limiter = new RateLimiterMemory({ points: max, duration: SECONDS, keyPrefix: '' });
  }

  /** Returns the milliseconds until a credential may be looked up, or 0. */
  async waitMs(origin: Origin, credential: string): Promise<number> {
    // Nearly always no address has to be read.
    if (Date.now() - this.#lastWrongAt > SECONDS * 1000) return 0;
    const wrong = await this.#limiter.get(this.#networkOf(origin));
    if (wrong === null || wrong.consumedPoints < this.max) return 0;
    return this.#right.has(digest(credential)) ? 0 : Math.max(0, wrong.msBeforeNext);
  }

  async noteWrong(origin: Origin, credential: string): Promise<void> {
    this.#lastWrongAt = Date.now();
    if (this.#right.size > 0) this.#right.delete(digest(credential));
    const network = this.#networkOf(origin);
    this.#networks.set(network, true);
    await this.#limiter.penalty(network);
  }

  /** `key`: an object that is the same in most requests of the credential, so that its digest is rarely computed. */
  noteRight(credential: string, key: object): void {
    if (this.#noted.has(key)) return;
    this.#noted.add(key);
    this.#right.set(digest(credential), true);
  }

  #networkOf(origin: Origin): string {
    return networkOf(addressOf(origin, this.#proxies));
  }
}

function digest(credential: string): string {
  return createHash('sha256').update(credential).digest('base64');
}
