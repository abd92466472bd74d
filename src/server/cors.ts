import type { IncomingMessage, ServerResponse } from 'node:http';

/** How long a browser remembers what a preflight said. */
const MAX_AGE_SECONDS = 600;

/**
 * Tells a browser whether a page of another origin may read the answer. Without this it may not; and JSON, the only body that
 * is read, it may not even send before a preflight has said so. Cookies are never asked for.
 */
export function allowOrigin(
  origins: ReadonlySet<string>,
  { headers }: IncomingMessage,
  response: ServerResponse,
): void {
  // What is allowed to one origin must not be kept for another.
  response.setHeader('vary', 'Origin');
  const { origin } = headers;
  if (origin === undefined || !origins.has(origin)) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-expose-headers', 'x-request-id, retry-after');
}

/** Answers OPTIONS, which a browser asks before it sends JSON from a page of another origin. */
export function answerPreflight({ headers }: IncomingMessage, response: ServerResponse): void {
  response.setHeader('allow', 'GET, POST, OPTIONS');
  if (
    response.hasHeader('access-control-allow-origin') &&
    headers['access-control-request-method'] !== undefined
  ) {
    response.setHeader('access-control-allow-methods', 'GET, POST');
    response.setHeader('access-control-allow-headers', 'content-type');
    response.setHeader('access-control-max-age', MAX_AGE_SECONDS);
  }
  response.writeHead(204).end();
}
