import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, type TestContext, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { createTestDatabase, type TestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { asking, exchange, type Received } from '../http/exchange.ts';
import { serveAllWays } from '../http/ways.ts';
import { bearer, makeKey, revoke } from './keys.ts';

const NAME = asking('{ ledger { name } }');

async function statusOf(url: string, secret?: string): Promise<number | undefined> {
  const headers = { ...NAME.headers, ...(secret === undefined ? {} : bearer(secret)) };
  return (await exchange(url, { ...NAME, headers })).status;
}

async function start(
  database: TestDatabase,
  { onTestFinished }: TestContext,
  env: Readonly<Record<string, string>> = {},
) {
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl, ...env });
  onTestFinished(() => service.stop().then(() => {}));
  return service;
}

// Most of each test is waiting, so they run at the same time, each on its own database.

test.concurrent('the first key is required by every process within a second, and a revoked one rejected within 5 seconds', async (context) => {
  const database = await createTestDatabase();
  const main = await openLedger(database);
  const services = await Promise.all([start(database, context), start(database, context)]);
  const urls = services.map(({ graphqlUrl }) => graphqlUrl);
  for (const { output } of services) {
    expect(output.join('\n')).toMatch(
      /No API key exists: everyone who can reach this address may do everything\. Create one with npm run ledger -- keys create/,
    );
  }
  const statuses = (secret?: string) => Promise.all(urls.map((url) => statusOf(url, secret)));
  expect(await statuses()).toEqual([200, 200]);

  const key = await makeKey(main);
  // A process may serve a request without a key for a second, but executes one with the key at once.
  expect(await statuses(key.secret)).toEqual([200, 200]);
  await sleep(1000);
  expect(await statuses()).toEqual([401, 401]);

  const other = await makeKey(main);
  expect(await statuses(other.secret)).toEqual([200, 200]);
  await revoke(main, formatId('apiKey', other.apiKey.id));
  const began = performance.now();
  await context.expect
    .poll(() => statuses(other.secret), { timeout: 8000, interval: 50 })
    .toEqual([401, 401]);
  expect(performance.now() - began).toBeLessThan(5000);
  expect(await statuses(key.secret)).toEqual([200, 200]);

  const later = await start(database, context);
  expect(later.output.join('\n')).toMatch(/API keys are required\./);
  expect(await statusOf(later.graphqlUrl)).toBe(401);
}, 60_000);

describe.concurrent('an address that is not the default one for this machine', { timeout: 60_000 }, () => {
  // Only this machine reaches 127.0.0.2, but HOST does not count it as its own.
  const HOST = '127.0.0.2';

  test('needs a key, and then the start prints one line that says how to create one', async (context) => {
    const database = await createTestDatabase();
    const failed = await startServiceProcess({ DATABASE_URL: database.serviceUrl, HOST }).then(
      () => expect.unreachable(),
      (error: Error) => error.message,
    );
    const lines = failed.split('\n').filter((line) => line.startsWith('HOST'));
    expect(failed).not.toMatch(/^ +at /m);
    expect(lines).toEqual([
      expect.stringMatching(/^HOST is "127\.0\.0\.2".* npm run ledger -- keys create .* ALLOW_INSECURE=1/),
    ]);
    await makeKey(await openLedger(database));
    expect(await statusOf((await start(database, context, { HOST })).graphqlUrl)).toBe(401);
  });

  test('with ALLOW_INSECURE is served to everyone, with a warning', async (context) => {
    const database = await createTestDatabase();
    const { graphqlUrl, output } = await start(database, context, { HOST, ALLOW_INSECURE: '1' });
    expect(await statusOf(graphqlUrl)).toBe(200);
    const line = output.find((each) => each.includes('No API key exists'));
    expect(JSON.parse(line ?? '{}')).toMatchObject({ level: 40 });
  });
});

describe.concurrent('while the database does not answer', () => {
  async function startBehindProxy({ onTestFinished }: TestContext) {
    const database = await createTestDatabase();
    const proxy = await startTcpProxy(database.serviceUrl);
    const direct = await openLedger(database);
    const behind = await openLedger({ serviceUrl: proxy.url });
    onTestFinished(async () => {
      proxy.admit();
      await expectSoundBooks(database);
    });
    const urls = Object.values(await serveAllWays(behind));
    /** Does the same with each way to execute a request, at the same time. */
    const onEach = (run: (url: string) => Promise<void>) =>
      Promise.all(urls.map((url) => run(`${url}/graphql`)));
    return { proxy, direct, onEach };
  }

  function expectUnavailable({ status, body }: Received): void {
    expect([status, JSON.parse(body)]).toEqual([
      503,
      {
        errors: [
          { message: expect.any(String), extensions: { code: 'UNAVAILABLE', requestId: expect.any(String) } },
        ],
      },
    ]);
  }

  test('and it is unknown whether a key exists, no request is executed', async (context) => {
    const { proxy, direct, onEach } = await startBehindProxy(context);
    const accountId = await makeAccount(direct);
    await onEach(async (url) => expect(await statusOf(url)).toBe(200));
    proxy.refuse();
    await sleep(1000);
    const variables = { i: { accountId, amount: '1', idempotencyKey: 'one' } };
    const pay = asking('mutation ($i: DepositInput!) { deposit(input: $i) { __typename } }', { variables });
    await onEach(async (url) => expectUnavailable(await exchange(url, pay)));
    proxy.admit();
    expect(await balance(direct, accountId)).toBe(0n);
    await onEach((url) => context.expect.poll(() => statusOf(url), { timeout: 10_000 }).toBe(200));
  }, 60_000);

  test('and keys are required, a request without one is rejected, and one with a key that is not known is not executed', async (context) => {
    const { proxy, direct, onEach } = await startBehindProxy(context);
    const [known, unread] = [await makeKey(direct), await makeKey(direct)];
    const expectRejected = async (url: string, secret: string) =>
      expectUnavailable(await exchange(url, { ...NAME, headers: { ...NAME.headers, ...bearer(secret) } }));
    await onEach(async (url) => {
      await context.expect.poll(() => statusOf(url), { timeout: 3000 }).toBe(401);
      expect(await statusOf(url, known.secret)).toBe(200);
    });
    proxy.refuse();
    await onEach(async (url) => {
      expect(await statusOf(url)).toBe(401);
      await expectRejected(url, unread.secret);
    });
    // A known key is not valid for longer than its revocation may take to be seen.
    await sleep(1000);
    await onEach((url) => expectRejected(url, known.secret));
    proxy.admit();
    await onEach(async (url) => {
      await context.expect.poll(() => statusOf(url, known.secret), { timeout: 10_000 }).toBe(200);
      expect(await statusOf(url, unread.secret)).toBe(200);
    });
  }, 60_000);
});
