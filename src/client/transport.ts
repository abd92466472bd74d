import { type GraphQLFault, RequestRejected } from './errors.ts';

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

/** No answer was heard, or none that says what became of the request: it may be sent again as it is. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer';
  /** How long the service asks to wait. */
  readonly retryAfterMs: number;
  /** Whether the service was too busy to read the request: certainly not done. */
  readonly isOverload: boolean;

  constructor(
    message: string,
    options: ErrorOptions & { readonly retryAfterMs?: number; readonly isOverload?: boolean } = {},
  ) {
    super(message, options);
    this.retryAfterMs = options.retryAfterMs ?? 0;
    this.isOverload = options.isOverload ?? false;
  }
}

/** HTTP's own for "not now"; every status from 500 on is taken so too. */
const PASSING_STATUSES: readonly number[] = [408, 425, 429];

export class Transport {
  readonly #options: TransportOptions;

  constructor(options: TransportOptions) {
    this.#options = options;
  }

  /** Sends a document once. Throws NoAnswer, or RequestRejected where sending it again would end alike. */
  async send<Result, Variables>(
    document: AnyDocument<Result, Variables>,
    variables: Variables,
    signal: AbortSignal,
  ): Promise<Result> {
    // Looked up each time, and called as the global's own: a browser's fetch refuses to be anybody else's method.
    const { url, apiKey, fetch = globalThis.fetch, headers = {} } = this.#options;
    const init = {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json;q=0.9',
        ...(apiKey === undefined ? {} : { authorization: `Bearer ${apiKey}` }),
        ...(typeof headers === 'function' ? await headers() : headers),
      },
      body: JSON.stringify({ query: document.toString(), variables }),
      signal,
    };
    let response: Response;
    let text: string;
    try {
      response = await fetch(url, init);
      text = await response.text();
    } catch (cause) {
      throw new NoAnswer('The connection failed, or the answer took too long.', { cause });
    }
    const { status } = response;
    if (status >= 500 || PASSING_STATUSES.includes(status)) {
      const overload = findOverload(text);
      throw new NoAnswer(overload?.message ?? `The service answered with status ${status}.`, {
        retryAfterMs: retryAfterOf(response),
        isOverload: overload !== undefined,
      });
    }
    return readAnswer<Result>(status, text);
  }
}

interface GraphQLAnswer<Result> {
  readonly data?: Result | null;
  readonly errors?: readonly GraphQLFault[];
}

/** The codes of arguments that no query is answered for. */
const REFUSED: readonly unknown[] = ['INVALID_INPUT', 'JOURNAL_REWOUND'];

/** GraphQL leaves `data` out where it executed nothing; a null in its place, or in it beside errors, tells nothing. */
function readAnswer<Result>(status: number, text: string): Result {
  const answer = parse<Result>(text);
  if (answer === undefined) {
    if (status >= 400) throw new RequestRejected(status, []);
    throw new NoAnswer('The answer was cut off, or is not the service’s.');
  }
  const { data, errors = [] } = answer;
  if (data === undefined) throw new RequestRejected(status, errors);
  // What the service refuses of a query is refused each time.
  if (errors.some(({ extensions }) => REFUSED.includes(extensions?.['code']))) {
    throw new RequestRejected(status, errors);
  }
  if (data === null || errors.length > 0) {
    throw new NoAnswer(errors.map(({ message }) => message).join('; ') || 'The answer had no data.');
  }
  return data;
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
