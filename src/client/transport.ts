import { endpointOf, foreignOrigin } from './endpoint.ts';
import { type GraphQLFault, RequestRejected } from './errors.ts';
import { failedFetch, forbiddenByBrowser, isPassing, NoAnswer, strangeAnswer } from './failures.ts';

/** The text of a document, with the types of what it answers and takes. */
export type TypedDocument<Result, Variables> = string & DocumentTypes<Result, Variables>;

/** What says the types of a document: a property that is never there, as code generators agree. */
export interface DocumentTypes<Result, Variables> {
  readonly __apiType?: (variables: Variables) => Result;
}

/** A document of whatever form that knows its own text. */
export type AnyDocument<Result, Variables> = DocumentTypes<Result, Variables> & { toString(): string };

export type MaybePromise<T> = T | Promise<T>;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;
/** Sent with each request; a function is asked each time. */
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
  /** Whether a browser has let an answer through. */
  #isAllowed = false;

  /** @throws TypeError where no request can be sent to the URL. */
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

  /** Sends a document once and returns the response of GraphQL, whatever it says. Throws as `send` does where there is none. */
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
      throw new NoAnswer('The connection failed within the answer, or the answer took too long.', { cause });
    }
    const { status } = response;
    if (isPassing(status)) {
      const overload = findOverload(text);
      throw new NoAnswer(overload?.message ?? `The service answered with status ${status}.`, {
        retryAfterMs: retryAfterOf(response),
        isOverload: overload !== undefined,
      });
    }
    const answer = parse<Result>(text);
    if (answer === undefined) throw strangeAnswer(response, text, this.#endpoint);
    return { status, body: answer };
  }

  /**
   * What a failed fetch means. A browser that keeps an answer from a page says the same as where the connection fails. So a page of
   * another origin that has not had an answer yet looks whether the service can be reached, and then asks it something harmless
   * in the same way: only where that fails too, the service does not allow the page.
   */
  async #failure(error: unknown, fetch: Fetch, init: RequestInit & { readonly signal: AbortSignal }) {
    const failure = failedFetch(error, this.#endpoint, init.signal);
    const origin = foreignOrigin(this.#endpoint);
    if (this.#isAllowed || origin === undefined || init.signal.aborted) return failure;
    const { signal } = init;
    const succeeds = async (asked: RequestInit) => {
      try {
        await fetch(this.#endpoint, asked);
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

/** What no header can have would look like a failed connection. */
function checkHeaders(headers: Readonly<Record<string, string>>): void {
  try {
    new Headers(headers);
  } catch {
    throw new TypeError(
      'The apiKey or a header cannot be sent: names are HTTP tokens, and values have no line breaks and no characters above U+00FF.',
    );
  }
}

export interface GraphQLAnswer<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly GraphQLFault[];
}

/** The codes of arguments that no query is answered for. */
const REFUSED: readonly unknown[] = ['INVALID_INPUT', 'JOURNAL_REWOUND'];

/** GraphQL leaves `data` out where it executed nothing; a null in its place, or in it beside errors, tells nothing. */
export function readAnswer<Result>(status: number, answer: GraphQLAnswer<Result>): Result {
  const { data } = answer;
  const errors = Array.isArray(answer.errors) ? answer.errors : [];
  if (data === undefined) {
    const hint = errors.length > 0 ? '' : 'The answer is not one of GraphQL: is url the GraphQL endpoint?';
    throw new RequestRejected(status, errors, hint);
  }
  // What the service refuses of a query is refused each time.
  if (errors.some(({ extensions }) => REFUSED.includes(extensions?.['code']))) {
    throw new RequestRejected(status, errors);
  }
  if (data === null || errors.length > 0) {
    throw new NoAnswer(errors.map(({ message }) => message).join('; ') || 'The answer had no data.');
  }
  return data;
}

/** Returns the one field of the data: each document of this client selects one. */
export function resultOf<Data extends object>(data: Data): Data[keyof Data] {
  return Object.values(data)[0] as Data[keyof Data];
}

/** The error of a request that the service refused unread, since it was too busy. */
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

/** RFC 9110: seconds, or a date. */
function retryAfterOf(response: Response): number {
  const value = response.headers.get('retry-after');
  if (value === null) return 0;
  const waitMs = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(waitMs) && waitMs > 0 ? waitMs : 0;
}
