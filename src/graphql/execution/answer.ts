import { type ExecutionResult, GraphQLError } from 'graphql';
import { AnswerBudget, sizeExceeded } from '../protection/answer-budget.ts';
import { ANSWER_LIMIT, MAX_ANSWER_BYTES } from '../protection/cost.ts';
import { isSmall, writeJsonInTurns } from './json-writer.ts';

/** The media types of an answer; which, the caller chooses by its Accept header. */
export const ANSWER_TYPES = ['application/json', 'application/graphql-response+json'] as const;
export type AnswerType = (typeof ANSWER_TYPES)[number];

/** An answer as HTTP sends it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  /** Called when the caller has read the answer, or never will. */
  readonly onRead?: () => void;
}

/** A request that HTTP itself is enough to refuse: its status, and what the caller is told. */
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
 * Writes a result as GraphQL over HTTP has it. What has data is 200. What has none is the caller's error, 4xx, or the
 * service's, 5xx; but application/json says 200 to any well-formed request that GraphQL refuses.
 * https://graphql.github.io/graphql-over-http/draft/#sec-Status-Codes
 */
export function writeAnswer(
  { data, errors }: ExecutionResult,
  type: AnswerType,
): HttpAnswer & { readonly body: string } {
  const head = headOf(errors, data !== undefined, type);
  const dataMember = data === undefined ? [] : [`"data":${JSON.stringify(data)}`];
  return { ...head, body: `{${[...writeErrors(errors), ...dataMember].join()}}` };
}

/**
 * The same. Writes what is large in turns of the event loop, so that others have theirs. A query whose data is too large is
 * refused instead: no more of it is written than is allowed.
 */
export async function writeAnswerInTurns(
  result: ExecutionResult,
  type: AnswerType,
  budget = new AnswerBudget(),
): Promise<HttpAnswer> {
  const { data, errors } = result;
  if (data == null || isSmall(data)) return writeAnswer(result, type);
  const maxBytes = budget.isMutation ? Number.POSITIVE_INFINITY : MAX_ANSWER_BYTES;
  const written = await writeJsonInTurns(data, maxBytes, () => budget.turn());
  if (written === undefined) {
    const refusal = sizeExceeded(ANSWER_LIMIT, 'has an answer of', MAX_ANSWER_BYTES);
    return writeAnswer({ errors: [refusal] }, type);
  }
  const before = [...writeErrors(errors), '"data":'].join();
  return {
    ...headOf(errors, true, type),
    body: Buffer.concat([Buffer.from(`{${before}`), written, CLOSING]),
  };
}

const CLOSING = Buffer.from('}');

function writeErrors(errors: ExecutionResult['errors'] = []): string[] {
  return errors.length === 0 ? [] : [`"errors":${JSON.stringify(errors.map(withoutHttp))}`];
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
  /** What came is a GraphQL request, though one that GraphQL refuses. */
  readonly isWellFormed: boolean;
}

const FAULT_STATUS: Readonly<Record<string, number>> = { INTERNAL: 500, UNAVAILABLE: 503 };

function httpOf({ extensions: { code, http } }: GraphQLError): Http {
  return {
    status: http?.status ?? FAULT_STATUS[String(code)] ?? 400,
    headers: http?.headers ?? {},
    // Yoga says BAD_REQUEST of what is no GraphQL request, and the service itself says spec: false.
    isWellFormed: code !== 'BAD_REQUEST' && http?.spec !== false,
  };
}

/** How HTTP answers is not part of the answer. */
function withoutHttp(error: GraphQLError): object {
  const { extensions, ...shown } = error.toJSON();
  const { http: _, ...kept } = extensions ?? {};
  return Object.keys(kept).length === 0 ? shown : { ...shown, extensions: kept };
}
