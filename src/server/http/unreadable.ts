import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { requestRefused, writeAnswer } from '../../graphql/execution/answer.ts';
import { endAndDrain } from './connections.ts';
import { MAX_HEAD_BYTES } from './limits.ts';

/** The limits that a refusal names. */
export interface ReadingLimits {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/**
 * Responds to bytes that Node could not read as a request, or not in time, and ends the connection. Node's own response does not
 * name the limit.
 */
export function refuseUnreadable(
  { code }: NodeJS.ErrnoException,
  socket: Duplex,
  headers: Iterable<readonly [string, string]>,
  times: ReadingLimits,
): void {
  const [status, message] = reasonOf(code, times);
  const answer = writeAnswer({ errors: [requestRefused(status, message)] }, 'application/json');
  const lines = [...headers, ...Object.entries(answer.headers)].map(([name, value]) => `${name}: ${value}`);
  endAndDrain(
    socket,
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      ...lines,
      `content-length: ${Buffer.byteLength(answer.body)}`,
      'connection: close',
      '',
      answer.body,
    ].join('\r\n'),
  );
}

function reasonOf(
  code: string | undefined,
  { headersTimeoutMs, requestTimeoutMs }: ReadingLimits,
): readonly [status: number, message: string] {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW': {
      const allowed = MAX_HEAD_BYTES.toLocaleString('en');
      return [
        431,
        `The request line and headers have more than ${allowed} bytes; at most ${allowed} are allowed.`,
      ];
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [
        408,
        'The request did not arrive in time. The head may take ' +
          `${headersTimeoutMs / 1000} s, and the whole request ${requestTimeoutMs / 1000} s.`,
      ];
    default:
      return [400, 'The request is not valid HTTP/1.1 by RFC 9112.'];
  }
}
