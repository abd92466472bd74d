import { type ExecutionResult, getOperationAST } from 'graphql';
import { parseJson } from '../../core/values/json.ts';
import { createContext, type OnFault } from '../../graphql/context.ts';
import { CompiledOperations } from '../../graphql/execution/compiled.ts';
import {
  type GraphQLHandler,
  MAX_REQUEST_BYTES,
  maskFault,
  type RequestFacts,
} from '../../graphql/execution/yoga.ts';
import { schema } from '../../graphql/schema.ts';
import type { Ledger } from '../../ledger/ledger.ts';

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
    body = parseJson(text);
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

export interface FastPathOptions {
  readonly ledger: Ledger;
  readonly onFault: OnFault;
  /** How often an operation comes before it is compiled. */
  readonly compileAfter?: number;
}

/** Answers plain requests without Yoga's layer of HTTP, which takes longer than all the rest. */
export class FastPath {
  readonly #yoga: Pick<GraphQLHandler, 'getEnveloped'>;
  readonly #ledger: Ledger;
  readonly #onFault: OnFault;
  readonly #operations: CompiledOperations;

  constructor(
    yoga: Pick<GraphQLHandler, 'getEnveloped'>,
    { ledger, onFault, compileAfter = 20 }: FastPathOptions,
  ) {
    this.#yoga = yoga;
    this.#ledger = ledger;
    this.#onFault = onFault;
    this.#operations = new CompiledOperations(schema, compileAfter);
  }

  /** Undefined: a subscription, which is Yoga's to answer. */
  async answer(params: PlainRequest, facts: Required<RequestFacts>): Promise<ExecutionResult | undefined> {
    try {
      return (await this.#answerCompiled(params, facts)) ?? (await this.#answerByPlugins(params, facts));
    } catch (error) {
      return { errors: [maskFault(error, this.#onFault)] };
    }
  }

  /** By a function that an operation like it was compiled to. What it may be was found out when it came the first times. */
  async #answerCompiled(
    { query, operationName, variables }: PlainRequest,
    { notes, budget, bodyBytes }: Required<RequestFacts>,
  ): Promise<ExecutionResult | undefined> {
    const operation = this.#operations.find(query, operationName);
    if (operation === undefined || (bodyBytes > MAX_REQUEST_BYTES && !operation.mayBeLarge)) return undefined;
    notes.noteOperation(operation.name);
    const context = createContext(this.#ledger, this.#onFault, notes, budget);
    const result = await operation.execute(context, variables ?? {}, bodyBytes);
    if (result?.errors === undefined) return result;
    return { ...result, errors: result.errors.map((error) => maskFault(error, this.#onFault)) };
  }

  /** By what Yoga parses, validates and executes with, its plugins included. */
  async #answerByPlugins(params: PlainRequest, facts: RequestFacts): Promise<ExecutionResult | undefined> {
    // Yoga's own plugins look at the request's method.
    const { parse, validate, contextFactory, execute, schema } = this.#yoga.getEnveloped({
      request: POST,
      params,
      ...facts,
    });
    const document = parse(params.query);
    const errors = validate(schema, document);
    if (errors.length > 0) return { errors };
    const { query, operationName } = params;
    if (getOperationAST(document, operationName)?.operation === 'subscription') return undefined;
    const result = await execute({
      schema,
      document,
      contextValue: await contextFactory(),
      variableValues: params.variables,
      operationName,
    });
    this.#operations.learn(query, document);
    return result;
  }
}
