import { Client, type Dispatcher } from 'undici';

const HEADERS = { 'content-type': 'application/json', accept: 'application/json' };

/** One connection to the service, kept alive, which carries one request at a time; further ones wait for their turn. */
export class Connection {
  readonly #client: Client;
  readonly #path: string;

  constructor(graphqlUrl: string) {
    const { origin, pathname } = new URL(graphqlUrl);
    this.#client = new Client(origin, { pipelining: 1 });
    this.#path = pathname;
  }

  /** Connects, so that no measured request has to. */
  async open(): Promise<void> {
    await this.#send({ path: '/livez', method: 'GET' });
  }

  /**
   * Resolves to what `field` was answered; `query` has one variable, $input. Throws where the status is not 200, or the answer
   * has no such data.
   */
  async ask<T>(field: string, query: string, input: unknown): Promise<T> {
    const body = JSON.stringify({ query, variables: { input } });
    const answer = await this.#send({ path: this.#path, method: 'POST', headers: HEADERS, body });
    const data = (JSON.parse(answer) as { data?: Record<string, T> | null }).data?.[field];
    if (data === undefined || data === null) throw new Error(`the service answered ${answer}`);
    return data;
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #send(request: Dispatcher.DispatchOptions): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#client.dispatch(request, new AnswerHandler(resolve, reject));
    });
  }
}

/** undici's own request() and fetch() cost a caller several times as much. */
class AnswerHandler implements Dispatcher.DispatchHandler {
  readonly #resolve: (answer: string) => void;
  readonly #reject: (error: Error) => void;
  readonly #chunks: Buffer[] = [];
  #status = 0;

  constructor(resolve: (answer: string) => void, reject: (error: Error) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
  }

  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    const answer = Buffer.concat(this.#chunks).toString();
    if (this.#status === 200) this.#resolve(answer);
    else this.#reject(new Error(`the service answered status ${this.#status}: ${answer}`));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#reject(error);
  }
}
