import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { Server as NetServer } from 'node:net';
import type { Duplex } from 'node:stream';
import { CLOSING_GRACE_MS, LINGER_MS } from './limits.ts';

/** An answer that is owed. */
export class HeldAnswer {
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

  /** Whether it depends on what is still to come of the request. */
  get awaitsBody(): boolean {
    return !this.isWhole && this.#request.listenerCount('data') > 0;
  }

  get headersSent(): boolean {
    return this.#response.headersSent;
  }

  /** Has the connection end after it. */
  end(): void {
    this.#response.setHeader('connection', 'close');
  }

  /** Has the request not be done, though the rest of it may still come. */
  abandon(): void {
    // Who reads the body takes it for whole at its end, and for lost when the connection closes.
    this.#request.removeAllListeners('end');
  }
}

interface Connection {
  readonly waiting: Set<HeldAnswer>;
  /** Whether it has sent a whole request that was answered. */
  hasAsked: boolean;
  /** When it was opened, or an answer was closed last. */
  idleSince: number;
  /** The answer of the request that was read last, where it is awaited, or was given before all of the request had come. */
  last?: HeldAnswer | undefined;
  refusal?: Refusal;
}

/** The last answer of a connection, which has bytes that cannot be read as a request. */
interface Refusal {
  readonly write: () => void;
  /** The answer of the request to which those bytes belong, where its head had been read. */
  readonly subject: HeldAnswer | undefined;
}

/**
 * A server's connections, and its end: every request whose head was read is answered, and then its connection ends.
 *
 * A request that is on its way when the server begins to close comes over a connection that looks idle. So idle connections
 * are left open for a moment, and who asks in it is answered, and told that the connection ends.
 */
export class Connections {
  readonly #server: Server;
  readonly #open = new Map<Duplex, Connection>();
  #closing = false;

  /** When `maxConnections` are open, a new one takes the place of one that is owed no answer; it is closed if there is none. */
  constructor(server: Server, maxConnections: number) {
    this.#server = server;
    server.on('connection', (socket) => {
      if (this.#open.size >= maxConnections && !this.#makeRoom()) {
        socket.destroy();
        return;
      }
      this.#open.set(socket, { waiting: new Set(), hasAsked: false, idleSince: performance.now() });
      socket.once('close', () => this.#open.delete(socket));
    });
  }

  get closing(): boolean {
    return this.#closing;
  }

  /** Requests whose head was read and that are not answered yet. */
  get openRequests(): number {
    return [...this.#open.values()].reduce((sum, { waiting }) => sum + waiting.size, 0);
  }

  /** Has a request answered before the server ends. */
  hold(socket: Duplex, answer: HeldAnswer): void {
    const connection = this.#open.get(socket);
    connection?.waiting.add(answer);
    if (connection !== undefined) connection.last = answer;
    if (this.#closing) answer.end();
  }

  /** Told that a request's answer is closed. */
  release(socket: Duplex, answer: HeldAnswer): void {
    const connection = this.#open.get(socket);
    if (connection === undefined) return;
    connection.waiting.delete(answer);
    if (answer.isWhole) connection.hasAsked = true;
    if (connection.last === answer && answer.isWhole) connection.last = undefined;
    connection.idleSince = performance.now();
    refuseInTurn(socket, connection);
  }

  /**
   * Has `write` answer what cannot be read, and end the connection. Answers go in the order of their requests, so those to
   * requests that were read before go first, however long they take.
   */
  refuse(socket: Duplex, write: () => void): void {
    const connection = this.#open.get(socket);
    // A connection that ends already has nothing more to say. Once refused, it is read no further.
    if (connection === undefined || connection.refusal !== undefined || !socket.writable) return;
    const { last } = connection;
    connection.refusal = { write, subject: last?.isWhole === false ? last : undefined };
    refuseInTurn(socket, connection);
  }

  /** Whether a connection is one whose further requests are not taken. */
  isRefused(socket: Duplex): boolean {
    return this.#open.get(socket)?.refusal !== undefined;
  }

  /**
   * Ends the oldest connection that never sent a whole request, or else the one that has been idle for longest; never one that
   * is owed an answer. Answers whether there was one.
   */
  #makeRoom(): boolean {
    let idlest: Duplex | undefined;
    let idleSince = Number.POSITIVE_INFINITY;
    // A map keeps the order in which they were opened.
    for (const [socket, connection] of this.#open) {
      if (isOwedAnswer(connection)) continue;
      if (!connection.hasAsked) {
        idlest = socket;
        break;
      }
      if (connection.idleSince < idleSince) [idlest, idleSince] = [socket, connection.idleSince];
    }
    if (idlest === undefined) return false;
    // Its own event comes later, and others may connect before.
    this.#open.delete(idlest);
    idlest.destroy();
    return true;
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

/**
 * Writes the last bytes of a connection and ends it. What still comes is read and thrown away for a moment: a connection that is
 * closed over unread bytes is reset, and then its caller may lose answers that were sent before.
 */
export function endInPeace(socket: Duplex, last: string): void {
  socket.end(last);
  const linger = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once('close', () => clearTimeout(linger));
}

/** Who sends a request slowly is owed nothing until all of it has come, unless the head was enough for an answer. */
function isOwedAnswer({ waiting }: Connection): boolean {
  for (const { isWhole, headersSent } of waiting) if (isWhole || headersSent) return true;
  return false;
}

/** Writes a connection's refusal when it is due. */
function refuseInTurn(socket: Duplex, { waiting, refusal }: Connection): void {
  if (refusal === undefined || !socket.writable) return;
  const { write, subject } = refusal;
  if (subject === undefined) {
    if (waiting.size === 0) write();
  } else if (!waiting.has(subject)) {
    // The request was answered by its head alone, or could be read after all, a little late.
    endInPeace(socket, '');
  } else if (waiting.size === 1 && subject.awaitsBody && !subject.headersSent) {
    subject.abandon();
    write();
  }
}
