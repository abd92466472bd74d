/**
 * A way past Node's HTTP server, which takes longer for a request than all else but the ledger: a connection whose requests are
 * plain is answered from its bytes, written in one piece. At the first byte that is anything else the connection becomes one of
 * the HTTP server's, for good, with that byte as its first.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Connections, HeldAnswer } from './connections.ts';
import { KEEP_ALIVE_MS } from './limits.ts';
import { type PlainHttpRequest, readPlainRequest } from './plain-request.ts';

/** How long a new connection may be silent before it is the HTTP server's, which tells whoever is too slow. */
const SILENT_AT_FIRST_MS = 200;

export interface PlainOptions {
  readonly server: Server;
  readonly connections: Connections;
  /** Where plain requests are sent. */
  readonly path: string;
  /** How long an answer may lie without being read. */
  readonly silenceTimeoutMs: number;
  /** Undefined where the request is not for this way, by what its head says. */
  readonly take: (request: PlainHttpRequest) => PlainTaken | undefined;
}

/** A request that is taken: its answer, but for the lines about the connection. */
export interface PlainTaken {
  readonly answer: Promise<PlainAnswer>;
  /** Told when the answer has been sent, or could not be. */
  readonly done: (wasSent: boolean) => void;
}
export interface PlainAnswer {
  readonly head: string;
  readonly body: string | Buffer;
  /** Called when the caller has read the answer, or never will. */
  readonly onRead?: () => void;
}

/** Takes the connections of a server as they come. */
export function takePlain(options: PlainOptions): void {
  const { server } = options;
  const [toHttp] = server.listeners('connection') as [(socket: Socket) => void];
  server.off('connection', toHttp);
  const open = new Set<PlainConnection>();
  server.on('connection', (socket) => {
    const connection = new PlainConnection(socket, options, () => {
      open.delete(connection);
      toHttp.call(server, socket);
    });
    open.add(connection);
    socket.once('close', () => open.delete(connection));
  });
  const sweep = setInterval(() => {
    for (const connection of open) connection.look();
  }, SILENT_AT_FIRST_MS / 2);
  sweep.unref();
  server.once('close', () => clearInterval(sweep));
}

class PlainConnection implements HeldAnswer {
  readonly #socket: Socket;
  readonly #options: PlainOptions;
  readonly #toHttp: () => void;
  /** When it was opened, or last answered; null while an answer is awaited. */
  #idleSince: number | null = performance.now();
  #isNew = true;
  /** What came behind a request that is not answered yet. */
  #behind: Buffer[] = [];
  #isLast = false;

  constructor(socket: Socket, options: PlainOptions, toHttp: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#toHttp = toHttp;
    socket.on('data', this.#read).on('end', this.#leave).on('error', this.#leave);
  }

  readonly headersSent = false;
  readonly isWhole = true;
  readonly awaitsBody = false;

  /** The answer that is awaited is the connection's last. */
  end(): void {
    this.#isLast = true;
  }

  abandon(): void {}

  /** Ends what is silent for too long. */
  look(): void {
    if (this.#idleSince === null) return;
    const silentMs = performance.now() - this.#idleSince;
    if (this.#isNew && silentMs >= SILENT_AT_FIRST_MS) this.#handOver();
    else if (this.#socket.writableLength > 0) {
      if (silentMs >= this.#options.silenceTimeoutMs) this.#socket.destroy();
    } else if (silentMs >= KEEP_ALIVE_MS) this.#socket.destroy();
  }

  readonly #read = (bytes: Buffer): void => {
    // After its last answer a connection takes no request: the caller would never learn what became of it.
    if (this.#socket.writableEnded) return;
    if (this.#idleSince === null) {
      // One request upon another: the rest is read when the first is answered.
      this.#behind.push(bytes);
      this.#socket.pause();
      return;
    }
    const request = readPlainRequest(bytes, this.#options.path);
    const taken = request && this.#options.take(request);
    if (taken === undefined) {
      this.#behind.push(bytes);
      this.#handOver();
    } else {
      void this.#answer(taken);
    }
  };

  readonly #leave = (): void => {
    if (this.#idleSince === null) this.#isLast = true;
    else this.#socket.destroy();
  };

  async #answer({ answer, done }: PlainTaken): Promise<void> {
    const { connections } = this.#options;
    this.#isNew = false;
    this.#idleSince = null;
    connections.hold(this.#socket, this);
    const { head, body, onRead } = await answer;
    this.#idleSince = performance.now();
    connections.release(this.#socket, this);
    if (this.#socket.destroyed) {
      onRead?.();
      done(false);
      return;
    }
    const isRead = this.#write(
      `${head}Date: ${dateNow()}\r\n${this.#isLast ? CLOSE : KEEP_ALIVE}\r\n`,
      body,
      onRead,
    );
    done(true);
    if (this.#isLast) this.#socket.end();
    else if (this.#behind.length > 0) this.#handOver();
    else if (!isRead) {
      // Who does not read the answers is asked for no more.
      this.#socket.pause().once('drain', () => this.#socket.resume());
    }
  }

  #write(head: string, body: string | Buffer, onRead?: () => void): boolean {
    if (typeof body === 'string') return this.#socket.write(head + body, onRead);
    this.#socket.cork();
    this.#socket.write(head);
    const isRead = this.#socket.write(body, onRead);
    this.#socket.uncork();
    return isRead;
  }

  #handOver(): void {
    const socket = this.#socket;
    socket.off('data', this.#read).off('end', this.#leave).off('error', this.#leave);
    if (this.#behind.length > 0) socket.unshift(Buffer.concat(this.#behind));
    this.#toHttp();
    socket.resume();
  }
}

const KEEP_ALIVE = `Connection: keep-alive\r\nKeep-Alive: timeout=${KEEP_ALIVE_MS / 1000}\r\n`;
const CLOSE = 'Connection: close\r\n';

let date = '';
let dateSecond = 0;

/** The header's text, which is of seconds. */
function dateNow(): string {
  const second = Math.floor(Date.now() / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    date = new Date(second * 1000).toUTCString();
  }
  return date;
}
