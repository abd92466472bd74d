import { parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { CompiledOperations } from '../../src/graphql/compiled.ts';
import { createContext } from '../../src/graphql/context.ts';
import { costErrors } from '../../src/graphql/cost.ts';
import { RequestNotes } from '../../src/graphql/request-notes.ts';
import { schema } from '../../src/graphql/schema.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';

const TRANSFER = `mutation Pay($input: TransferInput!) { transfer(input: $input) { __typename } }`;

/** Executes a document so often, as far as the operations hear of it. */
function execute(operations: CompiledOperations, query: string, times: number): void {
  const document = parse(query);
  costErrors(schema, document, null, {}, false);
  for (let time = 0; time < times; time += 1) operations.learn(query, document);
}

function contextOf(post: Ledger['post']) {
  return createContext({ post } as Ledger, () => expect.unreachable(), new RequestNotes());
}

describe('an operation', () => {
  test('is compiled when it has come so often, and not before', () => {
    const operations = new CompiledOperations(schema, 3);
    execute(operations, TRANSFER, 2);
    expect(operations.find(TRANSFER, null)).toBeUndefined();
    execute(operations, TRANSFER, 1);
    expect(operations.find(TRANSFER, null)?.name).toBe('Pay');
    expect(operations.find(TRANSFER, 'Pay')?.name).toBe('Pay');
  });

  test('is not taken for another one that a request names', () => {
    const operations = new CompiledOperations(schema, 1);
    execute(operations, TRANSFER, 1);
    expect(operations.find(TRANSFER, 'Other')).toBeUndefined();
    expect(operations.find(`${TRANSFER} `, null)).toBeUndefined();
  });

  test.each([
    ['of a document with several', 'query A { __typename } query B { __typename }'],
    ['whose cost its variables decide', 'query A($n: Int) { accounts(first: $n) { edges { cursor } } }'],
  ])('%s is not compiled', (_, query) => {
    const operations = new CompiledOperations(schema, 1);
    execute(operations, query, 5);
    expect(operations.find(query, null)).toBeUndefined();
  });

  test('does nothing where its variables are not of their types', async () => {
    const operations = new CompiledOperations(schema, 1);
    execute(operations, TRANSFER, 1);
    const context = contextOf(() => expect.unreachable('nothing is posted'));
    const operation = operations.find(TRANSFER, null);
    expect(operation).toBeDefined();
    for (const variables of [{}, { input: null }, { input: { amount: '1' } }, { input: [] }]) {
      expect(await operation?.execute(context, variables)).toBeUndefined();
    }
  });

  test('posts once where its variables are right', async () => {
    const operations = new CompiledOperations(schema, 1);
    execute(operations, TRANSFER, 1);
    const posted: unknown[] = [];
    const context = contextOf(async (command) => {
      posted.push(command.idempotencyKey);
      return { code: 'OVERLOADED', facts: { retryAfterMs: 1 }, recorded: false } as never;
    });
    const account = 'acct_01h455vb4pex5vsknk084sn02q';
    const input = { fromAccountId: account, toAccountId: account, amount: '1.00', idempotencyKey: 'k' };
    expect(await operations.find(TRANSFER, null)?.execute(context, { input })).toEqual({
      data: { transfer: { __typename: 'OverloadedError' } },
    });
    expect(posted).toEqual(['k']);
  });
});

test('operations that were compiled long ago make room for others', () => {
  const operations = new CompiledOperations(schema, 1);
  const fields = Array.from({ length: 300 }, (_, place) => `f${place}: __typename`).join(' ');
  const queries = Array.from({ length: 60 }, (_, place) => `query Q${place} { ${fields} }`);
  for (const query of queries) execute(operations, query, 1);
  const kept = queries.filter((query) => operations.find(query, null) !== undefined);
  expect(kept.at(-1)).toBe(queries.at(-1));
  expect(kept.length).toBeGreaterThan(5);
  expect(kept.length).toBeLessThan(30);
});
