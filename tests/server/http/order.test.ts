import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, test } from 'vitest';
import { parseId } from '../../../src/core/values/ids.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { connect, createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { connectRaw, head } from './raw.ts';

// RFC 9112, section 9.3.2: answers are sent in the order of their requests, also the answer to an unreadable request.

const [HEADERS_TIMEOUT_MS, REQUEST_TIMEOUT_MS] = [400, 800];

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const PATHS = await Promise.all(
  [true, false].map(async (fastPath) => {
    const server = await startHttpServer({
      engine: ledger.engine,
      host: '127.0.0.1',
      port: 0,
      log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
      fastPath,
      headersTimeoutMs: HEADERS_TIMEOUT_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
    afterAll(() => server.close());
    return { name: fastPath ? 'the fast path' : 'Yoga', url: server.url };
  }),
);

/** Does the same on the fast path and by Yoga, at the same time: most of it is waiting. */
async function onEachPath(run: (url: string) => Promise<void>): Promise<void> {
  const ends = await Promise.allSettled(PATHS.map(({ url }) => run(url)));
  for (const [place, end] of ends.entries()) {
    if (end.status === 'rejected') throw new Error(`by ${PATHS[place]?.name}`, { cause: end.reason });
  }
}

/** A deposit of 1 to a new account, as bytes. */
async function payment(key = 'one') {
  const accountId = await makeAccount(ledger);
  const bytesOf = (key: string, ...lines: readonly string[]) => {
    const query = 'mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }';
    const variables = { i: { accountId, amount: '1', idempotencyKey: key } };
    const body = JSON.stringify({ query, variables });
    return `${head(`content-length: ${body.length}`, ...lines)}${body}`;
  };
  return {
    accountId,
    bytesOf,
    bytes: bytesOf(key),
    paid: async () => Number(await balance(ledger, accountId)) / 100,
  };
}

/** Delays postings on the accounts until the returned function is called. */
async function holdUp(...accountIds: readonly string[]): Promise<() => Promise<unknown>> {
  const holder = await connect(database.ownerUrl);
  await holder.query('begin');
  const ids = accountIds.map((id) => parseId('account', id));
  await holder.query('select from accounts where id = any($1::uuid[]) for update', [ids]);
  return () => holder.query('commit');
}

const statuses = (received: string) =>
  [...received.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, status]) => Number(status));

const UNREAD: readonly (readonly [name: string, bytes: string, status: number])[] = [
  ['bytes that are not HTTP', 'hello\r\n\r\n', 400],
  ['a head with a malformed header', 'POST /graphql HTTP/1.1\r\nnothing\r\n\r\n', 400],
  ['a head that is too large', head(`x: ${'x'.repeat(20_000)}`), 431],
  [
    'a request to a proxy',
    'CONNECT elsewhere.example:443 HTTP/1.1\r\nhost: elsewhere.example:443\r\n\r\n',
    400,
  ],
  ['two lengths', head('content-length: 5', 'content-length: 6'), 400],
  ['a malformed chunk', `${head('transfer-encoding: chunked')}2\r\n{}\r\nx\r\n`, 400],
  ['an incomplete head', head('x: x').slice(0, -2), 408],
  ['an incomplete body', `${head('content-length: 100')}{`, 408],
];

describe.each(UNREAD)('%s', (_, unread, status) => {
  /** Sends it together with a payment, or a little later, while the payment waits. */
  async function sendAfterSlow(url: string, pauseMs: number): Promise<void> {
    const { accountId, bytes, paid } = await payment();
    const letGo = await holdUp(accountId);
    const { socket, received, ended } = await connectRaw(url);
    if (pauseMs === 0) socket.write(bytes + unread);
    else {
      socket.write(bytes);
      await sleep(pauseMs);
      socket.write(unread);
    }
    await sleep(status === 408 ? REQUEST_TIMEOUT_MS + 700 : 100);
    expect(received()).toBe('');
    await letGo();
    expect(statuses(await ended)).toEqual([200, status]);
    expect(await paid()).toBe(1);
  }

  test('is answered after a payment that is slow, sent at once or a little later', () =>
    onEachPath(async (url) => void (await Promise.all([0, 30].map((ms) => sendAfterSlow(url, ms))))));

  test('is answered after two payments', () =>
    onEachPath(async (url) => {
      const { bytesOf, paid } = await payment();
      const { socket, ended } = await connectRaw(url);
      socket.write(bytesOf('one') + bytesOf('two') + unread);
      expect(statuses(await ended)).toEqual([200, 200, status]);
      expect(await paid()).toBe(2);
    }));

  test('is answered alone, and after a payment that was answered', () =>
    onEachPath(async (url) => {
      const alone = await connectRaw(url);
      alone.socket.write(unread);
      const { bytes, paid } = await payment();
      const after = await connectRaw(url);
      after.socket.write(bytes);
      await expect.poll(() => statuses(after.received()), { timeout: 5000 }).toEqual([200]);
      after.socket.write(unread);
      expect(statuses(await alone.ended)).toEqual([status]);
      expect(statuses(await after.ended)).toEqual([200, status]);
      expect(await paid()).toBe(1);
    }));
});

test('a payment with connection: close is answered, and bytes after it are ignored', () =>
  onEachPath(async (url) => {
    const { accountId, bytesOf, paid } = await payment();
    const letGo = await holdUp(accountId);
    const { socket, received, ended } = await connectRaw(url);
    socket.write(`${bytesOf('one', 'connection: close')}hello\r\n\r\n`);
    await sleep(100);
    expect(received()).toBe('');
    await letGo();
    expect(statuses(await ended)).toEqual([200]);
    expect(await paid()).toBe(1);
  }));

test.each([
  ['it', '', []],
  ['half a request', head('content-length: 5').slice(0, 50), [400]],
  ['a head without its body', head('content-length: 5'), [400]],
])('a payment is answered if its client ends its side after %s', (_, more, after) =>
  onEachPath(async (url) => {
    const { accountId, bytes, paid } = await payment();
    const letGo = await holdUp(accountId);
    const { socket, received, ended } = await connectRaw(url);
    socket.end(bytes + more);
    await sleep(100);
    expect(received()).toBe('');
    await letGo();
    expect(statuses(await ended)).toEqual([200, ...after]);
    expect(await paid()).toBe(1);
  }),
);

test('a payment that is too slow is rejected and not executed, even if the rest arrives while another is answered', () =>
  onEachPath(async (url) => {
    const [first, second] = [await payment('first'), await payment('second')];
    const letGo = await holdUp(first.accountId);
    const { socket, ended } = await connectRaw(url);
    socket.write(first.bytes + second.bytes.slice(0, 50));
    await sleep(REQUEST_TIMEOUT_MS + 700);
    socket.write(second.bytes.slice(50));
    await sleep(50);
    await letGo();
    expect(statuses(await ended)).toEqual([200, 408]);
    expect(await first.paid()).toBe(1);
    expect(await second.paid()).toBe(0);
  }));

test('a payment that is too slow is not executed, even if the rest arrives after the rejection', () =>
  onEachPath(async (url) => {
    const { bytes, paid } = await payment();
    const { socket, received } = await connectRaw(url, { allowHalfOpen: true });
    socket.write(bytes.slice(0, -1));
    await expect.poll(() => statuses(received()), { timeout: 5000 }).toEqual([408]);
    socket.write(bytes.slice(-1) + bytes);
    await sleep(200);
    expect(statuses(received())).toEqual([408]);
    expect(await paid()).toBe(0);
  }));

test('a client that sends more after unreadable bytes still receives its answers', () =>
  onEachPath(async (url) => {
    const { bytes, paid } = await payment();
    const { socket, received } = await connectRaw(url, { allowHalfOpen: true });
    socket.pause();
    socket.write(`${bytes}hello\r\n\r\n`);
    for (let turn = 0; turn < 20; turn += 1) {
      socket.write(Buffer.alloc(2 ** 18));
      await sleep(10);
    }
    socket.resume();
    await expect.poll(() => statuses(received()), { timeout: 5000 }).toEqual([200, 400]);
    expect(await paid()).toBe(1);
  }));

test.each([
  ['a host', '', 400],
  ['an expectation that is supported', 'host: localhost\r\nexpect: more\r\n', 417],
])(
  'a request without %s is rejected in its turn, and unreadable bytes after it are too',
  (_, lines, status) =>
    onEachPath(async (url) => {
      const refused = `POST /graphql HTTP/1.1\r\n${lines}content-length: 2\r\n\r\n{}`;
      const alone = await connectRaw(url);
      alone.socket.write(`${refused}hello\r\n\r\n`);
      const answers = await alone.ended;
      expect(statuses(answers)).toEqual([status, 400]);
      expect(answers.match(/^x-content-type-options: nosniff\r$/gm)).toHaveLength(2);
      const { accountId, bytes, paid } = await payment();
      const letGo = await holdUp(accountId);
      const { socket, received, ended } = await connectRaw(url);
      socket.write(`${bytes}${refused}hello\r\n\r\n`);
      await sleep(50);
      expect(received()).toBe('');
      await letGo();
      expect(statuses(await ended)).toEqual([200, status, 400]);
      expect(await paid()).toBe(1);
    }),
);

test('a payment whose last bytes arrive a little late is answered with its outcome', () =>
  onEachPath(async (url) => {
    const [first, second] = [await payment('first'), await payment('second')];
    const letGo = await holdUp(first.accountId);
    const { socket, ended } = await connectRaw(url);
    socket.write(first.bytes + second.bytes.slice(0, -1));
    await sleep(REQUEST_TIMEOUT_MS + 700);
    socket.write(second.bytes.slice(-1));
    await sleep(50);
    await letGo();
    expect(statuses(await ended)).toEqual([200, 200]);
    expect([await first.paid(), await second.paid()]).toEqual([1, 1]);
  }));

describe.each([
  ['POST', head('transfer-encoding: chunked', 'content-encoding: gzip'), 415],
  ['GET', head('transfer-encoding: chunked').replace('POST /graphql', 'GET /readyz'), 200],
])(
  'a %s that is answered by its head has no other answer, even if its body is malformed,',
  (_, its, status) => {
    test('alone', () =>
      onEachPath(async (url) => {
        const [atOnce, later] = [await connectRaw(url), await connectRaw(url)];
        atOnce.socket.write(`${its}x\r\n`);
        later.socket.write(its);
        await expect
          .poll(() => statuses(later.received()), { interval: 10, timeout: 5000 })
          .toEqual([status]);
        later.socket.write('x\r\n');
        expect(statuses(await atOnce.ended)).toEqual([status]);
        expect(statuses(await later.ended)).toEqual([status]);
      }));

    test('after a payment that is slow', () =>
      onEachPath(async (url) => {
        const { accountId, bytes, paid } = await payment();
        const letGo = await holdUp(accountId);
        const [whole, cut] = [await connectRaw(url), await connectRaw(url)];
        whole.socket.write(`${bytes}${its}2\r\n{}\r\nx\r\n`);
        cut.socket.write(`${bytes}${its}2\r\n{}\r\n`);
        await sleep(50);
        cut.socket.write('x\r\n');
        await sleep(50);
        expect([whole.received(), cut.received()]).toEqual(['', '']);
        await letGo();
        expect(statuses(await whole.ended)).toEqual([200, status]);
        expect(statuses(await cut.ended)).toEqual([200, status]);
        expect(await paid()).toBe(1);
      }));
  },
);

test('a payment that is sent after the last answer of a connection is not executed', async () => {
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
  });
  const [first, second] = [await payment('first'), await payment('second')];
  const letGo = await holdUp(first.accountId);
  const { socket, received, ended } = await connectRaw(server.url, { allowHalfOpen: true });
  socket.write(first.bytes);
  await sleep(50);
  const closed = server.close();
  await letGo();
  await expect.poll(() => statuses(received()), { interval: 10, timeout: 5000 }).toEqual([200]);
  expect(received()).toMatch(/connection: close/i);
  socket.end(second.bytes);
  expect(statuses(await ended)).toEqual([200]);
  await closed;
  await sleep(200);
  expect([await first.paid(), await second.paid()]).toEqual([1, 0]);
});
