import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { toHold } from '../../../src/core/decide/request.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import { type Ledger, UnavailableError } from '../../../src/ledger/ledger.ts';
import { startSweeper } from '../../../src/ledger/sweeper.ts';
import { passMs } from '../../support/clock.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import {
  commandOf,
  deposit,
  expectPosted,
  expectSoundBooksWithoutLog,
  makeAccount,
  makeAccounts,
  makeLedgers,
  openLedger,
} from '../../support/ledger.ts';
import { statementsDuring } from '../../support/statements.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooksWithoutLog(database));

const numbered = (count: number, prefix: string) =>
  Array.from({ length: count }, (_, place) => `${prefix}${place}`);

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function usedHeap(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

async function log(statements: 'all' | 'none'): Promise<void> {
  await asOwner(database, `alter database ${database.name} set log_statement = '${statements}'`);
}

test('a thousand ledgers of one engine open as fast as one, with few connections and little memory', async () => {
  const own = await createTestDatabase();
  const open = async () => {
    const since = performance.now();
    const engine = await Engine.open({ allowUnsafeDurability: true, databaseUrl: own.serviceUrl });
    return { engine, ms: performance.now() - since };
  };
  const empty = await open();
  await empty.engine.close();
  await asOwner(
    own,
    `insert into ledgers (id, name) select gen_random_uuid(), 'ledger-' || n from generate_series(0, 999) as n`,
  );

  const { engine, ms } = await open();
  onTestFinished(() => engine.close());
  expect(ms).toBeLessThan(empty.ms + 5000);
  const before = usedHeap();
  const found = await Promise.all(numbered(1000, 'ledger-').map((name) => engine.ledger(name)));
  const ledgers = found.filter((ledger) => ledger !== undefined);
  expect(ledgers).toHaveLength(1000);
  const opened = usedHeap();
  const accounts: (readonly [Ledger, string])[] = [];
  const prepare = async (ledger: Ledger) => {
    const accountId = await makeAccount(ledger, { externalId: 'the same', funds: '1.00' });
    accounts.push([ledger, accountId]);
  };
  for (let from = 0; from < 300; from += 50) {
    await Promise.all(ledgers.slice(from, from + 50).map(prepare));
  }
  const posted = await Promise.all(
    accounts.map(([ledger, accountId]) =>
      deposit(ledger, { accountId, amount: '1.00', idempotencyKey: 'the same' }),
    ),
  );
  for (const outcome of posted) expectPosted(outcome);
  expect(new Set(posted.map((outcome) => 'transaction' in outcome && outcome.transaction.id)).size).toBe(300);
  expect(engine.load).toMatchObject({ queued: 0, parked: 0, busyLanes: 0 });

  const [row] = await asOwner<{ connections: number }>(
    own,
    `select count(*)::int as connections from pg_stat_activity
     where datname = current_database() and application_name like 'transactional-ledger%'`,
  );
  expect(row?.connections).toBeLessThanOrEqual(64);
  const kib = (opened - before) / 1024 / 1000;
  console.log(
    `opening: empty ${empty.ms.toFixed(0)} ms, 1000 ledgers ${ms.toFixed(0)} ms; ${kib.toFixed(1)} KiB a ledger; ` +
      `${row?.connections} connections after 300 ledgers posted at once`,
  );
  expect(kib).toBeLessThan(20);
  await expectSoundBooksWithoutLog(own);
});

describe('a name', () => {
  test('that is known is not read again, and neither is its id', async () => {
    await log('all');
    const { engine } = await openLedger(database);
    const [ledger] = await makeLedgers(engine, ['known']);
    const statements = await statementsDuring(database, async () => {
      for (let n = 0; n < 3; n += 1) {
        expect(await engine.ledger('known')).toBe(ledger);
        expect(await engine.ledgerById(ledger?.id ?? '')).toBe(ledger);
      }
    });
    expect(statements.filter((text) => text.includes('from "ledgers"'))).toEqual([]);
    await log('none');
  });

  test('that is unknown is read once a second, however many ask', async () => {
    await log('all');
    const { engine } = await openLedger(database);
    const statements = await statementsDuring(database, async () => {
      const asked = Array.from({ length: 50 }, () => engine.ledger('nobody'));
      expect(new Set(await Promise.all(asked))).toEqual(new Set([undefined]));
      for (let n = 0; n < 50; n += 1) expect(await engine.ledger('nobody')).toBeUndefined();
    });
    expect(statements.filter((text) => text.includes('from "ledgers"'))).toHaveLength(1);
    await log('none');
    await asOwner(database, `insert into ledgers (id, name) values (gen_random_uuid(), 'nobody')`);
    passMs(1000);
    expect(await engine.ledger('nobody')).toMatchObject({ name: 'nobody' });
    for (const impossible of ['', 'No', 'a'.repeat(64), 'a\u0000']) {
      expect(await engine.ledger(impossible)).toBeUndefined();
    }
  });

  test('that was unknown is found at once after its ledger was created by the same engine', async () => {
    const { engine } = await openLedger(database);
    expect(await engine.ledger('soon')).toBeUndefined();
    const [ledger] = await makeLedgers(engine, ['soon']);
    expect(ledger).toMatchObject({ name: 'soon' });
    expect(await engine.ledger('soon')).toBe(ledger);
  });

  test('cannot be read while the database is unavailable', async () => {
    const proxy = await startTcpProxy(database.serviceUrl);
    onTestFinished(() => proxy.close());
    const { engine, name } = await openLedger({ serviceUrl: proxy.url });
    proxy.refuse();
    const asked = expect(engine.ledger('another')).rejects.toThrow(UnavailableError);
    await sleep(50);
    passMs(4000);
    await asked;
    expect(await engine.ledger(name)).toMatchObject({ name });
  });
});

describe('the sweeper', () => {
  const inMs = (ms: number) => BigInt(Date.now() + ms) * 1000n;

  test('releases the holds of all ledgers, and a blocked ledger does not delay the others', async () => {
    const { engine } = await openLedger(database);
    const ledgers = await makeLedgers(engine, ['blocked', 'free', 'idle']);
    const place = async (ledger: (typeof ledgers)[number], count: number) => {
      const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100.00' });
      const holds = Array.from({ length: count }, () =>
        commandOf(
          toHold({
            fromAccountId: from,
            toAccountId: to,
            amount: '0.01',
            expiresAt: inMs(1500),
            idempotencyKey: randomUUID(),
          }),
        ),
      );
      expect(await ledger.postBatch('INDEPENDENT', holds)).toMatchObject({ code: 'PROCESSED' });
      return from;
    };
    const [blocked, free] = ledgers;
    if (blocked === undefined || free === undefined) throw new TypeError('the ledgers were made');
    // More than one query returns.
    const locked = await place(blocked, 600);
    await place(free, 3);
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from accounts where id = $1 for update', [parseId('account', locked)]);
    await sleep(1600);
    const sweeper = startSweeper(engine, (error) => expect.unreachable(String(error)));
    onTestFinished(() => sweeper.stop());
    const openHolds = async (ledger: typeof free) =>
      (await ledger.listHolds({ status: 'OPEN' }, { limit: 1000, inverted: false })).rows.length;
    await expect.poll(() => openHolds(free), { timeout: 5000 }).toBe(0);
    expect(await openHolds(blocked)).toBe(600);
    await holder.query('commit');
    await expect.poll(() => openHolds(blocked), { timeout: 15_000 }).toBe(0);
  });

  test('polls all ledgers by one query a second', async () => {
    await log('all');
    const { engine } = await openLedger(database);
    await makeLedgers(engine, numbered(50, 'polled-'));
    const statements = await statementsDuring(database, async () => {
      const sweeper = startSweeper(engine, (error) => expect.unreachable(String(error)));
      await sleep(2500);
      await sweeper.stop();
    });
    await log('none');
    expect(statements).toHaveLength(3);
    for (const text of statements) expect(text).toContain('from "holds"');
  });
});
