import { expect, test } from 'vitest';
import { ANYBODY } from '../../../src/core/access/viewer.ts';
import { RequestNotes } from '../../../src/graphql/execution/request-notes.ts';
import { AnswerBudget } from '../../../src/graphql/protection/answer-budget.ts';
import { FastPath, readPlain } from '../../../src/server/http/fast-path.ts';

test('an error that GraphQL does not catch is masked and reported', async () => {
  const fault = new Error('select secret from /home');
  const reported: unknown[] = [];
  const getEnveloped = () => {
    throw fault;
  };
  const report = (error: unknown) => {
    reported.push(error);
    return 'r';
  };
  const facts = {
    ledger: {} as never,
    viewer: ANYBODY,
    bodyBytes: 1,
    notes: new RequestNotes(),
    budget: new AnswerBudget(),
  };
  const path = new FastPath({ getEnveloped } as never, { onFault: report });
  const result = await path.answer({ query: '{ a }' }, facts);
  expect(reported).toEqual([fault]);
  expect(JSON.parse(JSON.stringify(result))).toEqual({
    errors: [
      { message: expect.not.stringContaining('secret'), extensions: { code: 'INTERNAL', requestId: 'r' } },
    ],
  });
});

test('only plain requests are read', () => {
  const plain = { query: '{ a }', operationName: null, variables: { a: 1 }, extensions: {} };
  expect(readPlain(JSON.stringify(plain))).toEqual(plain);
  for (const other of [
    '',
    '{',
    '[]',
    '{}',
    '{"query":5}',
    '{"query":"","id":"x"}',
    '{"query":"","variables":[]}',
  ]) {
    expect(readPlain(other)).toBeUndefined();
  }
});
