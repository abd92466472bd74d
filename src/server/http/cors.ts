import type { IncomingMessage } from 'node:http';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';

/** How long a browser remembers what a preflight said. */
const MAX_AGE_SECONDS = 600;

/**
 * Tells a browser whether a page of another origin may read the answer. Without this it may not; and JSON, the only body that
 * is read, it may not even send before a preflight has said so. Cookies are never asked for.
 */
export function headersFor(
  origins: ReadonlySet<string>,
  { headers: { origin } }: IncomingMessage,
): Readonly<Record<string, string>> {
  return origin === undefined || !origins.has(origin)
    ? FOR_NO_ORIGIN
    : {
        ...FOR_NO_ORIGIN,
        'access-control-allow-origin': origin,
        'access-control-expose-headers': 'x-request-id, retry-after',
      };
}

/** What is allowed to one origin must not be kept for another. */
const FOR_NO_ORIGIN = { vary: 'Origin' };

/** Answers OPTIONS, which a browser asks before it sends JSON from a page of another origin. */
export function answerPreflight(origins: ReadonlySet<string>, { headers }: IncomingMessage): HttpAnswer {
  const { origin } = headers;
  const isAllowed = origin !== undefined && origins.has(origin);
  const asks = headers['access-control-request-method'] !== undefined;
  return {
    status: 204,
    headers: { allow: 'GET, POST, OPTIONS', ...(isAllowed && asks ? PREFLIGHT : {}) },
    body: '',
  };
}

const PREFLIGHT = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'content-type, x-ledger-cost',
  'access-control-max-age': String(MAX_AGE_SECONDS),
};
