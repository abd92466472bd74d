import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import type { RequestNotes } from '../../graphql/execution/request-notes.ts';

/** Answers a request. Returns null if its connection was closed. */
export type Route = (
  request: IncomingMessage,
  notes: RequestNotes,
) => HttpAnswer | null | Promise<HttpAnswer | null>;

export function plainText(
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  return { status, headers: { 'content-type': 'text/plain; charset=utf-8', ...headers }, body };
}

/** The status in logs and metrics of a request whose connection was closed before the end of the answer. */
export const CALLER_GONE = 499;

export function withoutHost(): HttpAnswer {
  return plainText(400, 'The request must have exactly one Host header, with a valid host and port.\n');
}

export function misdirected(host = ''): HttpAnswer {
  return plainText(421, `Host ${JSON.stringify(host)} is not allowed. Add its name to ALLOWED_HOSTS.\n`);
}

/** Returns the URL of a server by its address. */
export function urlOf(address: AddressInfo | string | null): string {
  if (address === null || typeof address === 'string')
    throw new TypeError('the server does not listen on a port');
  const host = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return `http://${host}:${address.port}`;
}
