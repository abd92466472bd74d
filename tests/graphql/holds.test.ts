import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { toExpiry } from '../../src/core/decide/request.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectPosted, expectSoundBooks, makeAccount, openLedger } from '../support/ledger.ts';
import { newKey, serve } from './api.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const api = await serve(ledger);

let a = '';
let b = '';
beforeEach(async () => {
  a = await makeAccount(ledger, { funds: '100' });
  b = await makeAccount(ledger);
});
afterEach(() => expect(api.faults).toEqual([]));
afterAll(() => expectSoundBooks(database));

const HOLD = `id status expiresAt createdAt from { id } to { id }
  amount { amount currency } captured { amount } remaining { amount }`;
const TRANSACTION = `id type amount { amount } keyAccount { id } hold { id status }
  entries { account { id } side layer amount { amount } balanceAfter { amount } heldAfter { amount } }`;
// A fragment on LedgerError can select any refusal, even one that the union does not contain.
const REFUSED = `... on LedgerError {
  ... on InvalidInputError { field } ... on InvalidAmountError { field }
  ... on HoldNotFoundError { holdId }
  ... on HoldNotOpenError { hold { id status } }
  ... on HoldExpiredError { hold { id status } }
  ... on HoldAmountExceededError { hold { id } remaining { amount currency } requested { amount currency } }
  ... on IdempotencyConflictError { differingFields recordedTransaction { id } }
}`;
const PLACED = `... on HoldPlaced { replayed hold { ${HOLD} } transaction { ${TRANSACTION} } } ${REFUSED}`;
const POSTED = `... on TransactionPosted { replayed transaction { ${TRANSACTION} } } ${REFUSED}`;

const placing = (more: object = {}) => ({
  fromAccountId: a,
  toAccountId: b,
  amount: '40',
  idempotencyKey: newKey(),
  ...more,
});
const place = (more: object = {}) => api.mutate('placeHold', placing(more), PLACED);
const capture = (holdId: string, more: object = {}) =>
  api.mutate('captureHold', { holdId, idempotencyKey: newKey(), ...more }, POSTED);
const release = (holdId: string, more: object = {}) =>
  api.mutate('voidHold', { holdId, idempotencyKey: newKey(), ...more }, POSTED);

async function placed(more: object = {}): Promise<string> {
  const { hold } = await place(more);
  return Object(hold).id;
}

async function show(holdId: string) {
  const { data } = await api.ask(`query ($id: ID!) { hold(id: $id) { ${HOLD} } }`, { id: holdId });
  return data['hold'];
}

/** Returns balance, held, incoming and available of both accounts. */
async function balances() {
  const { data } = await api.ask<Record<string, Record<string, { amount: string }>>>(
    `query ($a: ID!, $b: ID!) { a: account(id: $a) { ...of } b: account(id: $b) { ...of } }
    fragment of on Account { balance { amount } held { amount } incoming { amount } available { amount } }`,
    { a, b },
  );
  return Object.values(data).map((account) => Object.values(account).map(({ amount }) => amount));
}

test('a hold reserves money without moving it', async () => {
  const answer = await place({ expiresAt: '2999-01-01T00:00:00+01:00' });
  const id = expect.stringMatching(/^hold_[0-9a-z]{26}$/);
  const entry = { layer: 'PENDING', amount: { amount: '40.00' } };
  expect(answer).toEqual({
    __typename: 'HoldPlaced',
    replayed: false,
    hold: {
      id,
      status: 'OPEN',
      expiresAt: '2998-12-31T23:00:00.000000Z',
      createdAt: expect.any(String),
      from: { id: a },
      to: { id: b },
      amount: { amount: '40.00', currency: 'USD' },
      captured: { amount: '0.00' },
      remaining: { amount: '40.00' },
    },
    transaction: {
      id: expect.stringMatching(/^txn_/),
      type: 'HOLD',
      amount: { amount: '40.00' },
      keyAccount: { id: a },
      hold: { id, status: 'OPEN' },
      entries: [
        {
          ...entry,
          account: { id: a },
          side: 'DEBIT',
          balanceAfter: { amount: '100.00' },
          heldAfter: { amount: '40.00' },
        },
        {
          ...entry,
          account: { id: b },
          side: 'CREDIT',
          balanceAfter: { amount: '0.00' },
          heldAfter: { amount: '0.00' },
        },
      ],
    },
  });
  const { hold } = answer;
  expect(await show(Object(hold).id)).toEqual(hold);
  expect(await balances()).toEqual([
    ['100.00', '40.00', '0.00', '60.00'],
    ['0.00', '0.00', '40.00', '0.00'],
  ]);
});

test('a hold is captured in parts, and the last unit ends it, final or not', async () => {
  const id = await placed();
  const part = await capture(id, { amount: '15', final: false });
  expect(part).toMatchObject({
    __typename: 'TransactionPosted',
    transaction: {
      type: 'CAPTURE',
      amount: { amount: '15.00' },
      keyAccount: { id: a },
      hold: { id, status: 'OPEN' },
      entries: [
        {
          account: { id: a },
          side: 'CREDIT',
          layer: 'PENDING',
          amount: { amount: '15.00' },
          heldAfter: { amount: '25.00' },
        },
        { account: { id: b }, side: 'DEBIT', layer: 'PENDING', amount: { amount: '15.00' } },
        { account: { id: a }, side: 'DEBIT', layer: 'POSTED', balanceAfter: { amount: '85.00' } },
        { account: { id: b }, side: 'CREDIT', layer: 'POSTED', balanceAfter: { amount: '15.00' } },
      ],
    },
  });
  expect(await show(id)).toMatchObject({
    status: 'OPEN',
    captured: { amount: '15.00' },
    remaining: { amount: '25.00' },
  });
  expect(await balances()).toEqual([
    ['85.00', '25.00', '0.00', '60.00'],
    ['15.00', '0.00', '25.00', '15.00'],
  ]);
  await capture(id, { final: false });
  expect(await show(id)).toMatchObject({
    status: 'CAPTURED',
    captured: { amount: '40.00' },
    remaining: { amount: '0.00' },
  });
  expect(await balances()).toEqual([
    ['60.00', '0.00', '0.00', '60.00'],
    ['40.00', '0.00', '0.00', '40.00'],
  ]);
});

test('a final capture of a part releases the rest', async () => {
  const id = await placed();
  expect(await capture(id, { amount: '30' })).toMatchObject({
    transaction: { amount: { amount: '30.00' }, entries: [{ amount: { amount: '40.00' } }, {}, {}, {}] },
  });
  expect(await show(id)).toMatchObject({
    status: 'CAPTURED',
    captured: { amount: '30.00' },
    remaining: { amount: '0.00' },
  });
  expect(await balances()).toEqual([
    ['70.00', '0.00', '0.00', '70.00'],
    ['30.00', '0.00', '0.00', '30.00'],
  ]);
});

test('a void releases the remainder, also of a hold that was captured in part', async () => {
  const id = await placed();
  await capture(id, { amount: '10', final: false });
  const answer = await release(id, { description: 'cancelled', metadata: { by: 'shop' } });
  expect(answer).toMatchObject({
    transaction: {
      type: 'RELEASE',
      amount: { amount: '30.00' },
      hold: { id, status: 'VOIDED' },
      entries: [
        { account: { id: a }, side: 'CREDIT', layer: 'PENDING', heldAfter: { amount: '0.00' } },
        { account: { id: b }, side: 'DEBIT', layer: 'PENDING' },
      ],
    },
  });
  expect(await show(id)).toMatchObject({
    status: 'VOIDED',
    captured: { amount: '10.00' },
    remaining: { amount: '0.00' },
  });
  expect(await balances()).toEqual([
    ['90.00', '0.00', '0.00', '90.00'],
    ['10.00', '0.00', '0.00', '10.00'],
  ]);
});

test('a capture above the remainder is declined with the remainder, and stays declined', async () => {
  const id = await placed();
  await capture(id, { amount: '15', final: false });
  const key = { idempotencyKey: newKey(), amount: '25.01' };
  const declined = {
    __typename: 'HoldAmountExceededError',
    code: 'HOLD_AMOUNT_EXCEEDED',
    retryable: false,
    replayed: false,
    hold: { id },
    remaining: { amount: '25.00', currency: 'USD' },
    requested: { amount: '25.01', currency: 'USD' },
  };
  expect(await capture(id, key)).toMatchObject(declined);
  expect(await capture(id, key)).toMatchObject({ ...declined, replayed: true });
  expect(await capture(id, { amount: '25' })).toMatchObject({ __typename: 'TransactionPosted' });
});

test('a captured or voided hold is not open', async () => {
  const [captured, voided] = [await placed(), await placed({ amount: '5' })];
  await capture(captured);
  await release(voided);
  for (const [id, status] of [
    [captured, 'CAPTURED'],
    [voided, 'VOIDED'],
  ] as const) {
    const notOpen = { __typename: 'HoldNotOpenError', code: 'HOLD_NOT_OPEN', hold: { id, status } };
    const idempotencyKey = newKey();
    expect(await capture(id, { idempotencyKey })).toMatchObject({ ...notOpen, replayed: false });
    expect(await capture(id, { idempotencyKey })).toMatchObject({ ...notOpen, replayed: true });
    expect(await release(id)).toMatchObject(notOpen);
  }
});

test('an expired hold cannot be captured, before or after its release, and can be voided', async () => {
  const expiresAt = new Date(Date.now() + 30_000).toISOString();
  const id = await placed({ expiresAt });
  expect(await capture(id, { amount: '1', final: false })).toMatchObject({ __typename: 'TransactionPosted' });
  // Later records of the account have a later time.
  const uuid = parseId('account', a);
  await asOwner(database, `update accounts set last_at = '${expiresAt}' where id = '${uuid}'`);
  expect(await capture(id)).toMatchObject({
    __typename: 'HoldExpiredError',
    code: 'HOLD_EXPIRED',
    replayed: false,
    hold: { id, status: 'OPEN' },
  });
  // The money stays held until the release is recorded.
  expect(await balances()).toMatchObject([['99.00', '39.00', '0.00', '60.00'], {}]);
  expect(await release(id)).toMatchObject({ transaction: { hold: { status: 'VOIDED' } } });
  expect(await capture(id)).toMatchObject({ code: 'HOLD_NOT_OPEN', hold: { status: 'VOIDED' } });
});

test('a hold with a recorded release is EXPIRED, and the release has no key', async () => {
  const expiresAt = new Date(Date.now() + 30_000).toISOString();
  const id = await placed({ expiresAt });
  const uuid = parseId('account', a);
  await asOwner(database, `update accounts set last_at = '${expiresAt}' where id = '${uuid}'`);
  expectPosted(await ledger.post(toExpiry(parseId('hold', id) ?? '')));
  expect(await show(id)).toMatchObject({ status: 'EXPIRED', remaining: { amount: '0.00' } });
  const { data } = await api.ask(
    `query ($id: ID!) { hold(id: $id) { transactions { nodes { type idempotencyKey keyAccount { id } } } } }`,
    { id },
  );
  expect(data).toMatchObject({
    hold: { transactions: { nodes: [{}, { type: 'RELEASE', idempotencyKey: null, keyAccount: { id: a } }] } },
  });
  expect(await capture(id)).toMatchObject({ code: 'HOLD_EXPIRED', hold: { status: 'EXPIRED' } });
  expect(await release(id)).toMatchObject({ code: 'HOLD_NOT_OPEN', hold: { status: 'EXPIRED' } });
});

test('each kind of request replays its outcome, with the current state of the hold', async () => {
  const externalId = `order ${newKey()}`;
  const attempt = placing({ externalId });
  const first = await api.mutate('placeHold', attempt, PLACED);
  const { id } = Object(first['hold']);
  expect(await api.mutate('placeHold', { ...attempt, amount: '40.00' }, PLACED)).toEqual({
    ...first,
    replayed: true,
  });

  const capturing = { idempotencyKey: newKey(), amount: '10', final: false };
  const captured = await capture(id, capturing);
  expect(await capture(id, capturing)).toEqual({ ...captured, replayed: true });
  // With the other name of the hold, it is the same request.
  expect(await capture(`ext:${externalId}`, capturing)).toMatchObject({ replayed: true });

  const idempotencyKey = newKey();
  const voided = await release(id, { idempotencyKey });
  expect(voided).toMatchObject({ __typename: 'TransactionPosted', replayed: false });
  expect(await release(id, { idempotencyKey })).toEqual({ ...voided, replayed: true });

  expect(await api.mutate('placeHold', attempt, PLACED)).toMatchObject({
    replayed: true,
    hold: { id, status: 'VOIDED', captured: { amount: '10.00' }, remaining: { amount: '0.00' } },
    transaction: { id: Object(first['transaction']).id, entries: [{ heldAfter: { amount: '40.00' } }, {}] },
  });
  expect(await balances()).toEqual([
    ['90.00', '0.00', '0.00', '90.00'],
    ['10.00', '0.00', '0.00', '10.00'],
  ]);
});

test('a different request with the same key is a conflict', async () => {
  const attempt = placing();
  const { hold, transaction } = await api.mutate('placeHold', attempt, PLACED);
  const [holdId, recordedTransaction] = [Object(hold).id, { id: Object(transaction).id }];
  const later = {
    ...attempt,
    expiresAt: '2999-01-01T00:00:00Z',
    conditions: [{ accountId: a, balanceAtLeast: '1' }],
  };
  expect(await api.mutate('placeHold', later, PLACED)).toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
    differingFields: ['conditions', 'expiresAt'],
    recordedTransaction,
  });
  expect(await api.mutate('transfer', attempt, POSTED)).toMatchObject({ differingFields: ['type'] });
  // The keys of captures and voids belong to the account that the hold is from.
  const { idempotencyKey } = attempt;
  expect(await capture(holdId, { idempotencyKey })).toMatchObject({ differingFields: ['type'] });
  expect(await release(holdId, { idempotencyKey })).toMatchObject({ differingFields: ['type'] });
  const capturing = { idempotencyKey: newKey(), amount: '1', final: false };
  await capture(holdId, capturing);
  expect(await capture(holdId, { ...capturing, amount: '2', final: true })).toMatchObject({
    differingFields: ['amount', 'final'],
  });
});

test.each<[object, string, string | undefined]>([
  [{ expiresAt: 'tomorrow' }, 'INVALID_INPUT', 'expiresAt'],
  [{ expiresAt: '2001-01-01T00:00:00Z' }, 'INVALID_INPUT', 'expiresAt'],
  [{ amount: '0' }, 'INVALID_AMOUNT', 'amount'],
  [{ amount: '1.001' }, 'INVALID_AMOUNT', 'amount'],
  [{ metadata: { a: 1 } }, 'INVALID_INPUT', 'metadata'],
  [{ toAccountId: 'unknown' }, 'ACCOUNT_NOT_FOUND', undefined],
  [{ amount: '100.01' }, 'INSUFFICIENT_FUNDS', undefined],
])('a hold with %j is %s', async (wrong, code, field) => {
  expect(await place(wrong)).toMatchObject({ code, ...(field === undefined ? {} : { field }) });
  expect(await balances()).toMatchObject([['100.00', '0.00', '0.00', '100.00'], {}]);
});

test('a hold is between two STANDARD accounts of one currency', async () => {
  const yen = await makeAccount(ledger, { currency: 'JPY' });
  expect(await place({ toAccountId: a })).toMatchObject({ code: 'SAME_ACCOUNT' });
  expect(await place({ toAccountId: yen })).toMatchObject({ code: 'CURRENCY_MISMATCH' });
  const { data } = await api.ask<{ accounts: { nodes: { id: string }[] } }>(
    '{ accounts(filter: { kind: EXTERNAL, currency: "USD" }) { nodes { id } } }',
  );
  const outside = data.accounts.nodes[0]?.id;
  expect(await place({ toAccountId: outside })).toMatchObject({ code: 'UNSUPPORTED_ACCOUNT' });
});

test('a hold counts towards the limits of both accounts', async () => {
  b = await makeAccount(ledger, { maxBalance: { amount: '50' } });
  await place();
  expect(await place({ amount: '10.01' })).toMatchObject({ code: 'BALANCE_LIMIT_EXCEEDED' });
  b = await makeAccount(ledger);
  expect(await place({ amount: '60.01' })).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
  expect(await place({ amount: '60' })).toMatchObject({ __typename: 'HoldPlaced' });
});

test('a frozen account rejects holds and captures, and allows voids', async () => {
  const id = await placed();
  await api.mutate('freezeAccount', { accountId: b });
  expect(await place()).toMatchObject({ code: 'ACCOUNT_FROZEN' });
  expect(await capture(id)).toMatchObject({ code: 'ACCOUNT_FROZEN' });
  expect(await release(id)).toMatchObject({ __typename: 'TransactionPosted' });
});

test('a capture or void of an id that is not a hold finds none', async () => {
  const { transaction } = await place({ amount: '1' });
  const unheld = await api.mutate(
    'transfer',
    placing({ amount: '1', externalId: `paid ${newKey()}` }),
    `
    ... on TransactionPosted { transaction { externalId } }`,
  );
  const foreign = `ext:${Object(unheld['transaction']).externalId}`;
  for (const holdId of ['', 'hold_', a, Object(transaction).id, 'ext:nothing', 'ext:', foreign]) {
    const notFound = { __typename: 'HoldNotFoundError', code: 'HOLD_NOT_FOUND', holdId };
    expect(await capture(holdId)).toMatchObject(notFound);
    expect(await release(holdId)).toMatchObject(notFound);
    expect(await show(holdId)).toBeNull();
  }
});

test('concurrent captures of one hold take at most its amount', async () => {
  const id = await placed();
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => capture(id, { amount: '15', final: false })),
  );
  expect(answers.map(({ __typename }) => __typename).sort()).toEqual([
    ...Array.from({ length: 6 }, () => 'HoldAmountExceededError'),
    'TransactionPosted',
    'TransactionPosted',
  ]);
  expect(await show(id)).toMatchObject({ captured: { amount: '30.00' }, remaining: { amount: '10.00' } });
});

test('holds are found by id, as nodes, and by the externalId of their transaction', async () => {
  const externalId = `order ${newKey()}`;
  const { hold, transaction } = await place({ externalId });
  const { id } = Object(hold);
  const { data } = await api.ask(
    `query ($id: ID!, $name: ID!, $txn: ID!) {
      node(id: $id) { __typename id }
      nodes(ids: [$id, "hold_nothing", $txn]) { __typename id }
      hold(id: $name) { id }
      foreign: hold(id: $txn) { id }
      transaction(id: $name) { hold { id } }
    }`,
    { id, name: `ext:${externalId}`, txn: Object(transaction).id },
  );
  expect(data).toEqual({
    node: { __typename: 'Hold', id },
    nodes: [{ __typename: 'Hold', id }, null, { __typename: 'Transaction', id: Object(transaction).id }],
    hold: { id },
    foreign: null,
    transaction: { hold: { id } },
  });
});
