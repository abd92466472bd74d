import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { OnFault } from '../graphql/context.ts';
import { RequestNotes } from '../graphql/request-notes.ts';
import { GRAPHQL_PATH } from '../graphql/yoga.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { Connections } from './connections.ts';
import { allowOrigin, answerPreflight } from './cors.ts';
import { asksForPage, createGraphiQL } from './graphiql.ts';
import { createGraphQLEndpoint } from './graphql-endpoint.ts';
import { createHealth } from './health.ts';
import { isOwnName } from './host.ts';
import * as limits from './limits.ts';
import { createMetrics } from './metrics.ts';
import type { AnsweredRequest } from './request-log.ts';
import { refuseUnread } from './unread.ts';

export interface HttpServerOptions {
  readonly ledger: Ledger;
  readonly host: string;
  /** 0: any that is free. */
  readonly port: number;
  readonly log: Pick<Logger, 'error'>;
  /** Told of each request when it has been answered, or its caller has gone. */
  readonly onAnswered?: (request: AnsweredRequest) => void;
  /** Origins whose pages may use the API in a browser, such as https://app.example. */
  readonly corsOrigins?: readonly string[];
  /** Names by which the service may be asked beside addresses and localhost; null: by any. */
  readonly allowedHosts?: readonly string[] | null;
  /** GraphiQL, introspection, and suggestions in errors. */
  readonly explorer?: boolean;
  /** false: Yoga answers everything, and the same. */
  readonly fastPath?: boolean;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly silenceTimeoutMs?: number;
  readonly maxConnections?: number;
}

export interface HttpServer {
  /** Where it listens: http://…, without a slash at its end. */
  readonly url: string;
  /** Takes no new connection, answers the requests that it has taken, and resolves when all connections have ended. */
  close(): Promise<void>;
}

type Route = (
  request: IncomingMessage,
  response: ServerResponse,
  notes: RequestNotes,
) => void | Promise<void>;

/** Serves the API. Every answer has an x-request-id, under which the log has what went wrong. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { ledger, host, port, log, corsOrigins = [], explorer = true, fastPath = true } = options;
  const { onAnswered = () => {} } = options;
  const requests = new AsyncLocalStorage<string>();
  const tellFault: OnFault = (error, faultId) => {
    const requestId = requests.getStore() ?? randomUUID();
    log.error({ err: error, requestId, ...(faultId && { faultId }) }, 'a fault in answering a request');
    return requestId;
  };
  const endpoint = createGraphQLEndpoint(ledger, tellFault, { explorer, fastPath });
  const graphiql = createGraphiQL();
  const metrics = createMetrics(ledger);
  const health = createHealth({ ledger, draining: () => connections.closing });
  const origins = new Set(corsOrigins);
  const { allowedHosts = null } = options;
  const names = allowedHosts === null ? null : new Set(allowedHosts);

  const routes = new Map<string | undefined, Route>([
    [
      GRAPHQL_PATH,
      (request, response, notes) => {
        if (explorer && asksForPage(request)) return graphiql(request, response);
        allowOrigin(origins, request, response);
        return request.method === 'OPTIONS'
          ? answerPreflight(request, response)
          : endpoint.answer(request, response, notes);
      },
    ],
    ['/livez', (_, response) => health.livez(response)],
    ['/readyz', (_, response) => health.readyz(response)],
    ['/metrics', (_, response) => metrics.write(response)],
  ]);

  const { headersTimeoutMs = limits.HEADERS_TIMEOUT_MS, requestTimeoutMs = limits.REQUEST_TIMEOUT_MS } =
    options;
  const server = createServer({
    maxHeaderSize: limits.MAX_HEAD_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: limits.TIMEOUT_CHECK_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
  });
  server.timeout = options.silenceTimeoutMs ?? limits.SILENCE_TIMEOUT_MS;
  server.maxConnections = options.maxConnections ?? limits.MAX_CONNECTIONS;
  const connections = new Connections(server);
  server.on('clientError', (error, socket) => {
    if (connections.isAnswering(socket)) socket.destroy();
    else refuseUnread(error, socket, SECURITY_HEADERS, { headersTimeoutMs, requestTimeoutMs });
  });
  server.on('request', (request, response) => {
    const requestId = randomUUID();
    for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
    response.setHeader('x-request-id', requestId);
    connections.hold(request, response);
    const [path = ''] = (request.url ?? '').split('?', 1);
    const isMisdirected = names !== null && !isOwnName(request.headers.host, names);
    const route = isMisdirected ? misdirected : (routes.get(path) ?? notFound);
    const notes = new RequestNotes();
    const since = performance.now();
    const closed = new Promise((resolve) => response.once('close', resolve));
    void requests.run(requestId, async () => {
      try {
        await route(request, response, notes);
      } catch (error) {
        tellFault(error);
        if (response.headersSent) response.destroy();
        else
          answer(response, 500, 'A fault of the service itself, which its log has under the request id.\n');
      }
      // What a caller who has gone asked for is done all the same, and noted.
      await closed;
      const aborted = !response.writableFinished;
      const answered: AnsweredRequest = {
        requestId,
        notes,
        route: route === notFound || route === misdirected ? 'none' : path.slice(1),
        status: aborted ? CALLER_GONE : response.statusCode,
        milliseconds: performance.now() - since,
      };
      metrics.count(answered);
      onAnswered(answered);
    });
  });
  server.listen(port, host);
  await once(server, 'listening');

  return {
    url: urlOf(server.address()),
    close: async () => {
      await connections.close();
      await endpoint.close();
    },
  };
}

/** Nothing of an answer is a page, unless its route says otherwise, and nobody keeps it. */
const SECURITY_HEADERS = Object.entries({
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
});

/** What logs and metrics usually say where a caller had gone before the end of the answer. */
const CALLER_GONE = 499;

function notFound(_: IncomingMessage, response: ServerResponse): void {
  answer(response, 404, `There is nothing here. The API is at ${GRAPHQL_PATH}.\n`);
}

function misdirected({ headers }: IncomingMessage, response: ServerResponse): void {
  const name = headers.host ?? '';
  answer(response, 421, `The service is not asked by the name ${name}; ALLOWED_HOSTS can say that it is.\n`);
}

function answer(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
