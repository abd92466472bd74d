import { setTimeout as sleep } from 'node:timers/promises';
import type { OnFault } from './commit/failures.ts';
import { type Ledger, UnavailableError } from './ledger.ts';

const EVERY_MS = 1000;

/** What releases expired holds, from now until it is stopped. */
export interface Sweeper {
  /** Resolves when what it has begun is done. */
  stop(): Promise<void>;
}

/**
 * Releases holds when their time is over, within seconds. Nothing depends on it but the money that is held: captures are
 * declined from the instant of expiry on. Several processes may sweep one ledger; each hold is released once. `onFault` is
 * called once for a fault that comes again in each round, and not for an outage.
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
