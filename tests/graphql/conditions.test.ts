import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { type Field, newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);

let a = '';
let b = '';
let bystander = '';
beforeEach(async () => {
  a = await makeAccount(ledger, { funds: '100', minBalance: { amount: '-20' } });
  b = await makeAccount(ledger);
  bystander = await makeAccount(ledger, { funds: '7' });
});
afterEach(() => expect(api.faults).toEqual([]));
afterAll(() => expectSoundBooks(database));

const REFUSED = `... on LedgerError {
  ... on InvalidInputError { field } ... on InvalidAmountError { field } ... on AccountNotFoundError { accountId }
  ... on ConditionFailedError {
    account { id } condition actualBalance { amount currency } actualAvailable { amount } actualVersion
  }
  ... on IdempotencyConflictError { differingFields }
}`;

type Condition = Readonly<Record<string, unknown>>;
const transfer = (conditions: readonly Condition[], more: object = {}) =>
  api.mutate(
    'transfer',
    { fromAccountId: a, toAccountId: b, amount: '40', idempotencyKey: newKey(), conditions, ...more },
    `... on TransactionPosted { replayed } ${REFUSED}`,
  );

const failed = (accountId: string, condition: string, [balance, available, version]: readonly unknown[]) => ({
  __typename: 'ConditionFailedError',
  code: 'CONDITION_FAILED',
  retryable: false,
  account: { id: accountId },
  condition,
  actualBalance: { amount: balance, currency: 'USD' },
  actualAvailable: available === null ? null : { amount: available },
  actualVersion: version,
});

test('the version is compared before the operation, and balances after it', async () => {
  // a has 100 at version 1, with 120 available. After a transfer of 40 it has 60 at version 2, with 80 available.
  const left = ['60.00', '80.00', '2'];
  for (const [condition, kind, met] of [
    [{ expectedVersion: '2' }, 'EXPECTED_VERSION', ['100.00', '120.00', '1']],
    [{ balanceAtLeast: '60.01' }, 'BALANCE_AT_LEAST', left],
    [{ balanceAtMost: '59.99' }, 'BALANCE_AT_MOST', left],
    [{ balanceAtMost: '-1' }, 'BALANCE_AT_MOST', left],
    [{ availableAtLeast: '80.01' }, 'AVAILABLE_AT_LEAST', left],
  ] as const) {
    expect(await transfer([{ accountId: a, ...condition }])).toMatchObject({
      ...failed(a, kind, met),
      replayed: false,
    });
  }
  const just = { expectedVersion: 1, balanceAtLeast: '60', balanceAtMost: '60.00', availableAtLeast: '80' };
  expect(await transfer([{ accountId: a, ...just }])).toMatchObject({ __typename: 'TransactionPosted' });
});

test('conditions apply to accounts that do not move, with any status and currency', async () => {
  const yen = await makeAccount(ledger, { currency: 'JPY', minBalance: { unlimited: true } });
  const closed = await makeAccount(ledger);
  await api.mutate('freezeAccount', { accountId: bystander });
  await api.mutate('closeAccount', { accountId: closed });
  expect(
    await transfer([
      { accountId: bystander, expectedVersion: '1', balanceAtMost: '7' },
      { accountId: closed, balanceAtMost: '0' },
      // It always holds for an account without a minBalance.
      { accountId: yen, availableAtLeast: '1000000' },
    ]),
  ).toMatchObject({ __typename: 'TransactionPosted' });
  expect(await transfer([{ accountId: bystander, balanceAtLeast: '8' }])).toMatchObject(
    failed(bystander, 'BALANCE_AT_LEAST', ['7.00', '7.00', '1']),
  );
  expect(await transfer([{ accountId: yen, balanceAtLeast: '1' }])).toMatchObject({
    actualBalance: { amount: '0', currency: 'JPY' },
    actualAvailable: null,
  });
});

test('the first failed condition is reported, before insufficient funds', async () => {
  const conditions = [
    { accountId: b, balanceAtLeast: '0' },
    { accountId: bystander, balanceAtMost: '6' },
    { accountId: a, expectedVersion: '9' },
  ];
  expect(await transfer(conditions, { amount: '1000' })).toMatchObject({
    account: { id: bystander },
    condition: 'BALANCE_AT_MOST',
  });
});

test('a failed condition is recorded for its key', async () => {
  const idempotencyKey = newKey();
  const conditions = [{ accountId: bystander, balanceAtLeast: '8' }];
  const first = await transfer(conditions, { idempotencyKey });
  expect(first).toMatchObject({ code: 'CONDITION_FAILED', replayed: false });
  await api.mutate('deposit', { accountId: bystander, amount: '5', idempotencyKey: newKey() });
  expect(await transfer(conditions, { idempotencyKey })).toEqual({ ...first, replayed: true });
  expect(await transfer(conditions)).toMatchObject({ __typename: 'TransactionPosted' });
});

test('equal conditions are the same request, and different ones are a conflict', async () => {
  const idempotencyKey = newKey();
  const conditions = [{ accountId: a, balanceAtLeast: '1', expectedVersion: 1 }];
  await transfer(conditions, { idempotencyKey });
  const same = [{ accountId: a, balanceAtLeast: '1.00', expectedVersion: '1', balanceAtMost: null }];
  expect(await transfer(same, { idempotencyKey })).toMatchObject({ replayed: true });
  for (const other of [[], [{ accountId: a, balanceAtLeast: '2' }], [...conditions, ...conditions]]) {
    expect(await transfer(other, { idempotencyKey })).toMatchObject({ differingFields: ['conditions'] });
  }
});

test('of concurrent requests that expect the same version, one succeeds', async () => {
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => transfer([{ accountId: a, expectedVersion: '1' }], { amount: '1' })),
  );
  expect(answers.map(({ __typename }) => __typename).sort()).toEqual([
    ...Array.from({ length: 7 }, () => 'ConditionFailedError'),
    'TransactionPosted',
  ]);
});

test.each<[Field, () => object]>([
  [
    'postTransaction',
    () => ({
      keyAccountId: a,
      entries: [
        { accountId: a, side: 'DEBIT', amount: '1' },
        { accountId: b, side: 'CREDIT', amount: '1' },
      ],
    }),
  ],
  ['placeHold', () => ({ fromAccountId: a, toAccountId: b, amount: '1' })],
])('%s accepts conditions', async (field, input) => {
  const send = (conditions: readonly Condition[]) =>
    api.mutate(field, { ...input(), conditions, idempotencyKey: newKey() }, REFUSED);
  expect(await send([{ accountId: bystander, balanceAtLeast: '8' }])).toMatchObject(
    failed(bystander, 'BALANCE_AT_LEAST', ['7.00', '7.00', '1']),
  );
  expect(await send([{ accountId: a, availableAtLeast: '119.01' }])).toMatchObject({
    condition: 'AVAILABLE_AT_LEAST',
    actualAvailable: { amount: '119.00' },
  });
  expect(await send([])).toMatchObject({ __typename: expect.stringMatching(/Posted|Placed/) });
  expect(await send([{ accountId: a }])).toMatchObject({ code: 'INVALID_INPUT', field: 'conditions[0]' });
});

test.each<[Condition, string, string]>([
  [{}, 'INVALID_INPUT', 'conditions[1]'],
  [{ expectedVersion: null, balanceAtMost: null }, 'INVALID_INPUT', 'conditions[1]'],
  [{ expectedVersion: 'x' }, 'INVALID_INPUT', 'conditions[1].expectedVersion'],
  [{ expectedVersion: 1.5 }, 'INVALID_INPUT', 'conditions[1].expectedVersion'],
  [{ balanceAtLeast: 'much' }, 'INVALID_AMOUNT', 'conditions[1].balanceAtLeast'],
  [{ balanceAtMost: 1.5 }, 'INVALID_AMOUNT', 'conditions[1].balanceAtMost'],
  [{ availableAtLeast: '1.001' }, 'INVALID_AMOUNT', 'conditions[1].availableAtLeast'],
])('the condition %j is %s', async (condition, code, field) => {
  const good = { accountId: a, balanceAtLeast: '-5' };
  expect(await transfer([good, { accountId: b, ...condition }])).toMatchObject({ code, field });
});

test('a request has at most 100 conditions, and their accounts must exist', async () => {
  const many = (count: number) =>
    Array.from({ length: count }, () => ({ accountId: bystander, balanceAtLeast: '1' }));
  expect(await transfer(many(101))).toMatchObject({
    code: 'INVALID_INPUT',
    field: 'conditions',
    message: 'conditions must have at most 100 items, but has 101.',
  });
  expect(await transfer(many(100))).toMatchObject({ __typename: 'TransactionPosted' });
  expect(await transfer([{ accountId: 'ext:unknown', balanceAtLeast: '1' }])).toMatchObject({
    code: 'ACCOUNT_NOT_FOUND',
    accountId: 'ext:unknown',
  });
});
