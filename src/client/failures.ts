import { RequestRejected, Unreachable } from './errors.ts';

/** Codes of errors for a whole request that the service did not read: it was too busy, or the caller exceeded a rate limit. */
export type UnreadCode = 'OVERLOADED' | 'RATE_LIMITED';

/** A request without a usable response. Its outcome is unknown, and the same request may be sent again. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** The pause that the service demands before the next attempt. */
  readonly retryAfterMs: number;
  /** Whether the same request would fail each time, until something is fixed. */
  readonly isLasting: boolean;
  /** Whether the service executed the request and had a fault. Another call of the same request may have caused it. */
  readonly isFault: boolean;
  /** Why the service did not read the request, which was certainly not done. */
  readonly unread: UnreadCode | undefined;

  constructor(
    message: string,
    options: ErrorOptions & Partial<Pick<NoAnswer, 'retryAfterMs' | 'isLasting' | 'isFault' | 'unread'>> = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.isLasting = options.isLasting ?? false;
    this.isFault = options.isFault ?? false;
    this.unread = options.unread;
  }
}

/** Codes of a failed TLS handshake, after which nothing of the request was sent: OpenSSL's names for certificates that it rejects, and for peers without TLS. */
const TLS_CODES =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT|ERR_SSL_(WRONG_VERSION|PACKET_LENGTH_TOO_LONG|UNSUPPORTED_PROTOCOL|TLSV1_ALERT_PROTOCOL))/;

/** Returns the error for a failed fetch: Unreachable if no request can ever be sent, else NoAnswer. */
export function failedFetch(error: unknown, endpoint: string, signal: AbortSignal): NoAnswer | Unreachable {
  if (signal.aborted) return outOfTime(error);
  const reason = reasonOf(error);
  if (TLS_CODES.test(reason)) {
    return new Unreachable(
      `The TLS connection to ${new URL(endpoint).origin} failed: ${reason}. If the service has no TLS, its url begins with ` +
        'http://. If its certificate is your own, add it to NODE_EXTRA_CA_CERTS.',
      error,
    );
  }
  if (reason === 'bad port') {
    return new Unreachable(`fetch blocks the port of ${endpoint}: use another port.`, error);
  }
  return new NoAnswer(`The connection to ${new URL(endpoint).origin} failed: ${reason}.`, { cause: error });
}

/** The deadline passed or the caller's signal aborted. */
export function outOfTime(cause: unknown): NoAnswer {
  return new NoAnswer('No response came in time.', { cause });
}

function reasonOf(error: unknown): string {
  // In Node.js the reason is the cause of the TypeError.
  const { code, message, cause } = Object(error) as {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly cause?: { readonly code?: unknown; readonly message?: unknown };
  };
  return String(cause?.code ?? cause?.message ?? code ?? message).replace(/\.$/, '');
}

/** Returns the error for responses that the browser withholds from the page. */
export function forbiddenByBrowser(endpoint: string, origin: string, cause: unknown): NoAnswer {
  return new NoAnswer(
    `The browser blocks the responses of ${new URL(endpoint).origin} to this page, but the service is reachable. Add ${origin} to ` +
      `the service's CORS_ORIGINS. It accepts no other headers from a page than those of the client: omit the option headers.`,
    { cause, isLasting: true },
  );
}

/** Statuses of a URL that is no GraphQL endpoint. */
const NO_ENDPOINT: readonly number[] = [404, 405, 410, 501, 505];

/** Returns the error for a response that is not JSON. */
export function notJson(
  { status, headers, redirected, url }: Response,
  text: string,
  endpoint: string,
): NoAnswer | RequestRejected {
  const isPage = headers.get('content-type')?.includes('html') === true || /^\s*<(!doctype|html)/i.test(text);
  const hints = [
    ...(redirected ? [`The request was redirected to ${url}: use it as the client's url.`] : []),
    ...(isPage ? ['The response is a web page.'] : text.trim() === '' ? [] : [text.trim().slice(0, 200)]),
    ...(isPage || NO_ENDPOINT.includes(status)
      ? [`Is ${endpoint} the GraphQL endpoint? Its path is usually /graphql.`]
      : []),
  ].join(' ');
  if (status >= 400) return new RequestRejected(status, [], hints);
  // A proxy may have forwarded the request before it sent the page.
  if (isPage) return new NoAnswer(hints, { isLasting: true });
  return new NoAnswer('The response was cut off, or did not come from the service.');
}

/** Statuses after which the same request may succeed later, with all from 500 on. */
const TEMPORARY: readonly number[] = [408, 425, 429];

export function isTemporary(status: number): boolean {
  return TEMPORARY.includes(status) || (status >= 500 && !NO_ENDPOINT.includes(status));
}
