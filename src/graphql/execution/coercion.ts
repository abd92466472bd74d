/**
 * Coercion of variables ahead of execution, some elements of a long list in each turn of the event loop: to coerce the 10,000
 * operations of a batch takes 100 ms. The executors then get the coerced values by the type COERCED, which takes any value as
 * it is. Coercion is graphql-js's own, as in the executors. Where it fails, an executor coerces again, and reports the errors.
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

/** The schema, for executing documents that `takeCoerced` made. Never shown to callers. */
export function withCoercedVariables(schema: GraphQLSchema): GraphQLSchema {
  const config = schema.toConfig();
  return new GraphQLSchema({ ...config, types: [...config.types, COERCED] });
}

/** The document whose operation takes the values of these variables as they are. */
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
 * Makes a function that coerces all variables of an operation. It answers undefined where one is not of its type. The operation
 * is valid, and its variables have no defaults.
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

/** What an executor gets instead of an operation with long lists in its variables. */
export interface CoercedOperation {
  readonly document: DocumentNode;
  readonly variableValues: Record<string, unknown>;
}

/**
 * Coerces the variables of a valid operation that have long lists. Answers undefined where there are none, and resolves to
 * undefined where one is not of its type.
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
  if (!isInputType(type)) throw new TypeError('a valid operation has variables of input types');
  return type;
}

/** A long list that a value is, or has as a member such as `input.operations`: no other list has many elements. */
interface LongList {
  readonly type: GraphQLInputType;
  readonly elements: readonly unknown[];
  /** The member's name; undefined: the value is the list. */
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

/** By type: every request is looked at. */
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

/** Like coerceInputValue: undefined where a value is not of its type. Coerces its long list in turns. */
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
  // The member is there already, so that the order of the members stays.
  return Object.assign(around as object, { [member]: coerced });
}
