import { quantile } from '../../latency.ts';
import type { Measured, Timing } from '../stage.ts';

/**
 * Runs `callers` callers, each of which sends one batch of `size` operations after another. The measured time lasts from the first
 * response after the warm-up to the first one at least `durationMs` later, so that it consists of whole batches. Latencies are
 * those of batches. Resolves after the last response; rejects if a call rejects.
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
      const completedAt = performance.now();
      if (completedAt < since || to !== undefined) continue;
      if (from === undefined) {
        from = completedAt;
      } else {
        latencies.push(completedAt - sentAt);
        if (completedAt >= from + durationMs) to = completedAt;
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
