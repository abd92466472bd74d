/** The duration of a stage. Operations that complete during the warm-up are not counted. */
export interface Timing {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** The throughput and latency of a load. */
export interface Measured {
  /** Operations that were durable when their response arrived. */
  readonly perSecond: number;
  /** Milliseconds from the intended send time to the response. */
  readonly p50: number;
  readonly p99: number;
}

/** A transfer that was acknowledged as posted: its idempotency key, and the transaction's UUID. */
export interface Acknowledged {
  readonly key: string;
  readonly id: string;
}

/** A number that a stage measured. Each round adds one value under the same name. */
export interface Figure {
  /** Such as `engine, hot` or `http, 256 connections, uniform, p99`. */
  readonly name: string;
  readonly unit: 'transfers/s' | 'ms' | 'MB' | 'bytes' | '% CPU';
  readonly value: number;
}
