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
