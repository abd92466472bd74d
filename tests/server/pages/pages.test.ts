import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request as send } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { buildSchema, printSchema } from 'graphql';
import { afterAll, describe, expect, test } from 'vitest';
import { schema } from '../../../src/graphql/schema.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { TrustedDocuments } from '../../../src/server/http/trusted-documents.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';

const ledger = await openLedger(await createTestDatabase());
const log = { error: (fault: unknown) => expect.unreachable(String(fault)) };
const common = { engine: ledger.engine, host: '127.0.0.1', port: 0, log };
const [on, off, trusted] = await Promise.all([
  startHttpServer({ ...common, explorer: true }),
  startHttpServer({ ...common, explorer: false }),
  startHttpServer({
    ...common,
    explorer: false,
    trustedDocuments: new TrustedDocuments(new Map([['name', '{ ledger { name } }']])),
  }),
]);
afterAll(() => Promise.all([on, off, trusted].map((server) => server.close())));

interface Answer extends Pick<IncomingMessage, 'headers'> {
  readonly status: number | undefined;
  readonly body: Buffer;
}

async function ask(url: string, headers: Readonly<Record<string, string>>, method = 'GET'): Promise<Answer> {
  const request = send(url, { headers: { connection: 'close', ...headers }, method });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

const HTML = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const FILES = [
  ['GraphiQL', `${on.url}/graphql`, HTML, 'text/html; charset=utf-8', 1_000_000],
  ['/schema.graphql', `${on.url}/schema.graphql`, { accept: '*/*' }, 'text/plain; charset=utf-8', 10_000],
] as const;

describe.each(FILES)('%s', (_, url, accept, type, minBytes) => {
  test('is sent as it is without an encoding', async () => {
    const { status, headers, body } = await ask(url, accept);
    expect([status, headers['content-type'], headers['content-encoding']]).toEqual([200, type, undefined]);
    expect(headers['cache-control']).toBe('no-cache');
    expect(body.length).toBeGreaterThan(minBytes);
  });

  test.each([
    ['gzip, deflate, br, zstd', 'br'],
    ['gzip, deflate', 'gzip'],
    ['br;q=0, gzip;q=0.5', 'gzip'],
    ['*', 'br'],
    ['deflate', undefined],
    ['br;q=0, *;q=0', undefined],
    ['', undefined],
  ])('for Accept-Encoding %j is encoded as %s', async (accepted, encoding) => {
    const whole = (await ask(url, accept)).body;
    const { headers, body } = await ask(url, { ...accept, 'accept-encoding': accepted });
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers['vary']).toContain('accept-encoding');
    const text =
      encoding === 'br' ? brotliDecompressSync(body) : encoding === 'gzip' ? gunzipSync(body) : body;
    expect(text.equals(whole)).toBe(true);
    if (encoding !== undefined) expect(body.length).toBeLessThan(whole.length / 3);
  });

  test('is not sent again to a caller that has it, in any encoding', async () => {
    const tags = new Set<string>();
    for (const encoding of ['br', 'gzip', 'identity']) {
      const headers = { ...accept, 'accept-encoding': encoding };
      const etag = (await ask(url, headers)).headers.etag ?? '';
      tags.add(etag);
      for (const ifNoneMatch of [etag, `"other", W/${etag}`, '*']) {
        const answer = await ask(url, { ...headers, 'if-none-match': ifNoneMatch });
        expect([answer.status, answer.body.length, answer.headers.etag]).toEqual([304, 0, etag]);
      }
      expect((await ask(url, { ...headers, 'if-none-match': '"other"' })).status).toBe(200);
    }
    // The bodies differ, so their tags must differ.
    expect(tags.size).toBe(3);
  });

  test('has for HEAD the headers of GET, and no body', async () => {
    const { status, headers, body } = await ask(url, accept, 'HEAD');
    expect([status, headers['content-type'], body.length]).toEqual([200, type, 0]);
    expect(Number(headers['content-length'])).toBeGreaterThan(minBytes);
  });
});

test('GraphiQL fits small screens and loads nothing from other servers', async () => {
  const { headers, body } = await ask(`${on.url}/graphql`, HTML);
  const text = body.toString();
  expect(text).toMatch(/^<!doctype html>/);
  expect(text).toContain('<title>Transactional Ledger</title>');
  expect(text).toContain('<meta name="viewport" content="width=device-width, initial-scale=1" />');
  expect(text).toContain('.graphiql-tab { transform: none !important; }');
  expect(text).toContain('mutation Open');
  expect(text).not.toMatch(/<(script|link|img|iframe)[^>]+(src|href)="?(https?:)?\/\//);
  expect(headers['content-security-policy']).toContain("default-src 'none'");
});

test('programs receive no page', async () => {
  const url = `${on.url}/graphql?query={ledger{name}}`;
  expect((await ask(url, { accept: 'application/json' })).body.toString()).toBe(
    '{"data":{"ledger":{"name":"main"}}}',
  );
  expect((await ask(`${on.url}/graphql`, HTML, 'POST')).headers['content-type']).toContain('json');
});

describe('/schema.graphql', () => {
  test('is the file schema.graphql, and the schema of the service', async () => {
    const text = (await ask(`${on.url}/schema.graphql`, {})).body.toString();
    expect(text).toBe(await readFile(join(import.meta.dirname, '../../../schema.graphql'), 'utf8'));
    expect(printSchema(buildSchema(text))).toBe(printSchema(schema));
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('is not for %s', async (method) => {
    const { status, headers } = await ask(`${on.url}/schema.graphql`, {}, method);
    expect([status, headers['allow']]).toEqual([405, 'GET, HEAD']);
  });

  test.each([
    ['the explorer is off', off.url],
    ['only trusted documents are executed', trusted.url],
  ])('is not served while %s', async (_, url) => {
    const { status, body } = await ask(`${url}/schema.graphql`, {});
    expect(status).toBe(404);
    expect(body.toString()).toContain('API_EXPLORER');
    expect(body.toString()).not.toContain('type Query');
  });
});

describe('a browser that opens the endpoint while the explorer is off', () => {
  test.each([
    ['', off.url, /set <code>API_EXPLORER=1<\/code> and restart/],
    [' because of trusted documents', trusted.url, /remove <code>TRUSTED_DOCUMENTS<\/code>/],
  ])('receives a page that says how to turn it on%s', async (_, url, instruction) => {
    const { status, headers, body } = await ask(`${url}/graphql`, HTML);
    expect([status, headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(body.toString()).toMatch(instruction);
    expect(headers['content-security-policy']).toContain("default-src 'none'");
  });
});
