import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll } from 'vitest';

/** One request that a small server received. */
export interface Received {
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** How many requests came before it. */
  readonly index: number;
}

export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON. */
  readonly body: string | object;
}

/**
 * Listens until the end of the test file. `'cut'` cuts the connection without a response. `'forward'` sends the document to the
 * service behind, without credentials; `'forward-and-cut'` does so, then cuts the connection.
 */
export async function listenSmall(
  reply: (received: Received) => Reply | 'cut' | 'forward' | 'forward-and-cut',
  behind = '',
): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const { url: target = '', headers, method = '' } = request;
    const one: Received = { target, headers, body: await text(request), index: received.length };
    received.push(one);
    const answer = reply(one);
    if (answer === 'cut') {
      request.socket.destroy();
      return;
    }
    if (answer === 'forward' || answer === 'forward-and-cut') {
      const real = await fetch(behind, {
        method,
        headers: { 'content-type': 'application/json' },
        body: one.body,
      });
      if (answer === 'forward-and-cut') {
        await real.text();
        request.socket.destroy();
        return;
      }
      response.writeHead(real.status, { 'content-type': 'application/json' }).end(await real.text());
      return;
    }
    const isText = typeof answer.body === 'string';
    response
      .writeHead(answer.status ?? 200, {
        'content-type': isText ? 'text/plain' : 'application/json',
        ...answer.headers,
      })
      .end(isText ? answer.body : JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/graphql`, received };
}
