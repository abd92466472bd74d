import { setTimeout as delay } from 'node:timers/promises';
import type { Postmaster } from './postmaster.ts';

export interface KeptServerOptions {
  /** Starts the server and resolves when it accepts connections. `onLaunched` is called as soon as its process runs. */
  readonly start: (port: number | undefined, onLaunched: (server: Postmaster) => void) => Promise<Postmaster>;
  /** Whether the server is restarted, on the same port, if it ends without being stopped. */
  readonly restarts: boolean;
  readonly onTrouble: (problem: string) => void;
}

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 10_000;
/** After this time a server counts as recovered: the next pause is short again. */
const STEADY_MS = 60_000;

/** A PostgreSQL server that is restarted when it ends by itself. */
export class KeptServer {
  readonly #options: KeptServerOptions;
  readonly #stopped = new AbortController();
  #current: Postmaster | undefined;
  #starts = 0;

  constructor(options: KeptServerOptions) {
    this.#options = options;
  }

  /** The running process, or the last one. */
  get current(): Postmaster {
    if (this.#current === undefined) throw new TypeError('the server was not started');
    return this.#current;
  }

  /** Starts the server. Rejects if that fails: only restarts are repeated. */
  async start(): Promise<{ readonly ended: Promise<void> }> {
    const first = await this.#start();
    return { ended: this.#keep(first) };
  }

  /** Stops the server: it ends its sessions and writes a checkpoint. It is not restarted. */
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

  /** Resolves when the server has ended and is not restarted. */
  async #keep(first: Postmaster): Promise<void> {
    const { restarts, onTrouble } = this.#options;
    for (let server: Postmaster | undefined = first; server !== undefined; server = await this.#restart()) {
      const since = performance.now();
      await server.exited;
      if (!restarts || this.#stopped.signal.aborted) return;
      if (performance.now() - since > STEADY_MS) this.#starts = 0;
      onTrouble(`The embedded PostgreSQL, process ${server.pid}, has ended. It is restarted.`);
    }
  }

  /** Returns undefined if the server was stopped during the pause. */
  async #restart(): Promise<Postmaster | undefined> {
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
