/**
 * Coerces variables before execution, a slice of a long list in each turn of the event loop: coercing the 10,000 operations of a
 * batch takes 100 ms. The executors receive the coerced values with the type COERCED, which accepts any value unchanged. If
 * coercion fails, an executor coerces again and reports the errors. Both use graphql-js's own coercion.
 */
import { setImmediate } from 'node:timers/promises';
import {
  coerceInputValue,
  type DocumentNode,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  GraphQLScalarType,
  GraphQLSchema,
  getNullableType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  type TypeNode,
  typeFromAST,
} from 'graphql';

type Variables = Readonly<Record<string, unknown>>;

/** Elements of a list that are coerced in one turn of the event loop. */
const SLICE = 250;

const COERCED = new GraphQLScalarType({ name: 'CoercedVariable' });
const COERCED_NODE: TypeNode = { kind: Kind.NAMED_TYPE, name: { kind: Kind.NAME, value: COERCED.name } };

/** Returns the schema for executing the documents of `takeCoerced`. It is internal: callers cannot read it. */
export function withCoercedVariables(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig();
  return new GraphQLSchema({ ...config, types: [...config.types, COERCED] });
}

/** Returns the document, changed so that its operation accepts the values of these variables unchanged. */
export function takeCoerced(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  isCoerced: (name: string) => boolean,
): DocumentNode {
  const variableDefinitions = operation.variableDefinitions?.map((each) =>
    isCoerced(each.variable.name.value) ? { ...each, type: COERCED_NODE } : each,
  );
  const changed = { ...operation, ...(variableDefinitions && { variableDefinitions }) };
  return {
    ...document,
    definitions: document.definitions.map((each) => (each === operation ? changed : each)),
  };
}

/**
 * Returns a function that coerces all variables of an operation. It resolves to undefined if a variable is invalid. The operation
 * must be valid, and its variables must have no defaults.
 */
export function coercionOf(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): (variables: Variables) => Promise<Variables | undefined> {
  const types = new Map(
    variableDefinitions.map(({ variable, type }) => [variable.name.value, inputType(schema, type)]),
  );
  return async (variables) => {
    const coerced: Record<string, unknown> = {};
    for (const [name, type] of types) {
      const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
      if (value === undefined && !isNonNullType(type)) continue;
      coerced[name] = findLongList(type, value)
        ? await coerceInTurns(type, value)
        : coerceInputValue(value, type);
      if (coerced[name] === undefined) return undefined;
    }
    return coerced;
  };
}

/** Replaces an operation whose variables have long lists. */
export interface CoercedOperation {
  readonly document: DocumentNode;
  readonly variableValues: Record<string, unknown>;
}

/**
 * Coerces the variables of a valid operation that have long lists. Returns undefined if there are none. Resolves to undefined if
 * one is invalid.
 */
export function coerceLongLists(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
): Promise<CoercedOperation | undefined> | undefined {
  const long = new Map<string, GraphQLInputType>();
  for (const { variable, type: node } of operation.variableDefinitions ?? []) {
    const name = variable.name.value;
    const type = inputType(schema, node);
    if (Object.hasOwn(variables, name) && findLongList(type, variables[name])) long.set(name, type);
  }
  return long.size === 0 ? undefined : coerceThem(document, operation, variables, long);
}

async function coerceThem(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
  types: ReadonlyMap<string, GraphQLInputType>,
): Promise<CoercedOperation | undefined> {
  const variableValues = { ...variables };
  for (const [name, type] of types) {
    variableValues[name] = await coerceInTurns(type, variables[name]);
    if (variableValues[name] === undefined) return undefined;
  }
  return { document: takeCoerced(document, operation, (name) => types.has(name)), variableValues };
}

function inputType(schema: GraphQLSchema, node: TypeNode): GraphQLInputType {
  const type = typeFromAST(schema, node);
  if (!isInputType(type)) throw new TypeError('the variables of a valid operation have input types');
  return type;
}

/** A long list: the value itself, or its member, such as `input.operations`. No other list of the schema is long. */
interface LongList {
  readonly type: GraphQLInputType;
  readonly elements: readonly unknown[];
  /** The name of the member. Undefined: the value itself is the list. */
  readonly member?: string;
}

function findLongList(type: GraphQLInputType, value: unknown): LongList | undefined {
  const bare = getNullableType(type);
  if (isListType(bare)) {
    return Array.isArray(value) && value.length > SLICE ? { type: bare, elements: value } : undefined;
  }
  if (!isInputObjectType(bare) || typeof value !== 'object' || value === null) return undefined;
  for (const { member, type } of listMembersOf(bare)) {
    const elements: unknown = Object.hasOwn(value, member) ? Reflect.get(value, member) : undefined;
    if (Array.isArray(elements) && elements.length > SLICE) return { type, elements, member };
  }
  return undefined;
}

interface ListMember {
  readonly member: string;
  readonly type: GraphQLInputType;
}

/** Cached by type, because every request is checked. */
const listMembers = new WeakMap<GraphQLInputObjectType, readonly ListMember[]>();

function listMembersOf(type: GraphQLInputObjectType): readonly ListMember[] {
  const known = listMembers.get(type);
  if (known !== undefined) return known;
  const members = Object.values(type.getFields()).flatMap((field) => {
    const list = getNullableType(field.type);
    return isListType(list) ? { member: field.name, type: list } : [];
  });
  listMembers.set(type, members);
  return members;
}

/** Coerces like coerceInputValue, but a long list in several turns. Resolves to undefined if the value is invalid. */
async function coerceInTurns(type: GraphQLInputType, value: unknown): Promise<unknown> {
  const list = findLongList(type, value);
  if (list === undefined) return coerceInputValue(value, type);
  const { elements, member } = list;
  const around = member === undefined ? [] : coerceInputValue({ ...(value as object), [member]: [] }, type);
  if (around === undefined) return undefined;
  const coerced: unknown[] = [];
  for (let start = 0; start < elements.length; start += SLICE) {
    if (start > 0) await setImmediate();
    const slice = coerceInputValue(elements.slice(start, start + SLICE), list.type);
    if (slice === undefined) return undefined;
    coerced.push(...(slice as unknown[]));
  }
  if (member === undefined) return coerced;
  // The member already exists, so the order of the members does not change.
  return Object.assign(around as object, { [member]: coerced });
}
