import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { readConfig } from '../../../src/config.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { asking, exchange } from '../http/exchange.ts';

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
