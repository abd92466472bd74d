import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Logger } from 'pino';
import type { HttpAnswer } from '../graphql/answer.ts';
import type { OnFault } from '../graphql/context.ts';
import { RequestNotes } from '../graphql/request-notes.ts';
import { GRAPHQL_PATH } from '../graphql/yoga.ts';
import { type Ledger, UnavailableError } from '../ledger/ledger.ts';
import { Connections, HeldResponse } from './connections.ts';
import { answerPreflight, FOR_NO_ORIGIN, headersFor } from './cors.ts';
import { asksForPage, createGraphiQL } from './graphiql.ts';
import { createGraphQLEndpoint } from './graphql-endpoint.ts';
import { createHealth } from './health.ts';
import { OwnNames } from './host.ts';
import * as limits from './limits.ts';
import { createMetrics } from './metrics.ts';
import { type PlainAnswer, type PlainTaken, takePlain } from './plain-connections.ts';
import type { PlainHttpRequest } from './plain-request.ts';
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
  /** How often an operation comes on the fast path before it is compiled. */
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

/** null: the caller has gone. */
type Route = (
  request: IncomingMessage,
  notes: RequestNotes,
) => HttpAnswer | null | Promise<HttpAnswer | null>;

/** Serves the API. Every answer has an x-request-id, under which the log has what went wrong. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { ledger, host, port, log, corsOrigins = [], explorer = true, fastPath = true } = options;
  const { onAnswered = () => {} } = options;
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
    ...(options.compileAfter && { compileAfter: options.compileAfter }),
  });
  const graphiql = createGraphiQL();
  const metrics = createMetrics({ ledger, bufferedBytes: endpoint.bufferedBytes });
  const health = createHealth({ ledger, draining: () => connections.closing });
  const origins = new Set(corsOrigins);
  const { allowedHosts = null } = options;
  const names = allowedHosts === null ? null : new OwnNames(allowedHosts);

  const answerGraphQL: Route = async (request, notes) => {
    if (explorer && asksForPage(request)) return graphiql(request);
    const answer =
      request.method === 'OPTIONS'
        ? answerPreflight(origins, request)
        : await endpoint.answer(request, notes);
    return answer && { ...answer, headers: { ...headersFor(origins, request), ...answer.headers } };
  };
  const routes = new Map<string | undefined, Route>([
    [GRAPHQL_PATH, answerGraphQL],
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
    // Node's own answer would not be among those that are held.
    requireHostHeader: false,
  });
  server.timeout = options.silenceTimeoutMs ?? limits.SILENCE_TIMEOUT_MS;
  // A caller who has sent all that it will still reads its answers.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.maxConnections = options.maxConnections ?? limits.MAX_CONNECTIONS;
  const connections = new Connections(server);
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
  /** Has a request noted when it has been answered. */
  const begin = (route: string) => {
    const [notes, since] = [new RequestNotes(), performance.now()];
    const { requestId } = notes;
    const noteAnswered = (status: number) => {
      const answered = { requestId, notes, route, status, milliseconds: performance.now() - since };
      metrics.count(answered);
      onAnswered(answered);
    };
    return { requestId, notes, noteAnswered };
  };
  const answer = (request: IncomingMessage, response: ServerResponse, refusal?: Route) => {
    if (connections.isRefused(request.socket)) return;
    const [path = ''] = (request.url ?? '').split('?', 1);
    const { host } = request.headers;
    const known = routes.get(path);
    const isMisdirected = names !== null && !names.include(host);
    const lacksHost = host === undefined && request.httpVersion === '1.1';
    const route =
      refusal ?? (lacksHost ? withoutHost : undefined) ?? (isMisdirected ? misdirected : (known ?? notFound));
    const { requestId, notes, noteAnswered } = begin(route === known ? path.slice(1) : 'none');
    const held = new HeldResponse(request, response);
    connections.hold(request.socket, held);
    let [isServed, isClosed] = [false, false];
    const noteEnd = () => {
      if (isServed && isClosed) noteAnswered(response.writableFinished ? response.statusCode : CALLER_GONE);
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
  server.on('request', (request, response) => answer(request, response));
  server.on('checkExpectation', (request, response) => answer(request, response, expectsMore));
  if (fastPath) {
    const take = (request: PlainHttpRequest): PlainTaken | undefined => {
      const { headers } = request;
      // To browsers of other pages there is more to say.
      if (headers.has('origin') || (names !== null && !names.include(headers.get('host')))) return undefined;
      const answering = endpoint.takePlain(request);
      if (answering === undefined) return undefined;
      const { requestId, notes, noteAnswered } = begin(GRAPHQL_PATH.slice(1));
      let status = 0;
      const answer = requests
        .run(requestId, settled, () => answering(notes))
        .then((given) => {
          if (given === null) throw new TypeError('a plain request is answered');
          status = given.status;
          return writePlain(requestId, given);
        });
      return { answer, done: (wasSent) => noteAnswered(wasSent ? status : CALLER_GONE) };
    };
    takePlain({ server, connections, path: GRAPHQL_PATH, silenceTimeoutMs: server.timeout, take });
  }
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

/** All that stands in the head of an answer of the API, whatever its way. */
function headersOf(
  requestId: string,
  { status, headers, body }: HttpAnswer,
): Record<string, string | number> {
  const length = status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(body) };
  return { ...SECURITY_HEADERS, 'x-request-id': requestId, ...headers, ...length };
}

/** The text of an answer that no page of another origin reads, but for what is said about its connection. */
function writePlain(requestId: string, answer: HttpAnswer): PlainAnswer {
  const { status, headers, body } = answer;
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  const all = headersOf(requestId, { ...answer, headers: { ...FOR_NO_ORIGIN, ...headers } });
  for (const name in all) head += `${name}: ${all[name]}\r\n`;
  return { head, body: body.toString() };
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  answer: HttpAnswer,
): void {
  if (!request.complete) {
    // Node throws away what is still to come of the body, so that its sender gets to read the answer, and does so without an end.
    const linger = setTimeout(() => request.destroy(), limits.LINGER_MS);
    request.once('close', () => clearTimeout(linger));
  }
  response.writeHead(answer.status, headersOf(requestId, answer)).end(answer.body);
}

/** What logs and metrics usually say where a caller had gone before the end of the answer. */
const CALLER_GONE = 499;

function notFound(): HttpAnswer {
  return plainText(404, `There is nothing here. The API is at ${GRAPHQL_PATH}.\n`);
}

function withoutHost(): HttpAnswer {
  return plainText(400, 'A request of HTTP/1.1 has the header host.\n');
}

function expectsMore({ headers: { expect } }: IncomingMessage): HttpAnswer {
  return plainText(417, `The service does not meet the expectation ${expect}.\n`);
}

function misdirected({ headers: { host = '' } }: IncomingMessage): HttpAnswer {
  return plainText(421, `The service is not asked by the name ${host}; ALLOWED_HOSTS can say that it is.\n`);
}

function plainText(status: number, body: string): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8' }, body };
}

function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string') throw new TypeError('the server listens on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
