import { once } from 'node:events';
import { Agent, type IncomingMessage, request as send } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, describe, expect, test } from 'vitest';
import type { RateExcess, RateLimit } from '../../../src/graphql/protection/caller-limits.ts';
import { COST_OF_A_REQUEST, RateLimits } from '../../../src/server/access/rate-limits.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { balance, expectSoundBooks, makeAccount, makeAccounts, openLedger } from '../../support/ledger.ts';
import { bearer, makeKey } from './keys.ts';
import { usedBytes } from './memory.ts';
import { transferCost } from './transfer-cost.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const TRANSFER =
  'mutation ($input: TransferInput!) { transfer(input: $input) { __typename ... on RateLimitedError { retryAfterMs } } }';
const BATCH = `mutation ($input: PostBatchInput!) {
  postBatch(input: $input) { __typename ... on LedgerError { code retryable } ... on RateLimitedError { retryAfterMs } }
}`;
const ACCOUNTS = `mutation ($input: CreateAccountsInput!) {
  createAccounts(input: $input) { __typename ... on RateLimitedError { retryAfterMs } }
}`;
const PREVIEWS = `query ($operation: OperationInput!) {
  one: preview(operation: $operation) { ...Answer } two: preview(operation: $operation) { ...Answer }
}
fragment Answer on PreviewResult { __typename ... on CounterpartyError { accountId } ... on RateLimitedError { retryAfterMs } }`;
const NAME = '{ ledger { name } }';
/** Costs 10,000 units and some for its fields. */
const DEAR = '{ ledger { name trialBalance { currency } } }';

const WAYS = [
  ['the fast path', { fastPath: true, compileAfter: 1e9 }],
  ['the compiled path', { fastPath: true, compileAfter: 1 }],
  ['Yoga', { fastPath: false }],
] as const;

describe.each(WAYS)('on %s', (_, way) => {
  const clock = { ms: 0 };
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  let started: ReturnType<typeof startHttpServer> | undefined;

  async function serve() {
    started ??= startHttpServer({
      engine: ledger.engine,
      host: '127.0.0.1',
      port: 0,
      log: { error: () => {} },
      now: () => clock.ms,
      previewRateLimit: 4,
      ...way,
    });
    const server = await started;
    return server;
  }
  afterAll(async () => {
    agent.destroy();
    await (await started)?.close();
  });

  interface Answer {
    readonly status: number | undefined;
    readonly retryAfter: string | undefined;
    // biome-ignore lint/suspicious/noExplicitAny: the answers of different operations.
    readonly body: any;
  }

  async function ask(secret: string, query: string, variables: object = {}): Promise<Answer> {
    const { url } = await serve();
    const headers = { 'content-type': 'application/json', ...bearer(secret) };
    const sent = send(`${url}/graphql`, { method: 'POST', agent, headers });
    sent.end(JSON.stringify({ query, variables }));
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return {
      status: response.statusCode,
      retryAfter: response.headers['retry-after'],
      body: await json(response),
    };
  }

  /** Makes a key, after all documents were executed once with another, so that the compiled path has them. */
  async function keyOf(requestsPerSecond: number): Promise<string> {
    const warm = await makeKey(ledger, { requestsPerSecond: 1_000_000 });
    const [from, to] = await makeAccounts(ledger, 2, { funds: '1.00' });
    await ask(warm.secret, NAME);
    await ask(warm.secret, DEAR);
    await ask(warm.secret, TRANSFER, { input: transferOf(from, to, 'warm') });
    await ask(warm.secret, BATCH, { input: { operations: [{ transfer: transferOf(from, to, 'warm') }] } });
    await ask(warm.secret, ACCOUNTS, { input: { accounts: [{ owner: 'o', currency: 'USD' }] } });
    return (await makeKey(ledger, { requestsPerSecond })).secret;
  }

  const transferOf = (fromAccountId = '', toAccountId = '', idempotencyKey = '') => ({
    fromAccountId,
    toAccountId,
    amount: '0.01',
    idempotencyKey,
  });

  test('a request above the limit of its key is 429, is not executed, and another key is not affected', async () => {
    const [secret, other] = [await keyOf(5), await keyOf(5)];
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '1.00' });
    const pay = (key: string) => ask(secret, TRANSFER, { input: transferOf(from, to, key) });
    // On several connections at once.
    const five = await Promise.all(['1', '2', '3', '4', '5'].map(pay));
    expect(five.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200]);
    expect(await pay('6')).toEqual({
      status: 429,
      retryAfter: '1',
      body: {
        errors: [
          {
            message:
              'The credential exceeds its limit of 5 requests per second. Nothing was done. Repeat the request after 200 ms.',
            extensions: { code: 'RATE_LIMITED', limit: 'requestsPerSecond', allowed: 5, retryAfterMs: 200 },
          },
        ],
      },
    });
    expect(await balance(ledger, to)).toBe(105n);
    expect((await ask(other, NAME)).status).toBe(200);
    clock.ms += 199;
    expect((await pay('6')).status).toBe(429);
    clock.ms += 1;
    expect((await pay('6')).body).toEqual({ data: { transfer: { __typename: 'TransactionPosted' } } });
    expect((await pay('7')).status).toBe(429);
    expect(await balance(ledger, to)).toBe(106n);
  });

  test('previews, holds and ATOMIC batches of a credential restricted to an owner have a limit of their own', async () => {
    const restricted = async () =>
      (await makeKey(ledger, { owner: 'alice', scopes: ['READ', 'POST'], requestsPerSecond: 1000 })).secret;
    const [secret, other, backend] = [await restricted(), await restricted(), await keyOf(1000)];
    const from = await makeAccount(ledger, { owner: 'alice', funds: '10.00' });
    const to = await makeAccount(ledger, { owner: 'bob', maxBalance: { amount: '0.00' } });
    const operation = { transfer: transferOf(from, to, 'p') };
    const preview = async (by: string) =>
      Object.values<object>((await ask(by, PREVIEWS, { operation })).body.data);
    const batch = async (by: string, mode: string) =>
      (await ask(by, BATCH, { input: { mode, operations: [operation] } })).body.data.postBatch;
    const shown = { __typename: 'CounterpartyError', accountId: to };
    const limited = { __typename: 'RateLimitedError', retryAfterMs: 250 };

    expect(await preview(secret)).toEqual([shown, shown]);
    expect(await batch(secret, 'ATOMIC')).toMatchObject({ code: 'BATCH_ABORTED' });
    expect(await preview(secret)).toEqual([shown, limited]);
    expect(await batch(secret, 'ATOMIC')).toMatchObject({
      ...limited,
      code: 'RATE_LIMITED',
      retryable: true,
    });
    expect(await batch(secret, 'INDEPENDENT')).toEqual({ __typename: 'BatchProcessed' });
    // Others are not affected.
    expect(await preview(other)).toEqual([shown, shown]);
    for (let times = 0; times < 4; times += 1) {
      expect(await preview(backend)).toEqual(
        Array.from({ length: 2 }, () => ({ __typename: 'BalanceLimitExceededError' })),
      );
    }
    clock.ms += 250;
    expect(await preview(secret)).toEqual([shown, limited]);

    // Each operation of an ATOMIC batch counts, and so does each hold of any batch.
    clock.ms += 1000;
    const placeHold = { ...operation.transfer, expiresAt: '2026-01-01T00:00:00Z' };
    const send = async (mode: string, operations: object[]) =>
      (await ask(secret, BATCH, { input: { mode, operations } })).body.data.postBatch;
    expect(await send('ATOMIC', [operation, operation, operation])).toMatchObject({ code: 'BATCH_ABORTED' });
    expect(await send('INDEPENDENT', [{ placeHold }, operation])).toEqual({ __typename: 'BatchProcessed' });
    expect(await send('INDEPENDENT', [{ placeHold }])).toMatchObject(limited);
    expect(await send('ATOMIC', [operation])).toMatchObject(limited);
    expect(await send('INDEPENDENT', [operation])).toEqual({ __typename: 'BatchProcessed' });
  });

  test('each operation of a batch counts as a request', async () => {
    const secret = await keyOf(10);
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    const batch = (name: string, count: number) =>
      ask(secret, BATCH, {
        input: {
          operations: Array.from({ length: count }, (_, at) => ({
            transfer: transferOf(from, to, `${name} ${at}`),
          })),
        },
      });
    const posted = { data: { postBatch: { __typename: 'BatchProcessed' } } };
    expect((await batch('a', 8)).body).toEqual(posted);
    expect(await batch('b', 8)).toEqual({
      status: 200,
      retryAfter: undefined,
      body: {
        data: {
          postBatch: {
            __typename: 'RateLimitedError',
            code: 'RATE_LIMITED',
            retryable: true,
            // One of the two that were left is taken by the request.
            retryAfterMs: 600,
          },
        },
      },
    });
    expect(await balance(ledger, to)).toBe(1008n);
    clock.ms += 700;
    expect((await batch('b', 8)).body).toEqual(posted);
    expect(await balance(ledger, to)).toBe(1016n);
  });

  test('a batch above one second’s worth passes a full limit, and the next request waits for all of it', async () => {
    const secret = await keyOf(10);
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    const operations = Array.from({ length: 35 }, (_, at) => ({ transfer: transferOf(from, to, `${at}`) }));
    const processed = await ask(secret, BATCH, { input: { operations } });
    expect(processed.body).toEqual({ data: { postBatch: { __typename: 'BatchProcessed' } } });
    expect(await balance(ledger, to)).toBe(1035n);
    const refused = await ask(secret, NAME);
    expect([refused.status, refused.retryAfter]).toEqual([429, '3']);
    expect(refused.body.errors[0].extensions.retryAfterMs).toBe(2600);
    clock.ms += 2599;
    expect((await ask(secret, NAME)).status).toBe(429);
    clock.ms += 1;
    expect((await ask(secret, NAME)).status).toBe(200);
    // The limit is not full.
    const again = await ask(secret, BATCH, { input: { operations } });
    expect(again.status).toBe(429);
    clock.ms += 500;
    expect((await ask(secret, BATCH, { input: { operations } })).body.data.postBatch.__typename).toBe(
      'RateLimitedError',
    );
    expect(await balance(ledger, to)).toBe(1035n);
  });

  test('each account of createAccounts counts as a request', async () => {
    const secret = await keyOf(10);
    const owner = `many ${secret.slice(-8)}`;
    const create = (count: number) =>
      ask(secret, ACCOUNTS, { input: { accounts: Array(count).fill({ owner, currency: 'USD' }) } });
    const made = async () =>
      (await asOwner(database, `select from accounts where owner = '${owner}'`)).length;
    expect((await create(9)).body.data.createAccounts).toEqual({ __typename: 'AccountsCreated' });
    expect((await create(2)).body.data.createAccounts).toEqual({
      __typename: 'RateLimitedError',
      retryAfterMs: 100,
    });
    expect(await made()).toBe(9);
  });

  test('each field of a mutation counts as a request, and those within the limit are executed', async () => {
    const secret = await keyOf(3);
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    const inputs = ['a', 'b', 'c', 'd', 'e'].map((name) => [name, transferOf(from, to, name)] as const);
    const query = `mutation (${inputs.map(([name]) => `$${name}: TransferInput!`)}) {
      ${inputs.map(([name]) => `${name}: transfer(input: $${name}) { __typename }`).join(' ')}
    }`;
    const warm = await makeKey(ledger);
    await ask(
      warm.secret,
      query,
      Object.fromEntries(inputs.map(([name]) => [name, transferOf('x', 'y', name)])),
    );
    const { status, body } = await ask(secret, query, Object.fromEntries(inputs));
    expect(status).toBe(200);
    expect(Object.values<{ __typename: string }>(body.data).map(({ __typename }) => __typename)).toEqual([
      'TransactionPosted',
      'TransactionPosted',
      'TransactionPosted',
      'RateLimitedError',
      'RateLimitedError',
    ]);
    expect(await balance(ledger, to)).toBe(1003n);
  });

  test('a request whose cost exceeds the limit is 429 and is not executed', async () => {
    const secret = await keyOf(10);
    const allowed = 10 * COST_OF_A_REQUEST;
    for (const _ of [1, 2]) expect((await ask(secret, DEAR)).status).toBe(200);
    const refused = await ask(secret, DEAR);
    expect([refused.status, refused.retryAfter]).toEqual([429, '1']);
    expect(refused.body).toEqual({
      errors: [
        {
          message: expect.stringMatching(
            /^The credential exceeds its limit of 30,000 units of cost per second\. Nothing was done\. Repeat the request after \d+ ms\.$/,
          ),
          extensions: {
            code: 'RATE_LIMITED',
            limit: 'costPerSecond',
            allowed,
            retryAfterMs: expect.any(Number),
          },
        },
      ],
    });
    clock.ms += refused.body.errors[0].extensions.retryAfterMs;
    expect((await ask(secret, DEAR)).status).toBe(200);
  });

  test('a query above one second’s worth of cost passes a full limit', async () => {
    const secret = await keyOf(1);
    expect((await ask(secret, DEAR)).status).toBe(200);
    clock.ms += 1000;
    const refused = await ask(secret, NAME);
    expect([refused.status, refused.body.errors[0].extensions.limit]).toEqual([429, 'costPerSecond']);
    clock.ms += 3000;
    expect((await ask(secret, NAME)).status).toBe(200);
  });

  test('a mutation whose cost exceeds the limit does nothing', async () => {
    const secret = await keyOf(1);
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
    expect((await ask(secret, DEAR)).status).toBe(200);
    clock.ms += 1000;
    expect((await ask(secret, TRANSFER, { input: transferOf(from, to, 'k') })).status).toBe(429);
    expect(await balance(ledger, to)).toBe(1000n);
  });

  test('a GET counts as a request too', async () => {
    const secret = await keyOf(1);
    const { url } = await serve();
    const get = () => fetch(`${url}/graphql?query=${encodeURIComponent(NAME)}`, { headers: bearer(secret) });
    expect((await get()).status).toBe(200);
    const refused = await get();
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  });

  test('a request that is rejected for another reason counts too', async () => {
    const secret = await keyOf(2);
    expect((await ask(secret, '{ nothing }')).status).toBe(200);
    expect((await ask(secret, '{')).status).toBe(200);
    expect((await ask(secret, NAME)).status).toBe(429);
  });
});

describe('in this process', () => {
  const clock = { ms: 0 };
  const isAdmitted = (limits: RateLimits, logId: string, requestsPerSecond: number | null = null) =>
    !isExcess(limits.admit({ logId, requestsPerSecond }));
  const isExcess = (admitted: RateLimit | RateExcess): admitted is RateExcess => 'allowed' in admitted;

  test('a key without a limit of its own has the default', () => {
    const limits = new RateLimits(3, () => clock.ms);
    const admitted = Array.from({ length: 5 }, () => isAdmitted(limits, 'a'));
    expect(admitted).toEqual([true, true, true, false, false]);
    expect(Array.from({ length: 5 }, () => isAdmitted(limits, 'b', 4))).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  test('the cost limit lets as many transfers of the client pass as there are requests', () => {
    const limits = new RateLimits(100, () => clock.ms);
    const cost = transferCost();
    expect(cost).toBeGreaterThan(1000);
    for (let times = 0; times < 100; times += 1) {
      const limit = limits.admit({ logId: 'a', requestsPerSecond: null });
      if (isExcess(limit)) throw new TypeError('refused');
      expect(limit.takeCost(cost)).toBeUndefined();
    }
  });

  test('a million keys use a bounded amount of memory', async () => {
    const limits = new RateLimits(10, () => clock.ms);
    const fill = (count: number) => {
      for (let at = 0; at < count; at += 1) limits.admit({ logId: `key ${at}`, requestsPerSecond: null });
      return usedBytes();
    };
    const before = fill(10_000);
    expect(fill(1_000_000) - before).toBeLessThan(4 * 2 ** 20);
    // Without the reference, the limits could be collected.
    expect(limits.admit({ logId: 'last', requestsPerSecond: null })).toBeDefined();
  });
});

test('without any key there is no limit', async () => {
  const open = await openLedger(await createTestDatabase());
  const server = await startHttpServer({
    engine: open.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: () => {} },
    rateLimit: 1,
    now: () => 0,
  });
  afterAll(() => server.close());
  for (let times = 0; times < 20; times += 1) {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: DEAR }),
    });
    expect(response.status).toBe(200);
    await response.text();
  }
});
