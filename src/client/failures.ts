import { RequestRejected, Unreachable } from './errors.ts';

/** No answer was heard, or none that says what became of the request: it may be sent again as it is. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** How long the service asks to wait. */
  readonly retryAfterMs: number;
  /** Whether the same request would end alike each time: something must be mended first. */
  readonly isLasting: boolean;
  /** Whether the service was too busy to read the request: certainly not done. */
  readonly isOverload: boolean;

  constructor(
    message: string,
    options: ErrorOptions & Partial<Pick<NoAnswer, 'retryAfterMs' | 'isLasting' | 'isOverload'>> = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.isLasting = options.isLasting ?? false;
    this.isOverload = options.isOverload ?? false;
  }
}

/** Those of a failed handshake: nothing of the request was sent. OpenSSL's names of what it does not accept of a certificate, and of what is no TLS. */
const TLS_CODES =
  /^(CERT_|DEPTH_ZERO_SELF_SIGNED|SELF_SIGNED_CERT|UNABLE_TO_(GET_ISSUER|VERIFY_LEAF)|HOSTNAME_MISMATCH|INVALID_CA|ERR_TLS_CERT|ERR_SSL_(WRONG_VERSION|PACKET_LENGTH_TOO_LONG|UNSUPPORTED_PROTOCOL|TLSV1_ALERT_PROTOCOL))/;

/** What a fetch that failed means: Unreachable where nothing was sent and never will be, else NoAnswer. */
export function failedFetch(error: unknown, endpoint: string, signal: AbortSignal): NoAnswer | Unreachable {
  if (signal.aborted) return new NoAnswer('No answer came in time.', { cause: error });
  const reason = reasonOf(error);
  if (TLS_CODES.test(reason)) {
    return new Unreachable(
      `There is no TLS connection to ${new URL(endpoint).origin}: ${reason}. If the service has no TLS, its url begins with ` +
        'http://. If its certificate is your own, have Node.js trust it by NODE_EXTRA_CA_CERTS.',
      error,
    );
  }
  if (reason === 'bad port') {
    return new Unreachable(`fetch sends nothing to the port of ${endpoint}: take another port.`, error);
  }
  return new NoAnswer(`The connection to ${new URL(endpoint).origin} failed: ${reason}.`, { cause: error });
}

function reasonOf(error: unknown): string {
  // Node.js gives the reason as the cause of its TypeError.
  const { code, message, cause } = Object(error) as {
    readonly code?: unknown;
    readonly message?: unknown;
    readonly cause?: { readonly code?: unknown; readonly message?: unknown };
  };
  return String(cause?.code ?? cause?.message ?? code ?? message).replace(/\.$/, '');
}

/** A browser does not say why it keeps an answer from a page; this is what is left. */
export function forbiddenByBrowser(endpoint: string, origin: string, cause: unknown): NoAnswer {
  return new NoAnswer(
    `The browser keeps the answers of ${new URL(endpoint).origin} from this page, though the service can be reached. The service ` +
      `must have ${origin} in its CORS_ORIGINS, and takes no header of a page but content-type: leave out apiKey and headers.`,
    { cause, isLasting: true },
  );
}

/** Statuses by which a server says that this is not where GraphQL is. */
const NO_ENDPOINT: readonly number[] = [404, 405, 410, 501, 505];

/** What an answer means that is not JSON. */
export function strangeAnswer(
  { status, headers, redirected, url }: Response,
  text: string,
  endpoint: string,
): NoAnswer | RequestRejected {
  const isPage = headers.get('content-type')?.includes('html') === true || /^\s*<(!doctype|html)/i.test(text);
  const hints = [
    ...(redirected ? [`The request was redirected to ${url}: give that as the client's url.`] : []),
    ...(isPage ? ['The answer is a web page.'] : text.trim() === '' ? [] : [text.trim().slice(0, 200)]),
    ...(isPage || NO_ENDPOINT.includes(status)
      ? [`Is ${endpoint} the GraphQL endpoint? Its path is usually /graphql.`]
      : []),
  ].join(' ');
  if (status >= 400) return new RequestRejected(status, [], hints);
  // A proxy may have passed the request on before it answered so.
  if (isPage) return new NoAnswer(hints, { isLasting: true });
  return new NoAnswer('The answer was cut off, or is not the service’s.');
}

/** HTTP's own for "not now"; every other status from 500 on is taken so too. */
const PASSING: readonly number[] = [408, 425, 429];

export function isPassing(status: number): boolean {
  return PASSING.includes(status) || (status >= 500 && !NO_ENDPOINT.includes(status));
}
