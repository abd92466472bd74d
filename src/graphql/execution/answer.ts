import { type ExecutionResult, GraphQLError } from 'graphql';
import { AnswerBudget, sizeExceeded } from '../protection/answer-budget.ts';
import { ANSWER_LIMIT, MAX_ANSWER_BYTES, MAX_COST } from '../protection/cost.ts';
import { codeOf } from './error-code.ts';
import { isSmall, writeJsonInTurns } from './json-writer.ts';

/** The media types of an answer. The caller chooses by its Accept header. */
export const ANSWER_TYPES = ['application/json', 'application/graphql-response+json'] as const;
export type AnswerType = (typeof ANSWER_TYPES)[number];

/** An HTTP response. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Called when the caller has read the answer or closed the connection. */
  readonly onRead?: () => void;
}

/** Returns the error of a request that is rejected at the level of HTTP, with its status. */
export function requestRefused(
  status: number,
  message: string,
  {
    code = 'INVALID_INPUT',
    headers = {},
    facts = {},
  }: {
    code?: string;
    headers?: Readonly<Record<string, string>>;
    facts?: Readonly<Record<string, unknown>>;
  } = {},
): GraphQLError {
  return new GraphQLError(message, {
    extensions: { code, ...facts, http: { status, headers, spec: false } },
  });
}

/**
 * Writes a result according to GraphQL over HTTP. A result with data has the status 200. One without data has 4xx for an error of
 * the caller and 5xx for one of the service. In application/json, a well-formed request that GraphQL rejects has 200.
 * https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes
 */
export function writeAnswer(
  { data, errors }: ExecutionResult,
  type: AnswerType,
  budget = new AnswerBudget(),
): HttpAnswer & { readonly body: string } {
  const head = headOf(errors, data !== undefined, type);
  const dataMember = data === undefined ? [] : [`"data":${JSON.stringify(data)}`];
  return { ...head, body: `{${[...writeErrors(errors), ...dataMember, ...writeExtensions(budget)].join()}}` };
}

/**
 * Does the same as `writeAnswer`, but writes large data in several turns of the event loop. Rejects a query as soon as its data
 * exceeds the limit.
 */
export async function writeAnswerInTurns(
  result: ExecutionResult,
  type: AnswerType,
  budget = new AnswerBudget(),
): Promise<HttpAnswer> {
  const { data, errors } = result;
  if (data == null || isSmall(data)) return writeAnswer(result, type, budget);
  const maxBytes = budget.isMutation ? Number.POSITIVE_INFINITY : MAX_ANSWER_BYTES;
  const written = await writeJsonInTurns(data, maxBytes, () => budget.turn());
  if (written === undefined) {
    const refusal = sizeExceeded(ANSWER_LIMIT, 'has an answer of', MAX_ANSWER_BYTES);
    return writeAnswer({ errors: [refusal] }, type, budget);
  }
  const before = `{${[...writeErrors(errors), '"data":'].join()}`;
  const after = `${['', ...writeExtensions(budget)].join()}}`;
  return {
    ...headOf(errors, true, type),
    body: Buffer.concat([Buffer.from(before), written, Buffer.from(after)]),
  };
}

function writeErrors(errors: ExecutionResult['errors'] = []): string[] {
  return errors.length === 0 ? [] : [`"errors":${JSON.stringify(errors.map(shown))}`];
}

function writeExtensions({ showsCost, cost }: AnswerBudget): string[] {
  if (!showsCost || cost === undefined) return [];
  return [`"extensions":${JSON.stringify({ cost: { requested: cost, limit: MAX_COST } })}`];
}

function headOf(
  errors: ExecutionResult['errors'] = [],
  hasData: boolean,
  type: AnswerType,
): Omit<HttpAnswer, 'body'> {
  const headers: Record<string, string> = { 'content-type': `${type}; charset=utf-8` };
  if (errors.length === 0) return { status: 200, headers };
  let status = 200;
  for (const error of errors) {
    const http = httpOf(error);
    Object.assign(headers, http.headers);
    status = Math.max(status, http.status);
  }
  const isWellFormed = status === 400 && errors.every((error) => httpOf(error).isWellFormed);
  const isOk = hasData || (type === 'application/json' && isWellFormed);
  return { status: isOk ? 200 : status, headers };
}

interface Http {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The request is a well-formed GraphQL request, which GraphQL rejects. */
  readonly isWellFormed: boolean;
}

const FAULT_STATUS: Readonly<Record<string, number>> = { INTERNAL: 500, UNAVAILABLE: 503 };

function httpOf({ extensions: { code, http } }: GraphQLError): Http {
  return {
    status: http?.status ?? FAULT_STATUS[String(code)] ?? 400,
    headers: http?.headers ?? {},
    // Yoga marks other requests with BAD_REQUEST, and this service with `spec: false`.
    isWellFormed: code !== 'BAD_REQUEST' && http?.spec !== false,
  };
}

/** GraphQL's own messages may repeat values of the request, whatever their length. */
const MAX_MESSAGE_LENGTH = 1000;

/** Returns an error in its serialized form: with a code and a short message, without its HTTP status and headers. */
function shown(error: GraphQLError): object {
  const { message, extensions, ...rest } = error.toJSON();
  const { http: _, ...kept } = extensions ?? {};
  return { message: shorten(message), ...rest, extensions: { ...kept, code: codeOf(error) } };
}

function shorten(message: string): string {
  return message.length > MAX_MESSAGE_LENGTH ? `${message.slice(0, MAX_MESSAGE_LENGTH)}…` : message;
}
