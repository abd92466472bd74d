import { expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

const database = await createTestDatabase();
const api = await serve(await openLedger(database));

const CREATED = `... on AccountCreated {
  replayed
  account {
    id kind externalId owner currency normalSide status version metadata createdAt
    balance { amount currency } held { amount } incoming { amount } available { amount }
    totalDebits { amount } totalCredits { amount } minBalance { amount } maxBalance { amount }
  }
}`;

test('createAccount creates an account with the defaults', async () => {
  const answer = await api.mutate('createAccount', { owner: 'ada', currency: 'USD' }, CREATED);
  const zero = { amount: '0.00' };
  expect(answer).toEqual({
    __typename: 'AccountCreated',
    replayed: false,
    account: {
      id: expect.stringMatching(/^acct_[0-9a-z]{26}$/),
      kind: 'STANDARD',
      externalId: null,
      owner: 'ada',
      currency: 'USD',
      normalSide: 'CREDIT',
      status: 'OPEN',
      version: '0',
      metadata: {},
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
      balance: { amount: '0.00', currency: 'USD' },
      held: zero,
      incoming: zero,
      available: zero,
      totalDebits: zero,
      totalCredits: zero,
      minBalance: zero,
      maxBalance: null,
    },
  });
});

test('createAccount sets all fields, and the account is found by its externalId', async () => {
  const input = {
    owner: 'bank',
    currency: 'JPY',
    externalId: 'users:42:wallet',
    normalSide: 'DEBIT',
    minBalance: { unlimited: true },
    maxBalance: { amount: '1000' },
    metadata: JSON.parse('{"tier": "gold", "__proto__": "x", "constructor": "y"}'),
  };
  await api.mutate('createAccount', input);
  const { data } = await api.ask(`{
    account(id: "ext:users:42:wallet") {
      owner currency normalSide metadata minBalance { amount } maxBalance { amount } available { amount }
    }
  }`);
  expect(data).toEqual({
    account: {
      owner: 'bank',
      currency: 'JPY',
      normalSide: 'DEBIT',
      metadata: JSON.parse('{"tier": "gold", "__proto__": "x", "constructor": "y"}'),
      minBalance: null,
      maxBalance: { amount: '1000' },
      available: null,
    },
  });
});

test('the same key creates no second account, and a different request with it is a conflict', async () => {
  const input = { owner: 'grace', currency: 'EUR', idempotencyKey: newKey(), maxBalance: { amount: '5' } };
  const first = await api.mutate('createAccount', input, CREATED);
  expect(await api.mutate('createAccount', { ...input, maxBalance: { amount: '5.00' } }, CREATED)).toEqual({
    ...first,
    replayed: true,
  });
  const other = { ...input, currency: 'USD', maxBalance: null };
  const facts = '... on IdempotencyConflictError { differingFields recordedTransaction { id } }';
  expect(await api.mutate('createAccount', other, facts)).toMatchObject({
    __typename: 'IdempotencyConflictError',
    code: 'IDEMPOTENCY_CONFLICT',
    retryable: false,
    replayed: false,
    differingFields: ['currency', 'maxBalance'],
    recordedTransaction: null,
  });
});

test('EXTERNAL_ID_TAKEN names the account that has the externalId', async () => {
  const input = { owner: 'one', currency: 'USD', externalId: 'taken' };
  const first = await api.mutate('createAccount', input, '... on AccountCreated { account { id } }');
  const facts = '... on ExternalIdTakenError { takenBy { __typename id ... on Account { owner } } }';
  expect(await api.mutate('createAccount', { ...input, owner: 'two' }, facts)).toMatchObject({
    __typename: 'ExternalIdTakenError',
    code: 'EXTERNAL_ID_TAKEN',
    takenBy: { __typename: 'Account', ...Object(first['account']), owner: 'one' },
  });
});

test('UNKNOWN_CURRENCY names the currency', async () => {
  const facts = '... on UnknownCurrencyError { currency }';
  expect(await api.mutate('createAccount', { owner: 'x', currency: 'usd' }, facts)).toMatchObject({
    __typename: 'UnknownCurrencyError',
    code: 'UNKNOWN_CURRENCY',
    currency: 'usd',
    message: expect.stringContaining('"usd"'),
  });
});

test('an account whose limit excludes a zero balance is not created', async () => {
  const facts = `... on LimitUnmetError {
    limit { amount currency } balance { amount } held { amount } incoming { amount }
  }`;
  const input = { owner: 'x', currency: 'USD', minBalance: { amount: '0.01' } };
  expect(await api.mutate('createAccount', input, facts)).toMatchObject({
    __typename: 'LimitUnmetError',
    code: 'LIMIT_UNMET',
    limit: { amount: '0.01', currency: 'USD' },
    balance: { amount: '0.00' },
    held: { amount: '0.00' },
    incoming: { amount: '0.00' },
  });
});

test.each([
  [{ minBalance: { amount: '0.001' } }, 'InvalidAmountError', 'minBalance.amount'],
  [{ maxBalance: { amount: 'much' } }, 'InvalidAmountError', 'maxBalance.amount'],
  [{ maxBalance: { amount: 1.5 } }, 'InvalidAmountError', 'maxBalance.amount'],
  [{ maxBalance: { unlimited: false } }, 'InvalidInputError', 'maxBalance.unlimited'],
  [{ owner: '' }, 'InvalidInputError', 'owner'],
  [{ externalId: 'x'.repeat(256) }, 'InvalidInputError', 'externalId'],
  [{ metadata: { n: 1 } }, 'InvalidInputError', 'metadata'],
  [{ metadata: ['a'] }, 'InvalidInputError', 'metadata'],
  [{ metadata: { big: 'x'.repeat(9000) } }, 'InvalidInputError', 'metadata'],
  [{ idempotencyKey: '' }, 'InvalidInputError', 'idempotencyKey'],
])('createAccount with %j returns %s with the field %s', async (wrong, type, field) => {
  const facts = '... on InvalidAmountError { field } ... on InvalidInputError { field }';
  const answer = await api.mutate('createAccount', { owner: 'x', currency: 'USD', ...wrong }, facts);
  expect(answer).toMatchObject({ __typename: type, field, retryable: false, replayed: false });
  expect(answer['message']).toMatch(new RegExp(`^${field} `));
});

test('a limit is either an amount or unlimited', async () => {
  for (const maxBalance of [{ amount: '1', unlimited: true }, {}]) {
    const { data, errors } = await api.ask(
      'mutation ($limit: BalanceLimitInput) { createAccount(input: { owner: "x", currency: "USD", maxBalance: $limit }) { __typename } }',
      { limit: maxBalance },
    );
    expect(data).toBeFalsy();
    expect(errors?.[0]?.message).toMatch(/BalanceLimitInput/);
  }
});

test('the books are sound', () => expectSoundBooks(database));
