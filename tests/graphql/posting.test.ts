import { beforeEach, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);

const POSTED = `... on TransactionPosted {
  replayed
  transaction {
    id type idempotencyKey externalId description metadata effectiveAt createdAt
    amount { amount currency }
    keyAccount { id }
    reverses { id } reversals { nodes { id } }
    entries {
      id side layer version description
      amount { amount } balanceAfter { amount } heldAfter { amount }
      account { id owner } transaction { id } effectiveAt createdAt
    }
  }
}`;

let a = '';
let b = '';
beforeEach(async () => {
  a = await makeAccount(ledger, { owner: 'a', funds: '100' });
  b = await makeAccount(ledger, { owner: 'b' });
});

test('transfer debits `from`, credits `to` and returns the recorded transaction', async () => {
  const idempotencyKey = newKey();
  const answer = await api.mutate(
    'transfer',
    {
      fromAccountId: a,
      toAccountId: b,
      amount: '40.5',
      idempotencyKey,
      externalId: `order ${idempotencyKey}`,
      description: 'lunch',
      metadata: { table: '7' },
      effectiveAt: '2026-01-31T13:00:00.5+01:00',
    },
    POSTED,
  );
  const entry = {
    layer: 'POSTED',
    description: null,
    amount: { amount: '40.50' },
    heldAfter: { amount: '0.00' },
    effectiveAt: '2026-01-31T12:00:00.500000Z',
    createdAt: expect.any(String),
  };
  const id = expect.stringMatching(/^txn_[0-9a-z]{26}$/);
  expect(answer).toEqual({
    __typename: 'TransactionPosted',
    replayed: false,
    transaction: {
      id,
      type: 'TRANSFER',
      idempotencyKey,
      externalId: `order ${idempotencyKey}`,
      description: 'lunch',
      metadata: { table: '7' },
      effectiveAt: '2026-01-31T12:00:00.500000Z',
      createdAt: expect.any(String),
      amount: { amount: '40.50', currency: 'USD' },
      keyAccount: { id: a },
      reverses: null,
      reversals: { nodes: [] },
      entries: [
        {
          ...entry,
          id: `${a.replace('acct', 'ent')}_2`,
          side: 'DEBIT',
          version: '2',
          balanceAfter: { amount: '59.50' },
          account: { id: a, owner: 'a' },
          transaction: { id },
        },
        {
          ...entry,
          id: `${b.replace('acct', 'ent')}_1`,
          side: 'CREDIT',
          version: '1',
          balanceAfter: { amount: '40.50' },
          account: { id: b, owner: 'b' },
          transaction: { id },
        },
      ],
    },
  });
});

test('deposit and withdraw move money from and to the external account', async () => {
  const selection = `... on TransactionPosted { transaction {
    type amount { amount } metadata description
    entries { side account { kind normalSide } }
  } }`;
  const input = { accountId: a, amount: '7', idempotencyKey: newKey() };
  const [own, external] = [
    { kind: 'STANDARD', normalSide: 'CREDIT' },
    { kind: 'EXTERNAL', normalSide: 'DEBIT' },
  ];
  expect((await api.mutate('deposit', input, selection))['transaction']).toEqual({
    type: 'DEPOSIT',
    amount: { amount: '7.00' },
    metadata: {},
    description: null,
    entries: [
      { side: 'DEBIT', account: external },
      { side: 'CREDIT', account: own },
    ],
  });
  const out = { ...input, idempotencyKey: newKey() };
  expect((await api.mutate('withdraw', out, selection))['transaction']).toMatchObject({
    type: 'WITHDRAWAL',
    entries: [
      { side: 'DEBIT', account: own },
      { side: 'CREDIT', account: external },
    ],
  });
});

test('the balances of an entry are on the normal side of its account', async () => {
  const bank = await makeAccount(ledger, { normalSide: 'DEBIT', minBalance: { unlimited: true } });
  const selection = `... on TransactionPosted { transaction { id entries { side balanceAfter { amount } } } }`;
  const input = { fromAccountId: bank, toAccountId: b, amount: '3', idempotencyKey: newKey() };
  const { transaction } = await api.mutate('transfer', input, selection);
  const entries = [
    { side: 'DEBIT', balanceAfter: { amount: '3.00' } },
    { side: 'CREDIT', balanceAfter: { amount: '3.00' } },
  ];
  expect(transaction).toMatchObject({ entries });
  const { id } = Object(transaction);
  const { data } = await api.ask(
    `query ($id: ID!) { transaction(id: $id) { entries { side balanceAfter { amount } } } }`,
    { id },
  );
  expect(data).toEqual({ transaction: { entries } });
});

test('the same request is posted once, and its outcome is replayed', async () => {
  const input = { fromAccountId: a, toAccountId: b, amount: '10', idempotencyKey: newKey() };
  const first = await api.mutate('transfer', input, POSTED);
  expect(first).toMatchObject({ replayed: false });
  expect(await api.mutate('transfer', { ...input, amount: '10.00', metadata: {} }, POSTED)).toEqual({
    ...first,
    replayed: true,
  });
  const { data } = await api.ask('query ($id: ID!) { account(id: $id) { balance { amount } version } }', {
    id: a,
  });
  expect(data).toEqual({ account: { balance: { amount: '90.00' }, version: '2' } });
});

test('a different request with the same key is a conflict that names the recorded transaction', async () => {
  const input = { fromAccountId: a, toAccountId: b, amount: '10', idempotencyKey: newKey() };
  const first = await api.mutate('transfer', input, '... on TransactionPosted { transaction { id } }');
  const facts = '... on IdempotencyConflictError { differingFields recordedTransaction { id } }';
  const conflict = { __typename: 'IdempotencyConflictError', recordedTransaction: first['transaction'] };
  const other = { ...input, amount: '11', description: 'more' };
  expect(await api.mutate('transfer', other, facts)).toMatchObject({
    ...conflict,
    differingFields: ['amount', 'description'],
  });
  const { idempotencyKey } = input;
  expect(await api.mutate('deposit', { accountId: a, amount: '10', idempotencyKey }, facts)).toMatchObject({
    ...conflict,
    differingFields: ['type'],
  });
});

test('a declined request stays declined with its facts, and outcomeByKey returns it', async () => {
  const idempotencyKey = newKey();
  const input = { fromAccountId: a, toAccountId: b, amount: '100.01', idempotencyKey };
  const facts = `... on InsufficientFundsError {
    account { id balance { amount } } available { amount currency } requested { amount currency }
  }`;
  const declined = {
    __typename: 'InsufficientFundsError',
    code: 'INSUFFICIENT_FUNDS',
    retryable: false,
    replayed: false,
    message: expect.stringContaining('100.00 USD available'),
    account: { id: a, balance: { amount: '100.00' } },
    available: { amount: '100.00', currency: 'USD' },
    requested: { amount: '100.01', currency: 'USD' },
  };
  expect(await api.mutate('transfer', input, facts)).toEqual(declined);

  await api.mutate('deposit', { accountId: a, amount: '50', idempotencyKey: newKey() });
  const live = { id: a, balance: { amount: '150.00' } };
  expect(await api.mutate('transfer', input, facts)).toEqual({ ...declined, replayed: true, account: live });

  const { data } = await api.ask(
    `query ($a: ID!, $key: String!) { outcomeByKey(accountId: $a, idempotencyKey: $key) {
      __typename ... on LedgerError { code message retryable replayed } ${facts}
    } }`,
    { a, key: idempotencyKey },
  );
  expect(data).toEqual({ outcomeByKey: { ...declined, replayed: true, account: live } });
});

test('outcomeByKey returns the posted transaction, and null for an unknown key or account', async () => {
  const idempotencyKey = newKey();
  const input = { fromAccountId: a, toAccountId: b, amount: '1', idempotencyKey };
  const posted = await api.mutate('transfer', input, POSTED);
  const query = `query ($a: ID!, $key: String!) {
    outcomeByKey(accountId: $a, idempotencyKey: $key) { __typename ${POSTED} }
  }`;
  const outcome = async (account: string, key: string) =>
    (await api.ask(query, { a: account, key })).data['outcomeByKey'];
  expect(await outcome(a, idempotencyKey)).toEqual({ ...posted, replayed: true });
  expect(await outcome(a, newKey())).toBeNull();
  expect(await outcome(b, idempotencyKey)).toBeNull();
  expect(await outcome('unknown', idempotencyKey)).toBeNull();
  expect(await outcome(a, '')).toBeNull();
  expect(await outcome(a, '\0')).toBeNull();
});

test('accounts and transactions are found by their externalIds', async () => {
  const [from, to] = [`from ${newKey()}`, `to ${newKey()}`];
  await makeAccount(ledger, { externalId: from, funds: '5' });
  await makeAccount(ledger, { externalId: to });
  const input = {
    fromAccountId: `ext:${from}`,
    toAccountId: `ext:${to}`,
    amount: '5',
    idempotencyKey: newKey(),
    externalId: `payout ${to}`,
  };
  const posted = await api.mutate('transfer', input, '... on TransactionPosted { transaction { id } }');
  const { data } = await api.ask(
    `query ($txn: ID!, $to: ID!, $from: ID!, $key: String!) {
      transaction(id: $txn) { id }
      account(id: $to) { balance { amount } }
      outcomeByKey(accountId: $from, idempotencyKey: $key) { __typename }
      unknown: transaction(id: "ext:unknown") { id }
      foreign: transaction(id: $to) { id }
    }`,
    { txn: `ext:payout ${to}`, to: `ext:${to}`, from: `ext:${from}`, key: input.idempotencyKey },
  );
  expect(data).toEqual({
    transaction: posted['transaction'],
    account: { balance: { amount: '5.00' } },
    outcomeByKey: { __typename: 'TransactionPosted' },
    unknown: null,
    foreign: null,
  });
});

test('each mutation field of a request sees the effects of the earlier ones', async () => {
  const { data } = await api.ask(
    `mutation ($a: ID!, $b: ID!, $one: String!, $two: String!) {
      one: transfer(input: { fromAccountId: $a, toAccountId: $b, amount: "1", idempotencyKey: $one }) { ...left }
      two: transfer(input: { fromAccountId: $a, toAccountId: $b, amount: 2.50, idempotencyKey: $two }) { ...left }
    }
    fragment left on TransactionPosted { transaction { keyAccount { balance { amount } } } }`,
    { a, b, one: newKey(), two: newKey() },
  );
  expect(data).toEqual({
    one: { transaction: { keyAccount: { balance: { amount: '99.00' } } } },
    two: { transaction: { keyAccount: { balance: { amount: '96.50' } } } },
  });
});

const move = (input: object = {}) => ({
  fromAccountId: a,
  toAccountId: b,
  amount: '1',
  idempotencyKey: newKey(),
  ...input,
});

test('a transfer to the same account is rejected', async () => {
  const answer = await api.mutate(
    'transfer',
    move({ toAccountId: a }),
    '... on SameAccountError { accountId }',
  );
  expect(answer).toMatchObject({ __typename: 'SameAccountError', code: 'SAME_ACCOUNT', accountId: a });
});

test.each([
  'acct_00000000000000000000000000',
  'acct_81234567890abcdefghjkmnpqr',
  'unknown',
  '',
  'ext:',
  'ext:unknown',
  'txn_00000000000000000000000000',
  "acct_' or true --",
])('an unknown account (%j) is named as given, on either side', async (unknown) => {
  const notFound = { __typename: 'AccountNotFoundError', code: 'ACCOUNT_NOT_FOUND', accountId: unknown };
  const facts = '... on AccountNotFoundError { accountId }';
  for (const side of ['fromAccountId', 'toAccountId']) {
    expect(await api.mutate('transfer', move({ [side]: unknown }), facts)).toMatchObject(notFound);
  }
  const input = { accountId: unknown, amount: '1', idempotencyKey: newKey() };
  expect(await api.mutate('deposit', input, facts)).toMatchObject(notFound);
  expect(await api.mutate('withdraw', input, facts)).toMatchObject(notFound);
});

test('a transfer between accounts of two currencies is rejected', async () => {
  const yen = await makeAccount(ledger, { currency: 'JPY' });
  const facts = '... on CurrencyMismatchError { expected given }';
  expect(await api.mutate('transfer', move({ toAccountId: yen }), facts)).toMatchObject({
    __typename: 'CurrencyMismatchError',
    code: 'CURRENCY_MISMATCH',
    expected: 'USD',
    given: 'JPY',
  });
});

test('deposits and withdrawals accept only CREDIT accounts', async () => {
  const bank = await makeAccount(ledger, { normalSide: 'DEBIT' });
  const facts = '... on UnsupportedAccountError { account { id normalSide } }';
  for (const field of ['deposit', 'withdraw'] as const) {
    const input = { accountId: bank, amount: '1', idempotencyKey: newKey() };
    expect(await api.mutate(field, input, facts)).toMatchObject({
      __typename: 'UnsupportedAccountError',
      code: 'UNSUPPORTED_ACCOUNT',
      account: { id: bank, normalSide: 'DEBIT' },
    });
  }
});

test('an account cannot rise above its maxBalance', async () => {
  const small = await makeAccount(ledger, { maxBalance: { amount: '1' } });
  const facts = `... on BalanceLimitExceededError {
    account { id } limit { amount currency } resulting { amount currency }
  }`;
  const declined = {
    __typename: 'BalanceLimitExceededError',
    code: 'BALANCE_LIMIT_EXCEEDED',
    account: { id: small },
    limit: { amount: '1.00', currency: 'USD' },
    resulting: { amount: '1.01', currency: 'USD' },
  };
  expect(await api.mutate('transfer', move({ toAccountId: small, amount: '1.01' }), facts)).toMatchObject(
    declined,
  );
  const input = { accountId: small, amount: '1.01', idempotencyKey: newKey() };
  expect(await api.mutate('deposit', input, facts)).toMatchObject(declined);
});

test('a frozen or closed account rejects postings, and the error names it', async () => {
  const frozen = await makeAccount(ledger, { externalId: `frozen ${newKey()}` });
  const closed = await makeAccount(ledger);
  await api.mutate('freezeAccount', { accountId: frozen });
  await api.mutate('closeAccount', { accountId: closed });
  const facts = `... on AccountFrozenError { account { id status } } ... on AccountClosedError { account { id status } }`;
  const cases = [
    [frozen, 'FROZEN', 'AccountFrozenError'],
    [closed, 'CLOSED', 'AccountClosedError'],
  ] as const;
  for (const [id, status, type] of cases) {
    const refused = { __typename: type, code: `ACCOUNT_${status}`, account: { id, status } };
    expect(await api.mutate('transfer', move({ toAccountId: id }), facts)).toMatchObject(refused);
    const input = { accountId: id, amount: '1', idempotencyKey: newKey() };
    expect(await api.mutate('deposit', input, facts)).toMatchObject(refused);
    const out = { ...input, idempotencyKey: newKey() };
    expect(await api.mutate('withdraw', out, facts)).toMatchObject(refused);
  }
});

test('a posted externalId is not posted again, and the error names the transaction', async () => {
  const externalId = `order ${newKey()}`;
  const first = await api.mutate(
    'transfer',
    move({ externalId }),
    '... on TransactionPosted { transaction { id } }',
  );
  const facts = '... on ExternalIdTakenError { takenBy { __typename id ... on Transaction { type } } }';
  const input = { accountId: a, amount: '1', idempotencyKey: newKey(), externalId };
  expect(await api.mutate('deposit', input, facts)).toMatchObject({
    __typename: 'ExternalIdTakenError',
    code: 'EXTERNAL_ID_TAKEN',
    takenBy: { __typename: 'Transaction', ...Object(first['transaction']), type: 'TRANSFER' },
  });
});

test('an effectiveAt in a closed period is rejected', async () => {
  await api.mutate('closePeriod', { before: '2025-01-01T00:00:00Z' });
  const facts = '... on PeriodClosedError { closedBefore }';
  const late = { effectiveAt: '2024-12-31T23:59:59.999999Z' };
  expect(await api.mutate('transfer', move(late), facts)).toMatchObject({
    __typename: 'PeriodClosedError',
    code: 'PERIOD_CLOSED',
    closedBefore: '2025-01-01T00:00:00.000000Z',
  });
  expect(await api.mutate('transfer', move({ effectiveAt: '2025-01-01T00:00:00Z' }))).toMatchObject({
    __typename: 'TransactionPosted',
  });
});

test('a busy ledger returns OVERLOADED and the time to wait', async () => {
  const busy = await serve(await openLedger(database, { maxQueue: 0 }));
  const facts = '... on OverloadedError { retryAfterMs }';
  expect(await busy.mutate('transfer', move(), facts)).toMatchObject({
    __typename: 'OverloadedError',
    code: 'OVERLOADED',
    retryable: true,
    retryAfterMs: expect.any(Number),
  });
});

test('no request was a fault, and the books are sound', async () => {
  expect(api.faults).toEqual([]);
  await expectSoundBooks(database);
});
