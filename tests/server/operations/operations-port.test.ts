import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { type HttpServerOptions, startHttpServer } from '../../../src/server/http/http.ts';
import type { Route } from '../../../src/server/http/route.ts';
import { startOperationsServer } from '../../../src/server/operations/operations-server.ts';
import type { AnsweredRequest } from '../../../src/server/operations/request-log.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { startTcpProxy } from '../../support/tcp-proxy.ts';
import { bearer, makeKey } from '../access/keys.ts';
import { asking, exchange } from '../http/exchange.ts';
import { connectRaw, head } from '../http/raw.ts';

const PATHS = ['/livez', '/readyz', '/metrics'];

const database = await createTestDatabase();
const ledger = await openLedger(database);
const admin = await makeKey(ledger, { scopes: ['ADMIN'] });
const reader = await makeKey(ledger, { scopes: ['READ', 'POST', 'MANAGE'] });

function serve(options: Partial<HttpServerOptions> = {}) {
  return startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: () => {} },
    ...options,
  });
}

async function statuses(url: string, headers: Readonly<Record<string, string>> = {}) {
  const answers = await Promise.all(PATHS.map((path) => exchange(url + path, { method: 'GET', headers })));
  return answers.map(({ status }) => status);
}

async function start(env: Readonly<Record<string, string>>) {
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl, ...env });
  onTestFinished(() => service.stop().then(() => {}));
  const lines = service.output.join('\n');
  return {
    apiUrl: new URL(service.graphqlUrl).origin,
    operationsUrl: /Health and metrics: (http:[^\s"]+)/.exec(lines)?.[1] ?? '',
    service,
  };
}

test('with OPERATIONS_PORT, health and metrics need no key there, and are not on the port of the API', async () => {
  const { apiUrl, operationsUrl } = await start({ OPERATIONS_PORT: '0' });
  expect(operationsUrl).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(operationsUrl).not.toBe(apiUrl);
  expect(await statuses(operationsUrl)).toEqual([200, 200, 200]);
  expect(await statuses(apiUrl)).toEqual([200, 404, 404]);
  expect(await statuses(apiUrl, bearer(admin.secret))).toEqual([200, 404, 404]);
  const graphql = await exchange(`${operationsUrl}/graphql`, {
    ...asking('{ ledger { name } }'),
    headers: { ...asking('').headers, ...bearer(admin.secret) },
  });
  expect(graphql.status).toBe(404);
  // Probes are counted like those on the port of the API.
  const metrics = await exchange(`${operationsUrl}/metrics`, { method: 'GET' });
  expect(metrics.body).toContain(
    'ledger_http_request_duration_seconds_count{route="readyz",status="200"} 1\n',
  );
  expect(metrics.headers).toMatchObject({ 'cache-control': 'no-store', 'x-request-id': expect.any(String) });
}, 30_000);

test('without OPERATIONS_PORT, they need a key with ADMIN if other machines reach the port', async () => {
  // Only this machine reaches 127.0.0.2, but HOST does not count it as its own.
  const { apiUrl, service } = await start({ HOST: '127.0.0.2' });
  expect(service.output.join('\n')).not.toContain('Health and metrics');
  expect(await statuses(apiUrl)).toEqual([200, 401, 401]);
  expect(await statuses(apiUrl, bearer(reader.secret))).toEqual([200, 403, 403]);
  expect(await statuses(apiUrl, bearer(admin.secret))).toEqual([200, 200, 200]);
}, 30_000);

test('on loopback they are open, also when keys exist', async () => {
  const server = await serve();
  afterAll(() => server.close());
  expect(await statuses(server.url)).toEqual([200, 200, 200]);
});

test('a refusal says what to do, and rejections are counted', async () => {
  const server = await serve({ operations: 'admin', rateLimit: 1, now: () => 0 });
  afterAll(() => server.close());
  const read = (path: string, secret?: string) =>
    exchange(server.url + path, { method: 'GET', headers: secret === undefined ? {} : bearer(secret) });
  const rejections = async () => {
    const { body } = await read('/metrics', admin.secret);
    return ['401', '403', '429'].map(
      (status) => new RegExp(`ledger_http_rejections_total\\{status="${status}"\\} (\\d+)`).exec(body)?.[1],
    );
  };
  expect(await rejections()).toEqual(['0', '0', '0']);
  const unauthenticated = await read('/metrics');
  expect([unauthenticated.status, unauthenticated.headers['www-authenticate']]).toEqual([
    401,
    'Bearer realm="ledger"',
  ]);
  const forbidden = await read('/metrics', reader.secret);
  expect(JSON.parse(forbidden.body)).toEqual({
    errors: [
      {
        message:
          'This path needs a key with the scope ADMIN. Send such a key, or set OPERATIONS_PORT to serve the path on a port of its own.',
        extensions: { code: 'FORBIDDEN' },
      },
    ],
  });
  const query = '/graphql?query=%7Bledger%7Bname%7D%7D';
  expect((await read(query, reader.secret)).status).toBe(200);
  for (const _ of [1, 2]) expect((await read(query, reader.secret)).status).toBe(429);
  await expect.poll(rejections).toEqual(['1', '1', '2']);
});

test('while no key exists, everyone may read them', async () => {
  const { engine } = await openLedger(await createTestDatabase());
  const server = await serve({ engine, operations: 'admin' });
  afterAll(() => server.close());
  expect(await statuses(server.url)).toEqual([200, 200, 200]);
});

test('if the database does not answer, an unknown key cannot read them, and /livez is 200', async () => {
  const proxy = await startTcpProxy(database.serviceUrl);
  afterAll(() => proxy.close());
  const { engine } = await openLedger({ serviceUrl: proxy.url });
  const server = await serve({ engine, operations: 'admin' });
  afterAll(() => server.close());
  proxy.refuse();
  expect(await statuses(server.url, bearer(admin.secret))).toEqual([200, 503, 503]);
}, 30_000);

test('a port in use prints one line that names OPERATIONS_PORT, before the database is opened', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await once(taken, 'listening');
  onTestFinished(() => void taken.close());
  const env = { OPERATIONS_PORT: `${(taken.address() as AddressInfo).port}` };
  const failed = startServiceProcess({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none', ...env });
  await expect(failed).rejects.toThrow(
    /The service cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE.* Set OPERATIONS_HOST or OPERATIONS_PORT to a free address\.$/,
  );
});

test('while the service stops, /readyz is 503 on its own port until all requests have ended', async () => {
  const { apiUrl, operationsUrl, service } = await start({ OPERATIONS_PORT: '0' });
  const { socket, ended } = await connectRaw(`${apiUrl}/graphql`);
  const body = JSON.stringify({ query: '{ ledger { name } }' });
  const authorization = `authorization: ${bearer(admin.secret).authorization}`;
  socket.write(head(`content-length: ${body.length}\r\n${authorization}`) + body.slice(0, 5));
  await expect.poll(() => statuses(operationsUrl)).toEqual([200, 200, 200]);
  const stopped = service.stop();
  await expect.poll(() => statuses(operationsUrl)).toEqual([200, 503, 200]);
  socket.write(body.slice(5));
  expect(await ended).toMatch(/^HTTP\/1\.1 200/);
  expect(await stopped).toBe(0);
}, 30_000);

test('the server for operations accepts only reads of known paths by allowed hosts', async () => {
  const main = await serve({ operations: 'elsewhere' });
  afterAll(() => main.close());
  const answered: AnsweredRequest[] = [];
  const operations = await startOperationsServer({
    host: '127.0.0.1',
    port: 0,
    allowedHosts: ['ledger.example'],
    routes: main.operationsRoutes,
    onAnswered: (request) => void answered.push(request),
    onFault: () => expect.unreachable(),
  });
  const ask = (path: string, sent: Parameters<typeof exchange>[1]) => exchange(operations.url + path, sent);
  expect((await ask('/livez', { method: 'GET' })).status).toBe(200);
  expect((await ask('/livez?probe', { method: 'HEAD' })).status).toBe(200);
  const host = (name: string) => ({ method: 'GET', headers: { host: name } });
  expect((await ask('/metrics', host('ledger.example'))).status).toBe(200);
  expect((await ask('/metrics', host('evil.example'))).status).toBe(421);
  expect((await ask('/metrics', host('a b'))).status).toBe(400);
  expect((await ask('/', { method: 'GET' })).status).toBe(404);
  expect((await ask('/graphql', { ...asking('{ __typename }') })).status).toBe(404);
  const posted = await ask('/metrics', { method: 'POST', body: 'x'.repeat(100_000) });
  expect([posted.status, posted.headers.allow]).toEqual([405, 'GET, HEAD']);
  await expect
    .poll(() => answered.slice(0, 6).map(({ route, status }) => `${route} ${status}`))
    .toEqual(['livez 200', 'livez 200', 'metrics 200', 'none 421', 'none 400', 'none 404']);
  await operations.close();
  await expect(ask('/livez', { method: 'GET' })).rejects.toThrow('ECONNREFUSED');
});

test('a failing route of operations ends its connection only', async () => {
  const faults: unknown[] = [];
  const operations = await startOperationsServer({
    host: '127.0.0.1',
    port: 0,
    routes: new Map<string, Route>([
      ['/metrics', () => Promise.reject(new Error('planted'))],
      ['/livez', () => ({ status: 200, headers: {}, body: 'alive' })],
    ]),
    onFault: (error) => void faults.push(error),
  });
  afterAll(() => operations.close());
  await expect(exchange(`${operations.url}/metrics`, { method: 'GET' })).rejects.toThrow();
  expect(faults).toEqual([new Error('planted')]);
  expect((await exchange(`${operations.url}/livez`, { method: 'GET' })).status).toBe(200);
});
