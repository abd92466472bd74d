import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { RequestNotes } from '../../graphql/execution/request-notes.ts';
import { AllowedHosts } from '../http/host.ts';
import * as limits from '../http/limits.ts';
import { CALLER_GONE, misdirected, plainText, type Route, urlOf, withoutHost } from '../http/route.ts';
import { send } from '../http/send.ts';
import { readTarget } from '../http/target.ts';
import type { AnsweredRequest } from './request-log.ts';

export interface OperationsServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Names that the Host header may have in addition to addresses and localhost; null: any name. */
  readonly allowedHosts?: readonly string[] | null;
  /** The routes by their paths. */
  readonly routes: ReadonlyMap<string, Route>;
  /** Called for each request after it was answered, or its connection was closed. */
  readonly onAnswered?: (request: AnsweredRequest) => void;
  readonly onFault: (error: unknown) => void;
}

export interface OperationsServer {
  /** The address, such as http://127.0.0.1:9100. */
  readonly url: string;
  close(): Promise<void>;
}

/** Probes and collectors of metrics are few. */
const MAX_CONNECTIONS = 100;

/** Serves health and metrics without credentials, on a port that callers of the API cannot reach. */
export async function startOperationsServer(options: OperationsServerOptions): Promise<OperationsServer> {
  const { host, port, allowedHosts = null, routes, onAnswered = () => {}, onFault } = options;
  const names = allowedHosts === null ? null : new AllowedHosts(allowedHosts);
  const find = (request: IncomingMessage): { readonly name: string; readonly route: Route } => {
    const target = readTarget(request);
    if (target === undefined) return { name: 'none', route: withoutHost };
    if (names !== null && !names.include(target.host)) {
      return { name: 'none', route: () => misdirected(target.host) };
    }
    const [path = ''] = target.url.split('?', 1);
    const route = routes.get(path);
    if (route === undefined) return { name: 'none', route: () => plainText(404, 'Not found.\n') };
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    return { name: path.slice(1), route: isRead ? route : () => ONLY_GET };
  };
  const server = createServer({
    maxHeaderSize: limits.MAX_HEAD_BYTES,
    headersTimeout: limits.HEADERS_TIMEOUT_MS,
    requestTimeout: limits.REQUEST_TIMEOUT_MS,
    keepAliveTimeout: limits.KEEP_ALIVE_MS,
    // readTarget checks more.
    requireHostHeader: false,
  });
  server.timeout = limits.SILENCE_TIMEOUT_MS;
  server.maxConnections = MAX_CONNECTIONS;
  server.maxHeadersCount = 0;
  server.on('request', (request, response) => {
    const [notes, since] = [new RequestNotes(), performance.now()];
    const { name, route } = find(request);
    response.once('close', () =>
      onAnswered({
        requestId: notes.requestId,
        notes,
        route: name,
        status: response.writableFinished ? response.statusCode : CALLER_GONE,
        milliseconds: performance.now() - since,
      }),
    );
    void Promise.resolve()
      .then(() => route(request, notes))
      .then((answer) => {
        if (answer !== null) send(request, response, notes.requestId, answer);
      })
      .catch((error: unknown) => {
        onFault(error);
        response.destroy();
      });
  });
  server.listen(port, host);
  await once(server, 'listening');
  return {
    url: urlOf(server.address()),
    close: async () => {
      const closed = once(server, 'close');
      server.close();
      const grace = setTimeout(() => server.closeAllConnections(), limits.CLOSING_GRACE_MS);
      await closed;
      clearTimeout(grace);
    },
  };
}

const ONLY_GET = plainText(405, 'Read this path by GET.\n', { allow: 'GET, HEAD' });
