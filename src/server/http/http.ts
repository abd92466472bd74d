import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { GraphQLError } from 'graphql';
import type { Logger } from 'pino';
import type { OnFault } from '../../graphql/context.ts';
import { type HttpAnswer, writeAnswer } from '../../graphql/execution/answer.ts';
import { RequestNotes } from '../../graphql/execution/request-notes.ts';
import { GRAPHQL_PATH } from '../../graphql/execution/yoga.ts';
import { schemaText } from '../../graphql/schema.ts';
import { type LedgerEngine, UnavailableError } from '../../ledger/ledger.ts';
import { adminOnly } from '../access/admin-only.ts';
import { Callers, type CallersOptions } from '../access/callers.ts';
import { refuseUrl } from '../access/credentials.ts';
import { createHealth } from '../operations/health.ts';
import { createMetrics } from '../operations/metrics.ts';
import type { AnsweredRequest } from '../operations/request-log.ts';
import { openConsole } from '../pages/console.ts';
import { explorerOffPage } from '../pages/explorer-off.ts';
import { renderGraphiQL, wantsPage } from '../pages/graphiql.ts';
import { notFoundRoute } from '../pages/not-found.ts';
import { serveFile } from '../pages/static-file.ts';
import { Connections, PendingResponse } from './connections.ts';
import { answerPreflight, headersFor } from './cors.ts';
import { createGraphQLEndpoint, type GraphQLEndpoint } from './graphql-endpoint.ts';
import { AllowedHosts } from './host.ts';
import * as limits from './limits.ts';
import { CALLER_GONE, misdirected, plainText, type Route, urlOf, withoutHost } from './route.ts';
import { SECURITY_HEADERS, send } from './send.ts';
import { readTarget } from './target.ts';
import type { TrustedDocuments } from './trusted-documents.ts';
import { refuseUnreadable } from './unreadable.ts';

export interface HttpServerOptions extends CallersOptions {
  /** Closed by the caller, after the server. */
  readonly engine: LedgerEngine;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly log: Pick<Logger, 'error'>;
  /** Called for each request after it was answered, or its connection was closed. */
  readonly onAnswered?: (request: AnsweredRequest) => void;
  /** Origins whose pages may call the API from a browser, such as https://app.example. */
  readonly corsOrigins?: readonly string[];
  /** Names that the Host header may have in addition to addresses and localhost; null: any name. */
  readonly allowedHosts?: readonly string[] | null;
  /** GraphiQL, introspection, /schema.graphql, and suggestions in errors. */
  readonly explorer?: boolean;
  /** The folder that the console was built into. Default: no console is served. */
  readonly consoleFolder?: string | undefined;
  /** Executes only these documents. */
  readonly trustedDocuments?: TrustedDocuments | undefined;
  /** false: Yoga answers every request, with the same answers. */
  readonly fastPath?: boolean;
  /** Executions of an operation on the fast path before it is compiled. */
  readonly compileAfter?: number;
  /** Who may read /readyz and /metrics: everyone, callers with ADMIN, or only another server, which has `operationsRoutes`. */
  readonly operations?: 'open' | 'admin' | 'elsewhere';
  readonly headersTimeoutMs?: number;
  readonly requestTimeoutMs?: number;
  readonly silenceTimeoutMs?: number;
  readonly maxConnections?: number;
}

export interface HttpServer {
  /** The address, such as http://127.0.0.1:4000. */
  readonly url: string;
  /** The number of requests that are not answered yet. */
  readonly openRequests: number;
  /** The routes for health and metrics, by their paths. */
  readonly operationsRoutes: ReadonlyMap<string, Route>;
  /** Counts a request in the metrics. */
  count(request: AnsweredRequest): void;
  /** Accepts no more connections, answers the pending requests, and resolves when all connections have ended. */
  close(): Promise<void>;
}

/** The path of the schema in GraphQL's schema definition language. */
const SCHEMA_PATH = '/schema.graphql';

/** Serves the API. Every answer has an x-request-id, which the log lines of the request have too. */
export async function startHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { engine, host, port, log, onAnswered = () => {}, allowedHosts = null } = options;
  const requestIds = new AsyncLocalStorage<string>();
  const reportFault: OnFault = (error, faultId) => {
    const requestId = requestIds.getStore() ?? randomUUID();
    // The ledger has logged the error under faultId. An outage has lines of its own, and the request's line has its code.
    if (faultId !== undefined) log.error({ requestId, faultId }, 'a write failed with INTERNAL');
    else if (!(error instanceof UnavailableError))
      log.error({ err: error, requestId }, 'a request failed with an internal error');
    return requestId;
  };
  const callers = new Callers(engine, options);
  const endpoint = createGraphQLEndpoint(callers, reportFault, {
    explorer: options.explorer ?? true,
    fastPath: options.fastPath ?? true,
    trustedDocuments: options.trustedDocuments,
    compileAfter: options.compileAfter,
    onReading: ({ socket }) => connections.bodyAwaited(socket),
  });
  const server = createConfiguredServer(options);
  const connections = new Connections(server, options.maxConnections ?? limits.MAX_CONNECTIONS);
  refuseUnreadableRequests(server, connections);
  const metrics = createMetrics({ engine, bufferedBytes: endpoint.bufferedBytes });
  const health = createHealth({ engine, draining: () => connections.closing });
  const findPage = await openPages(options);
  const notFound = notFoundRoute(findPage('/') !== undefined);
  const origins = new Set(options.corsOrigins);
  const names = allowedHosts === null ? null : new AllowedHosts(allowedHosts);
  const { operations = 'open' } = options;
  const guarded = (route: Route) => (operations === 'open' ? route : adminOnly(callers, reportFault, route));
  const operationsRoutes = new Map<string, Route>([
    ['/livez', health.livez],
    ['/readyz', health.readyz],
    ['/metrics', metrics.write],
  ]);
  const routes = new Map<string, Route>([
    [GRAPHQL_PATH, graphqlRoute(endpoint, origins, options)],
    [SCHEMA_PATH, schemaRoute(options)],
    ['/livez', health.livez],
  ]);
  if (operations !== 'elsewhere') {
    routes.set('/readyz', guarded(health.readyz)).set('/metrics', guarded(metrics.write));
  }

  /** Returns the answer of a route, or 500 if it throws. */
  const answerOrFault = async (answering: () => HttpAnswer | null | Promise<HttpAnswer | null>) => {
    try {
      return await answering();
    } catch (error) {
      reportFault(error);
      return plainText(
        500,
        'Internal error. Find the details in the log by the x-request-id of this answer.\n',
      );
    }
  };
  const handle = (request: IncomingMessage, response: ServerResponse, expected?: 'continue' | 'other') => {
    if (connections.isRefused(request.socket)) return;
    const refusal = refuseUrl(request.url ?? '');
    const target = readTarget(request);
    request.url = target?.url ?? '';
    const [path = ''] = request.url.split('?', 1);
    const page = findPage(path);
    const known = routes.get(path) ?? page;
    let route = known ?? notFound;
    if (refusal !== undefined) route = refuse(refusal, origins);
    else if (target === undefined) route = withoutHost;
    else if (names !== null && !names.include(target.host)) route = () => misdirected(target.host);
    else if (expected === 'other') route = expectationFailed;
    else if (expected === 'continue') response.writeContinue();
    const [notes, since] = [new RequestNotes(), performance.now()];
    const { requestId } = notes;
    const held = new PendingResponse(request, response);
    connections.hold(request.socket, held);
    let [isServed, isClosed] = [false, false];
    const nameRoute = () => {
      if (route !== known) return 'none';
      return route === page ? 'console' : path.slice(1);
    };
    /** Counts and reports the request as soon as it is both served and closed. */
    const noteEnd = () => {
      if (!isServed || !isClosed) return;
      const answered = {
        requestId,
        notes,
        route: nameRoute(),
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
    void requestIds
      .run(requestId, answerOrFault, () => route(request, notes))
      .then((answer) => {
        if (answer !== null) send(request, response, requestId, answer);
        // A request is executed and logged even if its connection was closed meanwhile.
        isServed = true;
        noteEnd();
      })
      .catch((error) => {
        // A failure to write an answer ends its connection only.
        reportFault(error);
        response.destroy();
      });
  };
  server.on('request', handle);
  server.on('checkContinue', (request, response) => {
    // The turn of a pipelined request comes later. Until then, Node would keep 100 Continue with the response, and may write it between
    // the head and the body.
    if (response.socket !== null) handle(request, response, 'continue');
    else response.once('socket', () => handle(request, response, 'continue'));
  });
  server.on('checkExpectation', (request, response) => handle(request, response, 'other'));
  server.listen(port, host);
  await once(server, 'listening');

  return {
    url: urlOf(server.address()),
    get openRequests() {
      return connections.openRequests;
    },
    operationsRoutes,
    count: metrics.count,
    close: async () => {
      await connections.close();
      await endpoint.close();
    },
  };
}

/** Creates the server, with its timeouts and the size limit of a request's head. */
function createConfiguredServer({
  headersTimeoutMs = limits.HEADERS_TIMEOUT_MS,
  requestTimeoutMs = limits.REQUEST_TIMEOUT_MS,
  silenceTimeoutMs = limits.SILENCE_TIMEOUT_MS,
}: HttpServerOptions): Server {
  const server = createServer({
    maxHeaderSize: limits.MAX_HEAD_BYTES,
    headersTimeout: headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    connectionsCheckingInterval: limits.TIMEOUT_CHECK_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
    // readTarget checks more, and Node's own answer would bypass `Connections`.
    requireHostHeader: false,
  });
  server.timeout = silenceTimeoutMs;
  // A client that has closed its side of the connection still receives its answers.
  Object.assign(server, { httpAllowHalfOpen: true });
  // Without a limit on the number of headers, Node drops none of them, such as a second Host. maxHeaderSize limits the head.
  server.maxHeadersCount = 0;
  return server;
}

/** Answers bytes that are no request, requests that take too long, and CONNECT. */
function refuseUnreadableRequests(server: Server, connections: Connections): void {
  const times = { headersTimeoutMs: server.headersTimeout, requestTimeoutMs: server.requestTimeout };
  const refuse = (error: Error, socket: Duplex) => {
    connections.refuse(socket, () =>
      refuseUnreadable(error, socket, Object.entries(SECURITY_HEADERS), times),
    );
  };
  server.on('clientError', refuse);
  server.on('connect', (_, socket) => {
    // Node does not read this connection, nor handle its errors.
    socket.on('error', () => {}).resume();
    refuse(new Error('CONNECT is not supported.'), socket);
  });
}

/** Serves GraphiQL to browsers that load a page, and executes all other requests. */
function graphqlRoute(
  endpoint: GraphQLEndpoint,
  origins: ReadonlySet<string>,
  { explorer = true, trustedDocuments }: HttpServerOptions,
): Route {
  const graphiql = serveFile(renderGraphiQL);
  return async (request, notes) => {
    if (wantsPage(request)) {
      return explorer ? graphiql(request) : explorerOffPage(trustedDocuments !== undefined);
    }
    const answer =
      request.method === 'OPTIONS'
        ? answerPreflight(origins, request)
        : await endpoint.answer(request, notes);
    return answer && { ...answer, headers: { ...headersFor(origins, request), ...answer.headers } };
  };
}

/** Returns the pages of the console by their paths. */
async function openPages({ consoleFolder, trustedDocuments }: HttpServerOptions) {
  if (consoleFolder === undefined) return () => undefined;
  return openConsole(consoleFolder, trustedDocuments !== undefined);
}

function schemaRoute({ explorer = true }: HttpServerOptions): Route {
  const schemaFile = serveFile(async () => ({
    contentType: 'text/plain; charset=utf-8',
    text: schemaText,
  }));
  return (request) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return plainText(405, 'Read the schema by GET.\n', { allow: 'GET, HEAD' });
    }
    if (!explorer) return plainText(404, 'The schema is not served while API_EXPLORER is off.\n');
    return schemaFile(request);
  };
}

function refuse(refusal: GraphQLError, origins: ReadonlySet<string>): Route {
  return (request, notes) => {
    notes.noteErrors([refusal]);
    const answer = writeAnswer({ errors: [refusal] }, 'application/json');
    return { ...answer, headers: { ...headersFor(origins, request), ...answer.headers } };
  };
}

function expectationFailed({ headers: { expect } }: IncomingMessage): HttpAnswer {
  return plainText(417, `The expectation ${expect} is not supported. Only 100-continue is.\n`);
}
