import { LRUCache } from 'lru-cache';
import type { Credential } from '../../core/access/credential.ts';
import type { RateExcess, RateLimit } from '../../graphql/protection/caller-limits.ts';
import { TokenBucket } from './token-bucket.ts';

/** The requests per second of a credential without a limit of its own. */
export const DEFAULT_RATE_LIMIT = 10_000;
/** The previews per second of a credential restricted to an owner. */
export const DEFAULT_PREVIEW_RATE_LIMIT = 10;
/** The cost per second of a credential is this for each of its requests per second. A transfer of the client costs 2,626. */
export const COST_OF_A_REQUEST = 3000;
/** The credentials whose use is remembered. The one that was not used for longest is forgotten first, and then has a full second's worth. */
const MAX_REMEMBERED = 10_000;

type Limited = Pick<Credential, 'logId' | 'requestsPerSecond'>;

interface Buckets {
  readonly requests: TokenBucket;
  readonly cost: TokenBucket;
  readonly previews: TokenBucket;
}

/** The rate limits of all credentials of this process. */
export class RateLimits {
  readonly #default: number;
  readonly #previews: number;
  readonly #now: () => number;
  readonly #buckets = new LRUCache<string, Buckets>({ max: MAX_REMEMBERED });

  /** `now`: milliseconds of a clock that never goes back. */
  constructor(
    requestsPerSecond = DEFAULT_RATE_LIMIT,
    now: () => number = () => performance.now(),
    previewsPerSecond = DEFAULT_PREVIEW_RATE_LIMIT,
  ) {
    this.#default = requestsPerSecond;
    this.#previews = previewsPerSecond;
    this.#now = now;
  }

  /** Takes one request from the limit of a credential. Returns the limits for the rest of the request, or the limit that it exceeds. */
  admit(credential: Limited): RateLimit | RateExcess {
    const buckets = this.#bucketsOf(credential);
    const retryAfterMs = buckets.requests.take(1, this.#now());
    return retryAfterMs === 0
      ? new RequestLimit(buckets, this.#now)
      : { limit: 'requestsPerSecond', allowed: buckets.requests.perSecond, retryAfterMs };
  }

  #bucketsOf({ logId, requestsPerSecond }: Limited): Buckets {
    const known = this.#buckets.get(logId);
    if (known !== undefined) return known;
    const [limit, now] = [requestsPerSecond ?? this.#default, this.#now()];
    const buckets = {
      requests: new TokenBucket(limit, now),
      cost: new TokenBucket(limit * COST_OF_A_REQUEST, now),
      previews: new TokenBucket(this.#previews, now),
    };
    this.#buckets.set(logId, buckets);
    return buckets;
  }
}

/** The limits of one request, of which one operation was taken when it was admitted. */
class RequestLimit implements RateLimit {
  readonly #buckets: Buckets;
  readonly #now: () => number;
  #paidOperations = 1;
  #isCostTaken = false;

  constructor(buckets: Buckets, now: () => number) {
    this.#buckets = buckets;
    this.#now = now;
  }

  takeOperations(count: number): RateExcess | undefined {
    const { requests } = this.#buckets;
    const paid = Math.min(this.#paidOperations, count);
    const retryAfterMs = count === paid ? 0 : requests.take(count, this.#now(), paid);
    if (retryAfterMs > 0) return { limit: 'requestsPerSecond', allowed: requests.perSecond, retryAfterMs };
    this.#paidOperations -= paid;
    return undefined;
  }

  takeCost(units: number): RateExcess | undefined {
    if (this.#isCostTaken) return undefined;
    const { cost } = this.#buckets;
    const retryAfterMs = cost.take(units, this.#now());
    if (retryAfterMs > 0) return { limit: 'costPerSecond', allowed: cost.perSecond, retryAfterMs };
    this.#isCostTaken = true;
    return undefined;
  }

  takePreviews(count: number): RateExcess | undefined {
    const { previews } = this.#buckets;
    const retryAfterMs = previews.take(count, this.#now());
    return retryAfterMs === 0
      ? undefined
      : { limit: 'previewsPerSecond', allowed: previews.perSecond, retryAfterMs };
  }
}
