import { setImmediate } from 'node:timers/promises';
import { type ExecutionResult, GraphQLError } from 'graphql';

/** The media types of an answer; which, the caller chooses by its Accept header. */
export const ANSWER_TYPES = ['application/json', 'application/graphql-response+json'] as const;
export type AnswerType = (typeof ANSWER_TYPES)[number];

/** An answer as HTTP sends it. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
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
  dataText = data === undefined ? undefined : JSON.stringify(data),
): HttpAnswer & { readonly body: string } {
  const headers: Record<string, string> = { 'content-type': `${type}; charset=utf-8` };
  const dataMember = dataText === undefined ? [] : [`"data":${dataText}`];
  if (errors === undefined || errors.length === 0)
    return { status: 200, headers, body: `{${dataMember.join()}}` };

  let status = 200;
  for (const error of errors) {
    const http = httpOf(error);
    Object.assign(headers, http.headers);
    status = Math.max(status, http.status);
  }
  const isWellFormed = status === 400 && errors.every((error) => httpOf(error).isWellFormed);
  if (data !== undefined || (type === 'application/json' && isWellFormed)) status = 200;
  const shown = errors.map(withoutHttp);
  const body = `{${[`"errors":${JSON.stringify(shown)}`, ...dataMember].join()}}`;
  return { status, headers, body };
}

/** Elements of a list that are written in one turn of the event loop. */
const WRITTEN_AT_ONCE = 250;
/** The lists of a field's own members, such as `postBatch.results`: no other list has more elements than a page. */
const DEPTH = 2;

/** The same. Writes long lists some elements at a time, so that others have their turns: writing 10,000 results takes 100 ms. */
export async function writeAnswerInTurns(
  result: ExecutionResult,
  type: AnswerType,
): Promise<ReturnType<typeof writeAnswer>> {
  const { data } = result;
  return data != null && hasLongList(data, DEPTH)
    ? writeAnswer(result, type, await writeValue(data))
    : writeAnswer(result, type);
}

function hasLongList(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.length > WRITTEN_AT_ONCE;
  return depth > 0 && Object.values(value).some((member) => hasLongList(member, depth - 1));
}

/** Like JSON.stringify. */
async function writeValue(value: object): Promise<string> {
  if (!hasLongList(value, DEPTH)) return JSON.stringify(value);
  const parts: string[] = [];
  if (Array.isArray(value)) {
    for (let start = 0; start < value.length; start += WRITTEN_AT_ONCE) {
      if (start > 0) await setImmediate();
      parts.push(JSON.stringify(value.slice(start, start + WRITTEN_AT_ONCE)).slice(1, -1));
    }
    return `[${parts.join()}]`;
  }
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const text =
      typeof member === 'object' && member !== null ? await writeValue(member) : JSON.stringify(member);
    parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${parts.join()}}`;
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
