import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpAnswer } from '../../graphql/execution/answer.ts';
import * as limits from './limits.ts';

/** By default, browsers neither render nor cache an answer. A route may override these headers. */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
};

/** Sends an answer, also before the request has arrived completely. */
export function send(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  { status, headers, body, onRead }: HttpAnswer,
): void {
  if (onRead !== undefined) {
    if (response.closed) onRead();
    else response.once('close', onRead);
  }
  const length = status === 204 || status === 304 ? {} : { 'content-length': Buffer.byteLength(body) };
  response.writeHead(status, { ...SECURITY_HEADERS, 'x-request-id': requestId, ...headers, ...length });
  if (request.complete) {
    response.end(body);
    return;
  }
  // Node may close the connection as soon as the response ends.
  if (body.length === 0) response.flushHeaders();
  else response.write(body);
  drain(request, () => response.end());
}

/**
 * Reads and drops the rest of a rejected body, so that its sender reads the answer: many senders read only when they have sent
 * everything, and closing a connection with unread bytes resets it. Reads slowly, so that the sender does not delay other requests.
 */
function drain(request: IncomingMessage, done: () => void): void {
  const linger = setTimeout(() => request.destroy(), limits.LINGER_MS);
  request.on('data', () => {
    request.pause();
    setTimeout(() => request.resume(), limits.DRAIN_PAUSE_MS);
  });
  request.once('close', () => {
    clearTimeout(linger);
    done();
  });
}
