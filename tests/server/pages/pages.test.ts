import { once } from 'node:events';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { asksForPage, createGraphiQL } from '../../../src/server/graphiql/graphiql.ts';

const page = createGraphiQL();
const NOTHING = { status: 404, headers: {}, body: '' };
const server = createServer(async (request, response) => {
  const { status, headers, body } = asksForPage(request) ? await page(request) : NOTHING;
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
});
server.listen(0, '127.0.0.1');
await once(server, 'listening');
afterAll(() => server.close());
const { port } = server.address() as AddressInfo;

interface Answer extends Pick<IncomingMessage, 'headers'> {
  readonly status: number | undefined;
  readonly body: Buffer;
}

async function ask(headers: Readonly<Record<string, string>>, method = 'GET'): Promise<Answer> {
  const all = { accept: 'text/html', connection: 'close', ...headers };
  const request = get({ port, host: '127.0.0.1', path: '/graphql', headers: all, method });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

const whole = (await ask({})).body;

test('the page is whole without any encoding, and loads nothing from elsewhere', async () => {
  const { status, headers, body } = await ask({});
  expect(status).toBe(200);
  expect(headers['content-encoding']).toBeUndefined();
  expect(headers['content-type']).toBe('text/html; charset=utf-8');
  const text = body.toString();
  expect(text).toContain('<title>Transactional Ledger</title>');
  expect(text).toContain('mutation OpenAccounts');
  expect(text).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?\/\//);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
});

test.each([
  ['gzip, deflate, br, zstd', 'br'],
  ['gzip, deflate', 'gzip'],
  ['br;q=0, gzip;q=0.5', 'gzip'],
  ['*', 'br'],
  ['deflate', undefined],
  ['br;q=0, *;q=0', undefined],
  ['', undefined],
])('Accept-Encoding %j is answered in %s', async (accepted, encoding) => {
  const { headers, body } = await ask({ 'accept-encoding': accepted });
  expect(headers['content-encoding']).toBe(encoding);
  expect(headers['vary']).toContain('accept-encoding');
  const text = encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body;
  expect(text.equals(whole)).toBe(true);
  if (encoding !== undefined) expect(body.length).toBeLessThan(whole.length / 3);
});

test('who has the page already gets no second one, in any of its encodings', async () => {
  const tags = new Set<string>();
  for (const encoding of ['br', 'gzip', 'identity']) {
    const headers = { 'accept-encoding': encoding };
    const etag = (await ask(headers)).headers.etag ?? '';
    tags.add(etag);
    for (const ifNoneMatch of [etag, `"other", W/${etag}`, '*']) {
      const answer = await ask({ ...headers, 'if-none-match': ifNoneMatch });
      expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([304, 0, etag]);
    }
    expect((await ask({ ...headers, 'if-none-match': '"other"' })).status).toBe(200);
  }
  // The bodies differ, and so must their tags.
  expect(tags.size).toBe(3);
});

test('HEAD answers what GET would, without the page', async () => {
  const { status, headers, body } = await ask({ 'accept-encoding': 'br' }, 'HEAD');
  expect([status, headers['content-encoding'], body.length]).toEqual([200, 'br', 0]);
  expect(Number(headers['content-length'])).toBeGreaterThan(1_000_000);
});

test('programs get no page', async () => {
  expect((await ask({ accept: 'application/json' })).status).toBe(404);
  expect((await ask({}, 'POST')).status).toBe(404);
});
