import {
  defaultFieldResolver,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
} from 'graphql';
import type { Context } from '../context.ts';

/**
 * Wraps the schema's resolvers so that long lists of objects, and the targets of many links, are completed in slices, between which
 * other requests run.
 */
export function completeInTurns(schema: GraphQLSchema): GraphQLSchema {
  const roots = new Set([schema.getQueryType(), schema.getMutationType()]);
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue;
    for (const field of Object.values(type.getFields())) {
      if (!isCompositeType(getNamedType(field.type))) continue;
      const resolve = field.resolve ?? defaultFieldResolver;
      if (isListType(getNullableType(field.type))) field.resolve = listInTurns(resolve);
      else if (!roots.has(type)) field.resolve = linkInTurns(resolve);
    }
  }
  return schema;
}

type Resolver = GraphQLFieldResolver<unknown, Context>;

function listInTurns(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const complete = (list: unknown) => (Array.isArray(list) ? context.budget.inTurns(list) : list);
    const resolved = resolve(source, args, context, info);
    return resolved instanceof Promise ? resolved.then(complete) : complete(resolved);
  };
}

function linkInTurns(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const resolved = resolve(source, args, context, info);
    return resolved instanceof Promise ? resolved.then((value) => context.budget.inTurn(value)) : resolved;
  };
}
