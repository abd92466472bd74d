import { randomBytes, randomInt, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, afterEach, describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { stateOfKey } from '../../../src/core/access/api-key.ts';
import { formatKeyText, parseKeyText, secretDigest } from '../../../src/core/access/key-text.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { findSecretKey } from '../../../src/db/access/api-keys.ts';
import { openDatabase } from '../../../src/db/postgres/database.ts';
import type { Access } from '../../../src/ledger/access/access.ts';
import { KnownKeys } from '../../../src/ledger/access/known-keys.ts';
import { UnavailableError } from '../../../src/ledger/ledger.ts';
import { createKey, ledgerIdOf, openEngine, viewer } from '../../support/access.ts';
import { passMs } from '../../support/clock.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectSoundBooksWithoutLog } from '../../support/ledger.ts';
import { statementsDuring } from '../../support/statements.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';

const database = await createTestDatabase();
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const engine = await openEngine(database);
const { access } = engine;
const main = await ledgerIdOf(access);
const { access: other } = await openEngine(database);
afterAll(() => expectSoundBooksWithoutLog(database));
afterEach(() => void vi.useRealTimers());

/** Returns how many statements read keys while `run` runs. */
async function keyReads(run: () => Promise<unknown>): Promise<number> {
  const statements = await statementsDuring(database, run);
  return statements.filter((text) => text.includes('from "api_keys"')).length;
}

const authenticate = async (by: Access, text: string) => {
  const answer = await by.authenticate(text);
  return typeof answer === 'string' ? answer : 'VALID';
};
const withSecret = (id: string) => formatKeyText(id, randomBytes(32));
const revoke = (id: string) => access.revokeKey(viewer(), main, formatId('apiKey', id), 'r');

describe('a key', () => {
  it('gives its bearer its scopes, its ledger and its actor', async () => {
    const one = await createKey(access, main, { scopes: ['POST', 'READ'] });
    const all = await createKey(access, main, { allLedgers: true });
    expect(await other.authenticate(one.secret)).toMatchObject({
      key: { ...one.apiKey, lastUsedAt: null },
      viewer: { actor: one.apiKey.actor, scopes: new Set(['READ', 'POST']), allLedgers: false, owner: null },
    });
    expect(await other.authenticate(all.secret)).toMatchObject({
      key: { ledger: null },
      viewer: { actor: all.apiKey.actor, scopes: new Set(['READ']), allLedgers: true },
    });
  });

  it('is unknown with a wrong secret, or the secret of another key', async () => {
    const { apiKey, secret } = await createKey(access, main);
    const { secret: foreign } = await createKey(access, main);
    const mixed = apiKey.prefix + foreign.slice(apiKey.prefix.length);
    for (const by of [access, other]) {
      for (const text of [mixed, withSecret(apiKey.id), withSecret(randomUUID())]) {
        expect(await authenticate(by, text)).toBe('UNKNOWN');
      }
      for (const text of ['', 'tlsk_', `${secret}x`]) {
        expect(await authenticate(by, text)).toBe('MALFORMED');
      }
      expect(await authenticate(by, secret)).toBe('VALID');
      // A wrong secret after the right one.
      expect(await authenticate(by, mixed)).toBe('UNKNOWN');
    }
  });

  it('expires at the instant of its expiry, also where it is cached', async () => {
    const expiresAtMs = Date.now() + 60_000;
    const { apiKey, secret } = await createKey(access, main, { expiresAt: BigInt(expiresAtMs) * 1000n });
    vi.useFakeTimers({ toFake: ['Date'] });
    vi.setSystemTime(expiresAtMs - 1);
    expect(await authenticate(access, secret)).toBe('VALID');
    for (const ms of [expiresAtMs, expiresAtMs + 1]) {
      vi.setSystemTime(ms);
      expect(await authenticate(access, secret)).toBe('EXPIRED');
      expect(await authenticate(other, secret)).toBe('EXPIRED');
      expect(await authenticate(other, withSecret(apiKey.id))).toBe('UNKNOWN');
    }
  });

  it('that was revoked is rejected at once in this process, and within 5 seconds in others', async () => {
    const [busy, idle] = [await createKey(access, main), await createKey(access, main)];
    const keys = [busy, idle];
    for (const { secret } of keys) {
      expect(await authenticate(access, secret)).toBe('VALID');
      expect(await authenticate(other, secret)).toBe('VALID');
    }
    for (const { apiKey } of keys) expect(await revoke(apiKey.id)).toMatchObject({ code: 'API_KEY_REVOKED' });
    const since = performance.now();
    for (const { secret } of keys) expect(await authenticate(access, secret)).toBe('REVOKED');
    let answer = await authenticate(other, busy.secret);
    expect(answer).toBe('VALID');
    while (answer === 'VALID') {
      passMs(50);
      await sleep(1);
      answer = await authenticate(other, busy.secret);
    }
    expect(answer).toBe('REVOKED');
    expect(performance.now() - since).toBeLessThan(5000);
    passMs(4000 - (performance.now() - since));
    // The first request after a pause waits for the read.
    expect(await authenticate(other, idle.secret)).toBe('REVOKED');
  });

  it('that is revoked while its row is read is rejected by every request that begins afterwards', async () => {
    const db = openDatabase({
      allowUnsafeDurability: true,
      url: database.serviceUrl,
      maxConnections: 2,
      applicationName: 'slow',
    });
    onTestFinished(() => db.destroy());
    const [isRead, mayArrive] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let reads = 0;
    const slow = db.withPlugin({
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        reads += 1;
        isRead.resolve();
        if (reads === 1) await mayArrive.promise;
        return result;
      },
    });
    const keys = new KnownKeys(slow, () => {});
    const { apiKey, secret } = await createKey(access, main);
    const early = keys.authenticate(secret);
    await isRead.promise;
    await revoke(apiKey.id);
    keys.forget(apiKey.id);
    // It does not wait for the read that began before.
    const late = Promise.race([keys.authenticate(secret), sleep(5000)]);
    expect(await late).toBe('REVOKED');
    mayArrive.resolve();
    expect(await early).toMatchObject({ key: { id: apiKey.id } });
    expect(await keys.authenticate(secret)).toBe('REVOKED');
    expect(reads).toBeGreaterThan(1);
  });
});

describe('the database is read', () => {
  it('once by concurrent requests with a key, and not again for those that follow', async () => {
    const { secret } = await createKey(access, main);
    const run = () => Promise.all(Array.from({ length: 50 }, () => authenticate(other, secret)));
    expect(await keyReads(run)).toBe(1);
    expect(await keyReads(run)).toBe(0);
  });

  it('once for wrong secrets of a known id, however old the cached row is', async () => {
    const { apiKey } = await createKey(access, main);
    const guess = async () => {
      for (let count = 0; count < 20; count += 1) {
        expect(await authenticate(other, withSecret(apiKey.id))).toBe('UNKNOWN');
      }
    };
    expect(await keyReads(guess)).toBe(1);
    passMs(4200);
    expect(await keyReads(guess)).toBe(0);
  });

  it('once a second for an unknown id, whose key is found a second after it was created', async () => {
    const id = randomUUID();
    const secret = randomBytes(32);
    const text = formatKeyText(id, secret);
    const run = async () => {
      for (let count = 0; count < 20; count += 1) expect(await authenticate(other, text)).toBe('UNKNOWN');
    };
    expect(await keyReads(run)).toBe(1);
    expect(await keyReads(run)).toBeLessThanOrEqual(1);
    await asOwner(
      database,
      `insert into api_keys (id, name, scopes, secret)
       values ('${id}', '${id}', '{READ}', sha256('\\x${secret.toString('hex')}'))`,
    );
    passMs(1000);
    expect(await authenticate(other, text)).toBe('VALID');
  });

  it('never for malformed texts', async () => {
    const texts = ['', 'x', 'tlsk_', 'tlsk_'.repeat(200_000), `tlsk_${'!'.repeat(70)}`, '\ud800'.repeat(75)];
    const run = async () => {
      for (const text of texts) expect(await authenticate(other, text)).toBe('MALFORMED');
    };
    expect(await keyReads(run)).toBe(0);
  });

  it('never again for a revoked key', async () => {
    const { apiKey, secret } = await createKey(access, main);
    await revoke(apiKey.id);
    expect(await authenticate(other, secret)).toBe('REVOKED');
    passMs(4100);
    const run = async () => expect(await authenticate(other, secret)).toBe('REVOKED');
    expect(await keyReads(run)).toBe(0);
  });
});

it('the use of a key is recorded, at most once a minute', async () => {
  const { apiKey, secret } = await createKey(access, main);
  const lastUsedAt = async () =>
    (await access.findKeys(viewer(), main, [apiKey.id])).get(apiKey.id)?.lastUsedAt;
  const use = async () => {
    for (const by of [access, other, access]) expect(await authenticate(by, secret)).toBe('VALID');
    await sleep(300);
  };
  const statements = await statementsDuring(database, use);
  expect(statements.filter((text) => text.includes('update "api_keys"'))).toHaveLength(2);
  const first = await lastUsedAt();
  expect(Number(BigInt(Date.now()) * 1000n - (first ?? 0n))).toBeLessThan(5_000_000);
  // Another process attempts it, and the database keeps the first time of the minute.
  const { access: third } = await openEngine(database);
  expect(await authenticate(third, secret)).toBe('VALID');
  await sleep(300);
  expect(await lastUsedAt()).toBe(first);
  // A wrong secret is not a use.
  const { apiKey: unused } = await createKey(access, main);
  expect(await authenticate(access, withSecret(unused.id))).toBe('UNKNOWN');
  await sleep(300);
  expect((await access.findKeys(viewer(), main, [unused.id])).get(unused.id)?.lastUsedAt).toBeNull();
});

it('a use that cannot be recorded is reported once, and delays no request', async () => {
  const broken = await createTestDatabase();
  const faults: unknown[] = [];
  const { access: failing } = await openEngine(broken, { onFault: (error) => faults.push(error) });
  const ledgerId = await ledgerIdOf(failing);
  await asOwner(broken, 'revoke update (last_used_at) on api_keys from tls_app');
  for (let count = 0; count < 4; count += 1) {
    const { secret } = await createKey(failing, ledgerId);
    expect(await authenticate(failing, secret)).toBe('VALID');
    await vi.waitFor(() => expect(faults).toHaveLength(1));
  }
  expect(faults).toMatchObject([{ code: '42501' }]);
});

describe('while the database does not answer', () => {
  it('a key is accepted until its cached row is 4 seconds old, and never afterwards', async () => {
    const proxy = await startTcpProxy(database.serviceUrl);
    const cut = await openEngine({ serviceUrl: proxy.url });
    const { secret } = await createKey(access, main);
    const unread = await createKey(access, main);
    const before = performance.now();
    expect(await authenticate(cut.access, secret)).toBe('VALID');
    const since = performance.now();
    proxy.refuse();
    // A key that is not cached is not accepted.
    const waiting = expect(authenticate(cut.access, unread.secret)).rejects.toThrow(UnavailableError);
    // The row was read between these instants, and each request looks at its age before the first await.
    for (;;) {
      const asked = performance.now();
      const answer = authenticate(cut.access, secret).catch((error: unknown) => error);
      const decided = performance.now();
      if ((await answer) !== 'VALID') {
        expect(await answer).toBeInstanceOf(UnavailableError);
        expect(decided - before).toBeGreaterThanOrEqual(4000);
        break;
      }
      expect(asked - since).toBeLessThan(4000);
      passMs(20);
      await sleep(1);
    }
    // A wrong secret of the cached key needs no database.
    const wrong = secret.slice(0, 32) + randomBytes(32).toString('base64url');
    expect(await authenticate(cut.access, wrong)).toBe('UNKNOWN');
    await waiting;
    proxy.admit();
    await vi.waitFor(async () => expect(await authenticate(cut.access, secret)).toBe('VALID'), 5000);
    await cut.close();
    await proxy.close();
  });

  it('it is not known whether there are keys, unless there are', async () => {
    const keyless = await createTestDatabase();
    const proxy = await startTcpProxy(keyless.serviceUrl);
    const [cut, keyed] = [
      await openEngine({ serviceUrl: proxy.url }),
      await openEngine({ serviceUrl: proxy.url }),
    ];
    const direct = await openEngine(keyless);
    expect(await cut.access.isKeyed()).toBe(false);
    await createKey(direct.access, await ledgerIdOf(direct.access));
    expect(await keyed.access.isKeyed()).toBe(true);
    proxy.refuse();
    passMs(1000);
    for (let count = 0; count < 2; count += 1) {
      const asked = expect(cut.access.isKeyed()).rejects.toThrow(UnavailableError);
      await sleep(50);
      passMs(4000);
      await asked;
    }
    expect(await keyed.access.isKeyed()).toBe(true);
    await Promise.all([cut.close(), keyed.close()]);
    await proxy.close();
  });
});

it('the first key is noticed at once in this process, and within a second in others, for good', async () => {
  const keyless = await createTestDatabase();
  await asOwner(keyless, `alter database ${keyless.name} set log_statement = 'all'`);
  const [a, b] = [await openEngine(keyless), await openEngine(keyless)];
  const ledgerId = await ledgerIdOf(a.access);
  const flagReads = async (run: () => Promise<unknown>) => {
    const statements = await statementsDuring(keyless, run);
    return statements.filter((text) => text.includes('from "access_state"')).length;
  };
  const askOften = () => Promise.all(Array.from({ length: 100 }, () => b.access.isKeyed()));
  expect(await a.access.isKeyed()).toBe(false);
  expect(await flagReads(askOften)).toBe(1);
  const { apiKey } = await createKey(a.access, ledgerId);
  const since = performance.now();
  expect(await a.access.isKeyed()).toBe(true);
  while (!(await b.access.isKeyed())) passMs(20);
  expect(performance.now() - since).toBeLessThan(1500);
  // Revoking the last key does not open the service.
  await a.access.revokeKey(viewer(), ledgerId, formatId('apiKey', apiKey.id), 'r');
  passMs(1000);
  expect(await flagReads(askOften)).toBe(0);
  for (const { access: each } of [a, b, await openEngine(keyless)]) expect(await each.isKeyed()).toBe(true);
});

test('cached keys have the same answers as rows that are read each time, for random texts and keys', async () => {
  const seed = Number(process.env['SEED'] ?? randomInt(2 ** 31));
  console.log(`texts of seed ${seed}; repeat with SEED=${seed}`);
  const cached = await openEngine(database);
  const db = openDatabase({
    allowUnsafeDurability: true,
    url: database.serviceUrl,
    maxConnections: 2,
    applicationName: 'slow',
  });
  onTestFinished(() => db.destroy());
  const read = async (text: string) => {
    const parsed = parseKeyText(text);
    if (parsed === undefined) return 'MALFORMED';
    const row = await findSecretKey(db, parsed.id);
    if (!row?.secret.equals(secretDigest(parsed.secret))) return 'UNKNOWN';
    return stateOfKey(row.key, BigInt(Date.now()) * 1000n);
  };
  const keys: { id: string; secret: string }[] = [];
  const commands = fc.record({
    action: fc.constantFrom('create', 'revoke', 'use', 'use', 'use', 'use'),
    key: fc.nat(20),
    other: fc.nat(20),
    form: fc.constantFrom('whole', 'whole', 'changed', 'cut', 'mixed', 'unknown'),
    place: fc.nat(80),
  });
  const counted = new Map<string, number>();
  for (const { action, key, other, form, place } of fc.sample(commands, { numRuns: 600, seed })) {
    const chosen = keys[key % keys.length];
    if (chosen === undefined || (action === 'create' && keys.length < 20)) {
      const { apiKey, secret } = await createKey(cached.access, main);
      keys.push({ id: apiKey.id, secret });
    } else if (action === 'revoke') {
      if (place < 30) await cached.access.revokeKey(viewer(), main, formatId('apiKey', chosen.id), 'r');
    } else {
      const { secret } = chosen;
      const texts = {
        whole: secret,
        changed: secret.slice(0, place) + (secret[place] === 'a' ? 'b' : 'a') + secret.slice(place + 1),
        cut: secret.slice(0, place),
        mixed: secret.slice(0, 32) + (keys[other % keys.length]?.secret ?? '').slice(32),
        unknown: withSecret(randomUUID()),
      };
      const expected = await read(texts[form]);
      expect(await authenticate(cached.access, texts[form]), texts[form]).toBe(expected);
      counted.set(expected, (counted.get(expected) ?? 0) + 1);
    }
  }
  expect([...counted.keys()].sort()).toEqual(['MALFORMED', 'REVOKED', 'UNKNOWN', 'VALID']);
});
