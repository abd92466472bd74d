import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { CLOSING_GRACE_MS, LINGER_MS } from './limits.ts';

/** The response to a request whose head was read. */
export class PendingResponse {
  readonly #request: IncomingMessage;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.#request = request;
    this.#response = response;
  }

  /** Whether all of the request has been read. */
  get isWhole(): boolean {
    return this.#request.complete;
  }

  /** Whether the response depends on bytes of the request that have not arrived. */
  get awaitsBody(): boolean {
    return !this.isWhole && this.#request.listenerCount('data') > 0;
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  /** Whether the response is still to be sent, if only in part, and depends on no byte that has not arrived. */
  get isDue(): boolean {
    return this.isWhole || (this.headersSent && this.#response.writableLength > 0);
  }

  /** Makes the connection end after this response. */
  end(): void {
    this.#response.setHeader('connection', 'close');
  }

  /** Prevents the execution of the request, even if the rest of it arrives. */
  abandon(): void {
    // The reader of the body waits for its end, or for the end of the connection.
    this.#request.removeAllListeners('end');
  }
}

interface Connection {
  readonly waiting: Set<PendingResponse>;
  /** Whether a complete request was answered on it. */
  hasServed: boolean;
  /** When it was opened, or its last response was closed. */
  idleSince: number;
  /** The response to the last request, until the request has arrived completely and the response is closed. */
  last?: PendingResponse | undefined;
  refusal?: Refusal;
}

/** The last response of a connection, on bytes that are no request. */
interface Refusal {
  readonly write: () => void;
  /** The response to the request that those bytes belong to, if its head was read. */
  readonly subject: PendingResponse | undefined;
}

/**
 * The connections of a server. When the server closes, every request whose head was read is answered before its connection
 * ends.
 *
 * A request may be in transit on a connection that is idle. So idle connections stay open for a moment after the server begins
 * to close: requests that arrive are answered, with `connection: close`.
 */
export class Connections {
  readonly #server: Server;
  readonly #open = new Map<Duplex, Connection>();
  #closing = false;

  /** When `maxConnections` are open, a new one replaces one without a pending response, or is closed if there is none. */
  constructor(server: Server, maxConnections: number) {
    this.#server = server;
    server.on('connection', (socket) => {
      if (this.#open.size >= maxConnections && !this.#makeRoom()) {
        socket.destroy();
        return;
      }
      this.#open.set(socket, { waiting: new Set(), hasServed: false, idleSince: performance.now() });
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** The number of requests whose head was read and that are not answered yet. */
  get openRequests(): number {
    return [...this.#open.values()].reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  /** Keeps the server open until this response is released. */
  hold(socket: Duplex, response: PendingResponse): void {
    const connection = this.#open.get(socket);
    connection?.waiting.add(response);
    if (connection !== undefined) connection.last = response;
    if (this.#closing) response.end();
  }

  /** Call it when a response is closed. */
  release(socket: Duplex, response: PendingResponse): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.waiting.delete(response);
    if (response.isWhole) connection.hasServed = true;
    if (connection.last === response && response.isWhole) connection.last = undefined;
    connection.idleSince = performance.now();
    refuseInTurn(socket, connection);
  }

  /**
   * Calls `write`, which responds to unreadable bytes and ends the connection, after all earlier requests were answered.
   */
  refuse(socket: Duplex, write: () => void): void {
    const connection = this.#open.get(socket);
    // Nothing can be written to a connection that is ending. After a refusal the connection is not read.
    if (connection === undefined || connection.refusal !== undefined || !socket.writable) return;
    const { last } = connection;
    connection.refusal = { write, subject: last?.isWhole === false ? last : undefined };
    refuseInTurn(socket, connection);
  }

  /** Call it when the body of a request begins to be read: its connection may have a refusal that waits for that. */
  bodyAwaited(socket: Duplex): void {
    const connection = this.#open.get(socket);
    if (connection !== undefined) refuseInTurn(socket, connection);
  }

  /** Whether further requests of a connection are ignored. */
  isRefused(socket: Duplex): boolean {
    return this.#open.get(socket)?.refusal !== undefined;
  }

  /**
   * Ends the oldest connection that never sent a complete request, otherwise the one that has been idle for longest. Never ends
   * one with a pending response. Returns whether it ended one.
   */
  #makeRoom(): boolean {
    let idlest: Duplex | undefined;
    let idleSince = Number.POSITIVE_INFINITY;
    // The map is in the order in which the connections were opened.
    for (const [socket, connection] of this.#open) {
      if (hasPendingResponse(connection)) continue;
      if (!connection.hasServed) {
        idlest = socket;
        break;
      }
      if (connection.idleSince < idleSince) [idlest, idleSince] = [socket, connection.idleSince];
    }
    if (idlest === undefined) return false;
    // Its close event comes later, and other clients may connect before.
    this.#open.delete(idlest);
    idlest.destroy();
    return true;
  }

  /** Accepts no more connections, and resolves when all have ended. */
  async close(): Promise<void> {
    this.#closing = true;
    const closed = once(this.#server, 'close');
    // The method of Node's HTTP server ends idle connections at once, and stops the timeouts of slow requests.
    NetServer.prototype.close.call(this.#server);
    for (const { waiting } of this.#open.values()) {
      // Pipelined requests are answered in order: only the last response ends the connection.
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
    // Stops the timeouts of slow requests.
    this.#server.close(() => {});
  }
}

/**
 * Writes the last bytes of a connection and ends it. Bytes that still arrive are read and dropped for a moment: if a connection is
 * closed with unread bytes, it is reset, and the client may lose responses that were sent before.
 */
export function endAndDrain(socket: Duplex, last: string): void {
  socket.end(last);
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}

function hasPendingResponse({ waiting }: Connection): boolean {
  for (const { isDue } of waiting) if (isDue) return true;
  return false;
}

/** Writes a connection's refusal once the earlier requests are answered. */
function refuseInTurn(socket: Duplex, { waiting, refusal }: Connection): void {
  if (refusal === undefined || !socket.writable) return;
  const { write, subject } = refusal;
  if (subject === undefined) {
    if (waiting.size === 0) write();
  } else if (!waiting.has(subject)) {
    // The request was answered without its body, or the rest of it arrived before the refusal was written.
    endAndDrain(socket, '');
  } else if (waiting.size === 1 && subject.awaitsBody && !subject.headersSent) {
    subject.abandon();
    write();
  }
}
