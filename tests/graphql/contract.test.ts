import { readFile } from 'node:fs/promises';
import { ChangeType, diff } from '@graphql-inspector/core';
import {
  buildSchema,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  parse,
  print,
  visit,
} from 'graphql';
import { expect, test } from 'vitest';
import { schema, schemaText } from '../../src/graphql/schema.ts';

const contract = buildSchema(await read('tests/contract.graphql'));

/** What of the contract the schema does not have yet: types, and members of types that it has. */
const NOT_BUILT = [
  // Time and receipts.
  'Account.balance.at',
  'Account.balance.by',
  'Account.statement',
  'Receipt',
  'Statement',
  'TimeAxis',
  'Transaction.receipt',
  // Subscriptions.
  'Subscription',
  'TransactionEvent',
];

/** What the contract asks for and a schema lacks, and where the two contradict each other. */
async function compare(asked: GraphQLSchema, given: GraphQLSchema) {
  const missing: string[] = [];
  const broken: string[] = [];
  for (const { type, message, path = '' } of await diff(asked, given)) {
    if (REMOVED.has(type)) missing.push(path);
    else if (type === ChangeType.UnionMemberRemoved) {
      missing.push(`${path} | ${/Member '(\w+)'/.exec(message)?.[1]}`);
    } else if (type === ChangeType.SchemaSubscriptionTypeChanged) {
      // The type itself is told of as well.
    } else if (!ADDED.has(type)) broken.push(message);
  }
  return { missing: missing.sort(), broken };
}

const REMOVED: ReadonlySet<string> = new Set([
  ChangeType.TypeRemoved,
  ChangeType.FieldRemoved,
  ChangeType.FieldArgumentRemoved,
  ChangeType.InputFieldRemoved,
  ChangeType.EnumValueRemoved,
]);

/** A schema may have more than the contract, and its descriptions are its own. Inputs take no more than they must. */
const ADDED: ReadonlySet<string> = new Set([
  ChangeType.TypeAdded,
  ChangeType.FieldAdded,
  ChangeType.UnionMemberAdded,
  ChangeType.EnumValueAdded,
  ...Object.values(ChangeType).filter((type) => type.includes('DESCRIPTION')),
]);

test('the schema has all of the contract but what is not built yet, and contradicts none of it', async () => {
  expect(await compare(contract, buildSchema(schemaText))).toEqual({
    missing: [...NOT_BUILT].sort(),
    broken: [],
  });
});

test.each([
  ['a nullability', 'amount: Decimal!\n  currency', 'amount: Decimal\n  currency', "'Money.amount'"],
  ['a default', 'normalSide: Side! = CREDIT', 'normalSide: Side! = DEBIT', 'normalSide'],
  ['a field’s type', 'hash: String!', 'hash: ID!', "'BlockHead.hash'"],
  ['a required argument more', 'ledger: Ledger!', 'ledger(of: ID!): Ledger!', "'of"],
  ['a required input field more', 'input DepositInput {', 'input DepositInput {\n  more: ID!', 'more'],
  ['an interface', 'type Entry implements Node', 'type Entry', "'Entry'"],
  ['a oneOf', 'input BalanceLimitInput @oneOf', 'input BalanceLimitInput', 'BalanceLimitInput'],
])('a schema that differs in %s breaks the contract', async (_, ours, other, named) => {
  const plain = withoutDescriptions(schemaText);
  expect(plain).toContain(ours);
  const { broken } = await compare(contract, buildSchema(plain.replace(ours, other)));
  expect(broken).toEqual([expect.stringContaining(named)]);
});

test.each([
  ['a union’s member', ' | SameAccountError', '', 'TransferResult | SameAccountError'],
  ['an enum’s value', '  EXTERNAL\n', '', 'AccountKind.EXTERNAL'],
  ['an argument', 'node(id: ID!)', 'node', 'Query.node.id'],
  ['an input’s field', '  owner: String!\n', '', 'CreateAccountInput.owner'],
  ['a field', '  head: BlockHead!\n', '', 'Ledger.head'],
])('a schema without %s of the contract is not whole', async (_, ours, other, coordinate) => {
  const plain = withoutDescriptions(schemaText);
  const at = plain.indexOf(ours, plain.indexOf(placeOf(coordinate)));
  expect(at).toBeGreaterThan(0);
  const changed = plain.slice(0, at) + plain.slice(at).replace(ours, other);
  const { missing } = await compare(contract, buildSchema(changed));
  expect(missing).toEqual([...NOT_BUILT, coordinate].sort());
});

test('schema.graphql is what the program has', async () => {
  expect(await read('schema.graphql')).toBe(schemaText);
});

test('everything in the schema has a description', () => {
  const bare = Object.values(schema.getTypeMap())
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap((type) => [
      ...(isEnumType(type) ? type.getValues() : []),
      ...(isInputObjectType(type) ? Object.values(type.getFields()) : []),
      ...(isObjectType(type) || isInterfaceType(type)
        ? Object.values(type.getFields()).flatMap((field) => [field, ...field.args])
        : []),
      type,
    ])
    .filter(({ description }) => (description ?? '') === '');
  expect(bare.map(String)).toEqual([]);
});

function read(path: string): Promise<string> {
  return readFile(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** SDL that short texts are found in. */
function withoutDescriptions(text: string): string {
  return print(
    visit(parse(text), {
      enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
    }),
  );
}

/** Where the definition of a coordinate's type begins. */
function placeOf(coordinate: string): string {
  const [type = ''] = coordinate.split(/[ .]/, 1);
  return ` ${type} `;
}
