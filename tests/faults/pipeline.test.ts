import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { CommitUnknownError, ConnectionLostError } from '../../src/db/postgres/checked-pool.ts';
import { type Database, openDatabase } from '../../src/db/postgres/database.ts';
import { sqlStateOf } from '../../src/db/postgres/pg-errors.ts';
import { COMMIT, pipeline } from '../../src/db/postgres/pipeline.ts';
import { asOwner, connect, createTestDatabase } from '../support/database.ts';
import { expectPosted, expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));
let fate: Fate = 'pass';
const proxy = await startTcpProxy(database.serviceUrl, () => fate);
afterAll(() => proxy.close());
const db = openDatabase({
  allowUnsafeDurability: true,
  url: proxy.url,
  maxConnections: 1,
  applicationName: 'pipelines',
});
afterAll(() => db.destroy());

const DIVISION_BY_ZERO = '22012';

/** Opens an account of this owner. */
const insertAccount = (owner: string) =>
  sql`
    insert into accounts (id, ledger_id, owner, currency, side)
    select ${randomUUID()}, id, ${owner}, 'USD', 1 from ledgers where name = 'main'`.compile(db);
const divide = (by: number) => sql<{ quotient: number }>`select 1 / ${by}::int as quotient`.compile(db);

async function countAccounts(owner: string): Promise<number> {
  return (await asOwner(database, `select from accounts where owner = '${owner}'`)).length;
}

function inTransaction<T>(run: Parameters<ReturnType<Database['transaction']>['execute']>[0]): Promise<T> {
  return db.transaction().setIsolationLevel('read committed').execute(run) as Promise<T>;
}

test.each([
  ['two round trips', false, 2],
  ['one round trip where the account states are cached', true, 1],
])('a batch takes %s', async (_, optimistic, expected) => {
  const counting = await startTcpProxy(database.serviceUrl);
  afterAll(() => counting.close());
  const ledger = await openLedger({ serviceUrl: counting.url }, { optimistic, lanes: 1 });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const pay = async () =>
    expectPosted(await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' }));
  await pay();

  const before = counting.roundTrips();
  for (let n = 0; n < 5; n += 1) await pay();

  expect(counting.roundTrips() - before).toBe(5 * expected);
});

test('a pipeline returns the rows of each statement and commits', async () => {
  const rows = await inTransaction((trx) => pipeline(trx, [divide(1), insertAccount('first'), COMMIT]));

  expect(rows).toEqual([[{ quotient: 1 }], [], [{ command: 'COMMIT' }]]);
  expect(await countAccounts('first')).toBe(1);
});

test.each([
  ['first', [divide(0), insertAccount('second'), COMMIT]],
  ['second', [insertAccount('second'), divide(0), insertAccount('second'), COMMIT]],
])('the error of the %s statement is thrown, and nothing is written', async (_, statements) => {
  const failed = inTransaction((trx) => pipeline(trx, statements)).catch(sqlStateOf);

  expect(await failed).toBe(DIVISION_BY_ZERO);
  expect(await countAccounts('second')).toBe(0);
  // The connection is usable.
  expect((await db.executeQuery(divide(1))).rows).toEqual([{ quotient: 1 }]);
});

test('a pipeline without COMMIT is rolled back with its transaction', async () => {
  const failed = inTransaction(async (trx) => {
    await pipeline(trx, [insertAccount('third'), divide(1)]);
    throw new RangeError('rolled back');
  });

  await expect(failed).rejects.toThrow(RangeError);
  // Without the rollback, the next COMMIT on the connection would commit it.
  await inTransaction((trx) => pipeline(trx, [divide(1), COMMIT]));
  expect(await countAccounts('third')).toBe(0);
});

test('a transaction that ignores the error of a statement does not return as committed', async () => {
  const failed = inTransaction(async (trx) => {
    await trx.executeQuery(insertAccount('ignored'));
    await trx.executeQuery(divide(0)).catch(() => {});
  });

  await expect(failed).rejects.toThrow('rolled back instead of committed');
  expect(await countAccounts('ignored')).toBe(0);
});

test('a statement after COMMIT is rejected: it would run outside of the transaction', async () => {
  const failed = inTransaction(async (trx) => {
    await pipeline(trx, [insertAccount('fourth'), COMMIT]);
    await trx.executeQuery(insertAccount('fifth'));
  });

  await expect(failed).rejects.toThrow(TypeError);
  expect([await countAccounts('fourth'), await countAccounts('fifth')]).toEqual([1, 0]);
});

test('a connection that is lost at a statement that was sent with COMMIT leaves the result unknown', async () => {
  const failed = loseConnection(() =>
    inTransaction((trx) => pipeline(trx, [insertAccount('sixth'), COMMIT])),
  );

  await expect(failed).rejects.toThrow(CommitUnknownError);
});

test.each<Fate>(['drop before', 'drop after', 'warn'])(
  'the result of COMMIT is unknown if it meets "%s"',
  async (given) => {
    fate = given;
    const failed = inTransaction((trx) => pipeline(trx, [insertAccount(given), COMMIT]));

    await expect(failed).rejects.toThrow(CommitUnknownError);
    fate = 'pass';
    expect(await countAccounts(given)).toBe(given === 'drop before' ? 0 : 1);
  },
);

test.each([
  [
    'a pipeline without COMMIT',
    () => inTransaction((trx) => pipeline(trx, [divide(1), insertAccount('eighth')])),
  ],
  ['a query outside of a transaction', () => db.executeQuery(insertAccount('eighth'))],
])('%s has written nothing if the connection is lost, also after a COMMIT on it', async (_, run) => {
  await inTransaction((trx) => pipeline(trx, [divide(1), COMMIT]));
  const failed = loseConnection(run);

  await expect(failed).rejects.toThrow(ConnectionLostError);
  expect(await countAccounts('eighth')).toBe(0);
});

/** Runs a function on the only connection, and ends the connection while it waits for a lock on `accounts`. */
async function loseConnection(run: () => Promise<unknown>): Promise<unknown> {
  const { pid } = await backend();
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('lock table accounts');
  const running = Promise.allSettled([run()]);
  await untilWaiting(pid);
  await asOwner(database, `select pg_terminate_backend(${pid})`);
  const [result] = await running;
  await holder.query('commit');
  if (result.status === 'rejected') throw result.reason;
  return result.value;
}

/** Returns the process id of the only connection. */
async function backend(): Promise<{ readonly pid: number }> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(db);
  return rows[0] ?? { pid: 0 };
}

async function untilWaiting(pid: number): Promise<void> {
  await expect
    .poll(async () => {
      const [row] = await asOwner<{ type: string }>(
        database,
        `select wait_event_type as type from pg_stat_activity where pid = ${pid}`,
      );
      return row?.type;
    })
    .toBe('Lock');
}
