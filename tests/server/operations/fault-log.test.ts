import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { startSweeper } from '../../../src/ledger/sweeper.ts';
import { describeCause } from '../../../src/server/operations/fault.ts';
import { createLog } from '../../../src/server/operations/log.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { asking, exchange } from '../http/exchange.ts';

const database = await createTestDatabase();

/** An error as the log shows it. */
function logged(error: unknown): { readonly err: Record<string, unknown>; readonly bytes: number } {
  const lines: string[] = [];
  createLog('error', { write: (text: string) => void lines.push(text) }).error({ err: error }, 'a fault');
  const line = lines.join('');
  return { err: (JSON.parse(line) as { err: Record<string, unknown> }).err, bytes: line.length };
}

/** Returns the error of a statement that fails. */
async function failureOf(statement: string): Promise<unknown> {
  const client = await connect(database.ownerUrl);
  return client.query(statement).catch((error: unknown) => error);
}

test('an error of PostgreSQL is logged with its SQLSTATE, constraint and table, but without the row', async () => {
  await asOwner(database, 'create table planted (secret text constraint short check (length(secret) < 3))');
  onTestFinished(() => asOwner(database, 'drop table planted').then(() => {}));
  const { err } = logged(await failureOf(`insert into planted values ('hush-4711')`));
  expect(err).toEqual({
    type: 'DatabaseError',
    message: 'new row for relation "planted" violates check constraint "short"',
    sqlState: '23514',
    constraint: 'short',
    table: 'planted',
    stack: expect.stringContaining('at '),
  });
});

test('an error is logged with the types and messages of its causes', async () => {
  const error = new TypeError('outer', {
    cause: new Error('middle', { cause: await failureOf('select nothing') }),
  });
  expect(logged(error).err).toEqual({
    type: 'TypeError',
    message: 'outer',
    causes: [
      { type: 'Error', message: 'middle' },
      { type: 'DatabaseError', message: 'column "nothing" does not exist', sqlState: '42703' },
    ],
    stack: error.stack,
  });
});

test('an error with a client attached by pg is logged without the client', async () => {
  const pool = new pg.Pool({ connectionString: database.serviceUrl });
  onTestFinished(() => pool.end());
  const { rows } = await pool.query<{ pid: number }>('select pg_backend_pid() as pid');
  const lost = new Promise((resolve) => pool.once('error', resolve));
  await asOwner(database, `select pg_terminate_backend(${rows[0]?.pid})`);
  const error = (await lost) as Error & { readonly client: unknown };
  expect(error.client).toBeDefined();
  const { err, bytes } = logged(error);
  expect(Object.keys(err).sort()).toEqual(['message', 'sqlState', 'stack', 'type']);
  expect(bytes).toBeLessThan(1500);
});

test('the cause of an outage is logged if a host has several addresses', async () => {
  const addresses = ['127.0.0.1', '::1'].map((address, place) => ({ address, family: place === 0 ? 4 : 6 }));
  const socket = connectSocket({
    host: 'two.example',
    port: 1,
    autoSelectFamily: true,
    lookup: (_, __, found) => found(null, addresses),
  });
  const [error] = await once(socket, 'error').catch((refusal: unknown) => [refusal]);
  expect(error).toBeInstanceOf(AggregateError);
  expect(describeCause(new Error('no connection', { cause: error }))).toBe('ECONNREFUSED 127.0.0.1:1');
});

test('an outage is one line with its cause when it begins, and one when it ends, for any number of requests', {
  timeout: 60_000,
}, async () => {
  const proxy = await startTcpProxy(database.serviceUrl);
  onTestFinished(() => proxy.close());
  const service = await startServiceProcess({ DATABASE_URL: proxy.url });
  onTestFinished(() => service.stop().then(() => {}));
  const ask = async (query: string) => (await exchange(service.graphqlUrl, asking(query))).body;
  const lines = () => service.output.map((line) => JSON.parse(line) as Record<string, unknown>);
  const unusual = () => lines().filter(({ level, msg }) => Number(level) > 30 && !/UNSAFE/.test(String(msg)));
  const CREATE = 'mutation { createAccount(input: { owner: "o", currency: "USD" }) { __typename } }';
  expect(await ask(CREATE)).toContain('AccountCreated');

  await proxy.leave();
  const requests = Array.from({ length: 20 }, (_, place) =>
    ask(place % 2 === 0 ? CREATE : '{ ledger { name } }'),
  );
  for (const answer of await Promise.all(requests)) expect(answer).toMatch(/Unavailable|UNAVAILABLE/);
  const beginning = {
    level: 50,
    cause: `ECONNREFUSED 127.0.0.1:${new URL(proxy.url).port}`,
    msg: 'the database is unavailable',
  };
  expect(unusual()).toEqual([expect.objectContaining(beginning)]);

  await proxy.comeBack();
  await expect.poll(() => unusual().length, { timeout: 20_000 }).toBe(2);
  expect(unusual()).toEqual([
    expect.objectContaining(beginning),
    expect.objectContaining({ level: 40, requests: 20, msg: 'the database is available again' }),
  ]);
  // Reads and writes fail with UNAVAILABLE after four seconds.
  expect(unusual()[1]?.['seconds']).toBeGreaterThan(3.5);
  expect(unusual()[1]?.['seconds']).toBeLessThan(20);
  expect(await ask(CREATE)).toContain('AccountCreated');
  expect(service.output.join('\n')).not.toContain('stack');
});

test('a database that does not respond is an outage, and one that lasts until the service stops is reported', {
  timeout: 60_000,
}, async () => {
  const proxy = await startTcpProxy(database.serviceUrl);
  onTestFinished(() => proxy.close());
  const service = await startServiceProcess({ DATABASE_URL: proxy.url, LOG_LEVEL: 'warn' });
  onTestFinished(() => service.stop().then(() => {}));
  const unusual = () =>
    service.output.filter((line) => /"level":[45]0/.test(line) && !line.includes('UNSAFE'));
  proxy.freeze();
  const { body } = await exchange(service.graphqlUrl, asking('{ ledger { name } }'));
  expect(body).toContain('UNAVAILABLE');
  await expect.poll(() => unusual().length, { timeout: 5000 }).toBe(1);
  expect(JSON.parse(unusual()[0] ?? '')).toMatchObject({ level: 50, msg: 'the database is unavailable' });
  await proxy.leave();
  expect(await service.stop()).toBe(0);
  expect(unusual()).toHaveLength(2);
  expect(JSON.parse(unusual()[1] ?? '')).toMatchObject({
    level: 40,
    requests: 1,
    msg: 'the service stops before the database is available again',
  });
});

test('the sweeper reports a repeated error once, and reports no outage', {
  timeout: 30_000,
}, async () => {
  const own = await createTestDatabase();
  const proxy = await startTcpProxy(own.serviceUrl);
  onTestFinished(() => proxy.close());
  const ledger = await openLedger({ serviceUrl: proxy.url });
  const faults: unknown[] = [];
  const sweeper = startSweeper(ledger.engine, (error) => faults.push(error));
  onTestFinished(() => sweeper.stop());
  await proxy.leave();
  await sleep(5000); // longer than a read waits
  await proxy.comeBack();
  expect(faults).toEqual([]);

  const rename = (from: string, to: string) =>
    asOwner(own, `alter table holds rename column ${from} to ${to}`);
  await rename('expires_at', 'ends_at');
  await expect.poll(() => faults.length, { timeout: 10_000 }).toBe(1);
  await sleep(2200);
  expect(faults).toEqual([expect.objectContaining({ code: '42703' })]);
  await rename('ends_at', 'expires_at');
  await sleep(1500);
  await rename('expires_at', 'ends_at');
  await expect.poll(() => faults.length, { timeout: 10_000 }).toBe(2);
});
