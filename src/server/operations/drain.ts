import type { LedgerLoad } from '../../ledger/ledger.ts';

/** What keeps a service from its end, in words. */
export function describeUnfinished(openRequests: number, load: LedgerLoad): string {
  const { queued, parked, underWay, connections } = load;
  const inUse = Object.values(connections).reduce((sum, use) => sum + use.inUse, 0);
  const parts: readonly (readonly [count: number, one: string, many: string])[] = [
    [openRequests, 'open request', 'open requests'],
    [queued, 'queued command', 'queued commands'],
    [parked, 'command on locked accounts', 'commands on locked accounts'],
    [underWay, 'command in a lane', 'commands in lanes'],
    [inUse, 'database connection in use', 'database connections in use'],
  ];
  const left = parts.flatMap(([count, one, many]) =>
    count === 0 ? [] : `${count} ${count === 1 ? one : many}`,
  );
  return left.length === 0 ? 'connections to close' : left.join(', ');
}

/** The end of the process, which comes in time even where something does not finish. */
export class Drain {
  readonly #timeoutMs: number;
  #waitsFor = () => 'its start';

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Says from now on what would be waited for. */
  waitFor(describe: () => string): void {
    this.#waitsFor = describe;
  }

  /** Ends the process with status 1, and says why, if it has not ended by itself when the time is over. */
  begin(): void {
    setTimeout(() => {
      console.error(
        `The service did not end within ${this.#timeoutMs / 1000} s, its DRAIN_TIMEOUT, and is ended. ` +
          `It was waiting for: ${this.#waitsFor()}. ` +
          'Requests without an answer may have been done: repeat them with the same keys.',
      );
      process.exit(1);
    }, this.#timeoutMs).unref();
  }
}
