import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { readConfig } from '../../../src/config.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { asOwner, createTestDatabase, serverLog, type TestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { bearer, makeKey, revoke } from '../access/keys.ts';
import { asking, exchange, type Sent } from '../http/exchange.ts';
import { connectRaw, head } from '../http/raw.ts';

const MAIN = join(import.meta.dirname, '../../../src/main.ts');
const database = await createTestDatabase();
const { host } = new URL(database.serviceUrl);

/** A password as it is, and percent-encoded as in a connection string. */
const PASSWORD = '47/zv?zw#zx@zy%zz é';
const ENCODED = encodeURIComponent(PASSWORD);
/** Parts of the password that occur in no other output. */
const PARTS = /z[v-z]|%2F|%3F|%C3/i;

/** Returns the output of a service that does not start. */
async function printedInVain(env: Readonly<Record<string, string>>): Promise<string> {
  try {
    await promisify(execFile)(process.execPath, [MAIN], {
      env: { ...process.env, PORT: '0', ...env },
      timeout: 20_000,
    });
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    expect(code).toBe(1);
    expect(stdout).not.toContain('Migrated');
    return stdout + stderr;
  }
  throw new Error('the service started and ended without an error');
}

const WRONG: readonly (readonly [problem: string, url: string])[] = [
  ['no server', `postgres://ledger_service:${ENCODED}@127.0.0.1:1/books`],
  ['another password', `postgres://ledger_service:${ENCODED}@${host}/${database.name}`],
  [
    'another password, as an option',
    `postgres://ledger_service@${host}/${database.name}?password=${ENCODED}`,
  ],
  ['an encoding that is none', `postgres://ledger_service:%E0%A4zv@${host}/books`],
  ['a slash', `postgres://ledger_service:47/zv@${host}/books`],
  ['a question mark', `postgres://ledger_service:47?zv@${host}/books`],
  ['a question mark and more', `postgres://ledger_service:47?a=zv@${host}/books`],
  ['a number sign', `postgres://ledger_service:47#zv@${host}/books`],
  ['a slash that makes it no URL', `postgres://ledger_service:zv/47@${host}/books`],
];

test.each(WRONG)('with %s in DATABASE_URL, the output has no part of the password', async (_, url) => {
  const printed = await printedInVain({ DATABASE_URL: url });
  expect(printed.trimEnd().split('\n')).toHaveLength(1);
  expect(printed).toContain('DATABASE_URL');
  expect(printed).not.toMatch(PARTS);
});

test.each(WRONG)(
  'with %s in DATABASE_MIGRATION_URL, the start shows no part of the password',
  async (_, url) => {
    const printed = await printedInVain({ DATABASE_URL: database.serviceUrl, DATABASE_MIGRATION_URL: url });
    const reasons = printed.trimEnd().split('\n');
    expect(reasons).toHaveLength(1);
    expect(printed).toContain('DATABASE_MIGRATION_URL');
    expect(printed).not.toMatch(PARTS);
  },
);

test.each([
  `postgres://user:${ENCODED}@db.example/books`,
  `postgres://user%40team:${ENCODED}@db.example/books?application_name=a@b`,
  `postgres://db.example/books?user=user%40team&password=${ENCODED}`,
  'postgres://user:p@ss@db.example/books',
])('the connection string %s is valid', (url) => {
  expect(readConfig({ DATABASE_URL: url }).database?.url).toBe(url);
});

test('a running service does not print its password, not even in an outage', {
  timeout: 60_000,
}, async () => {
  const login = `secret_${database.name}`;
  await asOwner(database, `create role ${login} login password '${PASSWORD}' in role tls_app`);
  const url = new URL(database.serviceUrl);
  [url.username, url.password] = [login, ''];
  const proxy = await startTcpProxy(url.href.replace(`${login}@`, `${login}:${ENCODED}@`));
  onTestFinished(() => proxy.close());
  const service = await startServiceProcess({ DATABASE_URL: proxy.url, LOG_LEVEL: 'trace' });
  onTestFinished(() => service.stop().then(() => {}));
  const ask = async () => (await exchange(service.graphqlUrl, asking('{ ledger { name } }'))).body;
  const ready = async () => (await fetch(new URL('/readyz', service.graphqlUrl))).text();
  const answers = [await ask(), await ready()];

  await proxy.leave();
  answers.push(await ask(), await ready());
  await proxy.comeBack();
  // With another password, PostgreSQL refuses each further connection.
  await asOwner(database, `alter role ${login} password 'another'`);
  await expect.poll(ready, { timeout: 10_000 }).toContain('"ready":false');
  answers.push(await ask(), await ready());
  await service.stop();
  await asOwner(database, `drop role ${login}`);

  expect(answers[2]).toContain('UNAVAILABLE');
  for (const text of [...answers, ...service.output]) {
    expect(text).not.toContain(PASSWORD);
    expect(text).not.toContain(ENCODED);
    expect(text).not.toContain('postgres://');
  }
});

describe('of API keys', () => {
  const NAME = '{ ledger { name } }';

  /** All forms in which a secret could be printed or stored. */
  function formsOf(key: string): string[] {
    const secret = key.slice(-43);
    const bytes = Buffer.from(secret, 'base64url');
    return [
      secret,
      // Messages may be shortened, and requests may have a part of the secret.
      secret.slice(0, 20),
      secret.slice(-20),
      bytes.toString('hex'),
      bytes.toString('base64').slice(0, 40),
      Buffer.from(secret.slice(0, 20)).toString('hex'),
    ];
  }

  /** Returns each row of each table as text, with bytes in hexadecimal. */
  async function rowsOf(database: TestDatabase): Promise<string[]> {
    const tables = await asOwner<{ name: string }>(
      database,
      `select format('%I.%I', table_schema, table_name) as name from information_schema.tables
       where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'`,
    );
    const rows = await Promise.all(
      tables.map(({ name }) => asOwner<{ row: string }>(database, `select t::text as row from ${name} as t`)),
    );
    return rows.flat().map(({ row }) => row);
  }

  /** Requests with the key in places where it does not belong, or with a part of it. */
  function misuses(key: string): readonly (readonly [path: string, sent: Sent])[] {
    const cut = Math.floor(key.length / 2);
    const wrong = (authorization: string | string[]): Sent =>
      asking(NAME, {}, { authorization: authorization as string });
    return [
      ['/graphql', wrong(`Basic ${Buffer.from(`ops:${key}`).toString('base64')}`)],
      ['/graphql', wrong(`Basic ${key}`)],
      ['/graphql', wrong(key)],
      ['/graphql', wrong([`Bearer ${key}`, `Bearer ${key}`])],
      ['/graphql', wrong(`Bearer ${key.slice(0, cut)} ${key.slice(cut)}`)],
      ['/graphql', wrong(`Bearer ${key.slice(0, -1)}`)],
      ['/graphql', wrong(`Bearer ${key.slice(0, -1)}${key.endsWith('A') ? 'E' : 'A'}`)],
      ['/graphql', wrong(`Bearer "${key}"`)],
      ['/graphql', wrong(`Bearer ${key.slice(key.lastIndexOf('_') + 1)}`)],
      ['/graphql', asking(NAME, {}, { ...bearer(key), 'x-ledger': key })],
      ['/graphql', asking(NAME, {}, { ...bearer(key), 'x-ledger': [key, key] })],
      [`/graphql?key=${key}`, asking(NAME)],
      [`/graphql?query=${encodeURIComponent(NAME)}&key=${key.replace('_', '%5f')}`, { method: 'GET' }],
      [`/${key}`, { method: 'GET' }],
      [`/livez?key=${key}`, { method: 'GET' }],
      [`/metrics?key=${key}`, { method: 'GET' }],
      ['/graphql', asking(NAME, {}, { authorization: `Bearer ${key.repeat(300)}` })],
    ];
  }

  test('nothing reaches a log, an error, a metric or a table, however the keys are used', {
    timeout: 60_000,
  }, async () => {
    const database = await createTestDatabase();
    await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
    const main = await openLedger(database);
    const proxy = await startTcpProxy(database.serviceUrl);
    onTestFinished(() => proxy.close());
    const service = await startServiceProcess({
      DATABASE_URL: proxy.url,
      LOG_LEVEL: 'trace',
      TRUSTED_PROXIES: 'loopback',
    });
    onTestFinished(() => service.stop().then(() => {}));
    const expiresAt = BigInt(Date.now() + 2000) * 1000n;
    const [valid, revoked, expiring, unread] = [
      await makeKey(main, { allLedgers: true }),
      await makeKey(main),
      await makeKey(main, { expiresAt }),
      await makeKey(main),
    ];
    const secrets = [valid, revoked, expiring, unread].map(({ secret }) => secret);
    const url = service.graphqlUrl;
    const printed: string[] = [];
    let requests = 0;
    const send = async (sent: Sent, path = '/graphql', address = `192.0.2.${requests % 256}`) => {
      requests += 1;
      // Wrong credentials from one address would be limited.
      const as = { ...sent, headers: { ...sent.headers, 'x-forwarded-for': address } };
      const { status, headers, body } = await exchange(new URL(path, url).href, as);
      printed.push(JSON.stringify(headers), body);
      return status;
    };
    const use = (secret: string, query = NAME) => send(asking(query, {}, bearer(secret)));

    for (const secret of secrets) expect(await use(secret)).toBe(200);
    await revoke(main, formatId('apiKey', revoked.apiKey.id));
    await expect.poll(() => use(revoked.secret), { timeout: 6000 }).toBe(401);
    await expect.poll(() => use(expiring.secret), { timeout: 6000 }).toBe(401);
    for (const secret of secrets) {
      for (const [path, sent] of misuses(secret)) {
        expect([400, 401, 431]).toContain(await send(sent, path));
      }
    }
    const isLimited = async () => {
      const answers = secrets.flatMap(misuses).map(([path, sent]) => send(sent, path, '198.51.100.1'));
      return (await Promise.all(answers)).includes(429);
    };
    await expect.poll(isLimited, { timeout: 10_000 }).toBe(true);
    const raw = [
      head(`authorization: Bearer ${valid.secret}`, 'content-length: 5', 'content-length: 6'),
      head(`authorization: Bearer ${valid.secret.slice(0, 50)}\r\n${valid.secret.slice(50)}`),
      head(`authorization: Bearer ${valid.secret}\0`),
      `CONNECT ${valid.secret}:443 HTTP/1.1\r\nhost: localhost\r\n\r\n`,
    ];
    for (const bytes of raw) {
      const { socket, ended } = await connectRaw(url);
      socket.write(bytes);
      const answer = await ended;
      expect(answer).toMatch(/^HTTP\/1\.1 400 /);
      printed.push(answer);
    }
    // A fault of the service, and an outage.
    await asOwner(database, 'alter table holds rename to gone');
    expect(await use(valid.secret, '{ holds(first: 1) { nodes { id } } }')).toBe(200);
    expect(printed.at(-1)).toContain('INTERNAL');
    proxy.refuse();
    expect(await use(unread.secret.replace(/^tlsk_.{26}/, `tlsk_${'0'.repeat(26)}`))).toBe(503);
    proxy.admit();
    await expect.poll(() => use(valid.secret), { timeout: 10_000 }).toBe(200);
    printed.push(await (await fetch(new URL('/metrics', url), { headers: bearer(valid.secret) })).text());
    expect(await service.stop()).toBe(0);

    const lines = service.output.join('\n');
    expect(lines).toContain(`"credential":"${formatId('apiKey', valid.apiKey.id)}"`);
    expect(lines).toContain('a request failed with an internal error');
    const rows = await rowsOf(database);
    const digest = createHash('sha256')
      .update(Buffer.from(valid.secret.slice(-43), 'base64url'))
      .digest('hex');
    expect(rows.filter((row) => row.includes(digest))).toHaveLength(1);
    const statements = await serverLog(database);
    expect(statements.some((line) => line.includes('api_keys'))).toBe(true);
    const everything = [...printed, lines, ...rows, ...statements].join('\n');
    for (const form of secrets.flatMap(formsOf)) expect(everything.includes(form), form).toBe(false);
  });
});
