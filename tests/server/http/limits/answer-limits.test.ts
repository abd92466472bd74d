import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AnswerBudget, MAX_READ_BYTES } from '../../../../src/graphql/protection/answer-budget.ts';
import { MAX_ANSWER_BYTES } from '../../../../src/graphql/protection/cost.ts';
import { startHttpServer } from '../../../../src/server/http/http.ts';
import { MAX_UNREAD_BYTES } from '../../../../src/server/http/limits.ts';
import { UnreadAnswers } from '../../../../src/server/http/unread-answers.ts';
import { serve } from '../../../graphql/api.ts';
import { createTestDatabase } from '../../../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../../../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
afterAll(() => expectSoundBooks(database));

const JOURNALS = 100;

beforeAll(async () => {
  const ids = await makeAccounts(ledger, 100);
  const entries = (isFirst: boolean) =>
    ids.map((accountId, place) => ({
      accountId,
      side: (place % 2 === 0) === isFirst ? 'DEBIT' : 'CREDIT',
      amount: '1',
    }));
  // Each journal reverses the one before, so that no account is overdrawn.
  const operations = Array.from({ length: JOURNALS }, (_, place) => ({
    post: { keyAccountId: ids[0], idempotencyKey: randomUUID(), entries: entries(place % 2 === 0) },
  }));
  const funds = ids.map((accountId) => ({
    deposit: { accountId, amount: '1', idempotencyKey: randomUUID() },
  }));
  const answer = await api.mutate(
    'postBatch',
    { mode: 'ATOMIC', operations: [...funds, ...operations] },
    '... on BatchProcessed { results { __typename } } ... on BatchAbortedError { cause { message } }',
  );
  expect(answer).toMatchObject({ __typename: 'BatchProcessed' });
});

describe.each([
  ['by the executor', { compileAfter: 1000 }],
  ['by a compiled operation', { compileAfter: 1 }],
  ['by Yoga', { fastPath: false }],
])('executed %s', (_, options) => {
  const ask = async (query: string) => {
    const log = { error: () => expect.unreachable() };
    const server = await startHttpServer({
      engine: ledger.engine,
      host: '127.0.0.1',
      port: 0,
      log,
      ...options,
    });
    try {
      const answers: string[] = [];
      for (let time = 0; time < 2; time += 1) {
        const response = await fetch(`${server.url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ query }),
        });
        answers.push(await response.text());
      }
      return answers;
    } finally {
      await server.close();
    }
  };
  const page = (alias: string) => `{ transactions(first: 100) { nodes { entries { ${alias}: id side } } } }`;

  test('an answer above 32 MiB is rejected with the limit', async () => {
    for (const text of await ask(page('a'.repeat(MAX_ANSWER_BYTES / 10_000)))) {
      expect(text.length).toBeLessThan(1000);
      expect(JSON.parse(text)).toEqual({
        errors: [
          {
            message:
              'The query has an answer of more than 33,554,432 bytes. Select fewer fields or request smaller pages.',
            extensions: {
              code: 'INVALID_INPUT',
              limit: 'answerBytes',
              given: MAX_ANSWER_BYTES + 1,
              allowed: MAX_ANSWER_BYTES,
            },
          },
        ],
      });
    }
  });

  test('an answer just below the limit is sent completely', async () => {
    for (const text of await ask(page('a'.repeat(3000)))) {
      const { data } = JSON.parse(text) as { data: { transactions: { nodes: { entries: object[] }[] } } };
      expect(text.length).toBeGreaterThan(30_000_000);
      expect(data.transactions.nodes.flatMap(({ entries }) => entries)).toHaveLength(JOURNALS * 100);
    }
  });
});

describe('a budget', () => {
  const rows = (bytes: number) => [{ text: 'x'.repeat(bytes) }];

  test('stops a query that reads too much, but no mutation', async () => {
    const query = new AnswerBudget();
    await query.read(rows(MAX_READ_BYTES / 2));
    await expect(query.read(rows(MAX_READ_BYTES / 2))).rejects.toMatchObject({
      extensions: { code: 'INVALID_INPUT', limit: 'readBytes', allowed: MAX_READ_BYTES },
    });
    expect(query.refusal?.extensions).toMatchObject({ limit: 'readBytes' });
    query.end();
    const mutation = new AnswerBudget();
    mutation.expectMutation();
    await mutation.read(rows(MAX_READ_BYTES + 1));
    expect(mutation.refusal).toBeUndefined();
  });

  test('lets large queries read one at a time, and small queries and mutations at any time', async () => {
    const order: string[] = [];
    const read = async (name: string, budget: AnswerBudget, bytes: number) => {
      await budget.read(rows(bytes));
      order.push(name);
    };
    const [first, second, third, mutation] = Array.from({ length: 4 }, () => new AnswerBudget()) as [
      AnswerBudget,
      AnswerBudget,
      AnswerBudget,
      AnswerBudget,
    ];
    mutation.expectMutation();
    await read('first', first, 2 ** 21);
    const waiting = [read('second', second, 2 ** 21), read('third', third, 2 ** 21)];
    await read('small', new AnswerBudget(), 1000);
    await read('mutation', mutation, 2 ** 21);
    await sleep(20);
    expect(order).toEqual(['first', 'small', 'mutation']);
    first.end();
    await waiting[0];
    await sleep(20);
    expect(order).toEqual(['first', 'small', 'mutation', 'second']);
    second.end();
    await waiting[1];
    third.end();
  });
});

test('large answers count until they are read, up to a limit', () => {
  const unread = new UnreadAnswers();
  const large = Buffer.alloc(MAX_UNREAD_BYTES / 4);
  const held = Array.from({ length: 4 }, () => unread.hold(large, false));
  expect(held).not.toContain(undefined);
  expect(unread.hold(large, false)).toBeUndefined();
  // The answer of a mutation is always sent.
  const mutation = unread.hold(large, true);
  expect(mutation).toBeDefined();
  expect(unread.hold('small', false)).toBeDefined();
  held[0]?.();
  held[0]?.();
  expect(unread.hold(large, false)).toBeUndefined();
  mutation?.();
  expect(unread.hold(large, false)).toBeDefined();
});
