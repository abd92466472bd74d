import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

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

type Line = readonly [accountId: string, side: 'DEBIT' | 'CREDIT', amount: string, description?: string];

function journal(lines: readonly Line[], more: object = {}) {
  const entries = lines.map(([accountId, side, amount, description]) => ({
    accountId,
    side,
    amount,
    ...(description === undefined ? {} : { description }),
  }));
  return { keyAccountId: lines[0]?.[0] ?? a, entries, idempotencyKey: newKey(), ...more };
}
const post = (lines: readonly Line[], more: object = {}, selection = POSTED) =>
  api.mutate('postTransaction', journal(lines, more), selection);

const POSTED = `... on TransactionPosted { replayed transaction {
  id type amount { amount currency } keyAccount { id } hold { id }
  entries { account { id } side layer amount { amount currency } balanceAfter { amount } version description }
} } ... on InvalidInputError { field } ... on InvalidAmountError { field }
  ... on UnbalancedError { difference { amount currency } }`;

test('a journal posts its entries in order, with a key of the named account', async () => {
  const lines: Line[] = [
    [a, 'DEBIT', '100', 'all of it'],
    [b, 'CREDIT', '90'],
    [c, 'CREDIT', '7.50', 'fee'],
    [c, 'CREDIT', '2.5'],
  ];
  const entry = (accountId: string, side: string, amount: string, left: string, version: string) => ({
    account: { id: accountId },
    side,
    layer: 'POSTED',
    amount: { amount, currency: 'USD' },
    balanceAfter: { amount: left },
    version,
    description: null as string | null,
  });
  expect(await post(lines)).toEqual({
    __typename: 'TransactionPosted',
    replayed: false,
    transaction: {
      id: expect.stringMatching(/^txn_/),
      type: 'JOURNAL',
      amount: { amount: '100.00', currency: 'USD' },
      keyAccount: { id: a },
      hold: null,
      entries: [
        { ...entry(a, 'DEBIT', '100.00', '0.00', '2'), description: 'all of it' },
        entry(b, 'CREDIT', '90.00', '90.00', '1'),
        { ...entry(c, 'CREDIT', '7.50', '7.50', '1'), description: 'fee' },
        entry(c, 'CREDIT', '2.50', '10.00', '2'),
      ],
    },
  });
});

test('an exchange has four entries through two own accounts, and no single amount', async () => {
  const [dollars, euros] = [
    await makeAccount(ledger),
    await makeAccount(ledger, { currency: 'EUR', funds: '500' }),
  ];
  const wallet = await makeAccount(ledger, { currency: 'EUR' });
  const { transaction } = await post([
    [a, 'DEBIT', '50'],
    [dollars, 'CREDIT', '50'],
    [euros, 'DEBIT', '46.29'],
    [wallet, 'CREDIT', '46.29'],
  ]);
  expect(transaction).toMatchObject({
    amount: null,
    entries: [
      { balanceAfter: { amount: '50.00' } },
      { balanceAfter: { amount: '50.00' } },
      { balanceAfter: { amount: '453.71' } },
      { balanceAfter: { amount: '46.29' } },
    ],
  });
});

test('a journal has 2 to 100 entries', async () => {
  const pairs = (count: number) =>
    Array.from({ length: count }, (_, n): Line => (n % 2 === 0 ? [a, 'DEBIT', '1'] : [b, 'CREDIT', '1']));
  for (const count of [0, 1, 101, 150]) {
    expect(await post(pairs(count))).toMatchObject({
      __typename: 'InvalidInputError',
      field: 'entries',
      message: `entries must have 2 to 100 items, but has ${count}.`,
    });
  }
  expect(await post(pairs(100))).toMatchObject({ transaction: { amount: { amount: '50.00' } } });
});

test('an unbalanced journal is rejected with the difference in the first unbalanced currency', async () => {
  const euros = await makeAccount(ledger, { currency: 'EUR', funds: '5' });
  const unbalanced = (amount: string, currency: string) => ({
    __typename: 'UnbalancedError',
    code: 'UNBALANCED',
    retryable: false,
    difference: { amount, currency },
  });
  const one: Line = [a, 'DEBIT', '10'];
  expect(await post([one, [b, 'CREDIT', '9.99']])).toMatchObject(unbalanced('0.01', 'USD'));
  expect(await post([one, [b, 'CREDIT', '10'], [c, 'CREDIT', '3']])).toMatchObject(unbalanced('3.00', 'USD'));
  // One side only.
  expect(await post([one, [b, 'DEBIT', '10']])).toMatchObject(unbalanced('20.00', 'USD'));
  // Equal amounts in two currencies do not balance.
  expect(await post([one, [euros, 'CREDIT', '10']])).toMatchObject(unbalanced('10.00', 'EUR'));
});

test('an unbalanced journal is not recorded: the corrected journal posts with the same key', async () => {
  const idempotencyKey = newKey();
  expect(
    await post(
      [
        [a, 'DEBIT', '1'],
        [b, 'CREDIT', '2'],
      ],
      { idempotencyKey },
    ),
  ).toMatchObject({
    code: 'UNBALANCED',
  });
  expect(
    await post(
      [
        [a, 'DEBIT', '2'],
        [b, 'CREDIT', '2'],
      ],
      { idempotencyKey },
    ),
  ).toMatchObject({
    __typename: 'TransactionPosted',
    replayed: false,
  });
});

test('the same key with the entries in another order is a conflict, and posts nothing', async () => {
  const { keyAccountId, entries, idempotencyKey } = journal([
    [a, 'DEBIT', '1'],
    [b, 'CREDIT', '1'],
  ]);
  const send = async (input: object) => {
    const { data, errors } = await api.ask<{ answer: object } | null>(
      `mutation ($input: PostTransactionInput!) { answer: postTransaction(input: $input) {
        __typename ... on IdempotencyConflictError { differingFields } } }`,
      { input },
    );
    return data?.answer ?? errors?.[0]?.message;
  };
  // Otherwise the key would belong to another account for each order.
  for (const lines of [entries, entries.toReversed()]) {
    expect(await send({ entries: lines, idempotencyKey })).toContain('"keyAccountId"');
  }
  const input = { keyAccountId, idempotencyKey };
  expect(await send({ ...input, entries })).toEqual({ __typename: 'TransactionPosted' });
  expect(await send({ ...input, entries: entries.toReversed() })).toEqual({
    __typename: 'IdempotencyConflictError',
    differingFields: ['entries'],
  });
  const { data } = await api.ask('query ($b: ID!) { account(id: $b) { balance { amount } } }', { b });
  expect(data).toEqual({ account: { balance: { amount: '1.00' } } });
});

test('the key belongs to an account of the entries, and of no other', async () => {
  const lines: Line[] = [
    [a, 'DEBIT', '1'],
    [b, 'CREDIT', '1'],
  ];
  const input = journal(lines, { keyAccountId: b });
  expect(await api.mutate('postTransaction', input, POSTED)).toMatchObject({
    transaction: { keyAccount: { id: b } },
  });
  const { data } = await api.ask(
    `query ($b: ID!, $key: String!) { outcomeByKey(accountId: $b, idempotencyKey: $key) {
      ... on TransactionPosted { replayed transaction { type } } } }`,
    { b, key: input.idempotencyKey },
  );
  expect(data).toEqual({ outcomeByKey: { replayed: true, transaction: { type: 'JOURNAL' } } });
  expect(await post(lines, { keyAccountId: c })).toMatchObject({
    __typename: 'InvalidInputError',
    field: 'keyAccountId',
  });
  expect(await post(lines, { keyAccountId: 'unknown' })).toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
});

test.each<[object, string, string]>([
  [{ amount: '0' }, 'INVALID_AMOUNT', 'entries[1].amount'],
  [{ amount: '-1' }, 'INVALID_AMOUNT', 'entries[1].amount'],
  [{ amount: 1.5 }, 'INVALID_AMOUNT', 'entries[1].amount'],
  [{ amount: '1.000' }, 'INVALID_AMOUNT', 'entries[1].amount'],
  [{ description: 'x'.repeat(1001) }, 'INVALID_INPUT', 'entries[1].description'],
  [{ description: '\0' }, 'INVALID_INPUT', 'entries[1].description'],
])('an entry with %j is %s', async (wrong, code, field) => {
  const { entries, ...input } = journal([
    [a, 'DEBIT', '1'],
    [b, 'CREDIT', '1'],
  ]);
  const bad = [entries[0], { ...entries[1], ...wrong }];
  expect(await api.mutate('postTransaction', { ...input, entries: bad }, POSTED)).toMatchObject({
    code,
    field,
  });
});

test('ACCOUNT_NOT_FOUND names the account', async () => {
  const lines: Line[] = [
    [a, 'DEBIT', '1'],
    ['acct_unknown', 'CREDIT', '1'],
  ];
  expect(await post(lines, {}, '... on AccountNotFoundError { accountId }')).toMatchObject({
    code: 'ACCOUNT_NOT_FOUND',
    accountId: 'acct_unknown',
  });
});

test('limits are checked after the whole journal', async () => {
  const through: Line[] = [
    [b, 'DEBIT', '100'],
    [c, 'CREDIT', '100'],
    [a, 'DEBIT', '100'],
    [b, 'CREDIT', '100'],
  ];
  expect(await post(through)).toMatchObject({ __typename: 'TransactionPosted' });
  const facts = '... on InsufficientFundsError { account { id } available { amount } requested { amount } }';
  const lines: Line[] = [
    [b, 'CREDIT', '101'],
    [c, 'DEBIT', '60'],
    [c, 'DEBIT', '41'],
  ];
  const input = journal(lines);
  const declined = {
    code: 'INSUFFICIENT_FUNDS',
    replayed: false,
    account: { id: c },
    available: { amount: '100.00' },
    requested: { amount: '101.00' },
  };
  expect(await api.mutate('postTransaction', input, facts)).toMatchObject(declined);
  expect(await api.mutate('postTransaction', input, facts)).toMatchObject({ ...declined, replayed: true });
});

test('the same journal is replayed, and a different one with its key is a conflict', async () => {
  const lines: Line[] = [
    [a, 'DEBIT', '3', 'lunch'],
    [b, 'CREDIT', '3'],
  ];
  const input = journal(lines, { description: 'note', metadata: { table: '7' } });
  const first = await api.mutate('postTransaction', input, POSTED);
  expect(first).toMatchObject({ replayed: false });
  const again = {
    ...input,
    entries: input.entries.map((entry) => ({ ...entry, amount: '3.0' })),
  };
  expect(await api.mutate('postTransaction', again, POSTED)).toEqual({ ...first, replayed: true });

  const facts = '... on IdempotencyConflictError { differingFields recordedTransaction { id } }';
  const { id } = Object(first['transaction']);
  const conflicts: [object, string[]][] = [
    [{ keyAccountId: a, entries: input.entries.toReversed() }, ['entries']],
    [{ entries: input.entries.map((entry) => ({ ...entry, amount: '4' })) }, ['entries']],
    [{ entries: input.entries.map((entry) => ({ ...entry, description: 'dinner' })) }, ['entries']],
    [
      { description: null, conditions: [{ accountId: a, balanceAtLeast: '1' }] },
      ['conditions', 'description'],
    ],
  ];
  for (const [change, differingFields] of conflicts) {
    expect(await api.mutate('postTransaction', { ...input, ...change }, facts)).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      differingFields,
      recordedTransaction: { id },
    });
  }
  const asTransfer = { fromAccountId: a, toAccountId: b, amount: '3', idempotencyKey: input.idempotencyKey };
  expect(await api.mutate('transfer', asTransfer, facts)).toMatchObject({ differingFields: ['type'] });
});
