import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Acknowledged, Measured, Timing } from '../stage.ts';

/** The result of a load, and everything that was acknowledged to it, including the warm-up. */
export interface Load {
  readonly measured: Measured;
  readonly acknowledged: Acknowledged[];
}

/**
 * Runs `callers` callers, each with one call at a time, and measures the calls that complete between the warm-up and the end.
 * `call` receives the caller's number, from 0. Resolves after the last call; rejects if a call rejects.
 */
export async function closedLoop(
  call: (caller: number) => Promise<Acknowledged>,
  { callers, warmUpMs, durationMs }: Timing & { readonly callers: number },
): Promise<Load> {
  const run = new Run({ warmUpMs, durationMs });
  const keepCalling = async (caller: number): Promise<void> => {
    for (let sentAt = performance.now(); sentAt < run.until && !run.failed; ) {
      sentAt = await run.follow(sentAt, () => call(caller));
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => keepCalling(caller)));
  return run.end();
}

/**
 * Sends calls at a fixed rate, regardless of how many are unanswered. Throughput counts the calls that complete between the
 * warm-up and the end. Latency counts the calls that are due in that time, each from the instant when it was due: a call that is
 * sent late counts as slow. `call` receives its number, from 0. Resolves after the last call; rejects if a call rejects.
 */
export async function openLoop(
  call: (number: number) => Promise<Acknowledged>,
  { perSecond, warmUpMs, durationMs }: Timing & { readonly perSecond: number },
): Promise<Load> {
  const run = new Run({ warmUpMs, durationMs, countsLate: true });
  const sent: Promise<unknown>[] = [];
  const nextDue = () => run.start + (sent.length * 1000) / perSecond;
  while (nextDue() < run.until && !run.failed) {
    // All calls that are due are sent; then the event loop runs, so that responses are read even if sending is late.
    const now = performance.now();
    while (nextDue() <= now && nextDue() < run.until) {
      const [number, dueAt] = [sent.length, nextDue()];
      sent.push(run.follow(dueAt, () => call(number)));
    }
    await sleep(Math.max(1, nextDue() - performance.now()));
  }
  await Promise.all(sent);
  return run.end();
}

/** Collects the results of a run. It reports a failure only at the end, so that the run waits for the calls in flight. */
class Run {
  readonly start = performance.now();
  readonly until: number;
  readonly #since: number;
  readonly #durationMs: number;
  readonly #countsLate: boolean;
  readonly #acknowledged: Acknowledged[] = [];
  /** In nanoseconds. */
  readonly #latencies = createHistogram();
  readonly #failures: unknown[] = [];
  #completed = 0;

  /** `countsLate`: also counts the latency of calls that were due before the end and completed after it. */
  constructor({ warmUpMs, durationMs, countsLate = false }: Timing & { readonly countsLate?: boolean }) {
    this.#since = this.start + warmUpMs;
    this.until = this.#since + durationMs;
    this.#durationMs = durationMs;
    this.#countsLate = countsLate;
  }

  get failed(): boolean {
    return this.#failures.length > 0;
  }

  /** Makes a call that was due at `dueAt`. Returns the time of its completion. */
  async follow(dueAt: number, call: () => Promise<Acknowledged>): Promise<number> {
    try {
      this.#acknowledged.push(await call());
    } catch (error) {
      this.#failures.push(error);
      return performance.now();
    }
    const completedAt = performance.now();
    const inTime = completedAt >= this.#since && completedAt < this.until;
    if (inTime) this.#completed += 1;
    if (this.#countsLate ? dueAt >= this.#since : inTime) {
      this.#latencies.record(Math.max(1, Math.round((completedAt - dueAt) * 1e6)));
    }
    return completedAt;
  }

  end(): Load {
    if (this.failed) throw this.#failures[0];
    return {
      measured: {
        perSecond: (this.#completed * 1000) / this.#durationMs,
        p50: this.#latencies.percentile(50) / 1e6,
        p99: this.#latencies.percentile(99) / 1e6,
      },
      acknowledged: this.#acknowledged,
    };
  }
}
