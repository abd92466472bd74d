import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { requestRefused, writeAnswer } from '../../graphql/execution/answer.ts';
import { endInPeace } from './connections.ts';
import { MAX_HEAD_BYTES } from './limits.ts';

/** What the service waits for and reads of a request, for whoever is told that it was too slow or too large. */
export interface ReadingLimits {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
}

/**
 * Refuses what Node could not read as a request, or not in time, and ends its connection. Node's own answer would not say
 * which limit it was.
 */
export function refuseUnread(
  { code }: NodeJS.ErrnoException,
  socket: Duplex,
  headers: Iterable<readonly [string, string]>,
  times: ReadingLimits,
): void {
  const [status, message] = reasonOf(code, times);
  const answer = writeAnswer({ errors: [requestRefused(status, message)] }, 'application/json');
  const lines = [...headers, ...Object.entries(answer.headers)].map(([name, value]) => `${name}: ${value}`);
  endInPeace(
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
      return [431, `The head has more than ${allowed} bytes; at most ${allowed} are allowed.`];
    }
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return [
        408,
        'The request did not come in time: its head may take ' +
          `${headersTimeoutMs / 1000} s, and all of it ${requestTimeoutMs / 1000} s.`,
      ];
    default:
      return [400, 'This is no request of HTTP/1.1 as RFC 9112 has it.'];
  }
}
