import {
  type ArgumentNode,
  BREAK,
  type DocumentNode,
  type FieldNode,
  type GraphQLInputType,
  type GraphQLSchema,
  getNullableType,
  isEnumType,
  isInputType,
  isScalarType,
  isSpecifiedScalarType,
  isTypeSubTypeOf,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  typeFromAST,
  type ValueNode,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/**
 * Returns whether a compiled operation has the same result as with graphql-js. Every argument must be a variable of the argument's
 * type, an integer, a boolean or an enum value. In other cases graphql-jit differs from graphql-js:
 *
 * - It drops variables in literals of custom scalars, and accepts malformed literals of them.
 * - It executes a literal's text as JavaScript if the text imitates its internal markers.
 * - It evaluates directives and the defaults of variables differently.
 * - Names of Object.prototype, such as __proto__, collide with properties of its objects.
 */
export function isCompilable(
  schema: GraphQLSchema,
  document: DocumentNode,
  { variableDefinitions = [] }: OperationDefinitionNode,
): boolean {
  const types = new Map<string, GraphQLInputType>();
  for (const { variable, type: typeNode, defaultValue } of variableDefinitions) {
    const type = typeFromAST(schema, typeNode);
    if (defaultValue !== undefined || isInherited(variable.name.value) || !isInputType(type)) return false;
    types.set(variable.name.value, type);
  }
  const typeInfo = new TypeInfo(schema);
  let isSame = true;
  const allow = (allowed: boolean) => {
    if (allowed) return undefined;
    isSame = false;
    return BREAK;
  };
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Directive: () => allow(false),
      Field: (field) => allow(isPlainField(field)),
      Argument: ({ value }: ArgumentNode) => {
        const type = typeInfo.getArgument()?.type;
        return allow(type !== undefined && isPlainValue(schema, types, type, value));
      },
    }),
  );
  return isSame;
}

function isPlainField({ name, alias }: FieldNode): boolean {
  const isIntrospection = name.value.startsWith('__') && name.value !== '__typename';
  return !isIntrospection && !isInherited((alias ?? name).value);
}

function isPlainValue(
  schema: GraphQLSchema,
  types: ReadonlyMap<string, GraphQLInputType>,
  type: GraphQLInputType,
  value: ValueNode,
): boolean {
  if (value.kind === Kind.VARIABLE) {
    const given = types.get(value.name.value);
    // A variable that cannot be null may be used for an argument that can be null.
    return given !== undefined && isTypeSubTypeOf(schema, given, type);
  }
  const bare = getNullableType(type);
  if (value.kind === Kind.ENUM) return isEnumType(bare);
  const isBuiltIn = isScalarType(bare) && isSpecifiedScalarType(bare);
  return isBuiltIn && (value.kind === Kind.INT || value.kind === Kind.BOOLEAN);
}

function isInherited(name: string): boolean {
  return name in Object.prototype;
}
