import { setTimeout as delay } from 'node:timers/promises';
import type { Postmaster } from './postmaster.ts';

export interface KeptServerOptions {
  /** Resolves when the server accepts connections. `onLaunched` is called as soon as its process runs. */
  readonly start: (port: number | undefined, onLaunched: (server: Postmaster) => void) => Promise<Postmaster>;
  /** Whether it is started again, on the same port, when it ends without being stopped. */
  readonly restarts: boolean;
  readonly onTrouble: (problem: string) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** A server that has run for so long has recovered: the pauses begin anew. */
const STEADY_MS = 60_000;

/** A PostgreSQL server, and those that take its place. */
export class KeptServer {
  readonly #options: KeptServerOptions;
  readonly #stopped = new AbortController();
  #current: Postmaster | undefined;
  #starts = 0;

  constructor(options: KeptServerOptions) {
    this.#options = options;
  }

  /** The process that runs, or ran last. */
  get current(): Postmaster {
    if (this.#current === undefined) throw new TypeError('the server was not started');
    return this.#current;
  }

  /** Starts it. Rejects where that fails; only later starts are repeated. */
  async start(): Promise<{ readonly ended: Promise<void> }> {
    const first = await this.#start();
    return { ended: this.#keep(first) };
  }

  /** Ends its sessions, and has it write a checkpoint and end. It is not started again. */
  stop(): void {
    this.#stopped.abort();
    this.current.child.ref();
    this.current.child.kill('SIGINT');
  }

  #start(): Promise<Postmaster> {
    return this.#options.start(this.#current?.port, (server) => {
      this.#current = server;
      if (this.#stopped.signal.aborted) server.child.kill('SIGINT');
    });
  }

  /** Resolves when the server has ended for good. */
  async #keep(first: Postmaster): Promise<void> {
    const { restarts, onTrouble } = this.#options;
    for (
      let server: Postmaster | undefined = first;
      server !== undefined;
      server = await this.#startAgain()
    ) {
      const since = performance.now();
      await server.exited;
      if (!restarts || this.#stopped.signal.aborted) return;
      if (performance.now() - since > STEADY_MS) this.#starts = 0;
      onTrouble(`The embedded PostgreSQL, process ${server.pid}, has ended. It is started again.`);
    }
  }

  /** Undefined: it was stopped meanwhile. */
  async #startAgain(): Promise<Postmaster | undefined> {
    const { signal } = this.#stopped;
    for (;;) {
      const pauseMs = Math.min(FIRST_PAUSE_MS * 2 ** this.#starts, LONGEST_PAUSE_MS);
      this.#starts += 1;
      await delay(pauseMs, undefined, { signal }).catch(() => {});
      if (signal.aborted) return undefined;
      try {
        return await this.#start();
      } catch (error) {
        if (signal.aborted) return undefined;
        this.#options.onTrouble((error as Error).message);
      }
    }
  }
}
