import { randomBytes } from 'node:crypto';
import { uuidv7 } from 'uuidv7';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { formatKeyText } from '../../../src/core/access/key-text.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { readTrustedProxies } from '../../../src/server/access/address.ts';
import { MAX_WRONG_CREDENTIALS, WrongCredentials } from '../../../src/server/access/wrong-credentials.ts';
import { type HttpServerOptions, startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { asking, exchange, type Received } from '../http/exchange.ts';
import { bearer, makeKey, revoke } from './keys.ts';
import { usedBytes } from './memory.ts';

const LOOPBACK = readTrustedProxies('loopback');
if (LOOPBACK === undefined) throw new TypeError('loopback is valid');

/** Time passes for the limiter only when a test says so. */
const fake = () => vi.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
afterEach(() => {
  vi.useRealTimers();
});

describe('in this process', () => {
  const from = (remoteAddress: string, forwardedFor?: string) => ({ remoteAddress, forwardedFor });

  async function sendWrong(limit: WrongCredentials, origin: ReturnType<typeof from>, times = 20) {
    for (let at = 0; at < times; at += 1) {
      expect(await limit.waitMs(origin, `wrong ${at}`)).toBe(0);
      await limit.noteWrong(origin, `wrong ${at}`);
    }
  }

  test('after 20 wrong credentials in a second, an address waits for the end of the second', async () => {
    fake();
    const limit = new WrongCredentials(LOOPBACK);
    expect(MAX_WRONG_CREDENTIALS).toBe(20);
    await sendWrong(limit, from('192.0.2.1'), 19);
    vi.advanceTimersByTime(400);
    await sendWrong(limit, from('192.0.2.1'), 1);
    expect(await limit.waitMs(from('192.0.2.1'), 'next')).toBe(600);
    vi.advanceTimersByTime(599);
    expect(await limit.waitMs(from('192.0.2.1'), 'next')).toBe(1);
    vi.advanceTimersByTime(1);
    await sendWrong(limit, from('192.0.2.1'));
    expect(await limit.waitMs(from('192.0.2.1'), 'next')).toBe(1000);
  });

  test('another address does not wait', async () => {
    fake();
    const limit = new WrongCredentials(LOOPBACK);
    await sendWrong(limit, from('192.0.2.1'));
    for (const other of ['192.0.2.2', '2001:db8::1', '127.0.0.1', '']) {
      expect(await limit.waitMs(from(other), 'right')).toBe(0);
    }
  });

  test('the addresses of an IPv6 network of 64 bits are one', async () => {
    fake();
    const limit = new WrongCredentials(LOOPBACK);
    await sendWrong(limit, from('2001:db8:0:1::1'), 10);
    await sendWrong(limit, from('2001:db8:0:1:ffff::2'), 10);
    expect(await limit.waitMs(from('2001:db8:0:1::3'), 'next')).toBe(1000);
    expect(await limit.waitMs(from('2001:db8:0:2::1'), 'next')).toBe(0);
    await sendWrong(limit, from('192.0.2.1'));
    expect(await limit.waitMs(from('::ffff:192.0.2.1'), 'next')).toBe(1000);
  });

  test('behind a trusted proxy the address is that of the caller, and a caller cannot forge it', async () => {
    fake();
    const limit = new WrongCredentials(LOOPBACK);
    for (let at = 0; at < 20; at += 1) {
      await limit.noteWrong(from('127.0.0.1', `203.0.113.${at}, 192.0.2.1`), 'wrong');
    }
    expect(await limit.waitMs(from('127.0.0.1', '203.0.113.99, 192.0.2.1'), 'next')).toBe(1000);
    expect(await limit.waitMs(from('127.0.0.1', '192.0.2.2'), 'next')).toBe(0);
    // A connection from elsewhere cannot name another address.
    expect(await limit.waitMs(from('198.51.100.1', '192.0.2.1'), 'next')).toBe(0);
  });

  test('a credential that was right before does not wait, until it is wrong', async () => {
    fake();
    const limit = new WrongCredentials(LOOPBACK);
    limit.noteRight('Bearer right', {});
    await sendWrong(limit, from('192.0.2.1'));
    expect(await limit.waitMs(from('192.0.2.1'), 'Bearer right')).toBe(0);
    expect(await limit.waitMs(from('192.0.2.1'), 'Bearer other')).toBe(1000);
    // It was revoked.
    await limit.noteWrong(from('192.0.2.2'), 'Bearer right');
    expect(await limit.waitMs(from('192.0.2.1'), 'Bearer right')).toBe(1000);
  });

  test('a million addresses use a bounded amount of memory', { timeout: 120_000 }, async () => {
    const limit = new WrongCredentials(LOOPBACK);
    const fill = async (count: number) => {
      for (let at = 0; at < count; at += 1) {
        await limit.noteWrong(from(`10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`), 'wrong');
      }
      return usedBytes();
    };
    const before = await fill(10_000);
    expect((await fill(1_000_000)) - before).toBeLessThan(8 * 2 ** 20);
    expect(await limit.waitMs(from('192.0.2.1'), 'next')).toBe(0);
  });

  test('many right credentials use a bounded amount of memory', () => {
    const limit = new WrongCredentials(LOOPBACK);
    const fill = (count: number) => {
      for (let at = 0; at < count; at += 1) limit.noteRight(`right ${at}`, {});
      return usedBytes();
    };
    const before = fill(10_000);
    expect(fill(200_000) - before).toBeLessThan(12 * 2 ** 20);
    expect(limit.max).toBe(20);
  });
});

const database = await createTestDatabase();
const ledger = await openLedger(database);
const right = await makeKey(ledger);
const NAME = asking('{ ledger { name } }');

async function serve(options: Partial<HttpServerOptions> = {}) {
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: () => {} },
    ...options,
  });
  afterAll(() => server.close());
  return (
    secret: string | null,
    headers: Readonly<Record<string, string>> = {},
    path = '/graphql',
  ): Promise<Received> => {
    const credentials = secret === null ? {} : bearer(secret);
    const sent = { ...NAME, headers: { ...NAME.headers, ...credentials, ...headers } };
    return exchange(`${server.url}${path}`, sent);
  };
}

/** Returns the text of a key that does not exist. */
const unknownKey = () => formatKeyText(uuidv7(), randomBytes(32));

/** Sends 20 requests at once, and returns the different statuses. */
async function twenty(send: (at: number) => Promise<Received>): Promise<(number | undefined)[]> {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, at) => send(at)));
  return [...new Set(answers.map(({ status }) => status))];
}

describe.each([
  ['the fast path', {}],
  ['Yoga', { fastPath: false }],
])('on %s', (_, way) => {
  beforeEach(() => {
    fake();
  });

  test('the 21st wrong credential from an address is 429, and a key that was right before passes', async () => {
    const ask = await serve(way);
    expect((await ask(right.secret)).status).toBe(200);
    expect(await twenty(() => ask(unknownKey()))).toEqual([401]);
    vi.advanceTimersByTime(300);
    const refused = await ask(unknownKey());
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
    expect(JSON.parse(refused.body)).toEqual({
      errors: [
        {
          message:
            'More than 20 wrong credentials came from this address within a second. Nothing was done. Repeat the request after 700 ms.',
          extensions: { code: 'RATE_LIMITED', retryAfterMs: 700 },
        },
      ],
    });
    expect((await ask(right.secret)).status).toBe(200);
    // Another secret of the same key is no exception.
    expect((await ask(`${right.secret.slice(0, -43)}${'A'.repeat(43)}`)).status).toBe(429);
    vi.advanceTimersByTime(700);
    expect((await ask(unknownKey())).status).toBe(401);
  });

  test('credentials in a wrong form count too, and a request without credentials does not', async () => {
    const ask = await serve(way);
    const basic = () => ask(null, { authorization: 'Basic dXNlcjpwYXNz' });
    const none = () => ask(null);
    expect(await twenty(none)).toEqual([401]);
    expect(await twenty(basic)).toEqual([401]);
    expect((await basic()).status).toBe(429);
    expect((await none()).status).toBe(401);
  });

  test('behind a trusted proxy, the wrong credentials of one caller do not affect another', async () => {
    const ask = await serve({ ...way, trustedProxies: LOOPBACK });
    const by = (address: string) => (secret: string) => ask(secret, { 'x-forwarded-for': address });
    const [attacker, other] = [by('203.0.113.9, 192.0.2.1'), by('192.0.2.2')];
    expect(await twenty(() => attacker(unknownKey()))).toEqual([401]);
    expect((await attacker(unknownKey())).status).toBe(429);
    expect((await other(unknownKey())).status).toBe(401);
  });

  test('X-Forwarded-For of a caller that is no trusted proxy does not count', async () => {
    const ask = await serve(way);
    const from = (address: string) => ask(unknownKey(), { 'x-forwarded-for': address });
    expect(await twenty((at) => from(`192.0.2.${at}`))).toEqual([401]);
    expect((await from('198.51.100.1')).status).toBe(429);
  });
});

test('a refused credential is not looked up', async () => {
  const proxy = await startTcpProxy(database.serviceUrl);
  afterAll(() => proxy.close());
  const { engine } = await openLedger({ serviceUrl: proxy.url });
  const ask = await serve({ engine });
  expect((await ask(right.secret)).status).toBe(200);
  fake();
  expect(await twenty(() => ask(unknownKey()))).toEqual([401]);
  // From here on, each look-up fails.
  proxy.refuse();
  expect((await ask(unknownKey())).status).toBe(429);
  vi.advanceTimersByTime(1000);
  expect((await ask(unknownKey())).status).toBe(503);
});

test('wrong credentials on /metrics and /graphql count together', async () => {
  fake();
  const ask = await serve({ operations: 'admin' });
  expect(await twenty(() => ask(unknownKey(), {}, '/metrics'))).toEqual([401]);
  expect((await ask(unknownKey(), {}, '/metrics')).status).toBe(429);
  expect((await ask(unknownKey())).status).toBe(429);
});

test('a revoked key counts as wrong', async () => {
  fake();
  const ask = await serve();
  const revoked = await makeKey(ledger);
  expect((await ask(revoked.secret)).status).toBe(200);
  await revoke(ledger, formatId('apiKey', revoked.apiKey.id));
  expect(await twenty(() => ask(revoked.secret))).toEqual([401]);
  expect((await ask(revoked.secret)).status).toBe(429);
});

test('while no key exists, wrong credentials are limited, and requests without any are not', async () => {
  const { engine } = await openLedger(await createTestDatabase());
  const ask = await serve({ engine });
  expect(await twenty(() => ask(unknownKey()))).toEqual([401]);
  expect(await twenty(() => ask(unknownKey()))).toEqual([429]);
  expect(await twenty(() => ask(null))).toEqual([200]);
});
