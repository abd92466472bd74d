import {
  type DocumentNode,
  type ExecutionResult,
  type FieldNode,
  GraphQLError,
  type GraphQLSchema,
  getLocation,
  getOperationAST,
  visit,
} from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import type { Context } from './context.ts';
import { isAlwaysCheap } from './cost.ts';
import { isOnly } from './document-limits.ts';
import { checkOfVariables } from './variables.ts';
import { LARGE_REQUESTS } from './yoga.ts';

/** What the operations that are kept may take, about. */
const KEPT_BYTES = 64 * 2 ** 20;
/** Measured: a token's share of the compiled code, and of the document that it keeps. */
const BYTES_A_TOKEN = 4000;

/** The one operation of a document, as a function. */
export interface CompiledOperation {
  readonly name: string | null;
  readonly tokens: number;
  /** Whether it may come in a body that other operations may not. */
  readonly mayBeLarge: boolean;
  /** Undefined where the variables may not be of their types: nothing was done, and execution as usual says why. */
  execute(
    context: Context,
    variables: Readonly<Record<string, unknown>>,
  ): Promise<ExecutionResult | undefined>;
}

interface Known {
  times: number;
  readonly operation?: CompiledOperation;
}

/**
 * The operations that come again and again. A frontend sends a few documents, and new variables each time: compiled, they
 * execute in a tenth of the time that it takes to walk through document and schema anew.
 */
export class CompiledOperations {
  readonly #schema: GraphQLSchema;
  readonly #compileAfter: number;
  readonly #known = new LRUCache<string, Known>({ maxSize: KEPT_BYTES, sizeCalculation: sizeOf });

  /** Compiling takes as long as some hundred executions: it waits until an operation came `compileAfter` times. */
  constructor(schema: GraphQLSchema, compileAfter: number) {
    this.#schema = schema;
    this.#compileAfter = compileAfter;
  }

  /** The operation of a document that was told of before, by its text; undefined where there is none. */
  find(query: string, operationName: string | null | undefined): CompiledOperation | undefined {
    const operation = this.#known.get(query)?.operation;
    if (operation === undefined) return undefined;
    return operationName == null || operationName === operation.name ? operation : undefined;
  }

  /** Told of a document that has been executed. */
  learn(query: string, document: DocumentNode): void {
    const known = this.#known.get(query) ?? { times: 0 };
    known.times += 1;
    const operation = known.times === this.#compileAfter ? compile(this.#schema, document) : undefined;
    this.#known.set(query, operation === undefined ? known : { ...known, operation });
  }
}

function compile(schema: GraphQLSchema, document: DocumentNode): CompiledOperation | undefined {
  // Of several operations a request names one.
  const operation = getOperationAST(document);
  if (operation == null || operation.operation === 'subscription' || !isAlwaysCheap(operation))
    return undefined;
  const compiled = compileQuery(schema, document);
  if (!isCompiledQuery(compiled)) return undefined;
  const { query }: CompiledQuery = compiled;
  // It has its own check of variables, which knows no oneOf, and tells of each fault together with all that stands beside it.
  const areRight = checkOfVariables(schema, operation);
  return {
    name: operation.name?.value ?? null,
    tokens: document.tokenCount ?? 0,
    mayBeLarge: isOnly(LARGE_REQUESTS, document),
    execute: async (context, variables) => {
      if (!areRight(variables)) return undefined;
      const { data, errors } = await query(undefined, context, variables);
      if (data === undefined) return undefined;
      return errors === undefined
        ? { data }
        : { data, errors: errors.map((error) => locate(error, document)) };
    },
  };
}

function sizeOf({ operation }: Known, query: string): number {
  return 1 + 2 * query.length + BYTES_A_TOKEN * (operation?.tokens ?? 0);
}

/** The error as execution makes it: with the fields where it arose, of which a compiled operation knows line and column. */
function locate(
  { message, locations = [], path, originalError }: GraphQLError,
  document: DocumentNode,
): GraphQLError {
  const nodes: FieldNode[] = [];
  visit(document, {
    Field: (node) => {
      if (node.loc === undefined) return;
      const { line, column } = getLocation(node.loc.source, node.loc.start);
      if (locations.some((location) => location.line === line && location.column === column))
        nodes.push(node);
    },
  });
  return new GraphQLError(message, { nodes, path, originalError });
}
