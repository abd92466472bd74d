import {
  type GraphQLNamedOutputType,
  type GraphQLObjectType,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { RIGHTS_BELOW } from '../../../src/graphql/rights/table.ts';
import { schema } from '../../../src/graphql/schema.ts';

/** Whether a caller restricted to an owner may select a field below a root field. */
export function isForRestricted(type: string, field: string): boolean {
  return RIGHTS_BELOW[type]?.[field]?.restricted ?? true;
}

type Allows = (type: string, field: string) => boolean;

/** Returns the selection of all fields of a type that need no arguments, `depth` levels deep. */
export function selectionOf(
  type: GraphQLNamedOutputType,
  depth: number,
  allows: Allows = () => true,
): string {
  if (isLeafType(type)) return '';
  if (isAbstractType(type)) {
    // Fields of different types may have the same name and different nullability.
    const parts = schema
      .getPossibleTypes(type)
      .map((each) => `... on ${each.name} { ${fieldsOf(each, depth, `${each.name}_`, allows)} }`);
    return `{ __typename ${parts.join(' ')} }`;
  }
  return `{ __typename ${fieldsOf(type as GraphQLObjectType, depth, '', allows)} }`;
}

function fieldsOf(type: GraphQLObjectType, depth: number, prefix: string, allows: Allows): string {
  return Object.values(type.getFields())
    .filter((field) => allows(type.name, field.name) && !field.args.some(isRequiredArgument))
    .flatMap((field) => {
      const named = getNamedType(field.type);
      const alias = prefix === '' ? '' : `${prefix}${field.name}: `;
      if (!isCompositeType(named)) return [`${alias}${field.name}`];
      return depth === 0 ? [] : [`${alias}${field.name} ${selectionOf(named, depth - 1, allows)}`];
    })
    .join(' ');
}

/** A list in pages: its object and field, with the arguments for cursors. */
export interface List {
  readonly type: string;
  readonly field: string;
  readonly cursors: readonly string[];
}

/** Returns all lists of the schema that take cursors. */
export function listsOf(): List[] {
  return Object.values(schema.getTypeMap()).flatMap((type) =>
    isObjectType(type)
      ? Object.values(type.getFields()).flatMap(({ name, args }) => {
          const cursors = args.map((arg) => arg.name).filter((arg) => arg === 'after' || arg === 'before');
          return cursors.length === 0 ? [] : [{ type: type.name, field: name, cursors }];
        })
      : [],
  );
}
