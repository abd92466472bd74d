import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { startHttpServer } from '../../../src/server/http/http.ts';
import type { AnsweredRequest } from '../../../src/server/operations/request-log.ts';
import { connect, createTestDatabase } from '../../support/database.ts';
import { makeAccount, openLedger } from '../../support/ledger.ts';
import { connectRaw, head } from './raw.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);

async function start() {
  const answered: AnsweredRequest[] = [];
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
    onAnswered: (request) => answered.push(request),
  });
  return { ...server, answered };
}

const body = (alias: string) => JSON.stringify({ query: `{ ${alias}: __typename }` });
const whole = (alias: string, ...lines: readonly string[]) =>
  `${head(`content-length: ${body(alias).length}`, ...lines)}${body(alias)}`;
const answers = (received: string) => [...received.matchAll(/"(\w+)":"Query"/g)].map(([, alias]) => alias);

test('requests over one connection are answered on each path', async () => {
  const server = await start();
  const { socket, received, ended } = await connectRaw(server.url);
  const ask = async (alias: string, ...pieces: readonly string[]) => {
    for (const piece of pieces) {
      socket.write(piece);
      await sleep(20);
    }
    await expect.poll(() => answers(received()).at(-1)).toBe(alias);
  };
  await ask('a', whole('a'));
  await ask('b', whole('b'));
  const [first, rest] = [whole('c').slice(0, 90), whole('c').slice(90)];
  await ask('c', first, rest);
  await ask('d', whole('d'));
  const length = body('e').length.toString(16);
  await ask('e', head('transfer-encoding: chunked'), `${length}\r\n${body('e')}\r\n`, '0\r\n\r\n');
  await ask('f', whole('f', 'connection: close'));
  expect(answers(await ended)).toEqual(['a', 'b', 'c', 'd', 'e', 'f']);
  expect(server.answered.map(({ status, route }) => [status, route])).toEqual(
    Array.from({ length: 6 }, () => [200, 'graphql']),
  );
  await server.close();
});

test('pipelined requests are answered in their order', async () => {
  const server = await start();
  const { socket, received } = await connectRaw(server.url);
  const aliases = Array.from({ length: 20 }, (_, place) => `a${place}`);
  socket.write(whole('first'));
  for (const alias of aliases) {
    socket.write(whole(alias));
    if (Math.random() < 0.5) await sleep(1);
  }
  await expect.poll(() => answers(received())).toEqual(['first', ...aliases]);
  await server.close();
});

test('every answer has the same headers, and says whether the connection stays open', async () => {
  const server = await start();
  const { socket, received } = await connectRaw(server.url);
  socket.write(whole('a'));
  await expect.poll(() => answers(received())).toEqual(['a']);
  expect(received()).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  for (const line of [
    /^cache-control: no-store$/m,
    /^x-content-type-options: nosniff$/m,
    /^x-request-id: [0-9a-f-]{36}$/m,
    /^vary: Origin$/m,
    /^Date: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/m,
    /^Connection: keep-alive$/m,
    /^Keep-Alive: timeout=5$/m,
  ]) {
    expect(received().replaceAll('\r', '')).toMatch(line);
  }
  await server.close();
});

test('a server that closes answers pending requests, and ends their connections and idle ones', async () => {
  const server = await start();
  const [busy, idle] = [await connectRaw(server.url), await connectRaw(server.url)];
  idle.socket.write(whole('idle'));
  await expect.poll(() => answers(idle.received())).toEqual(['idle']);
  busy.socket.write(whole('busy'));
  await vi.waitFor(() => expect(server.answered.length).toBeGreaterThan(0));
  const late = await connectRaw(server.url);
  late.socket.write(whole('before'));
  await expect.poll(() => answers(late.received())).toEqual(['before']);
  const closed = server.close();
  late.socket.write(whole('late'));
  expect(answers(await busy.ended)).toEqual(['busy']);
  expect(answers(await idle.ended)).toEqual(['idle']);
  const last = (await late.ended).split('HTTP/1.1 200 OK').at(-1);
  expect(last).toMatch(/connection: close\r\n/i);
  expect(answers(last ?? '')).toEqual(['late']);
  await closed;
});

test('a connection that is idle after an answer is ended', { timeout: 15_000 }, async () => {
  const server = await start();
  const { socket, received, ended } = await connectRaw(server.url);
  socket.write(whole('a'));
  await expect.poll(() => answers(received())).toEqual(['a']);
  const since = performance.now();
  await ended;
  expect(performance.now() - since).toBeGreaterThan(4000);
  await server.close();
});

test('a request whose connection was closed before the answer has the status 499', async () => {
  const server = await start();
  const { socket } = await connectRaw(server.url);
  const query = '{ accounts(first: 1) { edges { cursor } } }';
  const text = JSON.stringify({ query });
  socket.write(`${head(`content-length: ${text.length}`)}${text}`, () => socket.resetAndDestroy());
  await vi.waitFor(() => expect(server.answered).toHaveLength(1), 5000);
  expect([200, 499]).toContain(server.answered[0]?.status);
  await server.close();
});

test('pipelined requests are all logged when their connection is closed', async () => {
  const server = await start();
  const accountId = await makeAccount(ledger);
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  await holder.query('select from accounts for update');
  const text = JSON.stringify({
    query: `mutation { deposit(input: { accountId: "${accountId}", amount: 1, idempotencyKey: "k" }) { __typename } }`,
  });
  const { socket, ended } = await connectRaw(server.url);
  socket.write(`${head(`content-length: ${text.length}`)}${text}${whole('a')}${whole('b')}`);
  await sleep(100);
  // A client that only ends its side may still read.
  socket.resetAndDestroy();
  await ended;
  await sleep(50);
  await holder.query('commit');
  await expect.poll(() => server.answered.map(({ status }) => status)).toEqual([499, 499, 499]);
  await server.close();
});

test('a client that sends without reading is not read any further', { timeout: 20_000 }, async () => {
  const server = await start();
  const { socket } = await connectRaw(server.url);
  socket.pause();
  const text = JSON.stringify({
    query: `{ ${Array.from({ length: 90 }, (_, n) => `a${n}: __typename`).join(' ')} }`,
  });
  const request = `${head(`content-length: ${text.length}`)}${text}`;
  let before = -1;
  // Only answers that fit into the buffers of both sides are sent.
  await vi.waitFor(
    async () => {
      for (let turn = 0; turn < 300; turn += 1) {
        socket.write(request);
        await sleep(1);
      }
      const now = server.answered.length;
      const isStill = now === before;
      before = now;
      expect(isStill).toBe(true);
    },
    { timeout: 18_000, interval: 10 },
  );
  socket.destroy();
  await server.close();
});
