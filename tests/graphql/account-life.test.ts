import { randomUUID } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';
import { type Field, newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);
const unknown = 'acct_01890a5d96d7f5b2c000000000';

// Invalid input is never a fault.
afterEach(() => expect(api.faults).toEqual([]));

const ACCOUNT = `... on AccountUpdated {
  account { id externalId status metadata balance { amount } minBalance { amount } maxBalance { amount } }
}`;
const INPUT = '... on InvalidInputError { field }';
const FIELD = `${INPUT} ... on InvalidAmountError { field }`;

const LIFE = ['freezeAccount', 'unfreezeAccount', 'closeAccount'] as const satisfies Field[];

async function externalAccount(): Promise<string> {
  const { data } = await api.ask<{ accounts: { nodes: { id: string }[] } }>(
    '{ accounts(filter: { kind: EXTERNAL, currency: "USD" }) { nodes { id } } }',
  );
  return data.accounts.nodes[0]?.id ?? '';
}

describe('updateAccount', () => {
  test('changes limits, name and metadata together, and keeps omitted fields', async () => {
    const accountId = await makeAccount(ledger, { funds: '10', metadata: { a: '1', b: '2' } });
    const externalId = `name-${randomUUID()}`;
    const input = {
      accountId,
      externalId,
      minBalance: { amount: '-5.5' },
      maxBalance: { amount: '10' },
      metadata: { c: '3' },
    };
    const updated = {
      __typename: 'AccountUpdated',
      account: {
        id: accountId,
        externalId,
        status: 'OPEN',
        metadata: { c: '3' },
        balance: { amount: '10.00' },
        minBalance: { amount: '-5.50' },
        maxBalance: { amount: '10.00' },
      },
    };
    expect(await api.mutate('updateAccount', input, ACCOUNT)).toEqual(updated);
    expect(await api.mutate('updateAccount', input, ACCOUNT)).toEqual(updated);
    expect(await api.mutate('updateAccount', { accountId: `ext:${externalId}` }, ACCOUNT)).toEqual(updated);

    const lifted = {
      accountId,
      minBalance: { unlimited: true },
      maxBalance: { unlimited: true },
      metadata: {},
    };
    expect(await api.mutate('updateAccount', lifted, ACCOUNT)).toMatchObject({
      account: { externalId, metadata: {}, minBalance: null, maxBalance: null },
    });
  });

  test.each([
    [{ externalId: '' }, 'InvalidInputError', 'externalId'],
    [{ externalId: 'a\0' }, 'InvalidInputError', 'externalId'],
    [{ externalId: 'x'.repeat(256) }, 'InvalidInputError', 'externalId'],
    [{ minBalance: { unlimited: false } }, 'InvalidInputError', 'minBalance.unlimited'],
    [{ metadata: { n: 1 } }, 'InvalidInputError', 'metadata'],
    [{ metadata: { big: 'x'.repeat(9000) } }, 'InvalidInputError', 'metadata'],
    [
      { metadata: Object.fromEntries(Array.from({ length: 51 }, (_, n) => [n, ''])) },
      'InvalidInputError',
      'metadata',
    ],
    [{ minBalance: { amount: 'much' } }, 'InvalidAmountError', 'minBalance.amount'],
    [{ maxBalance: { amount: '0.001' } }, 'InvalidAmountError', 'maxBalance.amount'],
    [{ maxBalance: { amount: '9'.repeat(38) } }, 'InvalidAmountError', 'maxBalance.amount'],
    [{ maxBalance: { amount: 0.5 } }, 'InvalidAmountError', 'maxBalance.amount'],
  ])('with %j returns %s with the field %s', async (wrong, type, field) => {
    const accountId = await makeAccount(ledger);
    const answer = await api.mutate('updateAccount', { accountId, ...wrong }, FIELD);
    expect(answer).toMatchObject({ __typename: type, field, retryable: false, replayed: false });
    expect(answer['message']).toMatch(new RegExp(`^${field} `));
  });

  test('a limit that the current balance breaks is rejected with the balance and holds', async () => {
    const accountId = await makeAccount(ledger, { funds: '10' });
    const facts = `... on LimitUnmetError {
      limit { amount } balance { amount currency } held { amount } incoming { amount }
    }`;
    expect(
      await api.mutate('updateAccount', { accountId, maxBalance: { amount: '9.99' } }, facts),
    ).toMatchObject({
      __typename: 'LimitUnmetError',
      code: 'LIMIT_UNMET',
      limit: { amount: '9.99' },
      balance: { amount: '10.00', currency: 'USD' },
      held: { amount: '0.00' },
      incoming: { amount: '0.00' },
    });
  });

  test('an externalId is set once, and for one account', async () => {
    const [one = '', two = ''] = await makeAccounts(ledger, 2);
    const externalId = `name-${randomUUID()}`;
    await api.mutate('updateAccount', { accountId: one, externalId });
    expect(await api.mutate('updateAccount', { accountId: one, externalId: 'another' }, FIELD)).toMatchObject(
      {
        __typename: 'InvalidInputError',
        field: 'externalId',
      },
    );
    const facts = '... on ExternalIdTakenError { takenBy { __typename id } }';
    expect(await api.mutate('updateAccount', { accountId: two, externalId }, facts)).toMatchObject({
      __typename: 'ExternalIdTakenError',
      takenBy: { __typename: 'Account', id: one },
    });
  });
});

describe('freeze, unfreeze and close', () => {
  test('change the status, and repeating them succeeds', async () => {
    const accountId = await makeAccount(ledger);
    const steps: readonly (readonly [Field, string])[] = [
      ['freezeAccount', 'FROZEN'],
      ['freezeAccount', 'FROZEN'],
      ['unfreezeAccount', 'OPEN'],
      ['unfreezeAccount', 'OPEN'],
      ['freezeAccount', 'FROZEN'],
      ['closeAccount', 'CLOSED'],
      ['closeAccount', 'CLOSED'],
    ];
    for (const [field, status] of steps) {
      expect(await api.mutate(field, { accountId }, ACCOUNT)).toMatchObject({
        __typename: 'AccountUpdated',
        account: { id: accountId, status },
      });
    }
  });

  test('a closed account rejects changes, and the error shows its current state', async () => {
    const accountId = await makeAccount(ledger);
    await api.mutate('closeAccount', { accountId });
    const facts = '... on AccountClosedError { account { id status } }';
    for (const field of ['updateAccount', 'freezeAccount', 'unfreezeAccount'] as const) {
      const answer = await api.mutate(field, { accountId }, facts);
      expect(answer).toMatchObject({
        __typename: 'AccountClosedError',
        code: 'ACCOUNT_CLOSED',
        retryable: false,
        replayed: false,
        account: { id: accountId, status: 'CLOSED' },
      });
      expect(answer['message']).not.toContain('idempotency');
    }
  });

  test('an account with money cannot be closed', async () => {
    const accountId = await makeAccount(ledger, { funds: '0.01' });
    const facts =
      '... on AccountNotEmptyError { account { id status } balance { amount currency } openHolds }';
    expect(await api.mutate('closeAccount', { accountId }, facts)).toMatchObject({
      __typename: 'AccountNotEmptyError',
      code: 'ACCOUNT_NOT_EMPTY',
      account: { id: accountId, status: 'OPEN' },
      balance: { amount: '0.01', currency: 'USD' },
      openHolds: 0,
    });
    await api.mutate('withdraw', { accountId, amount: '0.01', idempotencyKey: newKey() });
    expect(await api.mutate('closeAccount', { accountId })).toMatchObject({ __typename: 'AccountUpdated' });
  });

  test('a posting is rejected with the status of the account, and earlier keys keep their outcomes', async () => {
    const accountId = await makeAccount(ledger);
    const first = { accountId, amount: '1', idempotencyKey: newKey() };
    await api.mutate('deposit', first);
    await api.mutate('freezeAccount', { accountId });
    const declined = { ...first, idempotencyKey: newKey() };
    expect(await api.mutate('deposit', declined)).toMatchObject({ code: 'ACCOUNT_FROZEN', replayed: false });
    await api.mutate('unfreezeAccount', { accountId });
    expect(await api.mutate('deposit', declined)).toMatchObject({ code: 'ACCOUNT_FROZEN', replayed: true });
    await api.mutate('withdraw', { ...first, idempotencyKey: newKey() });
    await api.mutate('closeAccount', { accountId });
    const again = '... on TransactionPosted { replayed }';
    expect(await api.mutate('deposit', first, again)).toMatchObject({ replayed: true });
    expect(await api.mutate('deposit', { ...first, idempotencyKey: newKey() })).toMatchObject({
      code: 'ACCOUNT_CLOSED',
    });
  });

  test('the account in an answer has the state after the request itself', async () => {
    const accountId = await makeAccount(ledger);
    const { data } = await api.ask(
      `mutation ($accountId: ID!) {
        frozen: freezeAccount(input: { accountId: $accountId }) { ... on AccountUpdated { account { status } } }
        paid: deposit(input: { accountId: $accountId, amount: 1, idempotencyKey: "k" }) { ... on AccountFrozenError { account { status } } }
        closed: closeAccount(input: { accountId: $accountId }) { ... on AccountUpdated { account { status } } }
        late: unfreezeAccount(input: { accountId: $accountId }) { ... on AccountClosedError { account { status } } }
      }`,
      { accountId },
    );
    expect(data).toEqual({
      frozen: { account: { status: 'FROZEN' } },
      paid: { account: { status: 'FROZEN' } },
      closed: { account: { status: 'CLOSED' } },
      late: { account: { status: 'CLOSED' } },
    });
  });
});

describe('the key of a change', () => {
  const CHANGED = `... on AccountUpdated { replayed account { status } }
    ... on IdempotencyConflictError { differingFields recordedTransaction { id } }`;

  test.each<[Field, Field, string]>([
    ['freezeAccount', 'unfreezeAccount', 'OPEN'],
    ['unfreezeAccount', 'freezeAccount', 'FROZEN'],
  ])('%s sent again after %s succeeds and changes nothing', async (field, between, status) => {
    const accountId = await makeAccount(ledger);
    const idempotencyKey = newKey();
    await api.mutate(field, { accountId, idempotencyKey }, CHANGED);
    await api.mutate(between, { accountId }, CHANGED);
    expect(await api.mutate(field, { accountId, idempotencyKey }, CHANGED)).toEqual({
      __typename: 'AccountUpdated',
      replayed: true,
      account: { status },
    });
  });

  test('with another change is a conflict without a transaction', async () => {
    const accountId = await makeAccount(ledger);
    const idempotencyKey = newKey();
    const first = { accountId, idempotencyKey, metadata: { a: '1' } };
    expect(await api.mutate('updateAccount', first, CHANGED)).toMatchObject({ replayed: false });
    const conflict = {
      __typename: 'IdempotencyConflictError',
      code: 'IDEMPOTENCY_CONFLICT',
      replayed: false,
      recordedTransaction: null,
    };
    const second = { ...first, metadata: { a: '2' } };
    expect(await api.mutate('updateAccount', second, CHANGED)).toMatchObject({
      ...conflict,
      differingFields: ['metadata'],
    });
    expect(await api.mutate('closeAccount', { accountId, idempotencyKey }, CHANGED)).toMatchObject({
      ...conflict,
      differingFields: ['type'],
    });
  });

  test.each(['', 'x'.repeat(256), 'a\0'])('%j is INVALID_INPUT', async (idempotencyKey) => {
    const accountId = await makeAccount(ledger);
    for (const field of [...LIFE, 'updateAccount'] as const) {
      expect(await api.mutate(field, { accountId, idempotencyKey }, FIELD)).toMatchObject({
        __typename: 'InvalidInputError',
        field: 'idempotencyKey',
      });
    }
  });
});

test('an external account rejects freeze, close, limits and an externalId, and accepts metadata', async () => {
  await makeAccount(ledger);
  const accountId = await externalAccount();
  const facts = '... on UnsupportedAccountError { account { id kind } }';
  const refused: readonly (readonly [Field, object])[] = [
    ['freezeAccount', {}],
    ['closeAccount', {}],
    ['updateAccount', { minBalance: { amount: '-5' } }],
    ['updateAccount', { maxBalance: { unlimited: true } }],
    ['updateAccount', { externalId: 'world' }],
  ];
  for (const [field, more] of refused) {
    expect(await api.mutate(field, { accountId, ...more }, facts)).toMatchObject({
      __typename: 'UnsupportedAccountError',
      account: { id: accountId, kind: 'EXTERNAL' },
    });
  }
  expect(await api.mutate('unfreezeAccount', { accountId }, ACCOUNT)).toMatchObject({
    account: { status: 'OPEN' },
  });
  const metadata = { bank: 'outside' };
  expect(await api.mutate('updateAccount', { accountId, metadata }, ACCOUNT)).toMatchObject({
    account: { metadata },
  });
});

describe('a malformed field is reported before an unknown account, and that before anything else', () => {
  test.each(['', 'ext:', 'ext:unknown', 'ext:\0', unknown, 'txn_01890a5d96d7f5b2c000000000'])(
    'no account is found by %j',
    async (accountId) => {
      for (const field of [...LIFE, 'updateAccount'] as const) {
        const answer = await api.mutate(field, { accountId }, '... on AccountNotFoundError { accountId }');
        expect(answer).toMatchObject({ __typename: 'AccountNotFoundError', accountId });
      }
    },
  );

  test('the error quotes the beginning of an id of a megabyte', async () => {
    const { message } = await api.mutate('closeAccount', { accountId: 'x'.repeat(1_000_000) });
    expect(String(message).length).toBeLessThan(300);
  });

  test.each([
    [{ externalId: '' }, 'INVALID_INPUT'],
    [{ externalId: '', minBalance: { amount: 'much' } }, 'INVALID_INPUT'],
    [{ minBalance: { amount: 'much' } }, 'INVALID_AMOUNT'],
    // It is invalid only for the currency of the account.
    [{ minBalance: { amount: '0.001' } }, 'ACCOUNT_NOT_FOUND'],
    [{ externalId: 'taken' }, 'ACCOUNT_NOT_FOUND'],
  ])('%j of an unknown account returns %s', async (wrong, code) => {
    await api.mutate('createAccount', { owner: 'x', currency: 'USD', externalId: 'taken' });
    expect(await api.mutate('updateAccount', { accountId: unknown, ...wrong })).toMatchObject({ code });
  });
});

test('concurrent changes of one account are all made, one after another', async () => {
  const accountId = await makeAccount(ledger);
  const fields = Array.from({ length: 30 }, (_, place) => LIFE[place % 2] ?? 'freezeAccount');
  const answers = await Promise.all(fields.map((field) => api.mutate(field, { accountId }, ACCOUNT)));
  for (const [place, answer] of answers.entries()) {
    expect(answer).toMatchObject({ account: { status: place % 2 === 0 ? 'FROZEN' : 'OPEN' } });
  }
});

describe('createAccounts', () => {
  const RESULTS = `... on AccountsCreated { results {
    __typename
    ... on AccountCreated { replayed account { id owner externalId } }
    ... on LedgerError { code }
    ... on InvalidInputError { field } ... on InvalidAmountError { field }
  } }
  ${INPUT}`;

  test('returns one result for each account, in order, and the path of a refusal', async () => {
    const idempotencyKey = newKey();
    const answer = await api.mutate(
      'createAccounts',
      {
        accounts: [
          { owner: 'a', currency: 'USD', idempotencyKey },
          { owner: '', currency: 'USD' },
          { owner: 'b', currency: 'USD', minBalance: { amount: 'much' } },
          { owner: 'c', currency: 'USD', maxBalance: { amount: '0.001' } },
          { owner: 'd', currency: 'none' },
          { owner: 'a', currency: 'USD', idempotencyKey },
        ],
      },
      RESULTS,
    );
    const account = { id: expect.stringMatching(/^acct_/), owner: 'a', externalId: null };
    expect(answer).toEqual({
      __typename: 'AccountsCreated',
      results: [
        { __typename: 'AccountCreated', replayed: false, account },
        { __typename: 'InvalidInputError', code: 'INVALID_INPUT', field: 'accounts[1].owner' },
        { __typename: 'InvalidAmountError', code: 'INVALID_AMOUNT', field: 'accounts[2].minBalance.amount' },
        { __typename: 'InvalidAmountError', code: 'INVALID_AMOUNT', field: 'accounts[3].maxBalance.amount' },
        { __typename: 'UnknownCurrencyError', code: 'UNKNOWN_CURRENCY' },
        { __typename: 'AccountCreated', replayed: true, account },
      ],
    });
  });

  test.each([0, 1001])('%d accounts are INVALID_INPUT, and none is created', async (count) => {
    const owner = randomUUID();
    const accounts = Array.from({ length: count }, () => ({ owner, currency: 'USD' }));
    expect(await api.mutate('createAccounts', { accounts }, RESULTS)).toMatchObject({
      __typename: 'InvalidInputError',
      field: 'accounts',
      message: expect.stringContaining(`has ${count}`),
    });
    const { data } = await api.ask(
      'query ($owner: String!) { accounts(filter: { owner: $owner }) { nodes { id } } }',
      { owner },
    );
    expect(data).toEqual({ accounts: { nodes: [] } });
  });

  test('a thousand accounts are created, and repeating the request returns the same accounts', async () => {
    const owner = randomUUID();
    const accounts = Array.from({ length: 1000 }, (_, place) => ({
      owner,
      currency: 'USD',
      externalId: `${owner}:${place}`,
      idempotencyKey: `${place}`,
    }));
    const results = async () => {
      const answer = await api.mutate('createAccounts', { accounts }, RESULTS);
      return answer['results'] as { replayed: boolean; account: { id: string; externalId: string } }[];
    };
    const [first, second] = [await results(), await results()];
    expect(first.map(({ account }) => account.externalId)).toEqual(
      accounts.map(({ externalId }) => externalId),
    );
    expect(second).toEqual(first.map((result) => ({ ...result, replayed: true })));
    expect(first.every(({ replayed }) => !replayed)).toBe(true);
  });
});

describe('createCurrency', () => {
  const CURRENCY = `... on CurrencyRegistered { replayed registered { code exponent } }
    ... on CurrencyTakenError { registered { code exponent } } ${INPUT}`;

  test('registers a currency once, and its amounts are exact to the last decimal', async () => {
    const input = { code: 'ETH', exponent: 18 };
    expect(await api.mutate('createCurrency', input, CURRENCY)).toEqual({
      __typename: 'CurrencyRegistered',
      replayed: false,
      registered: input,
    });
    expect(await api.mutate('createCurrency', input, CURRENCY)).toMatchObject({
      replayed: true,
      registered: input,
    });
    expect(await api.mutate('createCurrency', { code: 'ETH', exponent: 8 }, CURRENCY)).toMatchObject({
      __typename: 'CurrencyTakenError',
      code: 'CURRENCY_TAKEN',
      registered: input,
    });
    const accountId = await makeAccount(ledger, { currency: 'ETH', funds: '0.000000000000000001' });
    const { data } = await api.ask(
      'query ($id: ID!) { account(id: $id) { balance { amount currency } } ledger { currencies { code exponent } } }',
      { id: accountId },
    );
    expect(data).toEqual({
      account: { balance: { amount: '0.000000000000000001', currency: 'ETH' } },
      ledger: { currencies: [input, { code: 'USD', exponent: 2 }] },
    });
  });

  test.each([
    ['USD', 2, 2],
    ['JPY', 2, 0],
  ])('%s is an ISO 4217 currency and is CURRENCY_TAKEN', async (code, exponent, published) => {
    expect(await api.mutate('createCurrency', { code, exponent }, CURRENCY)).toMatchObject({
      __typename: 'CurrencyTakenError',
      registered: { code, exponent: published },
    });
  });

  test.each([
    ['btc', 8, 'code'],
    ['B', 8, 'code'],
    ['A\0B', 8, 'code'],
    ['B'.repeat(13), 8, 'code'],
    ['BTC', -1, 'exponent'],
    ['BTC', 31, 'exponent'],
    ['usd', 31, 'code'],
    ['USD', 31, 'exponent'],
  ])('%j with %d decimals is INVALID_INPUT', async (code, exponent, field) => {
    const answer = await api.mutate('createCurrency', { code, exponent }, CURRENCY);
    expect(answer).toMatchObject({ __typename: 'InvalidInputError', field });
  });
});

describe('closePeriod', () => {
  const PERIOD = `... on PeriodClosed { ledger { closedBefore } } ${INPUT}`;

  test('closes permanently, only forward, and up to 5 seconds ago', async () => {
    const accountId = await makeAccount(ledger);
    const close = (before: unknown) => api.mutate('closePeriod', { before }, PERIOD);
    const pay = (effectiveAt: string) =>
      api.mutate(
        'deposit',
        { accountId, amount: '1', idempotencyKey: newKey(), effectiveAt },
        '... on PeriodClosedError { closedBefore }',
      );
    const closedBefore = '2026-01-01T00:00:00.000001Z';
    expect(await pay('2025-12-31T23:59:59Z')).toMatchObject({ __typename: 'TransactionPosted' });

    const closed = { __typename: 'PeriodClosed', ledger: { closedBefore } };
    expect(await close('2026-01-01T01:00:00.000001+01:00')).toEqual(closed);
    expect(await close(closedBefore)).toEqual(closed);
    expect(await close('0001-01-01T00:00:00Z')).toEqual(closed);
    expect(await pay('2026-01-01T00:00:00Z')).toMatchObject({
      __typename: 'PeriodClosedError',
      code: 'PERIOD_CLOSED',
      closedBefore,
    });
    expect(await pay(closedBefore)).toMatchObject({ __typename: 'TransactionPosted' });

    const at = (fromNowMs: number) => new Date(Date.now() + fromNowMs).toISOString();
    for (const late of [at(-4000), at(0), at(60_000), '9999-12-31T23:59:59.999999Z']) {
      expect(await close(late)).toMatchObject({
        __typename: 'InvalidInputError',
        code: 'INVALID_INPUT',
        field: 'before',
        message: expect.stringMatching(
          /^before must be at least 5 seconds before .*clock.*: use an earlier instant/,
        ),
      });
    }
    const { data } = await api.ask('{ ledger { closedBefore } }');
    expect(data).toEqual({ ledger: { closedBefore } });
  });

  test.each([['yesterday'], ['2026-02-30T00:00:00Z'], ['2026-01-01'], [''], [1767225600], [{}], [[]]])(
    'the instant %j is INVALID_INPUT',
    async (before) => {
      expect(await api.mutate('closePeriod', { before }, PERIOD)).toMatchObject({
        __typename: 'InvalidInputError',
        code: 'INVALID_INPUT',
        field: 'before',
      });
    },
  );
});

test('the audit log has the request id of each change', async () => {
  const accountId = await makeAccount(ledger);
  const send = async (query: string) => {
    const response = await fetch(`${api.server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables: { accountId } }),
    });
    await response.text();
    return response.headers.get('x-request-id');
  };
  const [code, before] = ['AUDITED', '2026-01-02T00:00:00Z'];
  const ids = [
    await send(
      'mutation ($accountId: ID!) { freezeAccount(input: { accountId: $accountId }) { __typename } }',
    ),
    await send(`mutation { createCurrency(input: { code: "${code}", exponent: 3 }) { __typename } }`),
    await send(`mutation { closePeriod(input: { before: "${before}" }) { __typename } }`),
  ];
  const rows = await asOwner<{ request_id: string }>(
    database,
    'select request_id from audit_events order by number desc limit 3',
  );
  expect(rows.map(({ request_id }) => request_id).reverse()).toEqual(ids);
  expect(new Set(ids).size).toBe(3);
});

test('the books are sound', () => expectSoundBooks(database));
