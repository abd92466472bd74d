import { buildSchema, printSchema } from 'graphql';
import { expect, test } from 'vitest';
import { builder } from '../../../src/graphql/builder.ts';
import { disagreements, guardRoots } from '../../../src/graphql/rights/guard.ts';
import { RIGHTS, rightsInMarkdown } from '../../../src/graphql/rights/table.ts';
import { schema } from '../../../src/graphql/schema.ts';

const text = printSchema(schema);

/** Returns the schema with a part of its text replaced. */
function changed(ours: string, other: string) {
  expect(text).toContain(ours);
  return buildSchema(text.replace(ours, other));
}

test('the table has a row for each root field and each list, and no others', () => {
  expect(disagreements(schema)).toEqual([]);
});

test.each([
  ['a query', 'type Query {', 'type Query {\n  more: Int', 'Query.more, which lacks a row'],
  ['a mutation', 'type Mutation {', 'type Mutation {\n  more: Int', 'Mutation.more, which lacks a row'],
  [
    'a list of an object',
    'type Hold implements Node {',
    'type Hold implements Node {\n  more: EntryConnection',
    'Hold.more, which lacks a row',
  ],
  [
    'a field that is named like a property of every object',
    'type Query {',
    'type Query {\n  toString: Int',
    'Query.toString, which lacks a row',
  ],
])('the service does not start with %s without a row', (_, ours, other, problem) => {
  expect(() => guardRoots(changed(ours, other))).toThrow(problem);
});

test('the service does not start with a subscription without a row', () => {
  const wired = changed(
    'mutation: Mutation\n}',
    'mutation: Mutation\n  subscription: Subscription\n}\ntype Subscription { more: Int }',
  );
  expect(() => guardRoots(wired)).toThrow('Subscription.more, which lacks a row');
});

test('the service does not start with a row of a field that does not exist', () => {
  expect(() => guardRoots(changed('closePeriod(', 'closeTime('))).toThrow(
    'Mutation.closeTime, which lacks a row, no Mutation.closePeriod, which does not exist',
  );
});

test('a root field without a row does not compile', () => {
  const neverRun = () => {
    // @ts-expect-error -- the name has no row
    builder.queryField('unknown', (t) => t.int({ resolve: () => 1 }));
    // @ts-expect-error -- the name has no row
    builder.mutationField('unknown', (t) => t.int({ resolve: () => 1 }));
    // @ts-expect-error -- a query's name
    builder.mutationField('accounts', (t) => t.int({ resolve: () => 1 }));
    // @ts-expect-error -- its names are not checked
    builder.queryFields((t) => ({ unknown: t.int({ resolve: () => 1 }) }));
    // @ts-expect-error -- its names are not checked
    builder.mutationFields((t) => ({ unknown: t.int({ resolve: () => 1 }) }));
    // @ts-expect-error -- its names are not checked
    builder.subscriptionType({});
  };
  expect(neverRun).toBeTypeOf('function');
});

test('no mutation can be used without a scope, and a restricted caller can neither manage nor administer', () => {
  const rows = [...Object.entries(RIGHTS.Query), ...Object.entries(RIGHTS.Mutation)];
  expect(rows.filter(([, { scope }]) => scope === null).map(([name]) => name)).toEqual(['viewer', 'ledgers']);
  for (const [, { scope, restricted }] of rows) {
    if (scope === 'MANAGE' || scope === 'ADMIN') expect(restricted).toBe(false);
  }
});

test('the table is printed as Markdown with one line for each field', () => {
  const lines = rightsInMarkdown().trimEnd().split('\n');
  expect(lines).toContain('| `Query.viewer` | any | yes |');
  expect(lines).toContain('| `Mutation.transfer` | POST | yes |');
  expect(lines).toContain('| `Account.history` | READ | yes |');
  expect(lines).toContain('| `Ledger.head` | READ | no |');
  const fields = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
    Object.keys(type?.getFields() ?? {}),
  );
  expect(lines.length).toBeGreaterThan(fields.length);
  for (const line of lines) expect(line).toMatch(/^(\| [^|]+ ){3}\|$/);
});
