import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { Engine } from '../../../src/ledger/engine.ts';
import { createHealth, type HealthOptions } from '../../../src/server/operations/health.ts';
import { asOwner, connect, createTestDatabase, serverLog } from '../../support/database.ts';
import { deposit, makeAccount, openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

const database = await createTestDatabase();
const proxy = await startTcpProxy(database.serviceUrl);
afterAll(() => proxy.close());
const ledger = await openLedger({ serviceUrl: proxy.url });

interface Readiness {
  readonly ready: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly problem?: string }>>;
}

/** Serves only the health checks. */
async function serve(options: HealthOptions) {
  const health = createHealth(options);
  const server = createServer(async ({ url }, response) => {
    const { status, headers, body } = url === '/livez' ? health.livez() : await health.readyz();
    response.writeHead(status, headers).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });
  const ask = (path: string) => fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`);
  return {
    isAlive: async () => (await ask('/livez')).status === 200,
    /** Returns the status and the names of the failed checks. */
    async readiness(): Promise<readonly [status: number, failed: readonly string[]]> {
      const response = await ask('/readyz');
      const { ready, checks } = (await response.json()) as Readiness;
      const failed = Object.entries(checks).flatMap(([name, { ok }]) => (ok ? [] : [name]));
      expect(ready).toBe(failed.length === 0);
      return [response.status, failed];
    },
    async problem(check: string): Promise<string | undefined> {
      return ((await (await ask('/readyz')).json()) as Readiness).checks[check]?.problem;
    },
  };
}

let draining = false;
const service = await serve({ engine: ledger.engine, draining: () => draining });
const READY = [200, []] as const;
const untilReady = () => expect.poll(() => service.readiness(), { timeout: 15_000 }).toEqual(READY);

// A result is reused for a second.
beforeEach(untilReady);

describe('the database', () => {
  test('that is unavailable makes the service unready, but it stays alive', async () => {
    proxy.refuse();
    await expect.poll(() => service.readiness(), { timeout: 5000 }).toEqual([503, ['database', 'schema']]);
    expect(await service.isAlive()).toBe(true);
    proxy.admit();
    await untilReady();
  });

  test('that does not respond delays a probe by less than a second, with one query', async () => {
    proxy.freeze();
    await expect.poll(() => service.readiness(), { timeout: 5000 }).toEqual([503, ['database', 'schema']]);
    const since = performance.now();
    const answers = await Promise.all(Array.from({ length: 50 }, () => service.readiness()));
    expect(performance.now() - since).toBeLessThan(2500);
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([503]));
    expect(ledger.load.connections.reads.inUse).toBeLessThanOrEqual(1);
    proxy.admit();
    await untilReady();
  });

  test('with the schema of a newer version makes it unready', async () => {
    await asOwner(database, `insert into kysely_migration values ('9999_future', 'now')`);
    await expect.poll(() => service.readiness(), { timeout: 5000 }).toEqual([503, ['schema']]);
    expect(await service.problem('schema')).toContain('9999_future');
    await asOwner(database, `delete from kysely_migration where name = '9999_future'`);
  });

  test('that lacks a migration makes it unready', async () => {
    const [last] = await asOwner<{ name: string; timestamp: string }>(
      database,
      'select * from kysely_migration order by name desc limit 1',
    );
    if (last === undefined) throw new TypeError('the test database is migrated');
    await asOwner(database, `delete from kysely_migration where name = '${last.name}'`);
    await expect.poll(() => service.readiness(), { timeout: 5000 }).toEqual([503, ['schema']]);
    expect(await service.problem('schema')).toContain(last.name);
    await asOwner(database, `insert into kysely_migration values ('${last.name}', '${last.timestamp}')`);
  });
});

test('many probes cause few queries', async () => {
  await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
  const logged = await serve({ engine: (await openLedger(database)).engine, draining: () => false });
  for (let round = 0; round < 5; round += 1) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => logged.readiness()));
    expect(new Set(answers.map(([status]) => status))).toEqual(new Set([200]));
  }
  const queries = (await serverLog(database)).filter((message) => message.includes('kysely_migration'));
  // The tests above used connections without logging.
  expect(queries.length).toBeGreaterThan(0);
  expect(queries.length).toBeLessThanOrEqual(10);
});

test('a full queue makes it unready until the queue has room', async () => {
  const small = await openLedger(database, { lanes: 1, maxBatch: 1, maxQueue: 2 });
  const busy = await serve({ engine: small.engine, draining: () => false });
  const accountId = await makeAccount(small);
  const blocker = await connect(database.ownerUrl);
  await blocker.query('begin');
  await blocker.query('select from accounts for update');
  const deposits = [deposit(small, { accountId, amount: '1.00' })];
  await expect.poll(() => small.load).toMatchObject({ busyLanes: 1, queued: 0 });
  for (const _ of [1, 2]) deposits.push(deposit(small, { accountId, amount: '1.00' }));
  expect(await busy.readiness()).toEqual([503, ['queue']]);
  await blocker.query('rollback');
  expect((await Promise.all(deposits)).map(({ code }) => code)).toEqual(['POSTED', 'POSTED', 'POSTED']);
  expect(await busy.readiness()).toEqual(READY);
});

test('a service that is stopping is unready, but alive', async () => {
  draining = true;
  expect(await service.readiness()).toEqual([503, ['serving']]);
  expect(await service.isAlive()).toBe(true);
  draining = false;
  expect(await service.readiness()).toEqual(READY);
});

test('a ledger that is closing makes the service unready', async () => {
  const closing = await Engine.openMain({ allowUnsafeDurability: true, databaseUrl: database.serviceUrl });
  const last = await serve({ engine: closing.engine, draining: () => false });
  expect(await last.readiness()).toEqual(READY);
  await closing.close();
  const [status, failed] = await last.readiness();
  expect([status, failed]).toEqual([503, expect.arrayContaining(['serving'])]);
});
