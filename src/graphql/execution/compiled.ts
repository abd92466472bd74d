import { type DocumentNode, type ExecutionResult, type GraphQLSchema, getOperationAST } from 'graphql';
import { type CompiledQuery, compileQuery, isCompiledQuery } from 'graphql-jit';
import { LRUCache } from 'lru-cache';
import type { Context } from '../context.ts';
import { checkFixedCost, hasFixedCost } from '../protection/cost.ts';
import { isOnly } from '../protection/document-limits.ts';
import { takeCost } from '../protection/rate-limit.ts';
import { coercionOf, takeCoerced, withCoercedVariables } from './coercion.ts';
import { isCompilable } from './compilable.ts';
import { reportedErrors } from './reported-errors.ts';
import { LARGE_REQUESTS } from './yoga.ts';

/** The approximate maximum memory of the compiled operations. */
const KEPT_BYTES = 64 * 2 ** 20;
/** Measured: the memory of a token's part of the compiled code and of the document. */
const BYTES_A_TOKEN = 4000;

/** The only operation of a document, compiled to a function. */
export interface CompiledOperation {
  readonly name: string | null;
  readonly tokens: number;
  /** Whether its body may exceed the limit of other operations. */
  readonly mayBeLarge: boolean;
  /**
   * Executes the operation. Undefined: it was not executed, because its variables may be invalid or make it too expensive. graphql-js
   * must then execute or reject it.
   */
  execute(
    context: Context,
    variables: Readonly<Record<string, unknown>>,
    bodyBytes: number,
  ): Promise<ExecutionResult | undefined>;
}

interface Known {
  times: number;
  readonly operation?: CompiledOperation;
}

/**
 * Compiles operations that are sent repeatedly. A frontend sends few different documents, each with many different variables. A
 * compiled operation takes a tenth of the time of graphql-js, which traverses the document and the schema for each execution.
 */
export class CompiledOperations {
  readonly #schemas: Schemas;
  readonly #compileAfter: number;
  readonly #known = new LRUCache<string, Known>({ maxSize: KEPT_BYTES, sizeCalculation: sizeOf });

  /** Compiles an operation after `compileAfter` executions: compiling takes as long as a hundred executions. */
  constructor(schema: GraphQLSchema, compileAfter: number) {
    this.#schemas = { schema, executed: withCoercedVariables(schema) };
    this.#compileAfter = compileAfter;
  }

  /** Returns the compiled operation of a document by its text. Undefined: it is not compiled. */
  find(query: string, operationName: string | null | undefined): CompiledOperation | undefined {
    const operation = this.#known.get(query)?.operation;
    if (operation === undefined) return undefined;
    return operationName == null || operationName === operation.name ? operation : undefined;
  }

  /** Counts an execution of a document, and compiles it when it is due. */
  learn(query: string, document: DocumentNode): void {
    const known = this.#known.get(query) ?? { times: 0 };
    known.times += 1;
    const operation = known.times === this.#compileAfter ? compile(this.#schemas, document) : undefined;
    this.#known.set(query, operation === undefined ? known : { ...known, operation });
  }
}

/** The public schema, and the schema for execution. */
interface Schemas {
  readonly schema: GraphQLSchema;
  readonly executed: GraphQLSchema;
}

function compile({ schema, executed }: Schemas, document: DocumentNode): CompiledOperation | undefined {
  // Of several operations, each request names one: these are not compiled.
  const operation = getOperationAST(document);
  if (operation == null || operation.operation === 'subscription' || !hasFixedCost(operation))
    return undefined;
  if (!isCompilable(schema, document, operation)) return undefined;
  const compiled = compileQuery(
    executed,
    takeCoerced(document, operation, () => true),
  );
  if (!isCompiledQuery(compiled)) return undefined;
  const { query }: CompiledQuery = compiled;
  const coerce = coercionOf(schema, operation);
  return {
    name: operation.name?.value ?? null,
    tokens: document.tokenCount ?? 0,
    mayBeLarge: isOnly(LARGE_REQUESTS, document),
    execute: async (context, variables, bodyBytes) => {
      const check = checkFixedCost(operation, variables, bodyBytes);
      if (check?.cost === undefined || check.errors.length > 0) return undefined;
      const coerced = await coerce(variables);
      if (coerced === undefined) return undefined;
      const { budget } = context;
      budget.noteCost(check.cost);
      const refusal = takeCost(budget, check.cost);
      if (refusal !== undefined) return { errors: [refusal] };
      if (operation.operation === 'mutation') budget.expectMutation();
      const { data, errors = [] } = await query(undefined, context, coerced);
      if (budget.refusal !== undefined) return { errors: [budget.refusal] };
      if (data === undefined) return undefined;
      if (errors.length === 0) return { data };
      // Of several errors, graphql-jit may report others than graphql-js, or in another order. If all data is null, it reports
      // one. A query can be executed again.
      if (operation.operation === 'query' && (errors.length > 1 || data === null)) return undefined;
      return { data, errors: reportedErrors(schema, document, operation, { data, errors }) };
    },
  };
}

function sizeOf({ operation }: Known, query: string): number {
  return 1 + 2 * query.length + BYTES_A_TOKEN * (operation?.tokens ?? 0);
}
