import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * A persistent connection to the service. It sends one request at a time; further requests are queued.
 *
 * It implements only the part of HTTP/1.1 that this service uses. A full HTTP client takes twice the CPU time, which the load shares
 * with the measured service.
 */
export class Connection {
  readonly #url: URL;
  readonly #head: string;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  readonly #pending: {
    readonly resolve: (body: string) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  readonly #unsent: string[] = [];

  constructor(graphqlUrl: string, apiKey?: string) {
    this.#url = new URL(graphqlUrl);
    this.#head =
      `POST ${this.#url.pathname} HTTP/1.1\r\nhost: ${this.#url.host}\r\n` +
      (apiKey === undefined ? '' : `authorization: Bearer ${apiKey}\r\n`) +
      'content-type: application/json\r\naccept: application/json\r\ncontent-length: ';
  }

  /** Connects before the measurement. */
  async open(): Promise<void> {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true });
    await once(socket, 'connect');
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the service closed the connection')));
    this.#socket = socket;
  }

  /**
   * Sends a query with one variable, $input, and returns the data of `field`. Throws for another status than 200 and for a response
   * without that data.
   */
  async request<T>(field: string, query: string, input: unknown): Promise<T> {
    const body = JSON.stringify({ query, variables: { input } });
    const response = await this.#send(`${this.#head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const data = (JSON.parse(response) as { data?: Record<string, T> | null }).data?.[field];
    if (data === undefined || data === null) throw new Error(`unexpected response: ${response}`);
    return data;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || socket.closed) return;
    socket.end();
    await once(socket, 'close');
  }

  #send(request: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pending.push({ resolve, reject });
      if (this.#pending.length === 1) this.#socket?.write(request);
      else this.#unsent.push(request);
    });
  }

  #read(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const bodyAt = this.#received.indexOf('\r\n\r\n') + 4;
    if (bodyAt < 4) return;
    const head = this.#received.toString('latin1', 0, bodyAt);
    const [, length] = CONTENT_LENGTH.exec(head) ?? [];
    if (length === undefined) {
      this.#fail(new Error(`a response without content-length: ${head}`));
      return;
    }
    const end = bodyAt + Number(length);
    if (this.#received.length < end) return;
    const body = this.#received.toString('utf8', bodyAt, end);
    this.#received = this.#received.subarray(end);
    const pending = this.#pending.shift();
    if (head.startsWith('HTTP/1.1 200')) pending?.resolve(body);
    else pending?.reject(new Error(`unexpected response: ${head}${body}`));
    const next = this.#unsent.shift();
    if (next !== undefined) this.#socket?.write(next);
  }

  #fail(error: Error): void {
    for (const { reject } of this.#pending.splice(0)) reject(error);
  }
}

const CONTENT_LENGTH = /content-length: (\d+)/i;
