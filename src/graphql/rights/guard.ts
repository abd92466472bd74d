import {
  defaultFieldResolver,
  type FieldNode,
  GraphQLError,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { forbid, noOwner } from '../../core/access/forbid.ts';
import { SCOPES, type Viewer } from '../../core/access/viewer.ts';
import { messageOf } from '../../core/refusal-messages.ts';
import type { Context } from '../context.ts';
import { RIGHTS, RIGHTS_BELOW, type Right } from './table.ts';

type Table = Readonly<Record<string, Readonly<Record<string, Right>>>>;
const ROOTS: Table = RIGHTS;

/**
 * Wraps the resolvers of the root fields, so that a field is resolved only if the caller has the rights to it and to the fields
 * selected below it. Otherwise a mutation returns FORBIDDEN, and a query fails with it. Throws if schema and table disagree.
 */
export function guardRoots(schema: GraphQLSchema): GraphQLSchema {
  const problems = disagreements(schema);
  if (problems.length > 0) throw new TypeError(`the table of rights must list ${problems.join(', ')}`);
  for (const [typeName, rights] of Object.entries(ROOTS)) {
    const fields = fieldsOf(schema, typeName);
    for (const [name, right] of Object.entries(rights)) {
      const field = fields[name];
      if (field === undefined) continue;
      const named = { name: `${typeName}.${name}`, right };
      field.resolve = guarded(field.resolve ?? defaultFieldResolver, named);
    }
  }
  return schema;
}

/** Returns the differences between the tables and a schema, such as `Query.x, which lacks a row`. */
export function disagreements(schema: GraphQLSchema): string[] {
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const unlisted = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (!isObjectType(type)) return [];
    const isRoot = roots.includes(type);
    return Object.values(type.getFields())
      .filter((field) => isRoot || getNamedType(field.type).name.endsWith('Connection'))
      .filter(({ name }) => !Object.hasOwn({ ...ROOTS, ...RIGHTS_BELOW }[type.name] ?? {}, name))
      .map(({ name }) => `${type.name}.${name}, which lacks a row`);
  });
  const unknown = Object.entries({ ...ROOTS, ...RIGHTS_BELOW }).flatMap(([typeName, rights]) =>
    Object.keys(rights)
      .filter((name) => !Object.hasOwn(fieldsOf(schema, typeName), name))
      .map((name) => `no ${typeName}.${name}, which does not exist`),
  );
  return [...unlisted, ...unknown];
}

function fieldsOf(schema: GraphQLSchema, typeName: string): Record<string, GraphQLField<unknown, Context>> {
  const type = schema.getType(typeName);
  return isObjectType(type) ? type.getFields() : {};
}

type Resolver = GraphQLFieldResolver<unknown, Context>;

/** A field with a row in the tables. */
interface NamedRight {
  /** The field, such as `Ledger.head`. */
  readonly name: string;
  readonly right: Right;
}

function guarded(resolve: Resolver, root: NamedRight): Resolver {
  return (source, args, context, info) => {
    const { viewer, notes } = context;
    const lacked = findLacked(viewer, root, info);
    if (lacked === undefined) return resolve(source, args, context, info);
    const refusal = forbid(viewer, lacked);
    if (info.operation.operation !== 'mutation') {
      throw new GraphQLError(messageOf(refusal), { extensions: { code: refusal.code } });
    }
    notes.noteCode(refusal.code);
    return refusal;
  };
}

/** Returns what a root field or a field selected below it needs, and the viewer lacks. */
function findLacked(viewer: Viewer, root: NamedRight, info: GraphQLResolveInfo): string | undefined {
  const lacked = lackedFor(viewer, root);
  if (lacked !== undefined) return lacked;
  if (viewer.owner === null && viewer.scopes.size === SCOPES.length) return undefined;
  for (const node of info.fieldNodes) {
    for (const below of rightsBelow(node, info)) {
      const lackedBelow = lackedFor(viewer, below);
      if (lackedBelow !== undefined) return lackedBelow;
    }
  }
  return undefined;
}

function lackedFor({ scopes, owner }: Viewer, { name, right }: NamedRight): string | undefined {
  const { scope, restricted } = right;
  if (scope !== null && !scopes.has(scope)) return `the scope ${scope}`;
  return owner === null || restricted ? undefined : noOwner(name);
}

/** Cached by field, because an operation is usually executed many times. */
const knownBelow = new WeakMap<FieldNode, readonly NamedRight[]>();

/** Returns the rights to the fields selected below a root field, including those that @skip or @include exclude. */
function rightsBelow(node: FieldNode, info: GraphQLResolveInfo): readonly NamedRight[] {
  const known = knownBelow.get(node);
  if (known !== undefined) return known;
  const needed = new Map<string, NamedRight>();
  const spread = new Set<string>();
  const typeInfo = new TypeInfo(info.schema, info.parentType);
  const visitor = visitWithTypeInfo(typeInfo, {
    Field: ({ name: { value: field } }) => {
      const type = typeInfo.getParentType()?.name ?? '';
      const right = RIGHTS_BELOW[type]?.[field];
      if (right === undefined) return;
      const name = `${type}.${field}`;
      needed.set(name, { name, right });
    },
    FragmentSpread: ({ name: { value: name } }) => {
      const fragment = info.fragments[name];
      if (fragment === undefined || spread.has(name)) return;
      spread.add(name);
      visit(fragment, visitor);
    },
  });
  visit(node, visitor);
  const rights = [...needed.values()];
  knownBelow.set(node, rights);
  return rights;
}
