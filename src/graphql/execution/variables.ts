import {
  GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  isRequiredInputField,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';

/**
 * Returns the error of the first unknown or missing field in the variables. Execution finds it too, but reports each such field
 * with its whole object: the errors of a large request could be a hundred times its size.
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
    if (field === undefined)
      return `${path} has the field ${shorten(name)}, which ${type.name} does not define`;
    const problem = findProblem(field.type, Reflect.get(value, name), `${path}.${name}`);
    if (problem !== undefined) return problem;
  }
  const missing = Object.values(fields).find(
    (field) => isRequiredInputField(field) && !Object.hasOwn(value, field.name),
  );
  return missing && `${path} lacks the field "${missing.name}", which ${type.name} requires`;
}

const SHOWN = 100;

function shorten(name: string): string {
  return JSON.stringify(name.length > SHOWN ? `${name.slice(0, SHOWN)}…` : name);
}
