import { buildSchema, execute, GraphQLError, isObjectType, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import * as client from '../../../src/client/generated.ts';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import { createContext } from '../../../src/graphql/context.ts';
import { CompiledOperations } from '../../../src/graphql/execution/compiled.ts';
import { RequestNotes } from '../../../src/graphql/execution/request-notes.ts';
import { AnswerBudget } from '../../../src/graphql/protection/answer-budget.ts';
import { checkCost } from '../../../src/graphql/protection/cost.ts';
import { schema } from '../../../src/graphql/schema.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';

const OPTIONS = { bodyBytes: 1000, hideSuggestions: false };

const TRANSFER = `mutation Pay($input: TransferInput!) { transfer(input: $input) { __typename } }`;

const NOT_NULL = 'query ($filter: AccountFilter!) { accounts(filter: $filter, first: 5) { nodes { id } } }';

function posting(field: string, variables = ''): string {
  const rest = 'fromAccountId: "ext:a", toAccountId: "ext:b", idempotencyKey: $k';
  return `mutation ($k: String!, ${variables}) { transfer(input: { ${rest}, ${field} }) { __typename } }`;
}

/** Counts executions of a document, without executing it. */
function send(operations: CompiledOperations, query: string, times: number): void {
  const document = parse(query);
  checkCost(schema, document, null, {}, OPTIONS);
  for (let time = 0; time < times; time += 1) operations.learn(query, document);
}

function contextOf(post: Ledger['post']) {
  const ledger: Pick<Ledger, 'as' | 'post'> = { post, as: () => ledger as Ledger };
  return createContext(
    ledger as Ledger,
    () => expect.unreachable(),
    new RequestNotes(),
    new AnswerBudget(),
    ANYBODY,
  );
}

describe('an operation', () => {
  test('is compiled after its executions reach the threshold', () => {
    const operations = new CompiledOperations(schema, 3);
    send(operations, TRANSFER, 2);
    expect(operations.find(TRANSFER, null)).toBeUndefined();
    send(operations, TRANSFER, 1);
    expect(operations.find(TRANSFER, null)?.name).toBe('Pay');
    expect(operations.find(TRANSFER, 'Pay')?.name).toBe('Pay');
  });

  test('is not used for a request that names another operation', () => {
    const operations = new CompiledOperations(schema, 1);
    send(operations, TRANSFER, 1);
    expect(operations.find(TRANSFER, 'Other')).toBeUndefined();
    expect(operations.find(`${TRANSFER} `, null)).toBeUndefined();
  });

  test.each([
    ['of a document with several', 'query A { __typename } query B { __typename }'],
    ['whose cost its variables decide', 'query A($n: Int) { accounts(first: $n) { edges { cursor } } }'],
    ['with a literal of a custom scalar', posting('amount: "1"')],
    ['with a variable in a literal', posting('amount: $v', '$v: Decimal!')],
    ['with a variable in metadata', posting('metadata: { order: $v }', '$v: String')],
    ['with text', '{ account(id: "ext:rich") { id } }'],
    ['with a list', '{ nodes(ids: []) { id } }'],
    ['with a default of a variable', 'query ($id: ID! = "x") { account(id: $id) { id } }'],
    ['with @skip', 'query ($v: Boolean!) { ledger { id name @skip(if: $v) } }'],
    ['with @include at a fragment', '{ ledger { ...F @include(if: true) } } fragment F on Ledger { name }'],
    ['with a literal in a fragment', '{ ...F } fragment F on Query { account(id: "x") { id } }'],
    ['with introspection', '{ __schema { queryType { name } } }'],
    ['with an alias that objects inherit', '{ ledger { __proto__: id } }'],
    ['with a variable that objects inherit', 'query ($toString: ID!) { account(id: $toString) { id } }'],
  ])('%s is not compiled', (_, query) => {
    const operations = new CompiledOperations(schema, 1);
    send(operations, query, 5);
    expect(operations.find(query, null)).toBeUndefined();
  });

  test.each([
    ['with an integer', '{ accounts(first: 5) { nodes { id } } }'],
    [
      'with an enum value',
      'query ($id: ID!) { account(id: $id) { holds(first: 1, status: OPEN) { nodes { id } } } }',
    ],
    ['with a variable that is not null where null is allowed', NOT_NULL],
    [
      'with fragments and aliases',
      '{ a: ledger { ...F } ...G } fragment F on Ledger { n: name } fragment G on Query { ledger { id } }',
    ],
  ])('%s is compiled', (_, query) => {
    const operations = new CompiledOperations(schema, 1);
    send(operations, query, 1);
    expect(operations.find(query, null)).toBeDefined();
  });

  test('of the generated client is compiled, unless its variables decide its cost', () => {
    const operations = new CompiledOperations(schema, 1);
    const documents = Object.entries(client).flatMap(([name, text]) =>
      name.endsWith('Document') && typeof text === 'string' ? [[name, text] as const] : [],
    );
    expect(documents.length).toBeGreaterThanOrEqual(29);
    for (const [, query] of documents) send(operations, query, 1);
    const executed = documents.filter(([, query]) => operations.find(query, null) === undefined);
    expect(executed.map(([name]) => name)).toEqual([
      'NodesDocument',
      'AccountsDocument',
      'TransactionsDocument',
      'JournalDocument',
      'HoldsDocument',
      'HistoryDocument',
      'AuditEventsDocument',
      'ChangesDocument',
      'LedgersDocument',
      'ApiKeysDocument',
    ]);
  });

  test('never executes text of its document as code', async () => {
    const operations = new CompiledOperations(schema, 1);
    // graphql-jit's own marker of a date in generated code.
    const mark = '__MAGIC_DATE__33a9e76d_02e0_4128_8e92_3530ad3da74d';
    const query = `{ node(id: "${mark}globalThis.wasRun=true") { id } }`;
    send(operations, query, 1);
    await operations.find(query, null)?.execute(
      contextOf(() => expect.unreachable()),
      {},
      100,
    );
    expect(globalThis).not.toHaveProperty('wasRun');
  });

  test('does nothing if its variables are invalid', async () => {
    const operations = new CompiledOperations(schema, 1);
    send(operations, TRANSFER, 1);
    const context = contextOf(() => expect.unreachable('nothing is posted'));
    const operation = operations.find(TRANSFER, null);
    expect(operation).toBeDefined();
    for (const variables of [{}, { input: null }, { input: { amount: '1' } }, { input: [] }]) {
      expect(await operation?.execute(context, variables, 100)).toBeUndefined();
    }
  });

  test('posts once if its variables are valid', async () => {
    const operations = new CompiledOperations(schema, 1);
    send(operations, TRANSFER, 1);
    const posted: unknown[] = [];
    const context = contextOf(async (command) => {
      posted.push(command.idempotencyKey);
      return { code: 'OVERLOADED', facts: { retryAfterMs: 1 }, recorded: false } as never;
    });
    const account = 'acct_01h455vb4pex5vsknk084sn02q';
    const input = { fromAccountId: account, toAccountId: account, amount: '1.00', idempotencyKey: 'k' };
    expect(await operations.find(TRANSFER, null)?.execute(context, { input }, 100)).toEqual({
      data: { transfer: { __typename: 'OverloadedError' } },
    });
    expect(posted).toEqual(['k']);
  });
});

describe('with several errors', () => {
  const fields = 'late: Int account: Account';
  const small = buildSchema(
    `type Query { ${fields} must: Int! } type Mutation { ${fields} } type Account { id: Int! owner: Int! }`,
  );
  const fail = (message: string) => () => {
    throw new GraphQLError(message);
  };
  for (const type of [small.getQueryType(), small.getMutationType()]) {
    Object.assign(type?.getFields()['late'] ?? {}, { resolve: fail('late') });
    Object.assign(type?.getFields()['account'] ?? {}, { resolve: () => ({}) });
  }
  Object.assign(small.getQueryType()?.getFields()['must'] ?? {}, { resolve: fail('must') });
  const account = small.getType('Account');
  if (isObjectType(account)) {
    for (const field of Object.values(account.getFields())) field.resolve = fail(field.name);
  }

  function answer(query: string) {
    const operations = new CompiledOperations(small, 1);
    const document = parse(query);
    checkCost(small, document, null, {}, OPTIONS);
    operations.learn(query, document);
    const operation = operations.find(query, null);
    expect(operation).toBeDefined();
    return operation?.execute(
      contextOf(() => expect.unreachable()),
      {},
      100,
    );
  }

  test('a query is executed again by graphql-js, which orders them', async () => {
    const query = '{ account { id } late }';
    expect(await answer(query)).toBeUndefined();
    // The first of two errors makes all data null, and the second is not reported.
    expect(await answer('{ must account { id } }')).toBeUndefined();
    expect(await answer('{ late }')).toEqual(await execute({ schema: small, document: parse('{ late }') }));
  });

  test.each(['{ account { id owner } }', '{ late account { owner id } other: account { id } }'])(
    'a mutation reports the same errors as with graphql-js: %s',
    async (selection) => {
      const query = `mutation ${selection}`;
      const expected = await execute({ schema: small, document: parse(query) });
      expect(expected.errors?.length).toBeGreaterThan(0);
      expect(JSON.stringify(await answer(query))).toBe(
        JSON.stringify({ data: expected.data, errors: expected.errors }),
      );
    },
  );
});

test('an operation with a nullable variable for a non-null argument is not compiled, even with a default', () => {
  const small = buildSchema('type Query { list(size: Int! = 20): Int }');
  const isCompiled = (query: string) => {
    const [operations, document] = [new CompiledOperations(small, 1), parse(query)];
    expect(validate(small, document)).toEqual([]);
    checkCost(small, document, null, {}, OPTIONS);
    operations.learn(query, document);
    return operations.find(query, null) !== undefined;
  };
  expect(isCompiled('query ($size: Int!) { list(size: $size) }')).toBe(true);
  expect(isCompiled('query ($size: Int) { list(size: $size) }')).toBe(false);
});

test('the compiled operations that were used least recently are evicted', () => {
  const operations = new CompiledOperations(schema, 1);
  const fields = Array.from({ length: 300 }, (_, place) => `f${place}: __typename`).join(' ');
  const queries = Array.from({ length: 60 }, (_, place) => `query Q${place} { ${fields} }`);
  for (const query of queries) send(operations, query, 1);
  const kept = queries.filter((query) => operations.find(query, null) !== undefined);
  expect(kept.at(-1)).toBe(queries.at(-1));
  expect(kept.length).toBeGreaterThan(5);
  expect(kept.length).toBeLessThan(30);
});
