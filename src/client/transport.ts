import { endpointOf, foreignOrigin } from './endpoint.ts';
import { type GraphQLFault, PermissionDenied, RequestRejected, UnauthenticatedError } from './errors.ts';
import {
  failedFetch,
  forbiddenByBrowser,
  isTemporary,
  NoAnswer,
  notJson,
  type UnreadCode,
} from './failures.ts';
import { checkHeaders, checkIdentity, headersOf, type Identity } from './identity.ts';

/** The text of a document, with the types of its result and its variables. */
export type TypedDocument<Result, Variables> = string & DocumentTypes<Result, Variables>;

/** Carries the types of a document in a property that never exists, as code generators do. */
export interface DocumentTypes<Result, Variables> {
  readonly __apiType?: (variables: Variables) => Result;
}

/** A document in any form that converts to its text. */
export type AnyDocument<Result, Variables> = DocumentTypes<Result, Variables> & { toString(): string };

export type MaybePromise<T> = T | Promise<T>;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
/** Sent with each request. A function is called for each request. */
export type RequestHeaders =
  | Readonly<Record<string, string>>
  | (() => MaybePromise<Readonly<Record<string, string>>>);

export interface TransportOptions extends Identity {
  readonly url: string;
  readonly fetch?: Fetch | undefined;
  readonly headers?: RequestHeaders | undefined;
}

/** A shorter text, which is no secret, could be a part of an amount or of an id. */
const SECRET_LENGTH = 20;

export class Transport {
  readonly #options: TransportOptions;
  readonly endpoint: string;
  /** Whether the browser has passed a response to the page. */
  #isAllowed = false;

  /** @throws TypeError if no request can be sent to the URL, or if the API key or the ledger's name has a wrong form. */
  constructor(options: TransportOptions) {
    checkIdentity(options);
    this.#options = options;
    this.endpoint = endpointOf(options.url);
  }

  /**
   * Sends a document once and returns its data. Throws NoAnswer where the same request may succeed later, RequestRejected where
   * the service rejects the request each time, and Unreachable where nothing can be sent.
   */
  send<Result, Variables>(
    document: AnyDocument<Result, Variables>,
    variables: Variables,
    signal: AbortSignal,
  ): Promise<Result> {
    return this.sendJson<Result>(document.toString(), JSON.stringify(variables) ?? 'null', signal);
  }

  /** Does the same with variables that are JSON already. */
  async sendJson<Result>(
    query: DocumentTypes<Result, never> & string,
    variables: string,
    signal: AbortSignal,
  ): Promise<Result> {
    const { status, body } = await this.exchange<Result>(query, variables, signal);
    return readAnswer(status, body);
  }

  /** Sends a document once and returns the response of GraphQL, errors included. Throws as `send` does where there is none. */
  async exchange<Result>(
    query: string,
    variables: string,
    signal: AbortSignal,
  ): Promise<{ readonly status: number; readonly body: GraphQLAnswer<Result> }> {
    // Read for each request, and called as a function of the global object: a browser's fetch accepts no other receiver.
    const { apiKey, tokens, fetch = globalThis.fetch, headers = {} } = this.#options;
    const given = typeof headers === 'function' ? await headers() : headers;
    checkHeaders(given, this.#options);
    const token = tokens?.last;
    const secret = token?.text ?? apiKey;
    const init = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
        ...headersOf(this.#options, secret),
        ...given,
      },
      body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
      signal,
    };
    let response: Response;
    try {
      response = await fetch(this.endpoint, init);
    } catch (error) {
      throw await this.#failure(error, fetch, init);
    }
    this.#isAllowed = true;
    let text: string;
    try {
      text = await response.text();
    } catch (cause) {
      throw new NoAnswer('The connection failed during the response, or the response took too long.', {
        cause,
      });
    }
    // A proxy that returns the request's headers must not put the secret into an error's message.
    if (secret !== undefined && secret.length >= SECRET_LENGTH) text = text.replaceAll(secret, '…');
    const { status } = response;
    const answer = parse<Result>(text);
    const denied = findDenial(status, answer, token !== undefined);
    if (token !== undefined && denied instanceof UnauthenticatedError) token.isRejected = true;
    if (denied !== undefined) throw denied;
    const unread = findUnread(answer);
    if (unread !== undefined || isTemporary(status)) {
      throw new NoAnswer(unread?.message ?? `The service returned status ${status}.`, {
        // More exact than the header, which has whole seconds.
        retryAfterMs: retryAfterMsOf(unread) || retryAfterOf(response),
        unread: unread?.code,
      });
    }
    if (answer === undefined) throw notJson(response, text, this.endpoint);
    return { status, body: answer };
  }

  /**
   * Returns the error for a failed fetch. A browser reports a response that it withholds from the page like a failed connection.
   * A page of another origin that has no response yet therefore checks whether the service is reachable, then sends a harmless
   * query in the same way. If only the query fails, the service does not allow the page.
   */
  async #failure(error: unknown, fetch: Fetch, init: RequestInit & { readonly signal: AbortSignal }) {
    const failure = failedFetch(error, this.endpoint, init.signal);
    const origin = foreignOrigin(this.endpoint);
    if (this.#isAllowed || origin === undefined || init.signal.aborted) return failure;
    const { signal } = init;
    const succeeds = async (probe: RequestInit) => {
      try {
        await fetch(this.endpoint, probe);
        return true;
      } catch {
        return false;
      }
    };
    if (!(await succeeds({ method: 'HEAD', mode: 'no-cors', signal }))) return failure;
    this.#isAllowed = await succeeds({ ...init, body: JSON.stringify({ query: '{ __typename }' }) });
    return this.#isAllowed || signal.aborted ? failure : forbiddenByBrowser(this.endpoint, origin, error);
  }
}

export interface GraphQLAnswer<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly GraphQLFault[];
}

/** Codes of errors that a query has each time. */
const LASTING_CODES: readonly unknown[] = ['INVALID_INPUT', 'JOURNAL_REWOUND'];

/** Returns the data. Without `data` the request was not executed. With errors, or with null as data, the outcome is unknown. */
export function readAnswer<Result>(status: number, answer: GraphQLAnswer<Result>): Result {
  const { data } = answer;
  const errors = errorsOf(answer);
  if (data === undefined) {
    const hint = errors.length > 0 ? '' : 'The response is not GraphQL: is url the GraphQL endpoint?';
    throw new RequestRejected(status, errors, hint);
  }
  if (errors.some((error) => codeOf(error) === 'FORBIDDEN')) throw new PermissionDenied(status, errors);
  if (errors.some((error) => LASTING_CODES.includes(codeOf(error)))) {
    throw new RequestRejected(status, errors);
  }
  if (data === null || errors.length > 0) {
    const message = errors.map(({ message }) => message).join('; ') || 'The response has no data.';
    throw new NoAnswer(message, { isFault: true, retryAfterMs: Math.max(0, ...errors.map(retryAfterMsOf)) });
  }
  return data;
}

/** Returns the one field of the data: each document of this client selects one. */
export function resultOf<Data extends object>(data: Data): Data[keyof Data] {
  return Object.values(data)[0] as Data[keyof Data];
}

/** Returns an error where the service rejects the caller, and therefore the whole request. */
function findDenial(
  status: number,
  answer: GraphQLAnswer<unknown> | undefined,
  usesToken: boolean,
): UnauthenticatedError | PermissionDenied | undefined {
  if (answer?.data !== undefined) return undefined;
  const errors = errorsOf(answer);
  const has = (code: string) => errors.some((error) => codeOf(error) === code);
  if (status === 401 || has('UNAUTHENTICATED')) return new UnauthenticatedError(status, errors, usesToken);
  if (status === 403 && has('FORBIDDEN')) return new PermissionDenied(status, errors);
  return undefined;
}

/** Returns the error of a request that the service did not read. */
function findUnread(
  answer: GraphQLAnswer<unknown> | undefined,
): (GraphQLFault & { readonly code: UnreadCode }) | undefined {
  if (answer?.data !== undefined) return undefined;
  for (const error of errorsOf(answer)) {
    const code = codeOf(error);
    if (code === 'OVERLOADED' || code === 'RATE_LIMITED') return { ...error, code };
  }
  return undefined;
}

function errorsOf(answer: GraphQLAnswer<unknown> | undefined): readonly GraphQLFault[] {
  return Array.isArray(answer?.errors) ? answer.errors : [];
}

function codeOf(error: GraphQLFault | null): unknown {
  return error?.extensions?.['code'];
}

/** Returns the pause that an error demands, in milliseconds. */
function retryAfterMsOf(error: GraphQLFault | null | undefined): number {
  const waitMs = error?.extensions?.['retryAfterMs'];
  return typeof waitMs === 'number' && waitMs > 0 ? waitMs : 0;
}

function parse<Result>(text: string): GraphQLAnswer<Result> | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** Returns the header retry-after in milliseconds: RFC 9110 has seconds or a date. */
function retryAfterOf(response: Response): number {
  const value = response.headers.get('retry-after');
  if (value === null) return 0;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(waitMs) && waitMs > 0 ? waitMs : 0;
}
