import { readFile } from 'node:fs/promises';
import { ChangeType, diff } from '@graphql-inspector/core';
import {
  buildSchema,
  type GraphQLSchema,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isObjectType,
  isScalarType,
  parse,
  print,
  visit,
} from 'graphql';
import { expect, test } from 'vitest';
import { schema, schemaText } from '../../src/graphql/schema.ts';

const contract = buildSchema(await read('tests/contract.graphql'));

/** Types and members of the contract that the schema does not have yet. */
const NOT_BUILT = [
  // Points and periods of time, and receipts.
  'Account.balance.at',
  'Account.balance.by',
  'Account.balances',
  'Account.statement',
  'ActivityLine',
  'BalancePoint',
  'Interval',
  'Ledger.activity',
  'Ledger.trialBalance.at',
  'Ledger.trialBalance.by',
  'Receipt',
  'Statement',
  'TimeAxis',
  'Transaction.receipt',
  // Subscriptions.
  'Subscription',
  'TransactionEvent',
  // Erasure of texts.
  'EraseTextsInput',
  'EraseTextsResult',
  'Mutation.eraseTexts',
  'TextsErased',
  'Transaction.erasedAt',
  // Webhooks.
  'CreateWebhookInput',
  'CreateWebhookResult',
  'DeleteWebhookInput',
  'DeleteWebhookResult',
  'Delivery',
  'DeliveryConnection',
  'DeliveryEdge',
  'LedgerErrorCode.WEBHOOK_NOT_FOUND',
  'Mutation.createWebhook',
  'Mutation.deleteWebhook',
  'Mutation.replayWebhook',
  'Mutation.updateWebhook',
  'Query.webhook',
  'Query.webhooks',
  'ReplayWebhookInput',
  'UpdateWebhookInput',
  'UpdateWebhookResult',
  'Webhook',
  'WebhookConnection',
  'WebhookEdge',
  'WebhookCreated',
  'WebhookDeleted',
  'WebhookNotFoundError',
  'WebhookTopic',
  'WebhookUpdated',
  // Balance monitors.
  'BalanceMonitor',
  'BalanceMonitorConnection',
  'BalanceMonitorEdge',
  'BalanceMonitorCreated',
  'BalanceMonitorDeleted',
  'BalanceMonitorNotFoundError',
  'CreateBalanceMonitorInput',
  'CreateBalanceMonitorResult',
  'DeleteBalanceMonitorInput',
  'DeleteBalanceMonitorResult',
  'LedgerErrorCode.BALANCE_MONITOR_NOT_FOUND',
  'Measure',
  'Mutation.createBalanceMonitor',
  'Mutation.deleteBalanceMonitor',
  'Query.balanceMonitors',
];

/** Differences between the contract and the schema, as messages of the comparison. */
const NOT_CHANGED = [
  // Null if a point in time is given.
  "Field 'TrialBalanceLine.held' changed type from 'Money' to 'Money!'",
];

/** Returns the members of the contract that a schema lacks, and the changes that break the contract. */
async function compare(expected: GraphQLSchema, actual: GraphQLSchema) {
  const missing: string[] = [];
  const broken: string[] = [];
  for (const { type, message, path = '' } of await diff(expected, actual)) {
    if (REMOVED.has(type)) missing.push(path);
    else if (type === ChangeType.UnionMemberRemoved) {
      missing.push(`${path} | ${/Member '(\w+)'/.exec(message)?.[1]}`);
    } else if (type === ChangeType.SchemaSubscriptionTypeChanged) {
      // The comparison reports the type itself too.
    } else if (!ADDED.has(type) && !isSpecification(type, message)) broken.push(message);
  }
  return { missing: missing.sort(), broken: broken.sort() };
}

const REMOVED: ReadonlySet<string> = new Set([
  ChangeType.TypeRemoved,
  ChangeType.FieldRemoved,
  ChangeType.FieldArgumentRemoved,
  ChangeType.InputFieldRemoved,
  ChangeType.EnumValueRemoved,
]);

/** A schema may add to the contract, except to its inputs, and has its own descriptions. */
const ADDED: ReadonlySet<string> = new Set([
  ChangeType.TypeAdded,
  ChangeType.FieldAdded,
  ChangeType.UnionMemberAdded,
  ChangeType.EnumValueAdded,
  ...Object.values(ChangeType).filter((type) => type.includes('DESCRIPTION')),
]);

/** The contract does not specify the formats of scalars. The schema does, by @specifiedBy. */
function isSpecification(type: string, message: string): boolean {
  const isAdded =
    type === ChangeType.DirectiveUsageScalarAdded || type === ChangeType.DirectiveUsageArgumentAdded;
  return isAdded && /'@?specifiedBy'/.test(message);
}

test('the schema fulfils the contract, except for the listed members and differences', async () => {
  expect(await compare(contract, buildSchema(schemaText))).toEqual({
    missing: [...NOT_BUILT].sort(),
    broken: [...NOT_CHANGED].sort(),
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
  const more = broken.filter((message) => !NOT_CHANGED.includes(message));
  expect(more).toEqual([expect.stringContaining(named)]);
  expect(broken).toHaveLength(NOT_CHANGED.length + 1);
});

test.each([
  ['a union’s member', ' | SameAccountError', '', 'TransferResult | SameAccountError'],
  ['an enum’s value', '  EXTERNAL\n', '', 'AccountKind.EXTERNAL'],
  ['an argument', 'node(id: ID!)', 'node', 'Query.node.id'],
  ['an input’s field', '  owner: String!\n', '', 'CreateAccountInput.owner'],
  ['a field', '  head: BlockHead!\n', '', 'Ledger.head'],
])('a schema without %s of the contract is incomplete', async (_, ours, other, coordinate) => {
  const plain = withoutDescriptions(schemaText);
  const at = plain.indexOf(ours, plain.indexOf(placeOf(coordinate)));
  expect(at).toBeGreaterThan(0);
  const changed = plain.slice(0, at) + plain.slice(at).replace(ours, other);
  const { missing } = await compare(contract, buildSchema(changed));
  expect(missing).toEqual([...NOT_BUILT, coordinate].sort());
});

test('schema.graphql is the schema of the program', async () => {
  expect(await read('schema.graphql')).toBe(schemaText);
});

test('each scalar refers to the specification of its format', () => {
  const urls = ['Decimal', 'BigInt', 'DateTime', 'Metadata'].map((name) => {
    const type = schema.getType(name);
    return isScalarType(type) ? type.specifiedByURL : undefined;
  });
  expect(urls).toEqual([
    'https://www.w3.org/TR/xmlschema11-2/#decimal',
    'https://www.w3.org/TR/xmlschema11-2/#integer',
    'https://www.rfc-editor.org/rfc/rfc3339',
    'https://www.rfc-editor.org/rfc/rfc8259',
  ]);
  expect(schemaText.match(/@specifiedBy/g)).toHaveLength(urls.length);
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

/** Returns SDL without descriptions. */
function withoutDescriptions(text: string): string {
  return print(
    visit(parse(text), {
      enter: (node) => ('description' in node ? { ...node, description: undefined } : undefined),
    }),
  );
}

/** Returns the text at which the definition of a coordinate's type begins. */
function placeOf(coordinate: string): string {
  const [type = ''] = coordinate.split(/[ .]/, 1);
  return ` ${type} `;
}
