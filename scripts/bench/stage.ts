/** How long a stage runs: what is answered before `warmUpMs` have passed is not counted. */
export interface Timing {
  readonly warmUpMs: number;
  readonly durationMs: number;
}

/** What was measured of callers who each sent one operation after another, or each at its time. */
export interface Measured {
  /** Operations that were durable when they were answered. */
  readonly perSecond: number;
  /** Milliseconds from the intended time of sending to the answer. */
  readonly p50: number;
  readonly p99: number;
}

/** A transfer that was answered as posted: its idempotency key, and the transaction's id as the database has it (a UUID). */
export interface Acknowledged {
  readonly key: string;
  readonly id: string;
}

/** One number that a stage measured in one round; the same name comes once in each round. */
export interface Figure {
  /** Such as `engine, hot` or `http, uniform, 64 connections, p99`. */
  readonly name: string;
  readonly unit: 'transfers/s' | 'reads/s' | 'ms' | 'MB' | 'bytes' | '% CPU';
  readonly value: number;
}
