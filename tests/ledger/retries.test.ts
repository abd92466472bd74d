/** The table of retries in src/ledger/retries.ts: which refusal a caller receives, and when. */
import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { parseId } from '../../src/core/values/ids.ts';
import type { LedgerOptions } from '../../src/ledger/ledger.ts';
import { asOwner, connect, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

/** Opens a ledger whose COMMITs meet a fate as soon as one is set. */
async function openWithFate(database: TestDatabase, options: Partial<LedgerOptions> = {}) {
  const commits: { fate: () => Fate } = { fate: () => 'pass' };
  const proxy = await startTcpProxy(database.serviceUrl, () => commits.fate());
  afterAll(() => proxy.close());
  return { ledger: await openLedger({ serviceUrl: proxy.url }, options), commits };
}

/** Drops the connection at the next COMMIT, before the server receives it. */
function dropOnce(): () => Fate {
  let isDropped = false;
  return () => {
    if (isDropped) return 'pass';
    isDropped = true;
    return 'drop before';
  };
}

const newAccount = (owner: string) => {
  const request = toAccountRequest({ owner, currency: 'USD', normalSide: 'CREDIT' });
  if ('code' in request) throw new TypeError(request.code);
  return request;
};

// Most of each test is waiting, so they run at the same time, each on its own database.
test.concurrent('callers receive UNAVAILABLE when every COMMIT is lost, although the database answers all other statements', async () => {
  const database = await createTestDatabase();
  const { ledger, commits } = await openWithFate(database);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const payment = { fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: randomUUID() };
  commits.fate = () => 'drop before';
  const since = performance.now();
  expect(await transfer(ledger, payment)).toMatchObject({ code: 'UNAVAILABLE' });
  expect(performance.now() - since).toBeLessThan(8000);
  commits.fate = () => 'pass';
  expect(await transfer(ledger, payment)).toMatchObject({ code: 'POSTED' });
  expect(await balance(ledger, to)).toBe(1100n);
  await expectSoundBooks(database);
});

test.concurrent('a fault after a COMMIT whose outcome is unknown is UNAVAILABLE, not INTERNAL', async () => {
  const database = await createTestDatabase();
  const faults: unknown[] = [];
  const { ledger, commits } = await openWithFate(database, { onFault: (error) => faults.push(error) });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  // The proxy drops the insert together with COMMIT, so that only the retry meets the constraint.
  await asOwner(database, 'alter table entries add constraint planted check (amount <> -123)');
  commits.fate = dropOnce();
  const payment = { fromAccountId: from, toAccountId: to, amount: '1.23' };
  expect(await transfer(ledger, payment)).toMatchObject({ code: 'UNAVAILABLE' });
  expect(faults).toMatchObject([{ code: '23514' }]);
  expect(await transfer(ledger, payment)).toMatchObject({ code: 'INTERNAL' });
  expect(await balance(ledger, to)).toBe(1000n);
  await expectSoundBooks(database);
});

test.concurrent('a fault after the lost COMMIT of a new account is UNAVAILABLE, not INTERNAL', async () => {
  const database = await createTestDatabase();
  const faults: unknown[] = [];
  const { ledger, commits } = await openWithFate(database, { onFault: (error) => faults.push(error) });
  // The sequence counts attempts, also those that are rolled back.
  await asOwner(
    database,
    `create sequence attempts`,
    `create function reject_second() returns trigger language plpgsql security definer as $$
     begin
       if nextval('public.attempts') > 1 then raise exception 'planted' using errcode = 'check_violation'; end if;
       return new;
     end $$`,
    `create trigger a_planted before insert on accounts for each row when (new.owner = 'planted') execute function reject_second()`,
  );
  commits.fate = dropOnce();
  expect(await ledger.createAccount(newAccount('planted'))).toMatchObject({ code: 'UNAVAILABLE' });
  expect(faults).toMatchObject([{ code: '23514' }]);
  expect(await ledger.createAccount(newAccount('planted'))).toMatchObject({ code: 'INTERNAL' });
});

test.concurrent('a command that meets a unique violation again and again is OVERLOADED, and its neighbours are posted', async () => {
  const database = await createTestDatabase();
  const faults: unknown[] = [];
  const ledger = await openLedger(database, { lanes: 1, onFault: (error) => faults.push(error) });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '1000.00' });
  await asOwner(
    database,
    `create function reject_planted() returns trigger language plpgsql as $$
     begin raise exception 'planted' using errcode = 'unique_violation'; end $$`,
    `create trigger a_planted before insert on entries for each row when (new.amount = -123) execute function reject_planted()`,
  );
  const pay = (amount: string) => transfer(ledger, { fromAccountId: from, toAccountId: to, amount });
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, place) => pay(place === 137 ? '1.23' : '1.00')),
  );
  expect(outcomes.flatMap(({ code }, place) => (code === 'POSTED' ? [] : [[place, code]]))).toEqual([
    [137, 'OVERLOADED'],
  ]);
  expect(faults).toMatchObject([{ code: '23505' }]);
  expect(await balance(ledger, to)).toBe(119_900n);
  await expectSoundBooks(database);
});

test.concurrent('while the disk is full, a new account is OVERLOADED', async () => {
  const database = await createTestDatabase();
  const ledger = await openLedger(database);
  await asOwner(
    database,
    `create function reject_all() returns trigger language plpgsql as $$
     begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$`,
    `create trigger a_full before insert on accounts for each row execute function reject_all()`,
  );
  expect(await ledger.createAccount(newAccount('somebody'))).toMatchObject({ code: 'OVERLOADED' });
  await asOwner(database, `drop trigger a_full on accounts`);
  expect(await ledger.createAccount(newAccount('somebody'))).toMatchObject({ code: 'CREATED' });
});

test.concurrent('a change of an account that another session keeps locked is OVERLOADED, and nothing was changed', async ({
  onTestFinished,
}) => {
  const database = await createTestDatabase();
  const ledger = await openLedger(database);
  const [locked = ''] = await makeAccounts(ledger, 1);
  const holder = await connect(database.ownerUrl, {}, onTestFinished);
  await holder.query('begin');
  await holder.query('select from accounts where id = $1 for update', [parseId('account', locked)]);
  const freeze = { kind: 'FREEZE', idempotencyKey: 'once' } as const;
  const since = performance.now();
  expect(await ledger.changeAccount(locked, freeze)).toMatchObject({ code: 'OVERLOADED' });
  expect(performance.now() - since).toBeLessThan(5000);
  await holder.query('rollback');
  expect(await ledger.changeAccount(locked, freeze)).toMatchObject({ code: 'UPDATED', replayed: false });
});
