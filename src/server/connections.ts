import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { CLOSING_GRACE_MS } from './limits.ts';

/** An answer that is owed. */
export interface HeldAnswer {
  readonly headersSent: boolean;
  /** Has the connection end behind it. */
  end(): void;
}

/**
 * A server's connections, and its end: every request whose head was read is answered, and then its connection ends.
 *
 * A request that is on its way when the server begins to close comes over a connection that looks idle. So idle connections
 * are left open for a moment, and who asks in it is answered, and told that the connection ends.
 */
export class Connections {
  readonly #server: Server;
  readonly #open = new Map<Duplex, { readonly waiting: Set<HeldAnswer>; idleSince: number }>();
  #closing = false;

  constructor(server: Server) {
    this.#server = server;
    server.on('connection', (socket) => {
      this.#open.set(socket, { waiting: new Set(), idleSince: performance.now() });
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Has a request answered before the server ends. */
  hold(socket: Duplex, answer: HeldAnswer): void {
    this.#open.get(socket)?.waiting.add(answer);
    if (this.#closing) answer.end();
  }

  /** Told that a request's answer is closed. */
  release(socket: Duplex, answer: HeldAnswer): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.waiting.delete(answer);
    connection.idleSince = performance.now();
  }

  /** Whether part of an answer has been sent over a connection, so that only the rest of it may follow. */
  isAnswering(socket: Duplex): boolean {
    return [...(this.#open.get(socket)?.waiting ?? [])].some(({ headersSent }) => headersSent);
  }

  /** Takes no new connection, and resolves when all have ended. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = once(this.#server, 'close');
    // Node's HTTP server would end idle connections at once, and look for slow requests no more.
    NetServer.prototype.close.call(this.#server);
    for (const { waiting } of this.#open.values()) {
      // Requests that were sent one upon another are answered in turn: only the last answer ends the connection.
      const last = [...waiting].at(-1);
      if (last?.headersSent === false) last.end();
    }
    const began = performance.now();
    const sweep = setInterval(() => {
      const now = performance.now();
      for (const [socket, { waiting, idleSince }] of this.#open) {
        if (waiting.size === 0 && now - Math.max(began, idleSince) >= CLOSING_GRACE_MS) socket.destroy();
      }
    }, CLOSING_GRACE_MS / 5);
    await closed;
    clearInterval(sweep);
    // Ends Node's look-out for slow requests.
    this.#server.close(() => {});
  }
}

/** The answer of Node's HTTP server. */
export class HeldResponse implements HeldAnswer {
  readonly #response: ServerResponse;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  end(): void {
    this.#response.setHeader('connection', 'close');
  }
}
