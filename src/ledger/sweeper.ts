import { setTimeout as sleep } from 'node:timers/promises';
import type { Uuid } from '../core/values/ids.ts';
import { type LedgerEngine, UnavailableError } from './ledger.ts';
import type { OnFault } from './retries.ts';

const EVERY_MS = 1000;

/** A task that releases expired holds until it is stopped. */
export interface Sweeper {
  /** Resolves when the releases that were begun are finished. */
  stop(): Promise<void>;
}

/**
 * Starts to release holds within seconds after they expire. Only the held money depends on it: captures are declined from the
 * instant of expiry. One query finds the holds of all ledgers; a ledger whose releases are not finished is left out, so that it
 * does not delay the others. Several processes may sweep one database; each hold is released once. `onFault` is called once for
 * a fault that recurs in each round. It is not called for outages.
 */
export function startSweeper(engine: LedgerEngine, onFault: OnFault): Sweeper {
  const stopped = new AbortController();
  const releasing = new Map<Uuid, Promise<void>>();
  let released = new AbortController();
  let reported: string | undefined;

  const round = async (): Promise<void> => {
    const expired = await engine.findExpiredHolds([...releasing.keys()]);
    for (const [ledgerId, holds] of Map.groupBy(expired, (hold) => hold.ledgerId)) {
      const release = async () => {
        const ledger = await engine.ledgerById(ledgerId);
        const count = await ledger?.releaseHolds(holds.map(({ id }) => id));
        // More of its holds may have expired.
        if (count !== undefined && count > 0) released.abort();
      };
      const done = release()
        .catch(report)
        .finally(() => releasing.delete(ledgerId));
      releasing.set(ledgerId, done);
    }
  };
  const report = (error: unknown): void => {
    const fault = String(error);
    if (!(error instanceof UnavailableError) && fault !== reported) onFault(error);
    reported = fault;
  };
  const sweeping = (async () => {
    while (!stopped.signal.aborted) {
      released = new AbortController();
      await round().then(() => {
        reported = undefined;
      }, report);
      const signal = AbortSignal.any([stopped.signal, released.signal]);
      await sleep(EVERY_MS, undefined, { signal }).catch(() => {});
    }
    await Promise.all(releasing.values());
  })();
  return {
    stop: () => {
      stopped.abort();
      return sweeping;
    },
  };
}
