import { randomInt, randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooks,
  makeAccount,
  makeAccounts,
  openLedger,
  transfer,
  withdraw,
} from '../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const codes = (outcomes: readonly { readonly code: string }[]) =>
  Object.fromEntries(
    [...Map.groupBy(outcomes, ({ code }) => code)].map(([code, { length }]) => [code, length] as const),
  );

test('100.00 pay for five of ten simultaneous transfers of 20.00', async () => {
  const alice = await makeAccount(ledger, { owner: 'alice', funds: '100.00' });
  const bob = await makeAccount(ledger, { owner: 'bob' });

  const outcomes = await Promise.all(
    Array.from({ length: 10 }, () =>
      transfer(ledger, { fromAccountId: alice, toAccountId: bob, amount: '20.00' }),
    ),
  );

  expect(codes(outcomes)).toEqual({ POSTED: 5, INSUFFICIENT_FUNDS: 5 });
  expect(await balance(ledger, alice)).toBe(0n);
  expect(await balance(ledger, bob)).toBe(10_000n);
});

test('500 random transfers among ten accounts do not deadlock, and the sums agree', async () => {
  const accounts = await makeAccounts(ledger, 10, { funds: '100.00' });
  const pick = () => accounts[randomInt(accounts.length)] ?? '';

  const outcomes = await Promise.all(
    Array.from({ length: 500 }, () => {
      const fromAccountId = pick();
      const others = accounts.filter((account) => account !== fromAccountId);
      const toAccountId = others[randomInt(others.length)] ?? '';
      return transfer(ledger, { fromAccountId, toAccountId, amount: `${randomInt(1, 60)}.00` });
    }),
  );

  const { POSTED = 0, INSUFFICIENT_FUNDS = 0 } = codes(outcomes);
  expect(POSTED + INSUFFICIENT_FUNDS).toBe(500);
  expect(POSTED).toBeGreaterThan(0);
  const balances = await Promise.all(accounts.map((account) => balance(ledger, account)));
  expect(balances.reduce((sum, each) => sum + each)).toBe(100_000n);
  expect(balances.every((each) => each >= 0n)).toBe(true);
});

test('one key that is sent a hundred times at once has one effect and 99 replays', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '50.00' });
  const request = { fromAccountId: from, toAccountId: to, amount: '7.00', idempotencyKey: randomUUID() };

  const outcomes = await Promise.all(Array.from({ length: 100 }, () => transfer(ledger, request)));

  for (const outcome of outcomes) expectPosted(outcome);
  expect(outcomes.filter((outcome) => !outcome.replayed)).toHaveLength(1);
  expect(
    new Set(outcomes.map((outcome) => (outcome.code === 'POSTED' ? outcome.transaction.id : ''))).size,
  ).toBe(1);
  expect(await balance(ledger, to)).toBe(5700n);
});

test('a replay equals the first answer, entry by entry', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '50.00' });
  const request = {
    fromAccountId: from,
    toAccountId: to,
    amount: '7.00',
    idempotencyKey: randomUUID(),
    externalId: `order-${randomUUID()}`,
    description: 'Seven — for Zoë 🙂',
    metadata: { zoë: '🙂', order: '42' },
    effectiveAt: 1_700_000_000_123_456n,
  };
  const first = await transfer(ledger, request);
  await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' });

  const again = await transfer(ledger, { ...request, amount: '7' });

  expectPosted(first);
  expect(again).toEqual({ ...first, replayed: true });
});

test.each([
  ['amount', { amount: '8.00' }],
  ['toAccountId', { toAccountId: 'fresh' }],
  ['externalId', { externalId: 'another' }],
  ['description', { description: 'another' }],
  ['metadata', { metadata: { a: '2' } }],
  ['metadata', { metadata: null }],
  ['effectiveAt', { effectiveAt: 1_700_000_000_000_001n }],
])('the same key with another %s is a conflict that names the field', async (field, change) => {
  const [from = '', to = '', fresh = ''] = await makeAccounts(ledger, 3, { funds: '50.00' });
  const first = {
    fromAccountId: from,
    toAccountId: to,
    amount: '7.00',
    idempotencyKey: randomUUID(),
    metadata: { a: '1' },
  };
  const posted = await transfer(ledger, first);
  expectPosted(posted);

  const second = { ...first, ...change };
  const conflict = await transfer(ledger, {
    ...second,
    toAccountId: second.toAccountId === 'fresh' ? fresh : second.toAccountId,
  });

  expect(conflict).toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
    facts: { differingFields: [field], transaction: posted.transaction.id },
  });
  expect(await balance(ledger, to)).toBe(5700n);
});

test('a key of another kind of command is a conflict that names the type', async () => {
  const account = await makeAccount(ledger, { funds: '50.00' });
  const request = { accountId: account, amount: '5.00', idempotencyKey: randomUUID() };
  expectPosted(await deposit(ledger, request));

  expect(await withdraw(ledger, request)).toMatchObject({
    code: 'IDEMPOTENCY_CONFLICT',
    facts: { differingFields: ['type'] },
  });
});

test('a declined key stays declined after the account was funded', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2);
  const request = { fromAccountId: from, toAccountId: to, amount: '20.00', idempotencyKey: randomUUID() };
  const declined = await transfer(ledger, request);
  expect(declined).toMatchObject({ code: 'INSUFFICIENT_FUNDS', replayed: false });
  expectPosted(await deposit(ledger, { accountId: from, amount: '100.00' }));

  expect(await transfer(ledger, request)).toEqual({ ...declined, replayed: true });
  expect(await balance(ledger, from)).toBe(10_000n);
  expectPosted(await transfer(ledger, { ...request, idempotencyKey: randomUUID() }));
});

test('one externalId under a hundred keys on a hundred accounts at once has one effect', async () => {
  const accounts = await makeAccounts(ledger, 100);
  const externalId = `order-${randomUUID()}`;

  const outcomes = await Promise.all(
    accounts.map((accountId) => deposit(ledger, { accountId, amount: '5.00', externalId })),
  );

  expect(codes(outcomes)).toEqual({ POSTED: 1, EXTERNAL_ID_TAKEN: 99 });
  const posted = outcomes.find(({ code }) => code === 'POSTED');
  for (const outcome of outcomes) {
    if (outcome.code !== 'EXTERNAL_ID_TAKEN' || posted?.code !== 'POSTED') continue;
    expect(outcome.facts.takenBy).toEqual({ kind: 'transaction', id: posted.transaction.id });
  }
  const balances = await Promise.all(accounts.map((account) => balance(ledger, account)));
  expect(balances.reduce((sum, each) => sum + each)).toBe(500n);
});

test('a name that was not found is found with the same key after it was assigned', async () => {
  const from = await makeAccount(ledger, { funds: '50.00' });
  const name = `users:${randomUUID()}`;
  const request = {
    fromAccountId: from,
    toAccountId: `ext:${name}`,
    amount: '5.00',
    idempotencyKey: randomUUID(),
  };
  expect(await transfer(ledger, request)).toMatchObject({
    code: 'ACCOUNT_NOT_FOUND',
    facts: { accountId: `ext:${name}` },
  });

  const to = await makeAccount(ledger, { externalId: name });

  expect(await transfer(ledger, request)).toMatchObject({ code: 'POSTED', replayed: false });
  expect(await transfer(ledger, { ...request, toAccountId: to })).toMatchObject({
    code: 'POSTED',
    replayed: true,
  });
});

test('simultaneous requests with one creation key create one account', async () => {
  const idempotencyKey = randomUUID();
  const ids = await Promise.all(
    Array.from({ length: 20 }, () =>
      makeAccount(ledger, { owner: 'carol', currency: 'EUR', idempotencyKey }),
    ),
  );
  expect(new Set(ids).size).toBe(1);
});

test('a full queue rejects with OVERLOADED at once, and queued commands are still answered', async () => {
  const small = await openLedger(database, { maxQueue: 10 });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '500.00' });

  const outcomes = await Promise.all(
    Array.from({ length: 50 }, () =>
      transfer(small, { fromAccountId: from, toAccountId: to, amount: '1.00' }),
    ),
  );

  expect(codes(outcomes)).toEqual({ POSTED: 10, OVERLOADED: 40 });
  expect(await balance(ledger, to)).toBe(51_000n);
});

test('closing answers the accepted commands and rejects further ones', async () => {
  const closing = await openLedger(database);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '500.00' });
  const request = { fromAccountId: from, toAccountId: to, amount: '1.00' };
  // More than the number that is answered in one turn of the event loop.
  const taken = Array.from({ length: 300 }, () => transfer(closing, request));

  let answered = 0;
  for (const each of taken) void each.then(() => (answered += 1));

  const closed = closing.close().then(() => answered);
  const late = await transfer(closing, request);

  expect(codes(await Promise.all(taken))).toEqual({ POSTED: 300 });
  expect(late.code).toBe('OVERLOADED');
  expect(await closed).toBe(300);
});
