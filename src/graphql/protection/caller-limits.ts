/** The limits of a caller, for one request. */
export interface RateLimit {
  /** Takes operations. Returns the limit that they exceed; then nothing is taken. The request itself has paid for the first. */
  takeOperations(count: number): RateExcess | undefined;
  /** Does the same with units of cost, once: further calls take nothing. */
  takeCost(units: number): RateExcess | undefined;
  /** Takes previews. Only those of callers restricted to an owner are limited. */
  takePreviews(count: number): RateExcess | undefined;
}

/** A limit that a request exceeds. */
export interface RateExcess {
  readonly limit: 'requestsPerSecond' | 'costPerSecond' | 'previewsPerSecond';
  readonly allowed: number;
  readonly retryAfterMs: number;
}
