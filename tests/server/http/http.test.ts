import { Agent, get, request } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { asOwner, connect, createTestDatabase } from '../../support/database.ts';
import { makeAccount, openLedger } from '../../support/ledger.ts';
import { exchange, JSON_TYPE } from './exchange.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
const log = { error: (fault: unknown) => expect.unreachable(String(fault)) };
const start = () => startHttpServer({ engine: ledger.engine, host: '127.0.0.1', port: 0, log });
const server = await start();
const graphql = `${server.url}/graphql`;

const post = (type: string, body: string) =>
  fetch(graphql, { method: 'POST', headers: { 'content-type': type }, body });

const QUERY = JSON.stringify({ query: '{ ledger { name } }' });

test('/livez answers', async () => {
  const response = await fetch(`${server.url}/livez`);
  expect([response.status, await response.text()]).toEqual([200, 'alive\n']);
});

test('every answer has its own request id', async () => {
  const responses = [await post('application/json', QUERY), await fetch(`${server.url}/nowhere`)];
  const ids = responses.map(({ headers }) => headers.get('x-request-id'));
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)]);
  expect(ids[0]).not.toBe(ids[1]);
  expect(responses[1]?.status).toBe(404);
});

test('a browser gets GraphiQL, which loads nothing from other servers', async () => {
  const response = await fetch(graphql, { headers: { accept: 'text/html' } });
  expect(response.headers.get('content-type')).toContain('text/html');
  const page = await response.text();
  expect(page).toContain('<title>Transactional Ledger</title>');
  expect(page).toContain('renderYogaGraphiQL');
  const head = page.slice(0, page.indexOf('<style>')) + page.slice(page.lastIndexOf('</script>'));
  expect(`${head}`).not.toMatch(/(src|href)="(https?:)?\/\//);
  expect(page).not.toMatch(/<script[^>]+src=/);
});

describe('a request that a page of another site can send', () => {
  const mutation = `mutation { createAccount(input: { owner: "x", currency: "USD" }) { __typename } }`;

  test.each([
    ['application/x-www-form-urlencoded', new URLSearchParams({ query: mutation }).toString()],
    ['text/plain', JSON.stringify({ query: mutation })],
    ['application/graphql', mutation],
    [
      'multipart/form-data; boundary=x',
      `--x\r\ncontent-disposition: form-data; name="operations"\r\n\r\n{}\r\n--x--`,
    ],
    ['text/plain; application/json', JSON.stringify({ query: mutation })],
  ])('as %s is rejected', async (type, body) => {
    const response = await post(type, body);
    expect(response.status).toBe(415);
    expect(await response.json()).toEqual({
      errors: [{ message: expect.stringContaining('JSON'), extensions: { code: 'INVALID_INPUT' } }],
    });
  });

  test('by GET executes no mutation, and the page cannot read the answer', async () => {
    const url = `${graphql}?${new URLSearchParams({ query: mutation })}`;
    const response = await fetch(url, { headers: { origin: 'https://elsewhere.example' } });
    expect(response.status).toBe(405);
    expect(response.headers.get('access-control-allow-origin')).toBeNull();
    const accounts = await asOwner(database, 'select from accounts');
    expect(accounts).toHaveLength(0);
  });
});

test('requests with a Host that is not allowed are rejected on every path', async () => {
  const own = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log,
    allowedHosts: ['ledger.example'],
  });
  onTestFinished(() => own.close());
  const statusBy = async (host: string, path: string) => {
    const asked = await exchange(own.url + path, { headers: { ...JSON_TYPE, host }, body: QUERY });
    return asked.status;
  };
  for (const path of ['/graphql', '/metrics', '/readyz']) {
    for (const host of [
      'evil.example',
      'evil.example:4000',
      '127.0.0.1.evil.example',
      'localhost.evil.example',
    ])
      expect(await statusBy(host, path), host).toBe(421);
    for (const host of [
      '127.0.0.1',
      '127.0.0.1:4000',
      '[::1]:4000',
      'localhost:4000',
      'LOCALHOST',
      'ledger.example:80',
    ])
      expect(await statusBy(host, path), host).toBe(200);
  }
});

test('JSON with a charset is JSON', async () => {
  const response = await post('application/json; charset=utf-8', QUERY);
  expect(await response.json()).toEqual({ data: { ledger: { name: 'main' } } });
});

test.each([
  '',
  '{',
  'null',
  '5',
  '[]',
  '{}',
  '{"query": 5}',
  '{"query": "{"}',
  `[${QUERY}, ${QUERY}]`,
  '{"query":"{ nothing }"}',
])('the body %j is rejected as an error of the caller, without details of the service', async (body) => {
  const response = await post('application/json', body);
  expect(response.status).toBeLessThan(500);
  const answer = (await response.json()) as { data?: unknown; errors: { message: string }[] };
  expect(answer.data).toBeUndefined();
  expect(answer.errors.length).toBeGreaterThan(0);
  expect(JSON.stringify(answer)).not.toMatch(/node_modules|\.ts|\.js|at Object|stack/);
});

test('a body above 16 MiB is not read', async () => {
  const response = await post('application/json', JSON.stringify({ query: `# ${'x'.repeat(17 * 2 ** 20)}` }));
  expect(response.status).toBe(413);
});

test('close answers pending requests, ends idle connections, and accepts no new ones', async () => {
  const closing = await start();
  const accountId = await makeAccount(ledger);
  const client = await connect(database.ownerUrl);
  await client.query('begin');
  await client.query('select from accounts for update');

  const agent = new Agent({ keepAlive: true });
  const idle = new Promise((resolve) =>
    get(`${closing.url}/livez`, { agent }, (answer) => resolve(text(answer))),
  );
  await idle;
  const body = JSON.stringify({
    query: `mutation ($id: ID!) { deposit(input: { accountId: $id, amount: 1, idempotencyKey: "k" }) { __typename } }`,
    variables: { id: accountId },
  });
  const waiting = new Promise<string>((resolve, reject) => {
    const headers = { 'content-type': 'application/json' };
    request(
      `${closing.url}/graphql`,
      { agent: new Agent({ keepAlive: true }), method: 'POST', headers },
      (answer) => resolve(text(answer)),
    )
      .on('error', reject)
      .end(body);
  });
  const WAITING = `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  await expect.poll(() => asOwner(database, WAITING)).toHaveLength(1);

  const closed = closing.close();
  await expect(fetch(`${closing.url}/livez`)).rejects.toThrow();
  await client.query('rollback');
  expect(JSON.parse(await waiting)).toEqual({ data: { deposit: { __typename: 'TransactionPosted' } } });
  // By default Node keeps the connection open for five more seconds.
  const answeredAt = performance.now();
  await closed;
  expect(performance.now() - answeredAt).toBeLessThan(3000);
});
