import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { type Field, newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);

let a = '';
let b = '';
let c = '';
beforeEach(async () => {
  a = await makeAccount(ledger, { funds: '100' });
  b = await makeAccount(ledger);
  c = await makeAccount(ledger);
});
afterEach(() => expect(api.faults).toEqual([]));
afterAll(() => expectSoundBooks(database));

const POSTED = `... on TransactionPosted { replayed transaction {
  id type amount { amount } keyAccount { id } externalId reverses { id } hold { id }
  entries { account { id } side layer amount { amount } balanceAfter { amount } description }
} }`;
const REFUSED = `... on LedgerError {
  ... on InvalidAmountError { field }
  ... on TransactionNotFoundError { transactionId }
  ... on NotReversibleError { transactionId }
  ... on AlreadyReversedError { original { id reversals { nodes { id } } } }
  ... on ReversalAmountExceededError { remaining { amount currency } requested { amount currency } }
  ... on IdempotencyConflictError { differingFields }
}`;

const reverse = (transactionId: string, more: object = {}) =>
  api.mutate(
    'reverseTransaction',
    { transactionId, idempotencyKey: newKey(), ...more },
    `${POSTED} ${REFUSED}`,
  );
const idOf = ({ transaction }: Record<string, unknown>): string => Object(transaction).id;

async function posted(field: Field, input: object): Promise<string> {
  return idOf(await api.mutate(field, { idempotencyKey: newKey(), ...input }, POSTED));
}
const transferred = (amount = '40', more: object = {}) =>
  posted('transfer', { fromAccountId: a, toAccountId: b, amount, ...more });

async function balance(id: string): Promise<string> {
  const { data } = await api.ask<{ account: { balance: { amount: string } } }>(
    'query ($id: ID!) { account(id: $id) { balance { amount } } }',
    { id },
  );
  return data.account.balance.amount;
}

test('a reversal posts the entries with the sides swapped, and both transactions link to each other', async () => {
  const id = await transferred();
  const answer = await reverse(id, { externalId: `refund ${id}`, description: 'returned' });
  const entry = { layer: 'POSTED', amount: { amount: '40.00' }, description: null };
  expect(answer).toEqual({
    __typename: 'TransactionPosted',
    replayed: false,
    transaction: {
      id: expect.stringMatching(/^txn_/),
      type: 'REVERSAL',
      amount: { amount: '40.00' },
      keyAccount: { id: a },
      externalId: `refund ${id}`,
      reverses: { id },
      hold: null,
      entries: [
        { ...entry, account: { id: a }, side: 'CREDIT', balanceAfter: { amount: '100.00' } },
        { ...entry, account: { id: b }, side: 'DEBIT', balanceAfter: { amount: '0.00' } },
      ],
    },
  });
  const { data } = await api.ask(
    'query ($id: ID!) { transaction(id: $id) { reversals { nodes { id } } reverses { id } } }',
    { id },
  );
  expect(data).toEqual({ transaction: { reversals: { nodes: [{ id: idOf(answer) }] }, reverses: null } });
});

test('parts are reversed several times, up to the whole amount', async () => {
  const id = await transferred();
  const first = await reverse(id, { amount: '15' });
  expect(first).toMatchObject({ transaction: { amount: { amount: '15.00' } } });
  const beyond = { idempotencyKey: newKey(), amount: '25.01' };
  const exceeded = {
    __typename: 'ReversalAmountExceededError',
    code: 'REVERSAL_AMOUNT_EXCEEDED',
    replayed: false,
    remaining: { amount: '25.00', currency: 'USD' },
    requested: { amount: '25.01', currency: 'USD' },
  };
  expect(await reverse(id, beyond)).toMatchObject(exceeded);
  const second = await reverse(id);
  expect(second).toMatchObject({ transaction: { amount: { amount: '25.00' } } });
  expect(await balance(a)).toBe('100.00');

  const again = { idempotencyKey: newKey() };
  const already = {
    __typename: 'AlreadyReversedError',
    code: 'ALREADY_REVERSED',
    original: { id, reversals: { nodes: [{ id: idOf(first) }, { id: idOf(second) }] } },
  };
  expect(await reverse(id, again)).toMatchObject({ ...already, replayed: false });
  expect(await reverse(id, again)).toMatchObject({ ...already, replayed: true });
  expect(await reverse(id, { amount: '0.01' })).toMatchObject(already);
  // A declined outcome keeps its facts.
  expect(await reverse(id, beyond)).toMatchObject({ ...exceeded, replayed: true });
});

test('reversals are read in pages, oldest first, from either end', async () => {
  const id = await transferred();
  const reversals: unknown[] = [];
  for (let part = 1; part <= 5; part += 1) reversals.push(idOf(await reverse(id, { amount: '1' })));
  const page = async (args: string) => {
    const { data, errors } = await api.ask<Record<string, Record<string, Page>>>(
      `query ($id: ID!) { transaction(id: $id) { reversals(${args}) {
        nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`,
      { id },
    );
    expect(errors).toBeUndefined();
    const { nodes = [], pageInfo } = data['transaction']?.['reversals'] ?? {};
    return { ids: nodes.map((node) => node.id), pageInfo };
  };
  const first = await page('first: 2');
  expect(first).toMatchObject({
    ids: reversals.slice(0, 2),
    pageInfo: { hasNextPage: true, hasPreviousPage: false },
  });
  const second = await page(`first: 2, after: "${first.pageInfo?.endCursor}"`);
  expect(second).toMatchObject({ ids: reversals.slice(2, 4), pageInfo: { hasNextPage: true } });
  const third = await page(`first: 2, after: "${second.pageInfo?.endCursor}"`);
  expect(third).toMatchObject({ ids: reversals.slice(4), pageInfo: { hasNextPage: false } });
  const last = await page('last: 2');
  expect(last).toMatchObject({ ids: reversals.slice(3), pageInfo: { hasPreviousPage: true } });
  const before = await page(`last: 2, before: "${last.pageInfo?.startCursor}"`);
  expect(before).toMatchObject({ ids: reversals.slice(1, 3), pageInfo: { hasPreviousPage: true } });
});

interface Page {
  readonly nodes: readonly { readonly id: string }[];
  readonly pageInfo: { readonly startCursor: string; readonly endCursor: string };
}

test('of two concurrent reversals, one succeeds', async () => {
  const id = await transferred();
  const answers = await Promise.all(Array.from({ length: 8 }, () => reverse(id)));
  expect(answers.map(({ __typename }) => __typename).sort()).toEqual([
    ...Array.from({ length: 7 }, () => 'AlreadyReversedError'),
    'TransactionPosted',
  ]);
  const parts = await transferred('10');
  const partly = await Promise.all(Array.from({ length: 5 }, () => reverse(parts, { amount: '4' })));
  expect(partly.map(({ __typename }) => __typename).sort()).toEqual([
    ...Array.from({ length: 3 }, () => 'ReversalAmountExceededError'),
    'TransactionPosted',
    'TransactionPosted',
  ]);
  expect([await balance(a), await balance(b)]).toEqual(['98.00', '2.00']);
});

test('deposits, withdrawals and captures are reversed, and a captured hold is not reopened', async () => {
  const deposited = await posted('deposit', { accountId: b, amount: '7' });
  expect(await reverse(deposited, { amount: '3' })).toMatchObject({ transaction: { keyAccount: { id: b } } });
  expect(await balance(b)).toBe('4.00');
  expect(await reverse(await posted('withdraw', { accountId: a, amount: '30' }))).toMatchObject({
    transaction: { amount: { amount: '30.00' } },
  });
  expect(await balance(a)).toBe('100.00');

  const { hold } = await api.mutate(
    'placeHold',
    { fromAccountId: a, toAccountId: b, amount: '20', idempotencyKey: newKey() },
    '... on HoldPlaced { hold { id } }',
  );
  const { id: holdId } = Object(hold);
  const captured = await posted('captureHold', { holdId, amount: '12' });
  expect(await reverse(captured)).toMatchObject({
    transaction: {
      amount: { amount: '12.00' },
      hold: null,
      entries: [
        { account: { id: a }, side: 'CREDIT', layer: 'POSTED' },
        { account: { id: b }, side: 'DEBIT', layer: 'POSTED' },
      ],
    },
  });
  const { data } = await api.ask('query ($id: ID!) { hold(id: $id) { status captured { amount } } }', {
    id: holdId,
  });
  expect(data).toEqual({ hold: { status: 'CAPTURED', captured: { amount: '12.00' } } });
  expect([await balance(a), await balance(b)]).toEqual(['100.00', '4.00']);
});

test('a journal can only be reversed as a whole', async () => {
  const line = (accountId: string, side: string, amount: string) => ({ accountId, side, amount });
  const id = await posted('postTransaction', {
    keyAccountId: a,
    entries: [line(a, 'DEBIT', '10'), line(b, 'CREDIT', '8'), line(c, 'CREDIT', '2')],
  });
  expect(await reverse(id, { amount: '10' })).toMatchObject({ code: 'NOT_REVERSIBLE', transactionId: id });
  expect(await reverse(id)).toMatchObject({
    transaction: {
      entries: [
        { side: 'CREDIT', amount: { amount: '10.00' } },
        { side: 'DEBIT', amount: { amount: '8.00' } },
        { side: 'DEBIT', amount: { amount: '2.00' } },
      ],
    },
  });
  expect(await reverse(id)).toMatchObject({ code: 'ALREADY_REVERSED' });
  const ofTwo = await posted('postTransaction', {
    keyAccountId: b,
    entries: [line(b, 'CREDIT', '6'), line(a, 'DEBIT', '6')],
  });
  expect(await reverse(ofTwo, { amount: '1' })).toMatchObject({ __typename: 'TransactionPosted' });
});

test('a reversal, a hold and a release cannot be reversed', async () => {
  const reversal = idOf(await reverse(await transferred()));
  const placing = { fromAccountId: a, toAccountId: b, amount: '1', idempotencyKey: newKey() };
  const placed = await api.mutate(
    'placeHold',
    placing,
    '... on HoldPlaced { hold { id } transaction { id } }',
  );
  const voided = await posted('voidHold', { holdId: Object(placed['hold']).id });
  for (const id of [reversal, idOf(placed), voided]) {
    expect(await reverse(id)).toMatchObject({
      __typename: 'NotReversibleError',
      code: 'NOT_REVERSIBLE',
      retryable: false,
      transactionId: id,
    });
  }
});

test('an id that is not a transaction is not found', async () => {
  const declined = {
    fromAccountId: b,
    toAccountId: a,
    amount: '1',
    externalId: 'declined',
    idempotencyKey: newKey(),
  };
  expect(await api.mutate('transfer', declined)).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
  for (const transactionId of ['', 'txn_', a, 'ext:nothing', 'ext:declined']) {
    expect(await reverse(transactionId)).toMatchObject({
      __typename: 'TransactionNotFoundError',
      transactionId,
    });
  }
});

test.each(['0', '-1', '1.001', 'x', 1.5])('the part %j is INVALID_AMOUNT', async (amount) => {
  expect(await reverse(await transferred(), { amount })).toMatchObject({
    code: 'INVALID_AMOUNT',
    field: 'amount',
  });
});

test('limits apply to a reversal as to any posting', async () => {
  const id = await transferred();
  await posted('transfer', { fromAccountId: b, toAccountId: c, amount: '10' });
  expect(await reverse(id)).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
  expect(await reverse(id, { amount: '30' })).toMatchObject({ __typename: 'TransactionPosted' });
});

test('the same request is replayed, also with the other name of the original', async () => {
  const externalId = `order ${newKey()}`;
  const id = await transferred('40', { externalId });
  const attempt = { amount: '10', idempotencyKey: newKey() };
  const first = await reverse(`ext:${externalId}`, attempt);
  expect(first).toMatchObject({ replayed: false });
  expect(await reverse(id, { ...attempt, amount: '10.00' })).toEqual({ ...first, replayed: true });
  expect(await reverse(id, { ...attempt, amount: '11' })).toMatchObject({ differingFields: ['amount'] });
  // Another original with the same key account.
  expect(await reverse(await transferred('1'), attempt)).toMatchObject({
    differingFields: ['transactionId'],
  });
  expect(await balance(b)).toBe('31.00');
});
