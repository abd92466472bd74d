import { randomUUID } from 'node:crypto';
import {
  getIntrospectionQuery,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
  isObjectType,
  parse,
  validate,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import * as client from '../../src/client/generated.ts';
import { checkCost } from '../../src/graphql/protection/cost.ts';
import { schema } from '../../src/graphql/schema.ts';
import { createTestDatabase } from '../support/database.ts';
import { makeAccount, openLedger } from '../support/ledger.ts';
import { serve } from './api.ts';

const ledger = await openLedger(await createTestDatabase());
const api = await serve(ledger);

function limitOf(query: string, variables = {}, bodyBytes = 1000): unknown {
  const document = parse(query);
  expect(validate(schema, document)).toEqual([]);
  const { errors } = checkCost(schema, document, null, variables, { bodyBytes, hideSuggestions: false });
  return errors[0]?.extensions;
}

const aliases = (count: number, field: string) =>
  Array.from({ length: count }, (_, place) => `a${place}: ${field}`).join(' ');

test('every list of objects counts with its maximum length', () => {
  const lists = Object.values(schema.getTypeMap()).flatMap((type) => {
    // The field of a connection counts its elements.
    if (!isObjectType(type) || type.name.startsWith('__') || type.name.endsWith('Connection')) return [];
    return Object.values(type.getFields()).flatMap((field) => {
      const isLong = isListType(getNullableType(field.type)) && isCompositeType(getNamedType(field.type));
      const declared = field.extensions['complexity'] as object;
      return isLong ? [[`${type.name}.${field.name}`, Reflect.get(declared, 'multiplier')]] : [];
    });
  });
  expect(Object.fromEntries(lists)).toEqual({
    'AccountsCreated.results': 1000,
    'BatchProcessed.results': 10_000,
    'Ledger.currencies': 200,
    'Ledger.trialBalance': 200,
    'Preview.entries': 100,
    // A function of its ids.
    'Query.nodes': undefined,
    'Transaction.entries': 100,
    'Transaction.parties': 100,
  });
});

test('a page of 100 of each list of the client is within the budget', () => {
  const lists = [
    client.AccountsDocument,
    client.TransactionsDocument,
    client.JournalDocument,
    client.HoldsDocument,
    client.HistoryDocument,
  ];
  for (const document of lists) {
    expect(limitOf(String(document), { accountId: 'x', first: 100 })).toBeUndefined();
  }
});

test('100 accounts, and the introspection of GraphiQL, are within the budget', () => {
  expect(
    limitOf(
      `{ ${aliases(100, 'account(id: "x") { id balance { amount } history { nodes { version } } }')} }`,
    ),
  ).toBeUndefined();
  expect(
    limitOf(getIntrospectionQuery({ inputValueDeprecation: true, specifiedByUrl: true })),
  ).toBeUndefined();
});

test.each([
  ['fields of entries', `{ journal(first: 100) { nodes { entries { ${aliases(40, 'side')} } } } }`],
  ['metadata under aliases', `{ accounts(first: 100) { nodes { ${aliases(40, 'metadata')} } } }`],
  ['metadata below entries', '{ journal(first: 100) { nodes { entries { account { metadata } } } } }'],
  [
    'descriptions of entries',
    `{ journal(first: 100) { nodes { entries { ${aliases(20, 'description')} } } } }`,
  ],
  [
    'transactions of entries',
    '{ accounts(first: 100) { nodes { history(first: 100) { nodes { transaction { id } } } } } }',
  ],
  [
    'reversals of reversals',
    '{ journal(first: 100) { nodes { reversals(first: 100) { nodes { reversals(first: 100) { nodes { id } } } } } } }',
  ],
  ['400 reads of the ledger', `{ ${aliases(400, 'ledger { name }')} }`],
  ['400 accounts', `{ ${aliases(400, 'account(id: "x") { id }')} }`],
  [
    '400 previews',
    `{ ${aliases(400, 'preview(operation: { deposit: { accountId: "x", amount: 1, idempotencyKey: "k" } }) { __typename }')} }`,
  ],
  ['40 trial balances', `{ ledger { ${aliases(40, 'trialBalance { accounts }')} } }`],
  [
    'the fields of all types 300 times',
    `{ __schema { types { ${aliases(300, 'fields { name type { name } }')} } } }`,
  ],
  [
    'the members of all unions 700 times',
    `{ __schema { types { ${aliases(700, 'possibleTypes { name }')} } } }`,
  ],
])('too much cost: %s', (_, query) => {
  expect(limitOf(query)).toMatchObject({ limit: 'cost', code: 'INVALID_INPUT' });
});

describe('the answer of a batch', () => {
  const batch = (selection: string) =>
    `mutation ($input: PostBatchInput!) { postBatch(input: $input) {
      __typename ... on BatchProcessed { results { __typename ${selection} } } } }`;
  const of = (count: number, operation: object = { transfer: {} }) => ({
    input: { operations: Array.from({ length: count }, () => operation) },
  });
  const MIB = 2 ** 20;

  test('counts the operations', () => {
    const query = batch(
      '... on TransactionPosted { transaction { keyAccount { owner externalId other: owner } } }',
    );
    expect(limitOf(query, of(5000), 4 * MIB)).toBeUndefined();
    expect(limitOf(query, of(10_000), 4 * MIB)).toEqual({
      code: 'INVALID_INPUT',
      limit: 'answerBytes',
      given: expect.any(Number),
      allowed: 32 * MIB,
      http: { status: 400 },
    });
  });

  test('repeats at most the texts of the request', () => {
    const query = batch(
      '... on TransactionPosted { transaction { id idempotencyKey externalId description } }',
    );
    expect(limitOf(query, of(10_000), 4 * MIB)).toBeUndefined();
    expect(limitOf(query, of(10_000), 16 * MIB)).toMatchObject({ limit: 'answerBytes' });
  });

  test('counts the entries of journals, and two entries of a transfer', () => {
    const query = batch('... on TransactionPosted { transaction { entries { id side } } }');
    expect(limitOf(query, of(10_000), MIB)).toBeUndefined();
    expect(limitOf(query, of(10_000, { reverse: {} }), MIB)).toMatchObject({ limit: 'cost' });
    expect(limitOf(query, of(200, { post: { entries: Array(100).fill({}) } }), MIB)).toBeUndefined();
  });

  test('may have the fields of the client’s own request for 1,000 operations', () => {
    expect(limitOf(String(client.PostBatchDocument), of(1000), MIB)).toBeUndefined();
    const accounts = { input: { accounts: Array(1000).fill({}) } };
    expect(limitOf(String(client.CreateAccountsDocument), accounts, MIB)).toBeUndefined();
  });

  test('counts operations in the document and in the default of a variable', () => {
    const selection = '... on TransactionPosted { transaction { keyAccount { metadata } } }';
    const operation = '{ voidHold: { holdId: "x", idempotencyKey: "k" } }';
    const operations = `operations: [${Array(300).fill(operation).join()}]`;
    const inline = batch(selection).replace('$input: PostBatchInput!', '').replace('()', '');
    const asDefault = batch(selection).replace('PostBatchInput!', `PostBatchInput! = { ${operations} }`);
    expect(limitOf(inline.replace('$input', `{ ${operations} }`))).toBeUndefined();
    for (const query of [inline.replace('$input', `{ ${operations} }`), asDefault]) {
      expect(limitOf(query.replace('metadata', aliases(20, 'metadata')))).toMatchObject({ limit: 'cost' });
    }
  });

  test('that could be too large is rejected before any operation is posted', async () => {
    const from = await makeAccount(ledger, { funds: '10000' });
    const to = await makeAccount(ledger);
    const operations = Array.from({ length: 10_000 }, () => ({
      transfer: { fromAccountId: from, toAccountId: to, amount: '1', idempotencyKey: randomUUID() },
    }));
    const query = batch(
      '... on TransactionPosted { transaction { keyAccount { owner externalId other: owner } } }',
    );
    const { data, errors } = await api.ask(query, { input: { operations } });
    expect(data).toBeUndefined();
    expect(errors).toMatchObject([{ extensions: { code: 'INVALID_INPUT', limit: 'answerBytes' } }]);
    const after = await api.ask<{ account: { balance: { amount: string } } }>(
      'query ($id: ID!) { account(id: $id) { balance { amount } } }',
      { id: from },
    );
    expect(after.data.account.balance.amount).toBe('10000.00');
  });
});
