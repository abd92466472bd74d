import { type ExecutionResult, getOperationAST } from 'graphql';
import type { OnFault } from '../graphql/context.ts';
import { type GraphQLHandler, maskFault, type RequestFacts } from '../graphql/yoga.ts';

/** What a plain request asks: members of the types that GraphQL over HTTP gives them, and no other. */
export interface PlainRequest {
  readonly query: string;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
  readonly extensions?: Record<string, unknown> | null;
}

/** The plain request that the text of a body is; undefined where it is any other, which Yoga answers. */
export function readPlain(text: string): PlainRequest | undefined {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return undefined;
  }
  return isPlain(body) ? body : undefined;
}

function isPlain(body: unknown): body is PlainRequest {
  if (!isObject(body)) return false;
  for (const [name, value] of Object.entries(body)) {
    const isRight = MEMBERS[name];
    if (isRight === undefined || !isRight(value)) return false;
  }
  return body['query'] !== undefined;
}

const isAbsentOrObject = (value: unknown) => value === null || isObject(value);
/** Without a prototype: a member may have any name. */
const MEMBERS: Readonly<Record<string, (value: unknown) => boolean>> = Object.assign(Object.create(null), {
  query: (value: unknown) => typeof value === 'string',
  operationName: (value: unknown) => value === null || typeof value === 'string',
  variables: isAbsentOrObject,
  extensions: isAbsentOrObject,
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const POST = { method: 'POST' };

/**
 * Answers a plain request by what Yoga parses, validates and executes with, its plugins included, and without its layer of
 * HTTP, which takes longer than all the rest. Undefined: a subscription, which is Yoga's to answer.
 */
export async function answerPlain(
  { getEnveloped }: Pick<GraphQLHandler, 'getEnveloped'>,
  params: PlainRequest,
  facts: RequestFacts,
  onFault: OnFault,
): Promise<ExecutionResult | undefined> {
  try {
    // Yoga's own plugins look at the request's method.
    const { parse, validate, contextFactory, execute, schema } = getEnveloped({
      request: POST,
      params,
      ...facts,
    });
    const document = parse(params.query);
    const errors = validate(schema, document);
    if (errors.length > 0) return { errors };
    const { operationName } = params;
    if (getOperationAST(document, operationName)?.operation === 'subscription') return undefined;
    return await execute({
      schema,
      document,
      contextValue: await contextFactory(),
      variableValues: params.variables,
      operationName,
    });
  } catch (error) {
    return { errors: [maskFault(error, onFault)] };
  }
}
