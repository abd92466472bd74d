import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { OnFault } from '../../graphql/context.ts';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import { RequestNotes } from '../../graphql/execution/request-notes.ts';
import { GRAPHQL_PATH } from '../../graphql/execution/yoga.ts';
import { schemaText } from '../../graphql/schema.ts';
import { type Ledger, UnavailableError } from '../../ledger/ledger.ts';
import { createHealth } from '../operations/health.ts';
import { createMetrics } from '../operations/metrics.ts';
import type { AnsweredRequest } from '../operations/request-log.ts';
import { explorerOffPage } from '../pages/explorer-off.ts';
import { renderGraphiQL, wantsPage } from '../pages/graphiql.ts';
import { serveFile } from '../pages/static-file.ts';
import { Connections, HeldAnswer } from './connections.ts';
import { answerPreflight, headersFor } from './cors.ts';
import { createGraphQLEndpoint } from './graphql-endpoint.ts';
import { OwnNames } from './host.ts';
import * as limits from './limits.ts';
import { readTarget } from './target.ts';
import type { TrustedDocuments } from './trusted-documents.ts';
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
  /** GraphiQL, introspection, /schema.graphql, and suggestions in errors. */
  readonly explorer?: boolean;
  /** Executes only these documents. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** false: Yoga answers every request, with the same answers. */
  readonly fastPath?: boolean;
  /** Executions of an operation on the fast path before it is compiled. */
  readonly compileAfter?: number;
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly silenceTimeoutMs?: number;
  readonly maxConnections?: number;
}

export interface HttpServer {
  /** Where it listens: http://…, without a slash at its end. */
  readonly url: string;
  /** Requests that are not answered yet. */
  readonly openRequests: number;
  /** Takes no new connection, answers the requests that it has taken, and resolves when all connections have ended. */
  close(): Promise<void>;
}

/** Serves the schema in GraphQL's schema definition language. */
const SCHEMA_PATH = '/schema.graphql';

/** null: the caller has gone. */
type Route = (
  request: IncomingMessage,
  notes: RequestNotes,
) => HttpAnswer | null | Promise<HttpAnswer | null>;

/** Serves the API. Every answer has an x-request-id, under which the log has what went wrong. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { ledger, host, port, log, corsOrigins = [], explorer = true, fastPath = true } = options;
  const { onAnswered = () => {}, trustedDocuments } = options;
  const requests = new AsyncLocalStorage<string>();
  const tellFault: OnFault = (error, faultId) => {
    const requestId = requests.getStore() ?? randomUUID();
    // The log has the fault itself under faultId. An outage has its own lines, and the request's line has its code.
    if (faultId !== undefined) log.error({ requestId, faultId }, 'a write was answered INTERNAL');
    else if (!(error instanceof UnavailableError))
      log.error({ err: error, requestId }, 'a fault in answering a request');
    return requestId;
  };
  const endpoint = createGraphQLEndpoint(ledger, tellFault, {
    explorer,
    fastPath,
    trustedDocuments,
    compileAfter: options.compileAfter,
  });
  const graphiql = serveFile(renderGraphiQL);
  const schemaFile = serveFile(async () => ({
    contentType: 'text/plain; charset=utf-8',
    text: schemaText,
  }));
  const metrics = createMetrics({ ledger, bufferedBytes: endpoint.bufferedBytes });
  const health = createHealth({ ledger, draining: () => connections.closing });
  const origins = new Set(corsOrigins);
  const { allowedHosts = null } = options;
  const names = allowedHosts === null ? null : new OwnNames(allowedHosts);

  const answerGraphQL: Route = async (request, notes) => {
    if (wantsPage(request)) {
      return explorer ? graphiql(request) : explorerOffPage(trustedDocuments !== undefined);
    }
    const answer =
      request.method === 'OPTIONS'
        ? answerPreflight(origins, request)
        : await endpoint.answer(request, notes);
    return answer && { ...answer, headers: { ...headersFor(origins, request), ...answer.headers } };
  };
  const answerSchema: Route = (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return plainText(405, 'Read the schema by GET.\n', { allow: 'GET, HEAD' });
    }
    if (!explorer) return plainText(404, 'The schema is not served, because API_EXPLORER is off.\n');
    return schemaFile(request);
  };
  const routes = new Map<string | undefined, Route>([
    [GRAPHQL_PATH, answerGraphQL],
    [SCHEMA_PATH, answerSchema],
    ['/livez', health.livez],
    ['/readyz', health.readyz],
    ['/metrics', metrics.write],
  ]);

  const { headersTimeoutMs = limits.HEADERS_TIMEOUT_MS, requestTimeoutMs = limits.REQUEST_TIMEOUT_MS } =
    options;
  const server = createServer({
    maxHeaderSize: limits.MAX_HEAD_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: limits.TIMEOUT_CHECK_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
    // The service's own check does more, and Node's answer would not be among those that are held.
    requireHostHeader: false,
  });
  server.timeout = options.silenceTimeoutMs ?? limits.SILENCE_TIMEOUT_MS;
  // A caller who has sent all that it will still reads its answers.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Node would leave out lines that a large head has, among which may be a second Host. A head is bounded by its size.
  server.maxHeadersCount = 0;
  const connections = new Connections(server, options.maxConnections ?? limits.MAX_CONNECTIONS);
  const refuse = (error: Error, socket: Duplex) => {
    const times = { headersTimeoutMs, requestTimeoutMs };
    connections.refuse(socket, () => refuseUnread(error, socket, Object.entries(SECURITY_HEADERS), times));
  };
  server.on('clientError', refuse);
  server.on('connect', (_, socket) => {
    // Node reads no more of the connection, and no longer handles its errors.
    socket.on('error', () => {}).resume();
    refuse(new Error('The service is no proxy.'), socket);
  });
  /** The answer of a route, whatever becomes of it. */
  const settled = async (answering: () => HttpAnswer | null | Promise<HttpAnswer | null>) => {
    try {
      return await answering();
    } catch (error) {
      tellFault(error);
      return plainText(500, 'A fault of the service itself, which its log has under the request id.\n');
    }
  };
  const answer = (request: IncomingMessage, response: ServerResponse, expected?: 'continue' | 'more') => {
    if (connections.isRefused(request.socket)) return;
    const target = readTarget(request);
    request.url = target?.url ?? '';
    const [path = ''] = request.url.split('?', 1);
    const known = routes.get(path);
    let route = known ?? notFound;
    if (target === undefined) route = withoutHost;
    else if (names !== null && !names.include(target.host)) route = misdirected(target.host);
    else if (expected === 'more') route = expectsMore;
    else if (expected === 'continue') response.writeContinue();
    const [notes, since] = [new RequestNotes(), performance.now()];
    const { requestId } = notes;
    const held = new HeldAnswer(request, response);
    connections.hold(request.socket, held);
    let [isServed, isClosed] = [false, false];
    const noteEnd = () => {
      if (!isServed || !isClosed) return;
      const answered = {
        requestId,
        notes,
        route: route === known ? path.slice(1) : 'none',
        status: response.writableFinished ? response.statusCode : CALLER_GONE,
        milliseconds: performance.now() - since,
      };
      metrics.count(answered);
      onAnswered(answered);
    };
    response.once('close', () => {
      connections.release(request.socket, held);
      isClosed = true;
      noteEnd();
    });
    void requests
      .run(requestId, settled, () => route(request, notes))
      .then((answer) => {
        if (answer !== null) send(request, response, requestId, answer);
        // What a caller who has gone asked for is done all the same, and noted.
        isServed = true;
        noteEnd();
      })
      .catch((error) => {
        // An answer that cannot be written ends its connection, and not the service.
        tellFault(error);
        response.destroy();
      });
  };
  server.on('request', answer);
  server.on('checkContinue', (request, response) => answer(request, response, 'continue'));
  server.on('checkExpectation', (request, response) => answer(request, response, 'more'));
  server.listen(port, host);
  await once(server, 'listening');

  return {
    url: urlOf(server.address()),
    get openRequests() {
      return connections.openRequests;
    },
    close: async () => {
      await connections.close();
      await endpoint.close();
    },
  };
}

/** Nothing of an answer is a page, unless its route says otherwise, and nobody keeps it. */
const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

function send(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  { status, headers, body, onRead }: HttpAnswer,
): void {
  if (onRead !== undefined) {
    if (response.closed) onRead();
    else response.once('close', onRead);
  }
  if (!request.complete) {
    // Node throws away what is still to come of the body, so that its sender gets to read the answer, and does so without an end.
    const linger = setTimeout(() => request.destroy(), limits.LINGER_MS);
    request.once('close', () => clearTimeout(linger));
  }
  const length = status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(body) };
  const all = { ...SECURITY_HEADERS, 'x-request-id': requestId, ...headers, ...length };
  response.writeHead(status, all).end(body);
}

/** What logs and metrics usually say where a caller had gone before the end of the answer. */
const CALLER_GONE = 499;

function notFound(): HttpAnswer {
  return plainText(404, `There is nothing here. The API is at ${GRAPHQL_PATH}.\n`);
}

function withoutHost(): HttpAnswer {
  return plainText(400, 'The request must have one Host line, with a valid host and port.\n');
}

function expectsMore({ headers: { expect } }: IncomingMessage): HttpAnswer {
  return plainText(417, `The service does not meet the expectation ${expect}.\n`);
}

function misdirected(host = ''): Route {
  return () =>
    plainText(421, `The service is not asked by the name ${host}; ALLOWED_HOSTS can say that it is.\n`);
}

function plainText(status: number, body: string, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
