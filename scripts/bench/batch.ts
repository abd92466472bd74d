import { quantile } from '../latency.ts';
import type { Measured, Timing } from './stage.ts';

/**
 * Keeps `callers` callers busy, each with one batch of `size` operations after another. The time that counts is from the first
 * answer after the warm-up to the first one that comes `durationMs` later or more, so that whole batches fill it, however long
 * one takes; latencies are those of a batch. Resolves when the last call is answered; one that rejects ends the run.
 */
export async function batchLoop(
  call: (caller: number) => Promise<void>,
  { callers, size, warmUpMs, durationMs }: Timing & { readonly callers: number; readonly size: number },
): Promise<Measured> {
  const latencies: number[] = [];
  const since = performance.now() + warmUpMs;
  let from: number | undefined;
  let to: number | undefined;
  const keepCalling = async (caller: number): Promise<void> => {
    while (to === undefined) {
      const sentAt = performance.now();
      await call(caller);
      const answeredAt = performance.now();
      if (answeredAt < since || to !== undefined) continue;
      if (from === undefined) {
        from = answeredAt;
      } else {
        latencies.push(answeredAt - sentAt);
        if (answeredAt >= from + durationMs) to = answeredAt;
      }
    }
  };
  await Promise.all(Array.from({ length: callers }, (_, caller) => keepCalling(caller)));
  return {
    perSecond: (latencies.length * size * 1000) / ((to ?? 0) - (from ?? 0)),
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}
