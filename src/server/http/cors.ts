import type { IncomingMessage } from 'node:http';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';

/** How long a browser caches the answer to a preflight. */
const MAX_AGE_SECONDS = 600;

/**
 * Returns the headers that let a page of an allowed origin read the answer. Without them a browser hides the answer from the page,
 * and does not send JSON, the only accepted body, before a preflight allows it. Cookies are never allowed.
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

/** Caches must not use the answer for one origin for another. */
const FOR_NO_ORIGIN = { vary: 'Origin' };

/** Answers OPTIONS, which a browser sends before a page of another origin sends JSON. */
export function answerPreflight(origins: ReadonlySet<string>, { headers }: IncomingMessage): HttpAnswer {
  const { origin } = headers;
  const isAllowed = origin !== undefined && origins.has(origin);
  const isPreflight = headers['access-control-request-method'] !== undefined;
  return {
    status: 204,
    headers: { allow: 'GET, POST, OPTIONS', ...(isAllowed && isPreflight ? PREFLIGHT : {}) },
    body: '',
  };
}

const PREFLIGHT = {
  'access-control-allow-methods': 'GET, POST',
  'access-control-allow-headers': 'authorization, content-type, x-ledger, x-ledger-cost',
  'access-control-max-age': String(MAX_AGE_SECONDS),
};
