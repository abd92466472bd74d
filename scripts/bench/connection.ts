import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/**
 * One connection to the service, kept alive, which carries one request at a time; further ones wait for their turn.
 *
 * It writes and reads HTTP/1.1 by itself, as far as this service speaks it: a client that speaks all of it takes twice the time
 * from the cores that it shares with what it measures.
 */
export class Connection {
  readonly #url: URL;
  readonly #head: string;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  readonly #waiting: {
    readonly answered: (answer: string) => void;
    readonly failed: (error: Error) => void;
  }[] = [];
  readonly #unsent: string[] = [];

  constructor(graphqlUrl: string) {
    this.#url = new URL(graphqlUrl);
    this.#head =
      `POST ${this.#url.pathname} HTTP/1.1\r\nhost: ${this.#url.host}\r\n` +
      'content-type: application/json\r\naccept: application/json\r\ncontent-length: ';
  }

  /** Connects, so that no measured request has to. */
  async open(): Promise<void> {
    const socket = connect({ host: this.#url.hostname, port: Number(this.#url.port), noDelay: true });
    await once(socket, 'connect');
    socket.on('data', (bytes) => this.#read(bytes));
    socket.on('error', (error) => this.#fail(error));
    socket.on('close', () => this.#fail(new Error('the service closed the connection')));
    this.#socket = socket;
  }

  /**
   * Resolves to what `field` was answered; `query` has one variable, $input. Throws where the status is not 200, or the answer
   * has no such data.
   */
  async ask<T>(field: string, query: string, input: unknown): Promise<T> {
    const body = JSON.stringify({ query, variables: { input } });
    const answer = await this.#send(`${this.#head}${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const data = (JSON.parse(answer) as { data?: Record<string, T> | null }).data?.[field];
    if (data === undefined || data === null) throw new Error(`the service answered ${answer}`);
    return data;
  }

  async close(): Promise<void> {
    const socket = this.#socket;
    if (socket === undefined || socket.closed) return;
    socket.end();
    await once(socket, 'close');
  }

  #send(request: string): Promise<string> {
    return new Promise((answered, failed) => {
      this.#waiting.push({ answered, failed });
      if (this.#waiting.length === 1) this.#socket?.write(request);
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
      this.#fail(new Error(`an answer without its length: ${head}`));
      return;
    }
    const end = bodyAt + Number(length);
    if (this.#received.length < end) return;
    const body = this.#received.toString('utf8', bodyAt, end);
    this.#received = this.#received.subarray(end);
    const waiting = this.#waiting.shift();
    if (head.startsWith('HTTP/1.1 200')) waiting?.answered(body);
    else waiting?.failed(new Error(`the service answered ${head}${body}`));
    const next = this.#unsent.shift();
    if (next !== undefined) this.#socket?.write(next);
  }

  #fail(error: Error): void {
    for (const { failed } of this.#waiting.splice(0)) failed(error);
  }
}

const CONTENT_LENGTH = /content-length: (\d+)/i;
