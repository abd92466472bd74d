/** The errors of a compiled operation, as graphql-js reports them. */
import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNullableType,
  isListType,
  isNonNullType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';

/** An operation, with the types of all fields of its document. */
interface Typed {
  readonly operation: OperationDefinitionNode;
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  readonly types: ReadonlyMap<FieldNode, GraphQLOutputType>;
}

type Path = readonly (string | number)[];

/**
 * Returns the first of the errors that null the same value, each with the nodes of its field, in the order of the root fields. A
 * compiled operation reports all of them, in another order, and only the positions of the nodes.
 */
export function reportedErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  { data, errors }: { readonly data: object | null; readonly errors: readonly GraphQLError[] },
): GraphQLError[] {
  const typed = typesOf(schema, document, operation);
  const roots = Object.keys(data ?? {});
  const nulled = new Set<string>();
  const reported: GraphQLError[] = [];
  for (const { message, locations = [], path = [], originalError } of errors) {
    const place = JSON.stringify(nulledBy(path, typed));
    if (nulled.has(place)) continue;
    nulled.add(place);
    const nodes = locations.flatMap(({ line, column }) =>
      [...typed.types.keys()].filter(
        ({ loc }) => loc?.startToken.line === line && loc.startToken.column === column,
      ),
    );
    reported.push(new GraphQLError(message, { nodes, path, originalError }));
  }
  const rootOf = ({ path: [root] = [] }: GraphQLError) => roots.indexOf(String(root));
  return reported.toSorted((a, b) => rootOf(a) - rootOf(b));
}

function typesOf(schema: GraphQLSchema, document: DocumentNode, operation: OperationDefinitionNode): Typed {
  const types = new Map<FieldNode, GraphQLOutputType>();
  const typeInfo = new TypeInfo(schema);
  const noteType = (node: FieldNode) => {
    const type = typeInfo.getType();
    if (type != null) types.set(node, type as GraphQLOutputType);
  };
  visit(document, visitWithTypeInfo(typeInfo, { Field: noteType }));
  const fragments = document.definitions.filter((each) => each.kind === Kind.FRAGMENT_DEFINITION);
  return { operation, types, fragments: new Map(fragments.map((each) => [each.name.value, each])) };
}

/** Returns the path of the value that an error at a path makes null: its own, or that of the nearest nullable value above. */
function nulledBy(path: Path, { operation, fragments, types }: Typed): Path {
  let sets: readonly SelectionSetNode[] = [operation.selectionSet];
  let type: GraphQLOutputType | undefined;
  let nullable = 0;
  for (const [place, key] of path.entries()) {
    if (typeof key === 'number') {
      const list = type && getNullableType(type);
      type = isListType(list) ? list.ofType : undefined;
    } else {
      const fields = sets.flatMap((set) => fieldsIn(set, fragments)).filter((field) => nameOf(field) === key);
      type = fields[0] && types.get(fields[0]);
      sets = fields.flatMap(({ selectionSet }) => selectionSet ?? []);
    }
    if (type !== undefined && !isNonNullType(type)) nullable = place + 1;
  }
  return path.slice(0, nullable);
}

function fieldsIn(
  { selections }: SelectionSetNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): FieldNode[] {
  return selections.flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return selection;
    const set =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection.selectionSet
        : fragments.get(selection.name.value)?.selectionSet;
    return set === undefined ? [] : fieldsIn(set, fragments);
  });
}

function nameOf({ alias, name }: FieldNode): string {
  return (alias ?? name).value;
}
