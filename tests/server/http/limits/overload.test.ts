import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLedgerClient } from '../../../../src/client/index.ts';
import type { Outcome } from '../../../../src/core/transaction.ts';
import type { Ledger } from '../../../../src/ledger/ledger.ts';
import { type HttpServerOptions, startHttpServer } from '../../../../src/server/http/http.ts';
import {
  MAX_BODY_BYTES,
  MAX_BUFFERED_BYTES,
  MAX_SMALL_BODY_BYTES,
} from '../../../../src/server/http/limits.ts';
import type { AnsweredRequest } from '../../../../src/server/operations/request-log.ts';
import { connect, createTestDatabase } from '../../../support/database.ts';
import { balance, deposit, expectSoundBooks, makeAccount, openLedger } from '../../../support/ledger.ts';
import { asking, exchange, JSON_TYPE } from '../exchange.ts';
import { connectRaw, head, type RawConnection } from '../raw.ts';

const database = await createTestDatabase();
const idle = await openLedger(database);
/** A ledger whose queue is always full. */
const full = await openLedger(database, { maxQueue: 0 });
const accountId = await makeAccount(idle);
afterAll(() => expectSoundBooks(database));

async function serve(ledger: Ledger, options: Partial<HttpServerOptions> = {}): Promise<string> {
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

const openSmall = (maxQueue = 1) => openLedger(database, { lanes: 1, maxBatch: 100, maxQueue });
/** Makes operations wait until they are released, by default as many as the queue holds. Releasing returns how many were posted. */
async function fill(ledger: Ledger, count = ledger.load.maxQueue): Promise<() => Promise<number>> {
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  // Every batch needs the ledger's row.
  await holder.query('select from ledgers for update');
  const waiting: Promise<Outcome>[] = [];
  while (ledger.load.queued < count) {
    const missing = count - ledger.load.queued;
    waiting.push(...Array.from({ length: missing }, () => deposit(ledger, { accountId, amount: '1' })));
    // The lane takes the first batch.
    await sleep(20);
  }
  return async () => {
    await holder.query('commit');
    return (await Promise.all(waiting)).filter(({ code }) => code === 'POSTED').length;
  };
}

/** Makes queries of accounts wait until they are released. */
async function lockAccounts(): Promise<() => Promise<unknown>> {
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('lock table accounts in access exclusive mode');
  return () => holder.query('commit');
}

const QUERY = JSON.stringify({ query: '{ ledger { name } }' });
const ACCOUNT = JSON.stringify({ query: `{ account(id: "${accountId}") { owner } }` });
/** A body that is not JSON: it is rejected with 400 if it is parsed. */
const LARGE = 'x'.repeat(MAX_SMALL_BODY_BYTES + 1);
const post = (body: string) => `${head(`content-length: ${body.length}`)}${body}`;
const statuses = (received: string) =>
  [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));
const expectStatuses = ({ received }: RawConnection, ...expected: readonly number[]) =>
  expect.poll(() => statuses(received()), { interval: 10, timeout: 5000 }).toEqual(expected);

async function ask(url: string, body: string) {
  const { status, headers, body: text } = await exchange(`${url}/graphql`, { headers: JSON_TYPE, body });
  return { status, retryAfter: headers['retry-after'], answer: JSON.parse(text) };
}
const get = async (url: string, path: string) => (await fetch(url + path)).text();
const bufferedBytes = async (url: string) =>
  Number(/^ledger_http_buffered_bytes (\d+)$/m.exec(await get(url, '/metrics'))?.[1]);
const expectBuffered = (url: string, bytes: number) =>
  expect.poll(() => bufferedBytes(url), { timeout: 10_000 }).toBe(bytes);

describe.each([
  ['the fast path', true],
  ['Yoga', false],
])('while the queue is full, by %s', (_, fastPath) => {
  test('a large body is rejected without being parsed, and a small one is parsed', async () => {
    const url = await serve(full, { fastPath });
    const refused = await ask(url, LARGE);
    expect(refused).toEqual({
      status: 503,
      retryAfter: '1',
      answer: {
        errors: [
          {
            message: expect.stringMatching(/above 8,192 bytes are rejected .*\. Nothing was done: retry/),
            extensions: { code: 'OVERLOADED', limit: 'queue', given: 33, allowed: 0 },
          },
        ],
      },
    });
    expect((await ask(url, LARGE.slice(1))).status).toBe(400);
    // A request is counted when its rest is read.
    await expect.poll(() => get(url, '/metrics')).toContain('ledger_outcomes_total{code="OVERLOADED"} 1');
  });

  test('a large body is rejected by its head, and its connection stays open', async () => {
    const connection = await connectRaw(await serve(full, { fastPath }));
    connection.socket.write(head(`content-length: ${LARGE.length}`));
    await expectStatuses(connection, 503);
    connection.socket.write(LARGE + post(QUERY));
    await expectStatuses(connection, 503, 200);
    connection.socket.write(post(LARGE));
    await expectStatuses(connection, 503, 200, 503);
    connection.socket.write(post(QUERY));
    await expectStatuses(connection, 503, 200, 503, 200);
  });

  test('a body in chunks is rejected at the first byte beyond the limit, and its connection stays open', async () => {
    const connection = await connectRaw(await serve(full, { fastPath }));
    const { socket } = connection;
    const size = MAX_SMALL_BODY_BYTES;
    socket.write(`${head('transfer-encoding: chunked')}${size.toString(16)}\r\n${LARGE.slice(1)}\r\n`);
    await sleep(100);
    await expectStatuses(connection);
    socket.write('1\r\nx\r\n');
    await expectStatuses(connection, 503);
    socket.write(`5000\r\n${'x'.repeat(0x5000)}\r\n0\r\n\r\n${post(QUERY)}`);
    await expectStatuses(connection, 503, 200);
  });

  test('a rejection is sent in the order of the requests of its connection', async () => {
    const connection = await connectRaw(await serve(full, { fastPath }));
    const letGo = await lockAccounts();
    connection.socket.write(post(ACCOUNT) + post(LARGE) + post(QUERY));
    await sleep(100);
    await expectStatuses(connection);
    await letGo();
    await expectStatuses(connection, 200, 503, 200);
  });

  test('queries, single mutations and probes are answered', async () => {
    const url = await serve(full, { fastPath });
    const padding = ' '.repeat(MAX_SMALL_BODY_BYTES - QUERY.length);
    expect((await ask(url, QUERY + padding)).answer).toEqual({ data: { ledger: { name: 'main' } } });
    const query = 'mutation ($input: DepositInput!) { deposit(input: $input) { __typename } }';
    const variables = { input: { accountId, amount: '1', idempotencyKey: randomUUID() } };
    const single = await ask(url, JSON.stringify({ query, variables }));
    expect(single).toMatchObject({
      status: 200,
      answer: { data: { deposit: { __typename: 'OverloadedError' } } },
    });
    expect(await get(url, '/livez')).toBe('alive\n');
    expect(await get(url, '/readyz')).toContain('"queue":{"ok":false');
    expect(await get(url, '/metrics')).toContain('ledger_queue_limit 0');
  });

  test('a large body is read again once the queue has room', async () => {
    const ledger = await openSmall();
    const letGo = await fill(ledger);
    const url = await serve(ledger, { fastPath });
    const before = await Promise.all(Array.from({ length: 100 }, () => ask(url, LARGE)));
    expect(new Set(before.map(({ status }) => status))).toEqual(new Set([503]));
    await letGo();
    expect((await ask(url, LARGE)).status).toBe(400);
    await expectBuffered(url, 0);
  });

  test.each([
    [3, 400],
    [9, 503],
  ])('or has %i of 40 commands, a body of about 33 operations is answered %i', async (count, status) => {
    const ledger = await openSmall(40);
    const url = await serve(ledger, { fastPath });
    const letGo = await fill(ledger, count);
    expect((await ask(url, LARGE)).status).toBe(status);
    await letGo();
    expect((await ask(url, LARGE)).status).toBe(400);
  });

  test('a body that is being read when the queue becomes full is rejected at its next byte', async () => {
    const ledger = await openSmall();
    const url = await serve(ledger, { fastPath });
    const connection = await connectRaw(url);
    connection.socket.write(head('content-length: 30000') + LARGE);
    await expectBuffered(url, LARGE.length);
    const letGo = await fill(ledger);
    connection.socket.write('x');
    await expectStatuses(connection, 503);
    await letGo();
    await expectBuffered(url, 0);
  });
});

/** Sends parts of bodies until two bytes below the limit are in memory. */
async function buffer(url: string): Promise<RawConnection[]> {
  const connections = await Promise.all(
    Array.from({ length: MAX_BUFFERED_BYTES / MAX_BODY_BYTES }, () => connectRaw(url)),
  );
  for (const { socket } of connections) {
    socket.write(head(`content-length: ${MAX_BODY_BYTES}`));
    socket.write(Buffer.alloc(MAX_BODY_BYTES - 1, ' '));
  }
  await expectBuffered(url, MAX_BUFFERED_BYTES - connections.length);
  return connections;
}

async function expectReadAgain(url: string): Promise<void> {
  await expectBuffered(url, 0);
  expect((await ask(url, LARGE)).status).toBe(400);
}

describe.each([
  ['the fast path', true],
  ['Yoga', false],
])('bodies in memory, by %s', { timeout: 30_000 }, (_, fastPath) => {
  test('have a common limit, beyond which only small ones are read, until their connections are closed', async () => {
    const url = await serve(idle, { fastPath });
    const connections = await buffer(url);
    const given = MAX_BUFFERED_BYTES - connections.length + LARGE.length;
    expect(await ask(url, LARGE)).toMatchObject({
      status: 503,
      retryAfter: '1',
      answer: {
        errors: [
          {
            message: expect.stringMatching(
              /bytes .* all unanswered requests; at most 33,554,432 are allowed/,
            ),
            extensions: { code: 'OVERLOADED', limit: 'bufferedBytes', given, allowed: MAX_BUFFERED_BYTES },
          },
        ],
      },
    });
    const unsent = await connectRaw(url);
    unsent.socket.write(head(`content-length: ${LARGE.length}`));
    await expectStatuses(unsent, 503);
    expect((await ask(url, QUERY)).status).toBe(200);
    for (const { socket } of connections) socket.destroy();
    await expectReadAgain(url);
  });

  test('are rejected at the first byte beyond the common limit', async () => {
    const url = await serve(idle, { fastPath });
    const connections = await buffer(url);
    const connection = await connectRaw(url);
    connection.socket.write(`${head('transfer-encoding: chunked')}2000\r\n${LARGE.slice(1)}\r\n`);
    await expectBuffered(url, MAX_BUFFERED_BYTES - connections.length + MAX_SMALL_BODY_BYTES);
    connection.socket.write('1\r\nx\r\n');
    await expectStatuses(connection, 503);
    await expectBuffered(url, MAX_BUFFERED_BYTES - connections.length);
    for (const { socket } of connections) socket.destroy();
    await expectReadAgain(url);
  });

  test('are released when they are answered', async () => {
    const url = await serve(idle, { fastPath });
    const connections = await buffer(url);
    for (const connection of connections) connection.socket.write(' ');
    for (const connection of connections) await expectStatuses(connection, 413);
    await expectReadAgain(url);
  });

  test('count until the answer, even if their connection is closed', async () => {
    const url = await serve(idle, { fastPath });
    const letGo = await lockAccounts();
    const [staying, leaving] = [await connectRaw(url), await connectRaw(url)];
    staying.socket.write(post(ACCOUNT));
    leaving.socket.write(post(ACCOUNT));
    await expectBuffered(url, 2 * ACCOUNT.length);
    leaving.socket.destroy();
    await leaving.ended;
    await expectBuffered(url, 2 * ACCOUNT.length);
    await letGo();
    await expectStatuses(staying, 200);
    await expectBuffered(url, 0);
  });

  test('are released on every path', async () => {
    const url = await serve(idle, { fastPath });
    const size = 20_000;
    const beginnings = [
      // Complete: not JSON, not UTF-8, or a query.
      post('x'.repeat(size)),
      Buffer.concat([Buffer.from(head(`content-length: ${size}`)), Buffer.alloc(size, 0xff)]),
      post(QUERY + ' '.repeat(size)),
      // Malformed chunks.
      `${head('transfer-encoding: chunked')}2\r\n{}\r\nx\r\n`,
      // Incomplete.
      head(`content-length: ${size}`) + 'x'.repeat(size - 1),
    ];
    const connections = await Promise.all(
      Array.from({ length: 50 }, async (_, place) => {
        const connection = await connectRaw(url);
        connection.socket.write(beginnings[place % beginnings.length] ?? '');
        return connection;
      }),
    );
    await expectBuffered(url, 10 * (size - 1));
    for (const { socket } of connections) socket.destroy();
    await expectBuffered(url, 0);
  });

  test('are released when they are too slow', async () => {
    const url = await serve(idle, { fastPath, headersTimeoutMs: 500, requestTimeoutMs: 1000 });
    const connection = await connectRaw(url);
    connection.socket.write(`${head('content-length: 1000')}{`);
    await expectBuffered(url, 1);
    await expectStatuses(connection, 408);
    await expectBuffered(url, 0);
  });

  test('are released when they are too large', async () => {
    const url = await serve(idle, { fastPath });
    const connection = await connectRaw(url);
    connection.socket.write(`${head('transfer-encoding: chunked')}${MAX_BODY_BYTES.toString(16)}\r\n`);
    connection.socket.write(Buffer.alloc(MAX_BODY_BYTES, ' '));
    await expectBuffered(url, MAX_BODY_BYTES);
    connection.socket.write('\r\n1\r\nx\r\n');
    await expectStatuses(connection, 413);
    await expectBuffered(url, 0);
  });
});

describe('the client', () => {
  const batch = (count: number) =>
    Array.from({ length: count }, () => ({ deposit: { accountId, amount: '1' } }));

  test('retries a batch that was rejected unread, and it is executed once', { timeout: 30_000 }, async () => {
    const count = 100;
    const ledger = await openSmall(200);
    const letGo = await fill(ledger);
    const answered: AnsweredRequest[] = [];
    const url = await serve(ledger, { onAnswered: (request) => answered.push(request) });
    const client = createLedgerClient({ url: `${url}/graphql` });
    const before = await balance(idle, accountId);
    const answer = client.postBatch(batch(count), { mode: 'ATOMIC' });
    await expect.poll(() => answered.map(({ status }) => status)).toEqual([503]);
    const others = await letGo();
    expect(await answer).toMatchObject({ __typename: 'BatchProcessed' });
    expect(answered.map(({ status }) => status)).toEqual([503, 200]);
    expect(await balance(idle, accountId)).toBe(before + BigInt(100 * (count + others)));
  });

  test('reports after its deadline that such a batch was not executed', async () => {
    const client = createLedgerClient({ url: `${await serve(full)}/graphql`, deadlineMs: 1500 });
    expect(await client.postBatch(batch(100))).toEqual({
      __typename: 'OverloadedError',
      code: 'OVERLOADED',
      message: expect.stringContaining('Nothing was done'),
      retryable: true,
      replayed: false,
      retryAfterMs: 1000,
    });
  });

  test('hundreds of concurrent batches are rejected by their heads, while queries are answered', async () => {
    const url = await serve(full);
    const body = asking('mutation ($input: PostBatchInput!) { postBatch(input: $input) { __typename } }', {
      variables: { input: { mode: 'ATOMIC', operations: batch(150) } },
    });
    const batches = Array.from({ length: 200 }, () => exchange(`${url}/graphql`, body));
    expect((await ask(url, QUERY)).status).toBe(200);
    expect(new Set((await Promise.all(batches)).map(({ status }) => status))).toEqual(new Set([503]));
  });
});
