import {
  type DocumentNode,
  type FieldNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  valueFromASTUntyped,
  visit,
} from 'graphql';
import { MAX_ENTRIES } from '../../core/decide/request.ts';
import { limitExceeded } from './document-limits.ts';
import { type BatchExtent, type Extent, extentOf } from './extent.ts';

/**
 * The maximum cost of one operation. A field costs 1 or its price (prices.ts). A field of a list's elements costs that for each
 * possible element: the requested page size, MAX_ENTRIES entries, or one result for each operation of a batch. Of the types of a
 * union, the most expensive counts.
 */
export const MAX_COST = 300_000;
/** The maximum bytes of an answer. Those of a mutation are computed before execution. A query is stopped at the limit. */
export const MAX_ANSWER_BYTES = 32 * 2 ** 20;
export const ANSWER_LIMIT = 'answerBytes';

export interface CostOptions {
  /** Bytes of the request. */
  readonly bodyBytes: number;
  readonly hideSuggestions: boolean;
}

/** The result of the cost check of an operation. It may be executed if there are no errors. */
export interface CostCheck {
  /** Units of cost. Undefined: the operation or its variables are invalid. */
  readonly cost?: number;
  readonly errors: readonly GraphQLError[];
}

/**
 * Checks the cost of an operation and, of a mutation, the maximum size of its answer. Variables that decide the cost and are
 * invalid are errors too.
 */
export function checkCost(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>>,
  { bodyBytes, hideSuggestions }: CostOptions,
): CostCheck {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return { errors: [] };
  const fixed = fixedCosts.get(operation) ?? fixedCostOf(schema, document, operation);
  fixedCosts.set(operation, fixed);
  if (fixed !== VARIABLE) return checkTotal(fixed, variables, bodyBytes);

  const { variableValues, errors } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    variables,
    {
      maxErrors: 20,
      hideSuggestions,
    },
  );
  if (errors !== undefined) return { errors };
  try {
    return checkTotal(costOf(schema, document, operation, variableValues), variables, bodyBytes);
  } catch (error) {
    // The rest of the operation would not be counted.
    if (error instanceof GraphQLError) return { errors: [error] };
    throw error;
  }
}

/**
 * Checks the cost of an operation that `checkCost` has checked before. Undefined: its cost depends on variables other than the
 * size of a batch.
 */
export function checkFixedCost(
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  bodyBytes: number,
): CostCheck | undefined {
  const fixed = fixedCosts.get(operation);
  return fixed === undefined || fixed === VARIABLE ? undefined : checkTotal(fixed, variables, bodyBytes);
}

/** Returns whether the cost of an operation that `checkCost` has checked depends on no variable except the size of a batch. */
export function hasFixedCost(operation: OperationDefinitionNode): boolean {
  const fixed = fixedCosts.get(operation);
  return fixed !== undefined && fixed !== VARIABLE;
}

type Variables = Parameters<typeof extentOf>[3];

/** The extent of an operation with an empty batch, and the extents that each result and each entry of a result add. */
interface Cost {
  readonly operation: OperationDefinitionNode;
  readonly base: Extent;
  readonly perResult: Extent;
  readonly perEntry: Extent;
  /** The fields that take a batch. The largest batch counts for all of them. */
  readonly batches: readonly FieldNode[];
}

/** The cost of an operation for any variables. VARIABLE: it depends on variables. */
const fixedCosts = new WeakMap<OperationDefinitionNode, Cost | typeof VARIABLE>();
const VARIABLE = 'depends on variables';

/** The arguments that decide the length of a list. */
const SIZES: ReadonlySet<string> = new Set(['first', 'last', 'ids']);
/** The fields that take a batch, and the list in their input. */
const BATCHES: ReadonlyMap<string, string> = new Map([
  ['postBatch', 'operations'],
  ['createAccounts', 'accounts'],
]);

function fixedCostOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): Cost | typeof VARIABLE {
  let isVariable = false;
  visit(document, {
    Argument: ({ name, value }) => {
      if (SIZES.has(name.value) && value.kind === Kind.VARIABLE) isVariable = true;
    },
  });
  if (isVariable) return VARIABLE;
  try {
    return costOf(schema, document, operation, { sources: {}, coerced: {} });
  } catch (error) {
    // Another argument of the same field needs its variables.
    if (error instanceof GraphQLError) return VARIABLE;
    throw error;
  }
}

/** The extent is convex in the size of the batch. The slope at a very large batch is therefore an upper bound. */
const MANY = 1e6;

function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): Cost {
  const measure = (batch: BatchExtent) => extentOf(schema, document, operation, variables, batch);
  const base = measure({ size: 0, entries: 0 });
  if (operation.operation !== 'mutation') {
    return { operation, base, perResult: NOTHING, perEntry: NOTHING, batches: [] };
  }
  const batches: FieldNode[] = [];
  visit(document, {
    Field: (node) => {
      if (BATCHES.has(node.name.value)) batches.push(node);
    },
  });
  const results = measure({ size: MANY, entries: 0 });
  const entries = measure({ size: MANY, entries: MANY });
  return {
    operation,
    base,
    perResult: slope(base, results, MANY),
    perEntry: slope(results, entries, MANY * MANY),
    batches,
  };
}

const NOTHING: Extent = { cost: 0, bytes: 0, repeatedBytes: 0, repeats: 0 };

function slope(from: Extent, to: Extent, distance: number): Extent {
  return {
    cost: (to.cost - from.cost) / distance,
    bytes: (to.bytes - from.bytes) / distance,
    repeatedBytes: (to.repeatedBytes - from.repeatedBytes) / distance,
    // All results together repeat each text of the request once.
    repeats: to.repeats - from.repeats,
  };
}

function checkTotal(
  { operation, base, perResult, perEntry, batches }: Cost,
  variables: Readonly<Record<string, unknown>>,
  bodyBytes: number,
): CostCheck {
  const { size, entries, isInline } = batchOf(batches, withDefaults(operation, variables));
  const total = (of: 'cost' | 'bytes' | 'repeatedBytes') =>
    Math.ceil(base[of] + size * perResult[of] + entries * perEntry[of]);
  const cost = total('cost');
  if (cost > MAX_COST) return { cost, errors: [limitExceeded('cost', 'units of cost', cost, MAX_COST)] };
  if (operation.operation !== 'mutation') return { cost, errors: [] };
  // In a document, several elements can use the text of one variable.
  const repeats = base.repeats + (perResult.repeats + perEntry.repeats) * (isInline ? size : 1);
  const repeated = repeats === 0 ? 0 : Math.min(total('repeatedBytes'), repeats * bodyBytes);
  const bytes = total('bytes') + repeated;
  const errors =
    bytes > MAX_ANSWER_BYTES
      ? [limitExceeded(ANSWER_LIMIT, 'bytes in its largest possible answer', bytes, MAX_ANSWER_BYTES)]
      : [];
  return { cost, errors };
}

function withDefaults(
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const all = { ...variables };
  for (const { variable, defaultValue } of variableDefinitions) {
    const name = variable.name.value;
    if (defaultValue !== undefined && all[name] === undefined) all[name] = valueFromASTUntyped(defaultValue);
  }
  return all;
}

/** Returns the size of the largest batch. A value that is not a batch counts as one element: execution rejects it. */
function batchOf(batches: readonly FieldNode[], variables: Readonly<Record<string, unknown>>) {
  const largest = { size: 0, entries: 0, isInline: false };
  for (const { name, arguments: args = [] } of batches) {
    const input = args.find((argument) => argument.name.value === 'input')?.value;
    if (input === undefined) continue;
    const member = BATCHES.get(name.value) ?? '';
    const list = memberOf(valueFromASTUntyped(input, variables), member);
    const elements = Array.isArray(list) ? list : [list];
    largest.size = Math.max(largest.size, elements.length);
    largest.entries = Math.max(largest.entries, sumOf(elements));
    largest.isInline ||= input.kind !== Kind.VARIABLE;
  }
  return largest;
}

function sumOf(operations: readonly unknown[]): number {
  let entries = 0;
  for (const operation of operations) {
    const lines = memberOf(memberOf(operation, 'post'), 'entries');
    if (Array.isArray(lines)) entries += lines.length;
    else entries += memberOf(operation, 'reverse') === undefined ? OTHER_ENTRIES : MAX_ENTRIES;
  }
  return entries;
}

/** The maximum number of entries of any other operation: a final capture has two that release the hold and two that move money. */
const OTHER_ENTRIES = 4;

/** Returns the number of elements of a mutation's batch; undefined if it takes no batch. */
export function batchSizeOf(field: string, args: Readonly<Record<string, unknown>>): number | undefined {
  const list = memberOf(args['input'], BATCHES.get(field) ?? '');
  return Array.isArray(list) ? list.length : undefined;
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
