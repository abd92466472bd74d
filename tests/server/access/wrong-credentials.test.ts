import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { formatId } from '../../../src/core/values/ids.ts';
import { readTrustedProxies } from '../../../src/server/access/address.ts';
import { MAX_WRONG_CREDENTIALS, WrongCredentials } from '../../../src/server/access/wrong-credentials.ts';
import { type HttpServerOptions, startHttpServer } from '../../../src/server/http/http.ts';
import { asOwner, createTestDatabase, serverLog } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { asking, exchange, type Received } from '../http/exchange.ts';
import { bearer, makeKey, revoke } from './keys.ts';
import { usedBytes } from './memory.ts';

const LOOPBACK = readTrustedProxies('loopback');
if (LOOPBACK === undefined) throw new TypeError('loopback is valid');

describe('in this process', () => {
  const from = (remoteAddress: string, forwardedFor?: string) => ({ remoteAddress, forwardedFor });
  const fake = () => vi.useFakeTimers({ now: 1_000_000, toFake: ['Date', 'setTimeout', 'clearTimeout'] });
  afterEach(() => {
    vi.useRealTimers();
  });

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

  test('a million addresses and credentials use a bounded amount of memory', async () => {
    const limit = new WrongCredentials(LOOPBACK);
    const fill = async (count: number) => {
      for (let at = 0; at < count; at += 1) {
        const address = `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`;
        await limit.noteWrong(from(address), `wrong ${at}`);
        limit.noteRight(`right ${at}`, {});
      }
      return usedBytes();
    };
    const before = await fill(10_000);
    expect((await fill(1_000_000)) - before).toBeLessThan(8 * 2 ** 20);
    expect(await limit.waitMs(from('192.0.2.1'), 'next')).toBe(0);
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
  return (secret: string, headers: Readonly<Record<string, string>> = {}): Promise<Received> =>
    exchange(`${server.url}/graphql`, {
      ...NAME,
      headers: { ...NAME.headers, ...bearer(secret), ...headers },
    });
}

/** Begins at a time from which the next requests are in one second of the limiter. */
const statusesOf = (answers: readonly Received[]) => answers.map(({ status }) => status);

/** A key in form, of an id that does not exist. */
const unknownKey = (at: number) =>
  right.secret.slice(0, 5) + String(at).padStart(3, '0') + right.secret.slice(8);

describe.each([
  ['the fast path', {}],
  ['Yoga', { fastPath: false }],
])('on %s', (_, way) => {
  test('the 21st wrong credential from an address is 429 and looks nothing up, and right ones pass', async () => {
    const ask = await serve(way);
    expect((await ask(right.secret)).status).toBe(200);
    const wrong = await Promise.all(Array.from({ length: 20 }, (__, at) => ask(unknownKey(at))));
    expect(new Set(statusesOf(wrong))).toEqual(new Set([401]));
    await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
    const [refused, passed] = await Promise.all([ask(unknownKey(999)), ask(right.secret)]);
    expect(refused.status).toBe(429);
    expect(passed.status).toBe(200);
    const retryAfterMs = Number(/"retryAfterMs":(\d+)/.exec(refused.body)?.[1]);
    expect(retryAfterMs).toBeGreaterThan(0);
    expect(retryAfterMs).toBeLessThanOrEqual(1000);
    expect(refused.headers['retry-after']).toBe('1');
    expect(JSON.parse(refused.body)).toEqual({
      errors: [
        {
          message: `More than 20 wrong credentials came from this address within a second. Nothing was done. Repeat the request after ${retryAfterMs.toLocaleString('en')} ms.`,
          extensions: { code: 'RATE_LIMITED', retryAfterMs },
        },
      ],
    });
    expect(refused.body).not.toContain('tlsk_');
  });

  test('credentials in a wrong form count too, and a request without credentials does not', async () => {
    const ask = await serve(way);
    const basic = () => ask('', { authorization: 'Basic dXNlcjpwYXNz' });
    expect(new Set(statusesOf(await Promise.all(Array.from({ length: 20 }, basic))))).toEqual(new Set([401]));
    expect((await basic()).status).toBe(429);
  });

  test('behind a trusted proxy, the wrong credentials of one caller do not affect another', async () => {
    const ask = await serve({ ...way, trustedProxies: LOOPBACK });
    const by = (address: string) => (secret: string) => ask(secret, { 'x-forwarded-for': address });
    const [attacker, other] = [by('203.0.113.9, 192.0.2.1'), by('192.0.2.2')];
    await Promise.all(Array.from({ length: 20 }, (__, at) => attacker(unknownKey(at))));
    expect((await attacker(unknownKey(999))).status).toBe(429);
    expect((await other(unknownKey(999))).status).toBe(401);
    // Without trust, the header does not count.
    const direct = await serve(way);
    await Promise.all(
      Array.from({ length: 20 }, (__, at) => direct(unknownKey(at), { 'x-forwarded-for': `192.0.2.${at}` })),
    );
    expect((await direct(unknownKey(999), { 'x-forwarded-for': '198.51.100.1' })).status).toBe(429);
  });
});

test('a revoked key counts as wrong', async () => {
  const ask = await serve();
  const revoked = await makeKey(ledger);
  expect((await ask(revoked.secret)).status).toBe(200);
  await revoke(ledger, formatId('apiKey', revoked.apiKey.id));
  const answers = await Promise.all(Array.from({ length: 20 }, () => ask(revoked.secret)));
  expect(new Set(statusesOf(answers))).toEqual(new Set([401]));
  expect((await ask(revoked.secret)).status).toBe(429);
});

test('in open mode credentials are not limited', async () => {
  const open = await openLedger(await createTestDatabase());
  const ask = await serve({ engine: open.engine });
  const answers = await Promise.all(Array.from({ length: 50 }, (_, at) => ask(unknownKey(at))));
  expect(new Set(statusesOf(answers))).toEqual(new Set([200]));
});
