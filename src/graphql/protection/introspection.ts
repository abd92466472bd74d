import {
  type GraphQLField,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isUnionType,
} from 'graphql';

type Sizes = ReadonlyMap<string, number>;

const known = new WeakMap<GraphQLSchema, Sizes>();

/**
 * Returns the mean length of a list of introspection, such as `__Type.fields`. Undefined for any other field. The mean is enough:
 * GraphQL's own rules limit how deep these lists are nested.
 */
export function introspectionSize(schema: GraphQLSchema, place: string): number | undefined {
  const sizes = known.get(schema) ?? measure(schema);
  known.set(schema, sizes);
  return sizes.get(place);
}

function measure(schema: GraphQLSchema): Sizes {
  const types = Object.values(schema.getTypeMap());
  const directives = schema.getDirectives();
  const fields: GraphQLField<unknown, unknown>[] = [];
  let [inputFields, enumValues, interfaces, possibleTypes] = [0, 0, 0, 0];
  for (const type of types) {
    if (isObjectType(type) || isInterfaceType(type)) {
      fields.push(...Object.values(type.getFields()));
      interfaces += type.getInterfaces().length;
    }
    if (isInputObjectType(type)) inputFields += Object.keys(type.getFields()).length;
    if (isEnumType(type)) enumValues += type.getValues().length;
    if (isInterfaceType(type) || isUnionType(type)) possibleTypes += schema.getPossibleTypes(type).length;
  }
  const args = fields.reduce((sum, field) => sum + field.args.length, 0);
  const directiveArgs = directives.reduce((sum, directive) => sum + directive.args.length, 0);
  const mean = (count: number, of: number) => Math.max(1, Math.ceil(count / of));
  return new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', directives.length],
    ['__Directive.args', mean(directiveArgs, directives.length)],
    ['__Type.fields', mean(fields.length, types.length)],
    ['__Type.inputFields', mean(inputFields, types.length)],
    ['__Type.enumValues', mean(enumValues, types.length)],
    ['__Type.interfaces', mean(interfaces, types.length)],
    ['__Type.possibleTypes', mean(possibleTypes, types.length)],
    ['__Field.args', mean(args, fields.length)],
  ]);
}
