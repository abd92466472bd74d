import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type HttpServerOptions, startHttpServer } from '../../../../src/server/http/http.ts';
import { asOwner, connect, createTestDatabase } from '../../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../../../support/ledger.ts';
import { asking, exchange } from '../exchange.ts';
import { connectRaw, head, type RawConnection } from '../raw.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

async function serve(options: Partial<HttpServerOptions>): Promise<string> {
  const log = { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) };
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log,
    ...options,
  });
  onTestFinished(() => server.close());
  return server.url;
}

const LIVE = 'GET /livez HTTP/1.1\r\nhost: ledger\r\n\r\n';
const answers = ({ received }: RawConnection) => received().match(/HTTP\/1\.1 200 /g)?.length ?? 0;

async function askLive(connection: RawConnection): Promise<void> {
  const before = answers(connection);
  connection.socket.write(LIVE);
  await expect.poll(() => answers(connection), { interval: 5 }).toBe(before + 1);
}

async function connectAll(url: string, count: number): Promise<RawConnection[]> {
  const connections: RawConnection[] = [];
  for (let place = 0; place < count; place += 1) connections.push(await connectRaw(url));
  return connections;
}

/** The places of the connections that are still open. */
async function openOf(connections: readonly RawConnection[]): Promise<number[]> {
  // The client notices the end of a connection a little later.
  await sleep(30);
  return connections.flatMap(({ socket }, place) => (socket.readyState === 'open' ? [place] : []));
}

const waitingForLocks = () =>
  asOwner(
    database,
    `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
  );

describe('a connection beyond the limit', () => {
  test('replaces the oldest that has sent nothing', async () => {
    const url = await serve({ maxConnections: 3 });
    const silent = await connectAll(url, 3);
    const newer = await connectAll(url, 1);
    for (const connection of newer) await askLive(connection);
    expect(await openOf(silent)).toEqual([1, 2]);
    newer.push(...(await connectAll(url, 1)));
    expect(await openOf([...silent, ...newer])).toEqual([2, 3, 4]);
  });

  test('replaces one connection each, when several connect at once', async () => {
    const url = await serve({ maxConnections: 10 });
    const silent = await connectAll(url, 10);
    const newer = await Promise.all(Array.from({ length: 10 }, () => connectRaw(url)));
    for (const connection of newer) await askLive(connection);
    expect(await openOf(silent)).toEqual([]);
  });

  test.each([
    ['part of a head', head('content-length: 10').slice(0, 60)],
    ['a head and part of its body', `${head('content-length: 10')}{`],
    ['a head that is rejected, and no body', head('content-length: 17000000')],
  ])('replaces one that has sent %s, rather than an idle one', async (_, bytes) => {
    const url = await serve({ maxConnections: 3 });
    const idle = await connectRaw(url);
    await askLive(idle);
    const slow = await connectRaw(url);
    slow.socket.write(bytes);
    const later = await connectRaw(url);
    await askLive(later);
    const [newer] = await connectAll(url, 1);
    if (newer !== undefined) await askLive(newer);
    expect(await openOf([idle, slow, later])).toEqual([0, 2]);
  });

  test('replaces the one that has been idle for longest, if all were answered', async () => {
    const url = await serve({ maxConnections: 3 });
    const idle = await connectAll(url, 3);
    for (const place of [0, 1, 2, 0]) {
      const connection = idle[place];
      if (connection !== undefined) await askLive(connection);
      await sleep(2);
    }
    const [newer] = await connectAll(url, 1);
    if (newer !== undefined) await askLive(newer);
    expect(await openOf(idle)).toEqual([0, 2]);
  });

  test('is closed if all others have pending requests, which are all answered', async () => {
    const url = await serve({ maxConnections: 2 });
    const accountId = await makeAccount(ledger);
    const holder = await connect(database.ownerUrl);
    await holder.query('begin');
    await holder.query('select from accounts for update');
    const busy = await connectAll(url, 2);
    for (const [place, connection] of busy.entries()) {
      // The first was answered before.
      if (place === 0) await askLive(connection);
      const query = `mutation { deposit(input: { accountId: "${accountId}", amount: 1, idempotencyKey: "${place}" }) { __typename } }`;
      const body = JSON.stringify({ query });
      connection.socket.write(`${head(`content-length: ${body.length}`)}${body}`);
    }
    await expect.poll(async () => (await waitingForLocks()).length).toBeGreaterThan(0);
    for (let turn = 0; turn < 3; turn += 1) {
      const refused = await connectRaw(url);
      refused.socket.write(LIVE);
      expect(await refused.ended).toBe('');
    }
    await holder.query('commit');
    for (const { received } of busy) await expect.poll(received).toContain('TransactionPosted');
    expect(await balance(ledger, accountId)).toBe(200n);
    const [newer] = await connectAll(url, 1);
    if (newer !== undefined) await askLive(newer);
  });

  test('is answered at once, with any number of silent connections', async () => {
    const url = await serve({ maxConnections: 200 });
    await connectAll(url, 200);
    for (let probe = 0; probe < 20; probe += 1) {
      const since = performance.now();
      expect((await exchange(`${url}/livez`, { method: 'GET' })).status).toBe(200);
      expect(performance.now() - since).toBeLessThan(1000);
      await connectAll(url, 10);
    }
  });
});

describe('an answer that is larger than the send buffers', () => {
  const SILENCE_TIMEOUT_MS = 1000;
  const fields = Array.from({ length: 90 }, (_, place) => `m${place}: metadata`).join(' ');
  const question = asking(`{ accounts(first: 16) { nodes { ${fields} } } }`);
  const ask = async (options: Partial<HttpServerOptions>) => {
    const url = await serve({ silenceTimeoutMs: SILENCE_TIMEOUT_MS, ...options });
    await makeAccounts(ledger, 16, { metadata: { x: 'x'.repeat(8000) } });
    const { body } = await exchange(`${url}/graphql`, question);
    expect(body.length).toBeGreaterThan(10 * 2 ** 20);
    const connection = await connectRaw(url);
    connection.socket.pause();
    connection.socket.write(`${head(`content-length: ${question.body?.length}`)}${question.body}`);
    return { ...connection, url, body };
  };

  test.each([
    ['by the fast path', true],
    ['by Yoga', false],
  ])('reaches a caller that reads slowly completely, %s', { timeout: 60_000 }, async (_, fastPath) => {
    const { socket, received, url, body } = await ask({ fastPath, maxConnections: 1 });
    const since = performance.now();
    let allowed = 0;
    socket.on('data', () => {
      if (received().length >= allowed) socket.pause();
    });
    const isWhole = () => received().endsWith(body);
    while (!socket.destroyed && !isWhole()) {
      await sleep(200);
      allowed += 2 ** 20 / 2;
      if (received().length < allowed) socket.resume();
      // The connection is not replaced either.
      if (received().length < 2 ** 21) expect(await (await connectRaw(url)).ended).toBe('');
    }
    expect(isWhole()).toBe(true);
    expect(performance.now() - since).toBeGreaterThan(3 * SILENCE_TIMEOUT_MS);
  });

  test('is aborted if its caller reads nothing for that long', { timeout: 60_000 }, async () => {
    const { socket, ended, body } = await ask({});
    await sleep(3 * SILENCE_TIMEOUT_MS);
    socket.resume();
    expect((await ended).length).toBeLessThan(body.length);
  });
});
