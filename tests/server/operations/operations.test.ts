import { once } from 'node:events';
import { Agent, type IncomingMessage, request as send } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { createLog } from '../../../src/server/operations/log.ts';
import { type AnsweredRequest, logRequest } from '../../../src/server/operations/request-log.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import { makeAccount, makeAccounts, openLedger, transfer } from '../../support/ledger.ts';
import { type Fate, startTcpProxy } from '../../support/tcp-proxy.ts';

const database = await createTestDatabase();
let fate: Fate = 'pass';
const proxy = await startTcpProxy(database.serviceUrl, () => {
  const [now] = [fate];
  fate = 'pass';
  return now;
});
afterAll(() => proxy.close());

const lines: string[] = [];
const log = createLog('debug', { write: (line: string) => void lines.push(line) });
const ledger = await openLedger(
  { serviceUrl: proxy.url },
  {
    maxQueue: 1000,
    onFault: (error, faultId) => log.error({ err: error, faultId }, 'internal error'),
  },
);
const answered: AnsweredRequest[] = [];
const server = await startHttpServer({
  engine: ledger.engine,
  host: '127.0.0.1',
  port: 0,
  log,
  onAnswered: (request) => {
    answered.push(request);
    logRequest(log, request);
  },
});
afterAll(() => server.close());

interface Answer {
  readonly requestId: string | null;
  readonly body: unknown;
}

async function ask(query: string, more: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
  const response = await fetch(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, ...more }),
  });
  return { requestId: response.headers.get('x-request-id'), body: await response.json() };
}

/** Returns the log line of a request. */
async function lineOf({ requestId }: Pick<Answer, 'requestId'>): Promise<Record<string, unknown>> {
  const found = () => lines.find((line) => line.includes(`"requestId":"${requestId}"`));
  await expect.poll(found).toBeDefined();
  return JSON.parse(found() ?? '') as Record<string, unknown>;
}

/** Returns the metrics with a prefix, by name and labels. */
async function scrape(prefix: string): Promise<Record<string, number>> {
  const response = await fetch(`${server.url}/metrics`);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    200,
    'text/plain; version=0.0.4; charset=utf-8',
  ]);
  const samples = (await response.text()).split('\n').filter((line) => line.startsWith(prefix));
  return Object.fromEntries(
    samples.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

const PAY = `mutation Pay($from: ID!, $to: ID!, $amount: Decimal!, $key: String!) {
  transfer(input: { fromAccountId: $from, toAccountId: $to, amount: $amount, idempotencyKey: $key }) { __typename }
}`;

test('a request is one log line with its id, operation, codes, status and duration', async () => {
  const [from, to] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const paid = await ask(PAY, { variables: { from, to, amount: '7.00', key: 'k1' } });
  expect(await lineOf(paid)).toEqual({
    level: 30,
    time: expect.any(Number),
    pid: process.pid,
    hostname: expect.any(String),
    requestId: paid.requestId,
    route: 'graphql',
    operation: 'Pay',
    codes: { POSTED: 1 },
    status: 200,
    ms: expect.any(Number),
    msg: 'request',
  });
  expect(lines.filter((line) => line.includes(String(paid.requestId)))).toHaveLength(1);
});

test('every code of a request is counted: recorded outcomes, refusals without a record, and errors', async () => {
  const [from, to] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const move = (name: string, amount: string, payer = from) =>
    `${name}: transfer(input: { fromAccountId: "${payer}", toAccountId: "${to}", amount: "${amount}", idempotencyKey: "${name}" }) { __typename }`;
  const several = await ask(`mutation {
    made: createAccount(input: { owner: "o", currency: "USD" }) { __typename }
    not: createAccount(input: { owner: "o", currency: "none" }) { __typename }
    ${move('a', '1.00')} ${move('b', '2.00')} ${move('c', '99.00')} ${move('d', '0.001')} ${move('e', '1', 'missing')}
  }`);
  expect(await lineOf(several)).toMatchObject({
    operation: null,
    codes: {
      CREATED: 1,
      UNKNOWN_CURRENCY: 1,
      POSTED: 2,
      INSUFFICIENT_FUNDS: 1,
      INVALID_AMOUNT: 1,
      ACCOUNT_NOT_FOUND: 1,
    },
  });
  const before = await scrape('ledger_outcomes_total');
  await lineOf(await ask(`mutation { ${move('f', '1.00')} ${move('g', '1.00')} ${move('h', '99.00')} }`));
  const after = await scrape('ledger_outcomes_total');
  const difference = (code: string) => {
    const name = `ledger_outcomes_total{code="${code}"}`;
    return (after[name] ?? 0) - (before[name] ?? 0);
  };
  expect(['POSTED', 'INSUFFICIENT_FUNDS', 'CREATED'].map(difference)).toEqual([2, 1, 0]);
});

test.each([
  ['{ nothing }', {}],
  ['{', {}],
  [PAY, { variables: {} }],
  ['query A { ledger { name } } query B { ledger { name } }', {}],
])('the request %j, which GraphQL rejects, has a code in its log line', async (query, more) => {
  const { codes } = await lineOf(await ask(query, more));
  expect(Object.keys(codes as object).length).toBeGreaterThan(0);
});

test('no value of a request is in the log, on any path', async () => {
  const secret = 'hush-4711';
  const [from, to] = await makeAccounts(ledger, 2, { funds: '9999.00', externalId: null });
  const requests = [
    ask(PAY, { variables: { from, to, amount: '4711.47', key: secret } }),
    ask(PAY, { variables: { from, to, amount: '471147', key: secret } }),
    ask(PAY, { variables: { from, to, amount: { secret }, key: secret } }),
    ask(`{ account(id: "${secret}") { nothing } }`),
    ask(`{ account(id: "${secret}"`),
    ask('query Named { ledger { name } }', { operationName: secret }),
    ask('{ ledger { name } }', { extensions: { secret } }),
  ];
  for (const request of await Promise.all(requests)) await lineOf(request);
  const response = await fetch(`${server.url}/${secret}?${secret}`, {
    headers: { authorization: secret, cookie: secret, referer: secret },
  });
  await lineOf({ requestId: response.headers.get('x-request-id') });
  const log = lines.join('');
  for (const value of [secret, '4711.47', '471147', String(from), String(to)])
    expect(log).not.toContain(value);
});

test('a long operation name is truncated', async () => {
  const name = 'a'.repeat(5000);
  const { operation } = await lineOf(await ask(`query ${name} { ledger { name } }`));
  expect(operation).toBe(name.slice(0, 100));
});

test('probes and unknown paths are logged at the level debug', async () => {
  for (const path of ['/livez', '/readyz', '/metrics', '/nowhere']) {
    const response = await fetch(server.url + path);
    await response.text();
    const line = await lineOf({ requestId: response.headers.get('x-request-id') });
    expect(line).toMatchObject({ level: 20, route: path === '/nowhere' ? 'none' : path.slice(1) });
  }
});

test('a request whose connection was closed is counted when it was executed', async () => {
  const accountId = await makeAccount(ledger, { funds: '5.00' });
  const blocker = await connect(database.ownerUrl);
  await blocker.query('begin');
  await blocker.query('select from accounts for update');
  const gone = send(`${server.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    agent: new Agent(),
  });
  gone.on('error', () => {});
  gone.end(
    JSON.stringify({
      query: `mutation Gone { withdraw(input: { accountId: "${accountId}", amount: "1.00", idempotencyKey: "gone" }) { __typename } }`,
    }),
  );
  await expect.poll(() => ledger.load.busyLanes).toBe(1);
  // A client that only ends its side may still read, and looks the same.
  gone.socket?.resetAndDestroy();
  await blocker.query('rollback');
  const found = () => answered.find(({ notes }) => notes.operation === 'Gone');
  await expect.poll(found).toMatchObject({ status: 499 });
  expect(found()?.notes.codes).toEqual(new Map([['POSTED', 1]]));
});

test('the number, size and duration of batches are measured', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100.00' });
  const before = await scrape('ledger_batch');
  await Promise.all(
    Array.from({ length: 300 }, () =>
      transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '0.01' }),
    ),
  );
  const after = await scrape('ledger_batch');
  const difference = (name: string) => (after[name] ?? 0) - (before[name] ?? 0);
  expect(difference('ledger_batch_size_sum')).toBe(300);
  const batches = difference('ledger_batch_size_count');
  expect(batches).toBeGreaterThan(0);
  expect(batches).toBeLessThan(300);
  expect(difference('ledger_batch_duration_seconds_count')).toBe(batches);
  expect(difference('ledger_batch_duration_seconds_sum')).toBeGreaterThan(0);
  expect(difference('ledger_batch_retries_total')).toBe(0);
  expect(difference('ledger_batch_splits_total')).toBe(0);
});

test('a batch that is retried after a lost COMMIT is counted', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100.00' });
  const before = await scrape('ledger_batch_retries_total');
  fate = 'drop after';
  expect(await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' })).toMatchObject({
    code: 'POSTED',
    replayed: false,
  });
  const after = await scrape('ledger_batch_retries_total');
  const name = 'ledger_batch_retries_total';
  expect((after[name] ?? 0) - (before[name] ?? 0)).toBeGreaterThanOrEqual(1);
});

test('splits of a batch to find the failing command are counted', async () => {
  await asOwner(database, `alter table entries add constraint test_culprit check (amount <> -1234567)`);
  onTestFinished(async () => {
    await asOwner(database, 'alter table entries drop constraint test_culprit');
  });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100000.00' });
  const before = await scrape('ledger_batch_splits_total');
  const amounts = ['1.00', '12345.67', '2.00', '3.00'];
  const outcomes = await Promise.all(
    amounts.map((amount) => transfer(ledger, { fromAccountId: from, toAccountId: to, amount })),
  );
  expect(outcomes.map(({ code }) => code)).toEqual(['POSTED', 'INTERNAL', 'POSTED', 'POSTED']);
  const after = await scrape('ledger_batch_splits_total');
  const name = 'ledger_batch_splits_total';
  // 4 to 2 and 2, 2 to 1 and 1.
  expect((after[name] ?? 0) - (before[name] ?? 0)).toBe(2);
  // PostgreSQL's error quotes the whole row.
  const faults = lines.filter((line) => line.includes('"level":50'));
  expect(faults.join('')).toContain('"constraint":"test_culprit"');
  expect(faults.join('')).not.toMatch(/1234567|Failing row/);
});

test('gauges show queued commands and busy lanes while there are any', async () => {
  const accounts = await makeAccounts(ledger, 2, { funds: '100.00' });
  const [from = '', to = ''] = accounts;
  const blocker = await connect(database.ownerUrl);
  await blocker.query('begin');
  await blocker.query('select from accounts for update');
  const first = transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '0.01' });
  await expect.poll(() => ledger.load.busyLanes).toBe(1);
  // It waits for the accounts of the first.
  const second = transfer(ledger, { fromAccountId: to, toAccountId: from, amount: '0.01' });
  await expect.poll(() => ledger.load.queued).toBe(1);
  expect(await scrape('ledger_')).toMatchObject({
    ledger_queue_depth: 1,
    ledger_queue_limit: 1000,
    ledger_lanes_busy: 1,
    'ledger_database_connections{pool="writes",state="in use"}': 1,
    'ledger_database_connections{pool="reads",state="waiting"}': 0,
  });
  await blocker.query('rollback');
  await Promise.all([first, second]);
  await expect
    .poll(() => scrape('ledger_'))
    .toMatchObject({
      ledger_queue_depth: 0,
      ledger_lanes_busy: 0,
      'ledger_database_connections{pool="writes",state="in use"}': 0,
    });
});

test('requests are measured by route and status, and so is the process', async () => {
  await ask('{ ledger { name } }');
  await expect
    .poll(() => scrape('ledger_http_request_duration_seconds_count'))
    .toMatchObject({
      'ledger_http_request_duration_seconds_count{route="graphql",status="200"}': expect.any(Number),
    });
  const route = async () =>
    (await scrape('ledger_http_request'))[
      'ledger_http_request_duration_seconds_count{route="none",status="404"}'
    ] ?? 0;
  const before = await route();
  for (const path of ['/a', '/b', '/c?d']) await (await fetch(server.url + path)).text();
  await expect.poll(route).toBe(before + 3);
  expect(await scrape('nodejs_eventloop_lag_p99_seconds')).not.toEqual({});
  expect(await scrape('process_resident_memory_bytes')).not.toEqual({});
});

test('a probe that reaches a stopping service receives 503', async () => {
  const ending = await startHttpServer({ engine: ledger.engine, host: '127.0.0.1', port: 0, log });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const probe = async () => {
    const asked = send(`${ending.url}/readyz`, { agent }).end();
    const [response] = (await once(asked, 'response')) as [IncomingMessage];
    const { checks } = (await json(response)) as { checks: { serving: { ok: boolean } } };
    return [response.statusCode, checks.serving.ok];
  };
  expect(await probe()).toEqual([200, true]);
  const ended = ending.close();
  expect(await probe()).toEqual([503, false]);
  await ended;
  agent.destroy();
});
