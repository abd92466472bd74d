/**
 * A batch on accounts whose states are cached is decided before it locks them, and written in one pipeline. In these tests another
 * session holds the lock and changes the accounts: the outcome is that of a decision under the lock.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { afterAll, expect, test } from 'vitest';
import type { Command } from '../../../src/core/decide/command.ts';
import { toDeposit, toWithdrawal } from '../../../src/core/decide/request.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import {
  type AccountChange,
  toAccountUpdate,
  type UpdateAccountInput,
} from '../../../src/core/update-account.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import {
  balance,
  deposit,
  expectPosted,
  expectSoundBooksWithoutLog,
  makeAccounts,
  openLedger,
  transfer,
} from '../../support/ledger.ts';
import { watchLockWaits } from '../lock-waits.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const elsewhere = await openLedger(database);
afterAll(() => expectSoundBooksWithoutLog(database));
const untilWaiting = await watchLockWaits(database);

/** Makes two accounts with 10.00 each whose states are cached. Another session locks them. */
async function lockKnownAccounts(): Promise<{
  readonly from: string;
  readonly to: string;
  readonly holder: pg.Client;
  readonly fromId: string;
  readonly toId: string;
}> {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  expectPosted(await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' }));
  expectPosted(await transfer(ledger, { fromAccountId: to, toAccountId: from, amount: '1.00' }));
  const [fromId = '', toId = ''] = [from, to].map((id) => parseId('account', id));
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('select 1 from accounts where id = any($1) for update', [[fromId, toId]]);
  return { from, to, holder, fromId, toId };
}

function updateTo(input: UpdateAccountInput): AccountChange {
  const change = toAccountUpdate(input);
  if ('code' in change) throw new TypeError(change.code);
  return change;
}

function command(given: Command | Refusal): Command {
  if ('code' in given) throw new TypeError(given.code);
  return given;
}

async function clock(): Promise<bigint> {
  const [row] = await asOwner<{ now: string }>(
    database,
    'select (extract(epoch from clock_timestamp()) * 1000000)::bigint::text as now',
  );
  return BigInt(row?.now ?? 0);
}

test('if nothing changed, the decision from before the lock is posted', async () => {
  const { from, to, holder } = await lockKnownAccounts();
  const outcome = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00' });
  await untilWaiting(1);
  const released = await clock();
  await holder.query('commit');

  const posted = await outcome;
  expectPosted(posted);
  expect(posted.transaction.createdAt).toBeLessThan(released);
  expect(await balance(ledger, from)).toBe(600n);
});

test.each([
  ['freezes the payer', `update accounts set status = 'FROZEN' where id = $1`, 'ACCOUNT_FROZEN'],
  ['raises the minimum', 'update accounts set min_balance = 700 where id = $1', 'INSUFFICIENT_FUNDS'],
  ['sets a maximum', 'update accounts set max_balance = 1200 where id = $2', 'BALANCE_LIMIT_EXCEEDED'],
])('the command is declined if another session %s meanwhile', async (_, change, code) => {
  const { from, to, holder, fromId, toId } = await lockKnownAccounts();
  const outcome = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00' });
  await untilWaiting(1);
  await holder.query(change.replace('$1', `'${fromId}'`).replace('$2', `'${toId}'`));
  await holder.query('commit');

  expect(await outcome).toMatchObject({ code });
  expect(await balance(ledger, to)).toBe(1000n);
});

test('a minimum that only the balance between two entries would break is kept', async () => {
  const { from, to, holder, fromId } = await lockKnownAccounts();
  const [first, second] = [
    transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '8.00' }),
    transfer(ledger, { fromAccountId: to, toAccountId: from, amount: '8.00' }),
  ];
  await untilWaiting(1);
  await holder.query(`update accounts set min_balance = 500 where id = '${fromId}'`);
  await holder.query('commit');

  expect(await first).toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
  expectPosted(await second);
});

test('a batch that waits for its locks does not delay batches on other accounts', async () => {
  const [stuck = ''] = await makeAccounts(elsewhere, 1);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query(`select 1 from accounts where id = $1 for update`, [parseId('account', stuck)]);
  const waiting = transfer(ledger, { fromAccountId: from, toAccountId: stuck, amount: '1.00' });
  await untilWaiting(1);

  const [third = '', fourth = ''] = await makeAccounts(elsewhere, 2, { funds: '10.00' });
  for (const payment of [
    { fromAccountId: third, toAccountId: fourth },
    { fromAccountId: fourth, toAccountId: third },
  ]) {
    expectPosted(await transfer(ledger, { ...payment, amount: '1.00' }));
  }
  expectPosted(await transfer(ledger, { fromAccountId: third, toAccountId: fourth, amount: '1.00' }));
  expect(await Promise.race([waiting, 'still waiting'])).toBe('still waiting');
  await holder.query('commit');
  expectPosted(await waiting);
  expect(await balance(ledger, to)).toBe(1000n);
});

test('a batch is posted although a batch with a common account waits for another lock', async () => {
  const accounts = await makeAccounts(elsewhere, 3, { funds: '10.00' });
  const [first = '', second = '', third = ''] = accounts.sort();
  expectPosted(await transfer(ledger, { fromAccountId: second, toAccountId: third, amount: '1.00' }));
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('select 1 from accounts where id = $1 for update', [parseId('account', first)]);
  // It locks in the order of the ids, so that the second account is not locked yet.
  const stuck = transfer(ledger, { fromAccountId: first, toAccountId: second, amount: '1.00' });
  await untilWaiting(1);
  const neighbour = transfer(ledger, { fromAccountId: second, toAccountId: third, amount: '1.00' });
  // Batches on other accounts overtake it until it is taken into one of them.
  const [one = '', two = ''] = await makeAccounts(elsewhere, 2, { funds: '10.00' });
  for (let n = 0; n < 8; n += 1) {
    expectPosted(await transfer(ledger, { fromAccountId: one, toAccountId: two, amount: '0.01' }));
  }
  expectPosted(await neighbour);
  expect(await Promise.race([stuck, 'still waiting'])).toBe('still waiting');
  await holder.query('commit');
  expectPosted(await stuck);
});

test('a batch that was decided on a wrong prediction is decided again', async () => {
  // So many that the second lane takes them and waits in the database.
  const others = await makeAccounts(ledger, 30, { funds: '1.00' });
  const { from, to, holder, fromId } = await lockKnownAccounts();
  const first = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '8.00' });
  await untilWaiting(1);
  const payments = others.map((other) =>
    transfer(ledger, { fromAccountId: to, toAccountId: other, amount: '0.50' }),
  );
  await untilWaiting(2);
  await holder.query(`update accounts set status = 'FROZEN' where id = '${fromId}'`);
  await holder.query('commit');

  expect(await first).toMatchObject({ code: 'ACCOUNT_FROZEN' });
  const codes = (await Promise.all(payments)).map(({ code }) => code);
  expect(codes.filter((code) => code === 'POSTED')).toHaveLength(20);
  expect(codes.filter((code) => code === 'INSUFFICIENT_FUNDS')).toHaveLength(10);
  expect(await balance(ledger, to)).toBe(0n);
});

test('a limit that another service changed is kept, although the sums of the account are as predicted', async () => {
  const [x = ''] = await makeAccounts(ledger, 1, { funds: '100.00', minBalance: { amount: '-500.00' } });
  for (let n = 0; n < 3; n += 1) expectPosted(await deposit(ledger, { accountId: x, amount: '0.01' }));
  await elsewhere.changeAccount(x, updateTo({ accountId: x, minBalance: { amount: '0.00' } }));
  const attempt = { accountId: x, amount: '1.00', idempotencyKey: 'the same' };
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('select 1 from ledgers for update');
  // The other service posts first, and its commit waits; this one predicts the same state.
  const theirs = deposit(elsewhere, attempt);
  await untilWaiting(1);
  const ours = deposit(ledger, attempt);
  await untilWaiting(2);
  const batch = ledger.postBatch('INDEPENDENT', [
    command(toWithdrawal({ accountId: x, amount: '400.00', idempotencyKey: 'too much' })),
    command(toDeposit({ accountId: x, amount: '400.00', idempotencyKey: 'back again' })),
  ]);
  await sleep(100);
  await holder.query('commit');

  expectPosted(await theirs);
  expect(await ours).toMatchObject({ code: 'POSTED', replayed: true });
  expect(await batch).toMatchObject({ outcomes: [{ code: 'INSUFFICIENT_FUNDS' }, { code: 'POSTED' }] });
});

test('the command is posted if another session lowers the minimum meanwhile', async () => {
  const { from, to, holder, fromId } = await lockKnownAccounts();
  const outcome = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '14.00' });
  await untilWaiting(1);
  await holder.query(`update accounts set min_balance = -1000 where id = '${fromId}'`);
  await holder.query('commit');

  expectPosted(await outcome);
  expect(await balance(ledger, from)).toBe(-400n);
});

test('createdAt is later than a balance that was read as of a later instant', async () => {
  const { from, to, holder, fromId } = await lockKnownAccounts();
  const outcome = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00' });
  await untilWaiting(1);
  await holder.query(`update accounts set last_at = clock_timestamp() where id = '${fromId}'`);
  const read = await clock();
  await holder.query('commit');

  const posted = await outcome;
  expectPosted(posted);
  expect(posted.transaction.createdAt).toBeGreaterThan(read - 10_000n);
});

test('createdAt is at most a second before the locks', async () => {
  const { from, to, holder } = await lockKnownAccounts();
  const outcome = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00' });
  await untilWaiting(1);
  await sleep(1100);
  const released = await clock();
  await holder.query('commit');

  const posted = await outcome;
  expectPosted(posted);
  expect(posted.transaction.createdAt).toBeGreaterThan(released);
});

test('money that another process moves first is not moved again', async () => {
  const { from, to, holder } = await lockKnownAccounts();
  const first = transfer(elsewhere, { fromAccountId: from, toAccountId: to, amount: '7.00' });
  await untilWaiting(1);
  const second = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00' });
  await untilWaiting(2);
  await holder.query('commit');

  expectPosted(await first);
  expect(await second).toMatchObject({ code: 'INSUFFICIENT_FUNDS', facts: { available: { minor: 300n } } });
});

test('a key that another process posts first is replayed', async () => {
  const { from, to, holder } = await lockKnownAccounts();
  const attempt = { fromAccountId: from, toAccountId: to, amount: '7.00', idempotencyKey: 'once' };
  const first = transfer(elsewhere, attempt);
  await untilWaiting(1);
  const second = transfer(ledger, attempt);
  await untilWaiting(2);
  await holder.query('commit');

  const posted = await first;
  expectPosted(posted);
  expect(await second).toEqual({ ...posted, replayed: true });
  expect(await balance(ledger, from)).toBe(300n);
});

test('an externalId that another process takes meanwhile is rejected', async () => {
  const { from, to, holder } = await lockKnownAccounts();
  const [other = '', another = ''] = await makeAccounts(elsewhere, 2, { funds: '10.00' });
  const externalId = 'order-of-two';
  const late = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00', externalId });
  await untilWaiting(1);
  expectPosted(
    await transfer(elsewhere, { fromAccountId: other, toAccountId: another, amount: '1.00', externalId }),
  );
  await holder.query('commit');

  expect(await late).toMatchObject({ code: 'EXTERNAL_ID_TAKEN' });
});

test('a command in a period that is closed meanwhile is rejected', async () => {
  const { from, to, holder } = await lockKnownAccounts();
  const effectiveAt = BigInt(Date.parse('2020-01-01T00:00:00Z')) * 1000n;
  const late = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '4.00', effectiveAt });
  await untilWaiting(1);
  await holder.query(`update ledgers set closed_before = '2026-01-01T00:00:00Z'`);
  await holder.query('commit');

  expect(await late).toMatchObject({ code: 'PERIOD_CLOSED' });
});
