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
 * What one operation may cost. A field costs 1, and a field below a list costs that as often as the list can have elements: a
 * page as many as are asked for, entries MAX_ENTRIES, a batch's results as many as it has operations. Of a union's types the
 * one that costs most counts.
 */
export const MAX_COST = 300_000;
/** Bytes that an answer has at most. Those of a mutation are known before it is executed; a query is stopped there. */
export const MAX_ANSWER_BYTES = 32 * 2 ** 20;
export const ANSWER_LIMIT = 'answerBytes';

/** Texts cost what their largest size is to that of other fields. */
export const METADATA_COST = 200;
export const DESCRIPTION_COST = 5;
/** A transaction is read with all of its entries, whether they are asked for or not. */
export const TRANSACTION_COST = MAX_ENTRIES;
/** The currencies of ISO 4217, and some more. */
export const CURRENCIES = 200;

const PAGE_SIZE = { default: 20, max: 100 };
/** Reading a page is a query of its own. */
const PAGE_COST = 10;

interface PageArguments {
  readonly first?: number | null | undefined;
  readonly last?: number | null | undefined;
}

/** The cost of a list that is read by pages. A size that is refused anyway counts as the largest. */
export function pageCost({ first, last }: PageArguments): { field: number; multiplier: number } {
  const size = first ?? last ?? PAGE_SIZE.default;
  return { field: PAGE_COST, multiplier: Math.max(0, Math.min(size, PAGE_SIZE.max)) };
}

/** The same for a list of transactions. */
export function transactionPageCost(args: PageArguments): { field: number; multiplier: number } {
  const { field, multiplier } = pageCost(args);
  return { field: field + multiplier * TRANSACTION_COST, multiplier };
}

export interface CostOptions {
  /** Bytes of the request. */
  readonly bodyBytes: number;
  readonly hideSuggestions: boolean;
}

/**
 * Why an operation is not executed: it costs too much, the answer of a mutation could be too large, or one of both cannot be told
 * from its variables. Empty: it is.
 */
export function costErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>>,
  { bodyBytes, hideSuggestions }: CostOptions,
): readonly GraphQLError[] {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return [];
  const fixed = fixedCosts.get(operation) ?? fixedCostOf(schema, document, operation);
  fixedCosts.set(operation, fixed);
  if (fixed !== VARIABLE) return errorsOf(fixed, variables, bodyBytes);

  const { variableValues, errors } = getVariableValues(
    schema,
    operation.variableDefinitions ?? [],
    variables,
    {
      maxErrors: 20,
      hideSuggestions,
    },
  );
  if (errors !== undefined) return errors;
  try {
    return errorsOf(costOf(schema, document, operation, variableValues), variables, bodyBytes);
  } catch (error) {
    // An argument that cannot be read would leave the rest uncounted.
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

/** Whether the cost of an operation that was executed depends on no variable but those that say how large a batch is. */
export function hasFixedCost(operation: OperationDefinitionNode): boolean {
  const fixed = fixedCosts.get(operation);
  return fixed !== undefined && fixed !== VARIABLE;
}

/** Whether such an operation may be executed with these variables. */
export function isAffordable(
  operation: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
  bodyBytes: number,
): boolean {
  const fixed = fixedCosts.get(operation);
  return fixed !== undefined && fixed !== VARIABLE && errorsOf(fixed, variables, bodyBytes).length === 0;
}

type Variables = Parameters<typeof extentOf>[3];

/** The extent of an operation without results of a batch, what each result adds, and what each entry of these does. */
interface Cost {
  readonly operation: OperationDefinitionNode;
  readonly base: Extent;
  readonly perResult: Extent;
  readonly perEntry: Extent;
  /** The fields with a batch: the larger of two counts for both. */
  readonly batches: readonly FieldNode[];
}

/** What an operation costs, whatever its variables; VARIABLE where that depends on them. Kept as long as its document is. */
const fixedCosts = new WeakMap<OperationDefinitionNode, Cost | typeof VARIABLE>();
const VARIABLE = 'depends on variables';

/** The arguments that say how many elements a list has. */
const SIZES: ReadonlySet<string> = new Set(['first', 'last', 'ids']);
/** The fields that take a batch, and where it stands in their input. */
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
    // An argument beside the sizes cannot be read without its variables.
    if (error instanceof GraphQLError) return VARIABLE;
    throw error;
  }
}

/** The extent is convex in the size of the batch, so that its slope is that of very large batches. */
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
    // Results share the request's texts out among them.
    repeats: to.repeats - from.repeats,
  };
}

function errorsOf(
  { operation, base, perResult, perEntry, batches }: Cost,
  variables: Readonly<Record<string, unknown>>,
  bodyBytes: number,
): readonly GraphQLError[] {
  const { size, entries, isInline } = batchOf(batches, withDefaults(operation, variables));
  const total = (of: 'cost' | 'bytes' | 'repeatedBytes') =>
    Math.ceil(base[of] + size * perResult[of] + entries * perEntry[of]);
  const cost = total('cost');
  if (cost > MAX_COST) return [limitExceeded('cost', 'units of cost', cost, MAX_COST)];
  if (operation.operation !== 'mutation') return [];
  // In a document, several elements can share the text of one variable.
  const repeats = base.repeats + (perResult.repeats + perEntry.repeats) * (isInline ? size : 1);
  const repeated = repeats === 0 ? 0 : Math.min(total('repeatedBytes'), repeats * bodyBytes);
  const bytes = total('bytes') + repeated;
  return bytes > MAX_ANSWER_BYTES
    ? [limitExceeded(ANSWER_LIMIT, 'bytes that its answer could have', bytes, MAX_ANSWER_BYTES)]
    : [];
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

/** The largest batch of an operation. What is no batch is refused before anything is done. */
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

/** Those of a final capture: two that release what was held, and two that move money. */
const OTHER_ENTRIES = 4;

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}
