// The rule of docs/api.md: within a major version, the schema only grows. tests/graphql/released.graphql is the schema of the last
// release. A release replaces it: its version in the first line, and below a copy of schema.graphql.

import { readFile } from 'node:fs/promises';
import { ChangeType, CriticalityLevel, diff } from '@graphql-inspector/core';
import {
  buildSchema,
  type GraphQLArgument,
  type GraphQLEnumValue,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
} from 'graphql';
import { expect, test } from 'vitest';
import { schemaText } from '../../src/graphql/schema.ts';

const released = await read('tests/graphql/released.graphql');
const { version } = JSON.parse(await read('package.json')) as { version: string };

/** Changes of a default change the meaning of existing requests. The inspector only calls them dangerous. */
const DEFAULTS: ReadonlySet<string> = new Set([
  ChangeType.FieldArgumentDefaultChanged,
  ChangeType.InputFieldDefaultValueChanged,
]);

/** Returns the changes that break existing clients. */
async function breakingChanges(before: string, after: string): Promise<string[]> {
  const changes = await diff(buildSchema(before), buildSchema(after));
  return changes
    .filter(({ criticality, type }) => criticality.level === CriticalityLevel.Breaking || DEFAULTS.has(type))
    .map(({ message }) => message);
}

type Deprecable = GraphQLArgument | GraphQLEnumValue | GraphQLField<unknown, unknown> | GraphQLInputField;

/** Returns the coordinates of deprecated members whose reason does not begin with a date. */
function undatedDeprecations(schema: GraphQLSchema): string[] {
  return Object.values(schema.getTypeMap())
    .flatMap((type): Deprecable[] => {
      if (isEnumType(type)) return [...type.getValues()];
      if (isInputObjectType(type)) return Object.values(type.getFields());
      if (!isObjectType(type) && !isInterfaceType(type)) return [];
      return Object.values(type.getFields()).flatMap((field) => [field, ...field.args]);
    })
    .filter(({ deprecationReason }) => deprecationReason != null && !isDated(deprecationReason))
    .map(String);
}

function isDated(reason: string): boolean {
  const [, date] = /^Since (\d{4}-\d{2}-\d{2}): \S/.exec(reason) ?? [];
  return date !== undefined && !Number.isNaN(Date.parse(date));
}

function majorOf(text: string): string {
  return text.split('.', 1)[0] ?? '';
}

test('the schema breaks no client of the last release of the same major version', async () => {
  const [, of = ''] = /^# Version (\d+\.\d+\.\d+)\n/.exec(released) ?? [];
  expect(of).not.toBe('');
  // A new major version may break clients. Its release replaces released.graphql.
  const changes = majorOf(of) === majorOf(version) ? await breakingChanges(released, schemaText) : [];
  expect(changes).toEqual([]);
});

test('each deprecation has a date', () => {
  expect(undatedDeprecations(buildSchema(schemaText))).toEqual([]);
});

const BEFORE = `
  type Query { account(id: ID!, first: Int = 20): Account, old: String @deprecated(reason: "Since 2026-12-01: use account.") }
  type Account { name: String!, note: String, kind: Kind! }
  enum Kind { STANDARD, EXTERNAL }
  input Filter { name: String, first: Int = 20 }
  union Result = Account | Failed
  type Failed { code: String! }
  type Mutation { find(filter: Filter!): Result }`;

test.each([
  ['a removed field', ', note: String', ''],
  ['a removed deprecated field', ', old: String @deprecated(reason: "Since 2026-12-01: use account.")', ''],
  ['a removed enum value', ', EXTERNAL', ''],
  ['a removed union member', ' | Failed', ''],
  ['a removed argument', ', first: Int = 20): Account', '): Account'],
  ['a removed input field', 'name: String, first', 'first'],
  ['a field that becomes nullable', 'name: String!', 'name: String'],
  ['a field of another type', 'note: String', 'note: Int'],
  ['an argument that becomes required', 'first: Int = 20)', 'first: Int!)'],
  ['an added required input field', 'input Filter { name', 'input Filter { kind: Kind!, name'],
  ['another default of an argument', 'first: Int = 20)', 'first: Int = 50)'],
  ['another default of an input field', 'first: Int = 20 }', 'first: Int = 50 }'],
  [
    'an input that becomes a oneOf',
    'input Filter { name: String, first: Int = 20 }',
    'input Filter @oneOf { name: String, first: Int }',
  ],
])('%s is a breaking change', async (_, before, after) => {
  expect(BEFORE).toContain(before);
  expect(await breakingChanges(BEFORE, BEFORE.replace(before, after))).not.toEqual([]);
});

test.each([
  ['an added type and field', 'type Failed {', 'type Other { id: ID! }\n  type Failed { other: Other,'],
  ['an added enum value', 'STANDARD,', 'STANDARD, INTERNAL,'],
  ['an added union member', ' | Failed', ' | Failed | Query'],
  ['an added optional argument', 'first: Int = 20)', 'first: Int = 20, last: Int)'],
  ['an added optional input field', 'input Filter { name', 'input Filter { kind: Kind, name'],
  ['a field that is never null', 'note: String,', 'note: String!,'],
  ['a deprecation', 'note: String,', 'note: String @deprecated(reason: "Since 2026-12-01: use name."),'],
  ['another description', 'type Failed {', '"A failure." type Failed {'],
])('%s breaks no client', async (_, before, after) => {
  expect(BEFORE).toContain(before);
  expect(await breakingChanges(BEFORE, BEFORE.replace(before, after))).toEqual([]);
});

test('a deprecation without a date is found', () => {
  const of = (reason: string) =>
    undatedDeprecations(buildSchema(`type Query { a(b: Int @deprecated(reason: "${reason}")): Int }`));
  expect(of('Since 2026-12-01: use c.')).toEqual([]);
  for (const reason of [
    'use c.',
    'Since 2026-13-45: use c.',
    '2026-12-01',
    'Since 2026-12-01: ',
    'Since 2026-12-01',
  ]) {
    expect(of(reason)).toEqual(['Query.a(b:)']);
  }
});

function read(path: string): Promise<string> {
  return readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
}
