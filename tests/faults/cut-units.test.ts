/** An INDEPENDENT batch of which a part is parked: each operation is answered once, and none overtakes an earlier one. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect as connectTo, createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { expect, type TestContext, test } from 'vitest';
import type { Command } from '../../src/core/decide/command.ts';
import { toTransfer } from '../../src/core/decide/request.ts';
import type { BatchProcessed } from '../../src/core/transaction.ts';
import { parseId } from '../../src/core/values/ids.ts';
import { asOwner, connect, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../support/ledger.ts';

const FREE = { minBalance: { unlimited: true } } as const;
/** The amount at which a trigger of the test fires. */
const MARKED = '12345.67';

function pay(from: string | undefined, to: string | undefined, amount = '1.00'): Command {
  const input = { fromAccountId: from ?? '', toAccountId: to ?? '', amount, idempotencyKey: randomUUID() };
  const command = toTransfer(input);
  if ('code' in command) throw new TypeError(command.code);
  return command;
}

async function connectAndLock(
  { ownerUrl }: TestDatabase,
  accountId: string | undefined,
  { onTestFinished }: TestContext,
): Promise<pg.Client> {
  const holder = await connect(ownerUrl, {}, onTestFinished);
  await lock(holder, accountId);
  return holder;
}

/** Begins a transaction that locks the account. */
async function lock(holder: pg.Client, accountId: string | undefined): Promise<void> {
  await holder.query('begin');
  await holder.query('select from accounts where id = $1 for update', [parseId('account', accountId ?? '')]);
}

function codesOf(answer: BatchProcessed | object): string[] {
  return 'outcomes' in answer ? answer.outcomes.map(({ code }) => code) : [];
}

// Most of each test is waiting, so they run at the same time, each on its own database.

test.concurrent('operations do not overtake a parked one while the batch is split to find a failing command', async ({
  onTestFinished,
}) => {
  const database = await createTestDatabase();
  await asOwner(
    database,
    `create function refuse_marked() returns trigger language plpgsql as $$
     begin
       while exists (select from pg_locks where locktype = 'advisory' and objid = 1234567) loop
         perform pg_sleep(0.01);
       end loop;
       raise exception 'marked' using errcode = 'check_violation';
     end $$`,
    `create trigger a_marked before insert on entries
     for each row when (new.amount = -1234567) execute function refuse_marked()`,
  );
  const ledger = await openLedger(database, { onFault: () => {} });
  const [locked, a, b, c] = await makeAccounts(ledger, 4, FREE);
  const [holder, watcher] = [
    await connect(database.ownerUrl, {}, onTestFinished),
    await connect(database.ownerUrl, {}, onTestFinished),
  ];
  const until = async (condition: string) => {
    const sessions = `select from pg_stat_activity where datname = current_database() and ${condition}`;
    while ((await watcher.query(sessions)).rowCount === 0) await sleep(10);
  };
  await watcher.query('select pg_advisory_lock(1234567)');
  const batch = ledger.postBatch('INDEPENDENT', [
    pay(locked, a),
    pay(locked, a),
    pay(b, c),
    pay(b, c, MARKED),
  ]);
  await until(`wait_event = 'PgSleep'`);
  // The batch has locked its accounts. It fails once another session waits for one of them, which gets it then.
  const locking = lock(holder, locked);
  await until(`wait_event_type = 'Lock'`);
  await watcher.query('select pg_advisory_unlock(1234567)');
  await locking;
  await sleep(1000);
  expect(await balance(ledger, c ?? '')).toBe(0n);
  await holder.query('rollback');
  expect(codesOf(await batch)).toEqual(['POSTED', 'POSTED', 'POSTED', 'INTERNAL']);
  await expectSoundBooks(database);
});

test.concurrent('a batch returns UNAVAILABLE in time, though the COMMIT of its first part ends later', {
  timeout: 40_000,
}, async (context) => {
  const database = await createTestDatabase();
  await asOwner(
    database,
    `create function commit_slowly() returns trigger language plpgsql as $$
     begin
       perform pg_sleep(6);
       return null;
     end $$`,
    `create constraint trigger marked after insert on entries deferrable initially deferred
     for each row when (new.amount = -1234567) execute function commit_slowly()`,
  );
  const ledger = await openLedger(database);
  const [locked, a, b, c] = await makeAccounts(ledger, 4, FREE);
  const holder = await connectAndLock(database, locked, context);
  const single = ledger.post(pay(locked, c));
  // It is parked, so that the account is known to be locked.
  while (ledger.load.parked === 0) await sleep(10);
  const batch = ledger.postBatch('INDEPENDENT', [pay(a, b, MARKED), pay(a, b), pay(a, b), pay(locked, c)]);
  while ((await balance(ledger, b ?? '')) === 0n) await sleep(50);
  await holder.query('rollback');
  expect(await single).toMatchObject({ code: 'POSTED' });
  // The outcomes of the first three are unknown, so the last does not begin.
  expect(codesOf(await batch)).toEqual(Array(4).fill('UNAVAILABLE'));
  expect(await balance(ledger, b ?? '')).toBe(1_234_767n);
  expect(await balance(ledger, c ?? '')).toBe(100n);
  await expectSoundBooks(database);
});

test.concurrent('the waiting time of a batch counts from its beginning, also for operations that wait again', {
  timeout: 40_000,
}, async (context) => {
  const database = await createTestDatabase();
  const ledger = await openLedger(database);
  const [first, second, payee] = await makeAccounts(ledger, 3, FREE);
  const one = await connectAndLock(database, first, context);
  const other = await connectAndLock(database, second, context);
  const since = performance.now();
  const batch = ledger.postBatch('INDEPENDENT', [pay(first, payee), pay(second, payee)]);
  await sleep(5000);
  await one.query('rollback');
  expect(codesOf(await batch)).toEqual(['POSTED', 'OVERLOADED']);
  expect(performance.now() - since).toBeLessThan(13_000);
  await other.query('rollback');
});

/** A proxy that can stop passing data on connections for reading. */
async function silenceableReads({ serviceUrl }: TestDatabase, { onTestFinished }: TestContext) {
  const target = new URL(serviceUrl);
  const state = { isSilent: false };
  const server = createServer((client) => {
    const database = connectTo(Number(target.port), target.hostname);
    let reads: boolean | undefined;
    client.on('data', (bytes) => {
      // The first message contains the application_name.
      reads ??= bytes.includes('transactional-ledger reads');
      if (!reads || !state.isSilent) database.write(bytes);
    });
    database.pipe(client);
    for (const [one, other] of [
      [client, database],
      [database, client],
    ] as const) {
      one.on('error', () => {});
      one.on('close', () => other.destroy());
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const url = new URL(serviceUrl);
  url.port = `${(server.address() as AddressInfo).port}`;
  return { serviceUrl: url.href, state };
}

test.concurrent('operations do not overtake one whose accounts cannot be looked up', async (context) => {
  const database = await createTestDatabase();
  const { serviceUrl, state } = await silenceableReads(database, context);
  const ledger = await openLedger({ serviceUrl });
  const [a, b] = await makeAccounts(ledger, 2, FREE);
  await makeAccount(ledger, { externalId: 'named', ...FREE });
  expect(await ledger.post(pay(a, b))).toMatchObject({ code: 'POSTED' });
  state.isSilent = true;
  const batch = ledger.postBatch('INDEPENDENT', [pay(a, b), pay('ext:named', b), pay(a, b)]);
  expect(codesOf(await batch)).toEqual(['POSTED', 'UNAVAILABLE', 'UNAVAILABLE']);
  state.isSilent = false;
  expect(await balance(ledger, b ?? '')).toBe(200n);
  await expectSoundBooks(database);
});
