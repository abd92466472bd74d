import { setTimeout as sleep } from 'node:timers/promises';
import { type Ledger, UnavailableError } from './ledger.ts';
import type { OnFault } from './retries.ts';

const EVERY_MS = 1000;

/** A task that releases expired holds until it is stopped. */
export interface Sweeper {
  /** Resolves when the current round is finished. */
  stop(): Promise<void>;
}

/**
 * Starts to release holds within seconds after they expire. Only the held money depends on it: captures are declined from the
 * instant of expiry. Several processes may sweep one ledger; each hold is released once. `onFault` is called once for a fault
 * that recurs in each round. It is not called for outages.
 */
export function startSweeper(ledger: Ledger, onFault: OnFault): Sweeper {
  const stopped = new AbortController();
  const sweeping = (async () => {
    let reported: string | undefined;
    while (!stopped.signal.aborted) {
      let released = 0;
      try {
        released = await ledger.releaseExpiredHolds();
        reported = undefined;
      } catch (error) {
        const fault = String(error);
        if (!(error instanceof UnavailableError) && fault !== reported) onFault(error);
        reported = fault;
      }
      if (released === 0) await sleep(EVERY_MS, undefined, { signal: stopped.signal }).catch(() => {});
    }
  })();
  return {
    stop: () => {
      stopped.abort();
      return sweeping;
    },
  };
}
