import { randomUUID } from 'node:crypto';
import { execute, parse } from 'graphql';
import { afterAll, afterEach, expect, test } from 'vitest';
import { ANYBODY } from '../../src/core/access/viewer.ts';
import { createContext } from '../../src/graphql/context.ts';
import { RequestNotes } from '../../src/graphql/execution/request-notes.ts';
import { AnswerBudget } from '../../src/graphql/protection/answer-budget.ts';
import { schema } from '../../src/graphql/schema.ts';
import { createTestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
afterEach(() => expect(api.faults).toEqual([]));
afterAll(() => expectSoundBooks(database));

const RESULTS = `... on BatchProcessed { results {
  __typename
  ... on TransactionPosted { replayed transaction { type amount { amount } entries { balanceAfter { amount } } } }
  ... on HoldPlaced { replayed hold { status remaining { amount } } transaction { type } }
  ... on LedgerError { code }
  ... on InvalidAmountError { field }
  ... on InvalidInputError { field }
} }
... on BatchAbortedError { index cause {
  __typename code replayed
  ... on InvalidAmountError { field }
  ... on ExternalIdTakenError { takenBy { id } }
  ... on InsufficientFundsError { available { amount } requested { amount } account { id } }
} }
... on InvalidInputError { field }`;

const postBatch = (input: object) => api.mutate('postBatch', input, RESULTS);

async function makePair() {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const both = (amount: string) => ({
    fromAccountId: from,
    toAccountId: to,
    amount,
    idempotencyKey: newKey(),
  });
  return { from, to, both };
}

test('a batch of all operations returns each outcome in order, and replays them', async () => {
  const { from, to, both } = await makePair();
  const held = randomUUID();
  const operations = [
    { deposit: { accountId: from, amount: '5', idempotencyKey: newKey() } },
    { withdraw: { accountId: from, amount: '1', idempotencyKey: newKey() } },
    { transfer: { ...both('2'), externalId: `paid-${held}` } },
    {
      post: {
        keyAccountId: from,
        idempotencyKey: newKey(),
        entries: [
          { accountId: from, side: 'DEBIT', amount: '1' },
          { accountId: to, side: 'CREDIT', amount: '1' },
        ],
      },
    },
    { reverse: { transactionId: `ext:paid-${held}`, amount: '1', idempotencyKey: newKey() } },
    { placeHold: { ...both('3'), externalId: held } },
    { captureHold: { holdId: `ext:${held}`, amount: '1', final: false, idempotencyKey: newKey() } },
    { voidHold: { holdId: `ext:${held}`, idempotencyKey: newKey() } },
  ];
  const types = ['DEPOSIT', 'WITHDRAWAL', 'TRANSFER', 'JOURNAL', 'REVERSAL', 'HOLD', 'CAPTURE', 'RELEASE'];

  const first = await postBatch({ operations });
  expect(first).toMatchObject({
    __typename: 'BatchProcessed',
    results: types.map((type) => ({
      __typename: type === 'HOLD' ? 'HoldPlaced' : 'TransactionPosted',
      replayed: false,
      transaction: { type },
    })),
  });
  expect((first['results'] as object[])[5]).toMatchObject({
    hold: { status: 'OPEN', remaining: { amount: '3.00' } },
  });

  const again = await postBatch({ operations, mode: 'ATOMIC' });
  expect(again).toMatchObject({
    results: types.map((type) => ({ replayed: true, transaction: { type } })),
  });
  // The hold is shown in its current state.
  expect((again['results'] as object[])[5]).toMatchObject({
    hold: { status: 'VOIDED', remaining: { amount: '0.00' } },
  });
  expect(await balance(ledger, to)).toBe(1300n);
});

test('an INDEPENDENT batch names the fields of its refusals', async () => {
  const { both } = await makePair();
  expect(
    await postBatch({
      operations: [
        { transfer: both('1') },
        { transfer: both('x') },
        { transfer: both('1.001') },
        { transfer: { ...both('1'), effectiveAt: 'yesterday' } },
        { transfer: both('100') },
        { transfer: both('2') },
      ],
    }),
  ).toMatchObject({
    results: [
      { __typename: 'TransactionPosted' },
      { code: 'INVALID_AMOUNT', field: 'operations[1].transfer.amount' },
      { code: 'INVALID_AMOUNT', field: 'operations[2].transfer.amount' },
      { code: 'INVALID_INPUT', field: 'operations[3].transfer.effectiveAt' },
      { code: 'INSUFFICIENT_FUNDS' },
      { __typename: 'TransactionPosted' },
    ],
  });
});

test('an aborted ATOMIC batch names the operation and the cause, and posts nothing', async () => {
  const { from, both } = await makePair();
  const operations = [{ transfer: both('6') }, { transfer: both('5') }];
  expect(await postBatch({ mode: 'ATOMIC', operations })).toMatchObject({
    __typename: 'BatchAbortedError',
    code: 'BATCH_ABORTED',
    index: 1,
    cause: {
      code: 'INSUFFICIENT_FUNDS',
      replayed: false,
      available: { amount: '4.00' },
      requested: { amount: '5.00' },
      account: { id: from },
    },
  });
  expect(await postBatch({ mode: 'ATOMIC', operations })).toMatchObject({
    index: 1,
    cause: { code: 'INSUFFICIENT_FUNDS', replayed: true },
  });
  expect(
    await postBatch({ mode: 'ATOMIC', operations: [{ transfer: both('1') }, { transfer: both('1.001') }] }),
  ).toMatchObject({ index: 1, cause: { code: 'INVALID_AMOUNT', field: 'operations[1].transfer.amount' } });
  const externalId = randomUUID();
  const twice = [{ transfer: { ...both('1'), externalId } }, { transfer: { ...both('1'), externalId } }];
  expect(await postBatch({ mode: 'ATOMIC', operations: twice })).toMatchObject({
    index: 1,
    cause: { code: 'EXTERNAL_ID_TAKEN', takenBy: null },
  });
  expect(await balance(ledger, from)).toBe(1000n);
});

test('0 and 10,001 operations are rejected, and 10,000 are posted', async () => {
  const { from, both } = await makePair();
  const refused = { __typename: 'InvalidInputError', code: 'INVALID_INPUT', field: 'operations' };
  expect(await postBatch({ operations: [] })).toMatchObject(refused);
  const operations = Array.from({ length: 10_001 }, () => ({ transfer: both('0.0001') }));
  expect(await postBatch({ operations })).toMatchObject(refused);
  const posted = operations.slice(1).map(() => ({ transfer: { ...both('0.01') } }));
  const answer = await api.ask<{ postBatch: { results: { __typename: string }[] } }>(
    'mutation ($input: PostBatchInput!) { postBatch(input: $input) { ... on BatchProcessed { results { __typename } } } }',
    { input: { mode: 'ATOMIC', operations: posted.slice(0, 1000) } },
  );
  expect(
    answer.data.postBatch.results.filter((each) => each.__typename === 'TransactionPosted'),
  ).toHaveLength(1000);
  const rest = await api.ask<{ postBatch: { results: { __typename: string }[] } }>(
    'mutation ($input: PostBatchInput!) { postBatch(input: $input) { ... on BatchProcessed { results { __typename } } } }',
    { input: { operations: posted } },
  );
  expect(
    rest.data.postBatch.results.filter(({ __typename }) => __typename === 'InsufficientFundsError'),
  ).toHaveLength(9000);
  expect(await balance(ledger, from)).toBe(0n);
}, 60_000);

test('batches that are parsed at the same time are OVERLOADED above 40,000 operations, and accepted later', async () => {
  // Malformed operations, which the ledger does not execute.
  const operations = Array.from({ length: 10_000 }, (_, place) => ({
    deposit: { accountId: 'acct_1', amount: 'none', idempotencyKey: `${place}` },
  }));
  const document = parse(
    'mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename ... on LedgerError { code } } }',
  );
  const send = async (count: number) => {
    const answers = Array.from({ length: count }, () =>
      execute({
        schema,
        document,
        variableValues: { input: { mode: 'ATOMIC', operations } },
        contextValue: createContext(
          ledger,
          () => expect.unreachable(),
          new RequestNotes(),
          new AnswerBudget(),
          ANYBODY,
        ),
      }),
    );
    return (await Promise.all(answers)).map(({ data }) => data?.['postBatch']);
  };
  const taken = { __typename: 'BatchAbortedError', code: 'BATCH_ABORTED' };
  const refused = { __typename: 'OverloadedError', code: 'OVERLOADED' };
  expect(await send(6)).toEqual([taken, taken, taken, taken, refused, refused]);
  expect(await send(4)).toEqual([taken, taken, taken, taken]);
});
