/** Tokens that may be missing, because sums of fractions are not exact. */
const ROUNDING = 1e-6;

/**
 * A rate limit. It allows one second's worth at once, and refills evenly. An amount above one second's worth passes a full bucket
 * and leaves a debt, so that every amount passes at some time and the rate holds in the long run.
 */
export class TokenBucket {
  readonly perSecond: number;
  #tokens: number;
  #filledAt: number;

  constructor(perSecond: number, nowMs: number) {
    this.perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledAt = nowMs;
  }

  /**
   * Takes an amount, of which `paid` was taken before. Returns 0, or takes nothing and returns the milliseconds after which the
   * amount passes if nothing else is taken.
   */
  take(amount: number, nowMs: number, paid = 0): number {
    const refill = ((nowMs - this.#filledAt) * this.perSecond) / 1000;
    this.#tokens = Math.min(this.#tokens + refill, this.perSecond);
    this.#filledAt = nowMs;
    const missing = Math.min(amount, this.perSecond) - paid - this.#tokens;
    if (missing > ROUNDING) return Math.max(1, Math.ceil((missing / this.perSecond) * 1000));
    this.#tokens -= amount - paid;
    return 0;
  }
}
