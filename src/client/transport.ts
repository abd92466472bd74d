import { endpointOf, foreignOrigin } from './endpoint.ts';
import { type GraphQLFault, RequestRejected } from './errors.ts';
import { failedFetch, forbiddenByBrowser, isTemporary, NoAnswer, notJson } from './failures.ts';

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

export interface TransportOptions {
  readonly url: string;
  readonly apiKey?: string | undefined;
  readonly fetch?: Fetch | undefined;
  readonly headers?: RequestHeaders | undefined;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #endpoint: string;
  /** Whether the browser has passed a response to the page. */
  #isAllowed = false;

  /** @throws TypeError if no request can be sent to the URL. */
  constructor(options: TransportOptions) {
    this.#options = options;
    this.#endpoint = endpointOf(options.url);
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
    const { apiKey, fetch = globalThis.fetch, headers = {} } = this.#options;
    const init = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        ...(typeof headers === 'function' ? await headers() : headers),
      },
      body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
      signal,
    };
    checkHeaders(init.headers);
    let response: Response;
    try {
      response = await fetch(this.#endpoint, init);
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
    const { status } = response;
    if (isTemporary(status)) {
      const overload = findOverload(text);
      throw new NoAnswer(overload?.message ?? `The service returned status ${status}.`, {
        retryAfterMs: retryAfterOf(response),
        isOverload: overload !== undefined,
      });
    }
    const answer = parse<Result>(text);
    if (answer === undefined) throw notJson(response, text, this.#endpoint);
    return { status, body: answer };
  }

  /**
   * Returns the error for a failed fetch. A browser reports a response that it withholds from the page like a failed connection.
   * A page of another origin that has no response yet therefore checks whether the service is reachable, then sends a harmless
   * query in the same way. If only the query fails, the service does not allow the page.
   */
  async #failure(error: unknown, fetch: Fetch, init: RequestInit & { readonly signal: AbortSignal }) {
    const failure = failedFetch(error, this.#endpoint, init.signal);
    const origin = foreignOrigin(this.#endpoint);
    if (this.#isAllowed || origin === undefined || init.signal.aborted) return failure;
    const { signal } = init;
    const succeeds = async (probe: RequestInit) => {
      try {
        await fetch(this.#endpoint, probe);
        return true;
      } catch {
        return false;
      }
    };
    if (!(await succeeds({ method: 'HEAD', mode: 'no-cors', signal }))) return failure;
    this.#isAllowed = await succeeds({ ...init, body: JSON.stringify({ query: '{ __typename }' }) });
    return this.#isAllowed || signal.aborted ? failure : forbiddenByBrowser(this.#endpoint, origin, error);
  }
}

/** Throws TypeError for an invalid header, which fetch reports like a failed connection. */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  try {
    new Headers(headers);
  } catch {
    throw new TypeError(
      'The apiKey or a header is invalid: names must be HTTP tokens, and values must have no line breaks and no characters above U+00FF.',
    );
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
  const errors = Array.isArray(answer.errors) ? answer.errors : [];
  if (data === undefined) {
    const hint = errors.length > 0 ? '' : 'The response is not GraphQL: is url the GraphQL endpoint?';
    throw new RequestRejected(status, errors, hint);
  }
  if (errors.some(({ extensions }) => LASTING_CODES.includes(extensions?.['code']))) {
    throw new RequestRejected(status, errors);
  }
  if (data === null || errors.length > 0) {
    const message = errors.map(({ message }) => message).join('; ') || 'The response has no data.';
    throw new NoAnswer(message, { isFault: true });
  }
  return data;
}

/** Returns the one field of the data: each document of this client selects one. */
export function resultOf<Data extends object>(data: Data): Data[keyof Data] {
  return Object.values(data)[0] as Data[keyof Data];
}

/** Returns the error of a request that the service rejected unread because it was too busy. */
function findOverload(text: string): GraphQLFault | undefined {
  const { data, errors } = parse(text) ?? {};
  if (data !== undefined || !Array.isArray(errors)) return undefined;
  return errors.find((error: GraphQLFault | null) => error?.extensions?.['code'] === 'OVERLOADED');
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
