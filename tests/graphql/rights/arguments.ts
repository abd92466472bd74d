// Makes arguments of root fields from their types. An argument that the samples do not cover is an error, so that no field is forgotten.

import { randomUUID } from 'node:crypto';
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
} from 'graphql';
import { ID_PREFIX, type IdKind } from '../../../src/core/values/ids.ts';
import { schema } from '../../../src/graphql/schema.ts';
import type { Objects } from './objects.ts';

export type Field = GraphQLField<unknown, unknown>;
export type Path = readonly (string | number)[];

/** The samples of scalars: by the type or field that has the argument, or by the argument's name alone. */
const SAMPLES: Readonly<Record<string, (objects: Objects, place: number) => unknown>> = {
  accountId: ({ accounts }, place) => accounts[place],
  keyAccountId: ({ accounts }) => accounts[0],
  fromAccountId: ({ accounts }) => accounts[0],
  toAccountId: ({ accounts }) => accounts[1],
  transactionId: ({ ids }) => ids.transaction,
  holdId: ({ ids }) => ids.hold,
  apiKeyId: ({ ids }) => ids.apiKey,
  actorId: ({ ids }) => ids.actor,
  subjectId: ({ ids }) => ids.account,
  'account.id': ({ ids }) => ids.account,
  'transaction.id': ({ ids }) => ids.transaction,
  'hold.id': ({ ids }) => ids.hold,
  'node.id': ({ ids }) => ids.account,
  'nodes.ids': ({ ids }) => ids.account,
  'TransactionFilter.accountId': ({ ids }) => ids.account,
  'HoldFilter.accountId': ({ ids }) => ids.account,
  'outcomeByKey.accountId': ({ ids }) => ids.account,
  'outcomeByKey.idempotencyKey': ({ idempotencyKey }) => idempotencyKey,
  idempotencyKey: () => randomUUID(),
  amount: () => '1.00',
  balanceAtLeast: () => '-100.00',
  owner: () => 'somebody',
  currency: () => 'USD',
  'CreateCurrencyInput.code': () => `X${randomUUID().replaceAll('-', '').slice(0, 11).toUpperCase()}`,
  'CreateCurrencyInput.exponent': () => 2,
  'ClosePeriodInput.before': () => '2020-01-01T00:00:00Z',
  'CreateLedgerInput.name': () => randomUUID(),
  'CreateApiKeyInput.name': () => randomUUID(),
};

/** Optional fields without which an input is invalid. */
const ALSO: ReadonlySet<string> = new Set(['BalanceConditionInput.balanceAtLeast']);
/** The lists that need more than one element. */
const SIZES: Readonly<Record<string, number>> = { EntryInput: 2 };

/** Returns the fields of Query and Mutation. */
export function rootFields(): readonly (readonly [type: 'Query' | 'Mutation', field: Field])[] {
  return (['Query', 'Mutation'] as const).flatMap((name) => {
    const type = name === 'Query' ? schema.getQueryType() : schema.getMutationType();
    return Object.values(type?.getFields() ?? {}).map((field) => [name, field] as const);
  });
}

/** Returns valid arguments: the required ones, and those along the path. */
export function argumentsOf(field: Field, objects: Objects, path: Path = []): Record<string, unknown> {
  const [first, ...rest] = path;
  return Object.fromEntries(
    field.args
      .filter((argument) => isRequiredArgument(argument) || argument.name === first)
      .map((argument) => [
        argument.name,
        sampleOf(argument, field.name, objects, 0, argument.name === first ? rest : []),
      ]),
  );
}

/** Returns the paths to the members of a oneOf argument; the empty path if there is none. */
export function variantsOf(field: Field): readonly Path[] {
  const variants = field.args.flatMap(({ name, type }) => {
    const named = getNamedType(type);
    const isOneOf = isInputObjectType(named) && named.isOneOf && isRequiredArgument({ name, type } as never);
    return isOneOf ? Object.keys(named.getFields()).map((member) => [name, member]) : [];
  });
  return variants.length === 0 ? [[]] : variants;
}

type Given = Pick<GraphQLArgument | GraphQLInputField, 'name' | 'type'>;

function sampleOf(
  { name, type }: Given,
  owner: string,
  objects: Objects,
  place: number,
  path: Path,
): unknown {
  const bare = isNonNullType(type) ? type.ofType : type;
  if (isListType(bare)) {
    const element = { name, type: bare.ofType };
    const named = getNamedType(element.type);
    if (isInputObjectType(named) && named.isOneOf && path.length === 0) {
      return Object.keys(named.getFields()).map((member) => sampleOf(element, owner, objects, 0, [member]));
    }
    return Array.from({ length: SIZES[named.name] ?? 1 }, (_, index) =>
      sampleOf(element, owner, objects, index, path[0] === index ? path.slice(1) : []),
    );
  }
  if (isInputObjectType(bare)) {
    const [first, ...rest] = path;
    const fields = Object.values(bare.getFields()).filter(
      (field) =>
        field.name === first ||
        (!bare.isOneOf && isRequiredInputField(field)) ||
        ALSO.has(`${bare.name}.${field.name}`),
    );
    return Object.fromEntries(
      fields.map((field) => [
        field.name,
        sampleOf(field, bare.name, objects, place, field.name === first ? rest : []),
      ]),
    );
  }
  if (isEnumType(bare)) {
    // ADMIN suffices to grant ADMIN.
    if (bare.name === 'Scope') return 'ADMIN';
    const values = bare.getValues();
    return values[place % values.length]?.name;
  }
  const sample = SAMPLES[`${owner}.${name}`] ?? SAMPLES[name];
  if (sample === undefined) throw new TypeError(`no sample of ${owner}.${name}: add it to SAMPLES`);
  return sample(objects, place);
}

/** An argument or an input field that takes an id. */
export interface IdSite {
  readonly field: Field;
  readonly path: Path;
  /** Its kinds: all for `node` and `nodes`. */
  readonly kinds: readonly IdKind[];
  /** Whether it takes `ext:` names. */
  readonly takesNames: boolean;
}

const KINDS: Readonly<Record<string, IdKind>> = {
  accountId: 'account',
  keyAccountId: 'account',
  fromAccountId: 'account',
  toAccountId: 'account',
  transactionId: 'transaction',
  holdId: 'hold',
  apiKeyId: 'apiKey',
  actorId: 'actor',
  subjectId: 'account',
  'account.id': 'account',
  'transaction.id': 'transaction',
  'hold.id': 'hold',
};

/** Returns all places in a root field's arguments that take an id. */
export function idSitesOf(field: Field): IdSite[] {
  return field.args.flatMap((argument) => sitesIn(argument, field.name, field, [argument.name]));
}

function sitesIn({ name, type }: Given, owner: string, field: Field, path: Path): IdSite[] {
  const bare = isNonNullType(type) ? type.ofType : type;
  if (isListType(bare)) {
    const last = (SIZES[getNamedType(bare).name] ?? 1) - 1;
    return sitesIn({ name, type: bare.ofType }, owner, field, [...path, last]);
  }
  if (isInputObjectType(bare)) {
    return Object.values(bare.getFields()).flatMap((inner) =>
      sitesIn(inner, bare.name, field, [...path, inner.name]),
    );
  }
  if (bare.name !== 'ID') return [];
  const isNode = field.name === 'node' || field.name === 'nodes';
  if (isNode) return [{ field, path, kinds: Object.keys(ID_PREFIX) as IdKind[], takesNames: false }];
  const kind = KINDS[`${owner}.${name}`] ?? KINDS[name];
  if (kind === undefined) throw new TypeError(`no kind of the id ${owner}.${name}: add it to KINDS`);
  return [{ field, path, kinds: [kind], takesNames: kind !== 'apiKey' && kind !== 'actor' }];
}

/** Returns the value with another one at the path. */
export function replaceAt(value: unknown, [first, ...rest]: Path, other: unknown): unknown {
  if (first === undefined) return other;
  if (Array.isArray(value)) {
    return value.map((each, place) => (place === first ? replaceAt(each, rest, other) : each));
  }
  const object = value as Record<string, unknown>;
  return { ...object, [first]: replaceAt(object[first], rest, other) };
}

/** Returns the variables of an operation with one root field, and their declarations. */
export function declarationsOf(
  field: Field,
  given: object,
): { readonly declared: string; readonly passed: string } {
  const args = field.args.filter(({ name }) => Object.hasOwn(given, name));
  if (args.length === 0) return { declared: '', passed: '' };
  return {
    declared: `(${args.map(({ name, type }) => `$${name}: ${type as GraphQLInputType}`).join(', ')})`,
    passed: `(${args.map(({ name }) => `${name}: $${name}`).join(', ')})`,
  };
}
