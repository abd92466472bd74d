import type { LedgerLoad } from '../../ledger/ledger.ts';

/** Describes the work that the service waits for before it stops. */
export function describeUnfinished(openRequests: number, load: LedgerLoad): string {
  const { queued, parked, underWay, connections } = load;
  const inUse = Object.values(connections).reduce((sum, use) => sum + use.inUse, 0);
  const parts: readonly (readonly [count: number, one: string, many: string])[] = [
    [openRequests, 'open request', 'open requests'],
    [queued, 'queued command', 'queued commands'],
    [parked, 'parked command', 'parked commands'],
    [underWay, 'command in a lane', 'commands in lanes'],
    [inUse, 'database connection in use', 'database connections in use'],
  ];
  const left = parts.flatMap(([count, one, many]) =>
    count === 0 ? [] : `${count} ${count === 1 ? one : many}`,
  );
  return left.length === 0 ? 'connections to close' : left.join(', ');
}

/** Stops the process in time, even if some work does not finish. */
export class Drain {
  readonly #timeoutMs: number;
  #waitsFor = () => 'the start';

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Sets the description of the work that the service waits for. */
  waitFor(describe: () => string): void {
    this.#waitsFor = describe;
  }

  /** Starts the timeout. When it is over, prints the unfinished work and exits with status 1. */
  begin(): void {
    setTimeout(() => {
      console.error(
        `The service did not stop within its DRAIN_TIMEOUT of ${this.#timeoutMs / 1000} s and exits. ` +
          `Unfinished: ${this.#waitsFor()}. ` +
          'The outcome of requests without an answer is unknown: repeat them with the same keys.',
      );
      process.exit(1);
    }, this.#timeoutMs).unref();
  }
}
