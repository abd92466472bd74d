import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import { createGraphQLHandler, GRAPHQL_PATH } from '../graphql/yoga.ts';
import type { Ledger } from '../ledger/ledger.ts';

export interface HttpServerOptions {
  readonly ledger: Ledger;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly log: Pick<Logger, 'error'>;
}

export interface HttpServer {
  /** Where it listens: http://…, without a slash at its end. */
  readonly url: string;
  /** Takes no new connection, answers the requests that it has taken, and resolves when all connections have ended. */
  close(): Promise<void>;
}

/** Serves the API. Every answer has an x-request-id, under which the log has what went wrong. */
export async function startHttpServer({ ledger, host, port, log }: HttpServerOptions): Promise<HttpServer> {
  const requests = new AsyncLocalStorage<string>();
  const graphql = createGraphQLHandler(ledger, (error) => {
    const requestId = requests.getStore() ?? randomUUID();
    log.error({ err: error, requestId }, 'a fault in answering a request');
    return requestId;
  });

  const server = createServer((request, response) => {
    const requestId = randomUUID();
    response.setHeader('x-request-id', requestId);
    // A connection that is kept alive would keep a server that is closing.
    response.once('close', () => {
      if (!server.listening) server.closeIdleConnections();
    });
    requests.run(requestId, () => route(graphql, request, response));
  });
  server.listen(port, host);
  await once(server, 'listening');

  return {
    url: urlOf(server.address()),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      server.closeIdleConnections();
      await closed;
      await graphql.dispose();
    },
  };
}

function route(
  graphql: ReturnType<typeof createGraphQLHandler>,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const [path] = (request.url ?? '').split('?', 1);
  if (path === GRAPHQL_PATH) void graphql(request, response);
  else if (path === '/livez') answer(response, 200, 'alive\n');
  else answer(response, 404, `There is nothing here. The API is at ${GRAPHQL_PATH}.\n`);
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
