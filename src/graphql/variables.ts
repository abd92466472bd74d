import {
  GraphQLError,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';

/**
 * Why variables cannot be of their types by their fields alone: the first that there is not, or that is missing. Execution finds
 * the same, and more; but it tells each such field together with all that stands beside it, so that of a large request it would
 * tell a hundred times what came.
 */
export function findMisshapenVariable(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
  variables: Readonly<Record<string, unknown>>,
): GraphQLError | undefined {
  for (const { variable, type: typeNode } of variableDefinitions) {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode);
    const problem = isInputType(type) ? findProblem(type, variables[name], `$${name}`) : undefined;
    if (problem !== undefined) return new GraphQLError(`${problem}.`, { nodes: variable });
  }
  return undefined;
}

function findProblem(type: GraphQLInputType, value: unknown, path: string): string | undefined {
  if (isNonNullType(type)) return findProblem(type.ofType, value, path);
  if (typeof value !== 'object' || value === null) return undefined;
  if (isListType(type)) {
    if (!Array.isArray(value)) return findProblem(type.ofType, value, path);
    for (const [place, item] of value.entries()) {
      const problem = findProblem(type.ofType, item, `${path}[${place}]`);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }
  if (!isInputObjectType(type) || Array.isArray(value)) return undefined;
  const fields = type.getFields();
  for (const name of Object.keys(value)) {
    const field = fields[name];
    if (field === undefined) return `${path} has the field ${shorten(name)}, which ${type.name} has not`;
    const problem = findProblem(field.type, Reflect.get(value, name), `${path}.${name}`);
    if (problem !== undefined) return problem;
  }
  const missing = Object.values(fields).find(
    (field) => isRequiredInputField(field) && !Object.hasOwn(value, field.name),
  );
  return missing && `${path} lacks the field "${missing.name}", which ${type.name} must have`;
}

const SHOWN = 100;

function shorten(name: string): string {
  return JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
}

type Check = (value: unknown) => boolean;

/**
 * Makes a check whether variables are of an operation's types as they are. It is strict: values that execution converts first,
 * such as one value where a list is expected, do not pass, and nothing that execution refuses does. Variables have no defaults.
 */
export function checkOfVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): (variables: Readonly<Record<string, unknown>>) => boolean {
  const checks = variableDefinitions.map(({ variable, type: typeNode }) => {
    const name = variable.name.value;
    const type = typeFromAST(schema, typeNode);
    const isRight = isInputType(type) ? checkOf(type) : () => false;
    return (variables: Readonly<Record<string, unknown>>) => isRight(variables[name]);
  });
  return (variables) => checks.every((isRight) => isRight(variables));
}

function checkOf(type: GraphQLInputType): Check {
  if (isNonNullType(type)) {
    const isRight = checkOf(type.ofType);
    return (value) => value !== null && value !== undefined && isRight(value);
  }
  const isRight = checkOfGiven(type);
  return (value) => value === null || value === undefined || isRight(value);
}

function checkOfGiven(type: GraphQLInputType): Check {
  if (isListType(type)) {
    const isRight = checkOf(type.ofType);
    return (value) => Array.isArray(value) && value.every(isRight);
  }
  if (isInputObjectType(type)) return checkOfObject(type);
  if (isEnumType(type)) return (value) => typeof value === 'string' && type.getValue(value) !== undefined;
  // Our own scalars take anything.
  return SCALARS[String(type)] ?? (() => true);
}

const isText: Check = (value) => typeof value === 'string';
const SCALARS: Readonly<Record<string, Check>> = {
  ID: isText,
  String: isText,
  Boolean: (value) => typeof value === 'boolean',
  Int: (value) => typeof value === 'number' && (value | 0) === value,
  Float: Number.isFinite,
};

function checkOfObject(type: GraphQLInputObjectType): Check {
  const fields = Object.values(type.getFields());
  const checks = new Map(fields.map((field) => [field.name, checkOf(field.type)]));
  // Fields with a default too: compiled operations do not fill it in as execution does.
  const required = fields
    .filter(
      (field) => isNonNullType(field.type) || field.default !== undefined || field.defaultValue !== undefined,
    )
    .map(({ name }) => name);
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
    const names = Object.keys(value);
    for (const name of names) {
      const given: unknown = Reflect.get(value, name);
      if (checks.get(name)?.(given) !== true || (type.isOneOf && given === null)) return false;
    }
    if (type.isOneOf) return names.length === 1;
    return required.every((name) => Object.hasOwn(value, name));
  };
}
