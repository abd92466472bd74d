import { setTimeout as sleep } from 'node:timers/promises';
import type { OnFault } from './failures.ts';
import type { Ledger } from './ledger.ts';

const EVERY_MS = 1000;

/** What releases expired holds, from now until it is stopped. */
export interface Sweeper {
  /** Resolves when what it has begun is done. */
  stop(): Promise<void>;
}

/**
 * Releases holds when their time is over, within seconds. Nothing depends on it but the money that is held: captures are
 * declined from the instant of expiry on. Several processes may sweep one ledger; each hold is released once.
 */
export function startSweeper(ledger: Ledger, onFault: OnFault): Sweeper {
  const stopped = new AbortController();
  const sweeping = (async () => {
    while (!stopped.signal.aborted) {
      let released = 0;
      try {
        released = await ledger.releaseExpiredHolds();
      } catch (error) {
        onFault(error);
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
