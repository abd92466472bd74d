import { createHistogram } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Acknowledged, Measured, Timing } from './stage.ts';

/** What a load measured, and everything that was acknowledged to it, the warm-up's included. */
export interface Load {
  readonly measured: Measured;
  readonly acknowledged: Acknowledged[];
}

/**
 * Keeps `callers` callers busy, each with one call at a time, and measures what is answered between the warm-up and the end.
 * `call` is given the caller's number, from 0 on. Resolves when the last call is answered; one that rejects ends the run.
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
 * Sends a call at each of the instants of an even rhythm, whatever is still unanswered, and counts those that are answered
 * between the warm-up and the end. The latency is that of the calls that are due in that time, each from the instant when it
 * was due: a call that is sent late is slow, and so is one that waits behind others. `call` is given its number, from 0 on.
 * Resolves when the last call is answered; one that rejects ends the run.
 */
export async function openLoop(
  call: (number: number) => Promise<Acknowledged>,
  { perSecond, warmUpMs, durationMs }: Timing & { readonly perSecond: number },
): Promise<Load> {
  const run = new Run({ warmUpMs, durationMs, countsLate: true });
  const sent: Promise<unknown>[] = [];
  const nextDue = () => run.start + (sent.length * 1000) / perSecond;
  while (nextDue() < run.until && !run.failed) {
    // What is due at once is sent at once; then a turn of the event loop, so that answers come through however late it is.
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

/** A run's books: it never rejects before its end, so that whatever is under way is waited for. */
class Run {
  readonly start = performance.now();
  readonly until: number;
  readonly #since: number;
  readonly #durationMs: number;
  readonly #countsLate: boolean;
  readonly #acknowledged: Acknowledged[] = [];
  /** Of nanoseconds. */
  readonly #latencies = createHistogram();
  readonly #failures: unknown[] = [];
  #answered = 0;

  /** `countsLate`: the latency of what was due in time and answered after the end counts too. */
  constructor({ warmUpMs, durationMs, countsLate = false }: Timing & { readonly countsLate?: boolean }) {
    this.#since = this.start + warmUpMs;
    this.until = this.#since + durationMs;
    this.#durationMs = durationMs;
    this.#countsLate = countsLate;
  }

  get failed(): boolean {
    return this.#failures.length > 0;
  }

  /** Makes a call that was due at that instant, and answers when it was answered. */
  async follow(dueAt: number, call: () => Promise<Acknowledged>): Promise<number> {
    try {
      this.#acknowledged.push(await call());
    } catch (error) {
      this.#failures.push(error);
      return performance.now();
    }
    const answeredAt = performance.now();
    const inTime = answeredAt >= this.#since && answeredAt < this.until;
    if (inTime) this.#answered += 1;
    if (this.#countsLate ? dueAt >= this.#since : inTime) {
      this.#latencies.record(Math.max(1, Math.round((answeredAt - dueAt) * 1e6)));
    }
    return answeredAt;
  }

  end(): Load {
    if (this.failed) throw this.#failures[0];
    return {
      measured: {
        perSecond: (this.#answered * 1000) / this.#durationMs,
        p50: this.#latencies.percentile(50) / 1e6,
        p99: this.#latencies.percentile(99) / 1e6,
      },
      acknowledged: this.#acknowledged,
    };
  }
}
