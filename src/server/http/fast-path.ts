import { type ExecutionResult, GraphQLError, getOperationAST } from 'graphql';
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
import type { TrustedDocuments } from './trusted-documents.ts';

/** A plain request: only members of GraphQL over HTTP, of the types that it demands. */
export interface PlainRequest {
  /** A string, where the service executes any document. */
  readonly query?: string | null;
  /** Only where the service executes trusted documents. */
  readonly documentId?: string | null;
  readonly operationName?: string | null;
  readonly variables?: Record<string, unknown> | null;
  readonly extensions?: Record<string, unknown> | null;
}

/** Returns the plain request of a body; undefined for any other body, which Yoga answers. */
export function readPlain(text: string, hasTrustedDocuments = false): PlainRequest | undefined {
  let body: unknown;
  try {
    body = parseJson(text);
  } catch {
    return undefined;
  }
  return isPlain(body, hasTrustedDocuments) ? body : undefined;
}

function isPlain(body: unknown, hasTrustedDocuments: boolean): body is PlainRequest {
  if (!isObject(body)) return false;
  for (const [name, value] of Object.entries(body)) {
    const isRight = name === 'documentId' && hasTrustedDocuments ? isTextOrNull : MEMBERS[name];
    if (isRight === undefined || !isRight(value)) return false;
  }
  return hasTrustedDocuments || typeof body['query'] === 'string';
}

const isTextOrNull = (value: unknown) => value === null || typeof value === 'string';
const isObjectOrNull = (value: unknown) => value === null || isObject(value);
/** Without a prototype: a member may have any name. */
const MEMBERS: Readonly<Record<string, (value: unknown) => boolean>> = Object.assign(Object.create(null), {
  query: isTextOrNull,
  operationName: isTextOrNull,
  variables: isObjectOrNull,
  extensions: isObjectOrNull,
});

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const POST = { method: 'POST' };

/** A plain request whose document is known. */
interface Executable extends PlainRequest {
  readonly query: string;
}

export interface FastPathOptions {
  readonly onFault: OnFault;
  /** Executions of an operation before it is compiled. */
  readonly compileAfter?: number | undefined;
  readonly trustedDocuments?: TrustedDocuments | undefined;
}

/** Answers plain requests without Yoga's HTTP layer, which takes longer than everything else. */
export class FastPath {
  readonly #yoga: Pick<GraphQLHandler, 'getEnveloped'>;
  readonly #onFault: OnFault;
  readonly #operations: CompiledOperations;
  readonly #trustedDocuments: TrustedDocuments | undefined;

  constructor(
    yoga: Pick<GraphQLHandler, 'getEnveloped'>,
    { onFault, compileAfter = 20, trustedDocuments }: FastPathOptions,
  ) {
    this.#yoga = yoga;
    this.#onFault = onFault;
    this.#operations = new CompiledOperations(schema, compileAfter);
    this.#trustedDocuments = trustedDocuments;
  }

  /** Returns undefined for a subscription, which Yoga answers. */
  async answer(params: PlainRequest, facts: Required<RequestFacts>): Promise<ExecutionResult | undefined> {
    const query = this.#trustedDocuments?.find(params) ?? params.query ?? '';
    if (query instanceof GraphQLError) return { errors: [query] };
    const request = { ...params, query };
    try {
      return (await this.#answerCompiled(request, facts)) ?? (await this.#answerByPlugins(request, facts));
    } catch (error) {
      return { errors: [maskFault(error, this.#onFault)] };
    }
  }

  /** Executes the compiled operation, if there is one. It was parsed and validated before it was compiled. */
  async #answerCompiled(
    { query, operationName, variables }: Executable,
    { ledger, viewer, notes, budget, bodyBytes }: Required<RequestFacts>,
  ): Promise<ExecutionResult | undefined> {
    const operation = this.#operations.find(query, operationName);
    if (operation === undefined || (bodyBytes > MAX_REQUEST_BYTES && !operation.mayBeLarge)) return undefined;
    notes.noteOperation(operation.name);
    const context = createContext(ledger, this.#onFault, notes, budget, viewer);
    const result = await operation.execute(context, variables ?? {}, bodyBytes);
    if (result?.errors === undefined) return result;
    return { ...result, errors: result.errors.map((error) => maskFault(error, this.#onFault)) };
  }

  /** Parses, validates and executes with Yoga's functions, which include the plugins. */
  async #answerByPlugins(params: Executable, facts: RequestFacts): Promise<ExecutionResult | undefined> {
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
