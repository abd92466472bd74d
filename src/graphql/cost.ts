import { complexityFromQuery } from '@pothos/plugin-complexity';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  visit,
} from 'graphql';
import { limitExceeded, operationAlone } from './document-limits.ts';

/**
 * What one operation may cost. A field costs 1, and a field below a list costs that as often as the list has elements: a page
 * as many as are asked for, any other list LIST_SIZE.
 */
export const MAX_COST = 20_000;
/** What a list that has no pages is taken to have. */
export const LIST_SIZE = 4;
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

/** Why an operation is not executed: it costs too much, or what it costs cannot be told from its variables. Empty: it is. */
export function costErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  operationName: string | null | undefined,
  variables: Readonly<Record<string, unknown>>,
  hideSuggestions: boolean,
): readonly GraphQLError[] {
  const operation = getOperationAST(document, operationName);
  if (operation == null) return [];
  const fixed = fixedCosts.get(operation) ?? fixedCostOf(schema, document, operation);
  fixedCosts.set(operation, fixed);
  if (fixed !== VARIABLE) return errorsOf(fixed);

  const { errors } = getVariableValues(schema, operation.variableDefinitions ?? [], variables, {
    maxErrors: 20,
    hideSuggestions,
  });
  if (errors !== undefined) return errors;
  try {
    return errorsOf(costOf(schema, operationAlone(document, operation), variables));
  } catch (error) {
    // An argument that cannot be read would leave the rest uncounted.
    if (error instanceof GraphQLError) return [error];
    throw error;
  }
}

/** Whether an operation that may be executed now may be so with any variables. */
export function isAlwaysCheap(operation: OperationDefinitionNode): boolean {
  const fixed = fixedCosts.get(operation);
  return fixed !== undefined && fixed !== VARIABLE && fixed <= MAX_COST;
}

/** What an operation costs, whatever its variables; VARIABLE where that depends on them. Kept as long as its document is. */
const fixedCosts = new WeakMap<OperationDefinitionNode, number>();
const VARIABLE = -1;

/** The arguments that say how many elements a list has. */
const SIZES: ReadonlySet<string> = new Set(['first', 'last', 'ids']);

function fixedCostOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): number {
  let isVariable = false;
  visit(document, {
    Argument: ({ name, value }) => {
      if (SIZES.has(name.value) && value.kind === Kind.VARIABLE) isVariable = true;
    },
  });
  if (isVariable) return VARIABLE;
  try {
    return costOf(schema, operationAlone(document, { ...operation, variableDefinitions: [] }), {});
  } catch (error) {
    // An argument beside the sizes cannot be read without its variables.
    if (error instanceof GraphQLError) return VARIABLE;
    throw error;
  }
}

function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Readonly<Record<string, unknown>>,
): number {
  return complexityFromQuery(document, { schema, variables }).complexity;
}

function errorsOf(cost: number): readonly GraphQLError[] {
  return cost > MAX_COST ? [limitExceeded('cost', 'units of cost', cost, MAX_COST)] : [];
}
