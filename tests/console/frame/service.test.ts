import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { type IncomingMessage, request as send } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, inject, onTestFinished, test } from 'vitest';
import { TrustedDocuments } from '../../../src/server/http/trusted-documents.ts';
import { createKey, ledgerIdOf } from '../../support/access.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { startConsole } from '../support/console.ts';

const ledger = await openLedger(await createTestDatabase());

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

async function ask(
  url: string,
  path: string,
  {
    method = 'GET',
    headers = {},
  }: { readonly method?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<Answer> {
  const { hostname, port } = new URL(url);
  // A URL would resolve `..` before the request.
  const request = send({
    hostname,
    port,
    path,
    method,
    headers: { connection: 'close', accept: 'text/html', ...headers },
  });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return { status: response.statusCode, headers: response.headers, body: await buffer(response) };
}

/** Returns the paths of the files that a page at a path loads, as a browser resolves them. */
function filesOf(html: string, path: string): readonly string[] {
  const links = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
  return links.map((link) => new URL(link, `http://x${path}`).pathname).toSorted();
}

const PAGES = [
  '/',
  '/accounts',
  '/accounts/',
  '/accounts/acct_01',
  '/accounts/acct_01/',
  '/accounts/ext%3Aorder%2F7',
  '/accounts/..%2f..%2fetc',
  '/transactions',
  '/transactions/txn_01?after=x',
  '/holds',
  '/holds/hold_01',
  '/move/transfer?from=a&amount=1',
  '/admin/keys',
  '/admin/audit/',
];

test('every path of a page has the page, whose relative links lead to the same files', async () => {
  const { url } = await startConsole({ on: ledger });
  const wanted = filesOf((await ask(url, '/')).body.toString(), '/');
  expect(wanted.length).toBeGreaterThanOrEqual(3);
  for (const path of PAGES) {
    const { status, headers, body } = await ask(url, path);
    expect([path, status, headers['content-type']]).toEqual([path, 200, 'text/html; charset=utf-8']);
    const html = body.toString();
    expect(filesOf(html, path), path).toEqual(wanted);
    // Behind any prefix that a proxy removes.
    expect(filesOf(html, `/a/b${path}`), path).toEqual(wanted.map((file) => `/a/b${file}`));
    expect(html).not.toMatch(/<script(?![^>]*src=)|<style|\sstyle=|\son\w+=/);
  }
  for (const file of wanted.filter((name) => name.startsWith('/assets/')))
    expect((await ask(url, file)).status, file).toBe(200);
});

test.each([
  '/other',
  '/accounts/a/b/c',
  '/accounts/a/b/',
  '//accounts',
  '/index.html',
  '/accountsx',
  '/Accounts',
  '/assets',
  '/assets/',
  '/assets/none.js',
  '/assets/../index.html',
  '/assets/..%2findex.html',
  '/assets/%2e%2e/index.html',
  '/assets/..\\index.html',
  '/assets/./../assets/',
  '/../package.json',
  '/%2e%2e/package.json',
  '/assets/%00',
])('%s is no path of the console', async (path) => {
  const { url } = await startConsole({ on: ledger });
  const { status, body } = await ask(url, path);
  expect(status).toBe(404);
  expect(body.toString()).toContain('Not found');
});

test.each([
  ['/nonsense', ['/', '/graphql']],
  ['/nonsense/', ['/', '/graphql']],
  ['/accounts/a/b/c?x=/y/z', ['/', '/graphql']],
  ['//nonsense', ['/', '/graphql']],
])(
  'a browser at %s, which the service does not have, receives links to the console and the API',
  async (path, links) => {
    const { url } = await startConsole({ on: ledger });
    const { status, headers, body } = await ask(url, path);
    expect([status, headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    // Behind any prefix that a proxy removes.
    expect(filesOf(body.toString(), `/a/b${path}`)).toEqual(links.map((link) => `/a/b${link}`));
    expect((await ask(url, path, { headers: { accept: '*/*' } })).headers['content-type']).toBe(
      'text/plain; charset=utf-8',
    );
  },
);

test('without a console a browser receives no link to it', async () => {
  const { url } = await startConsole({ on: ledger, consoleFolder: undefined });
  const { status, body } = await ask(url, '/nonsense');
  expect([status, body.toString()]).toEqual([404, 'Not found. The API is at /graphql.\n']);
});

test('a target in absolute form has the same answer, and cannot leave the folder', async () => {
  const { url } = await startConsole({ on: ledger });
  const { host, hostname, port } = new URL(url);
  for (const [target, status] of [
    [`http://${host}/accounts`, 200],
    [`http://${host}`, 200],
    [`http://${host}/assets/../index.html`, 404],
    ['file:///etc/passwd', 404],
    ['*', 404],
  ] as const) {
    const socket = connect(Number(port), hostname);
    socket.write(`GET ${target} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
    expect(await text(socket), target).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  }
});

test('the page is revalidated, and the files are kept for ever', async () => {
  const { url } = await startConsole({ on: ledger });
  const page = await ask(url, '/accounts');
  expect(page.headers['cache-control']).toBe('no-cache');
  const again = await ask(url, '/accounts', { headers: { 'if-none-match': page.headers.etag ?? '' } });
  expect([again.status, again.body.length]).toEqual([304, 0]);
  for (const file of filesOf(page.body.toString(), '/accounts').filter((name) =>
    name.startsWith('/assets/'),
  )) {
    const { headers } = await ask(url, file);
    expect(headers['cache-control'], file).toBe('public, max-age=31536000, immutable');
    expect(file).toMatch(/-[\w-]{8}\.\w+$/);
  }
});

test('the files are compressed for callers that accept it', async () => {
  const { url } = await startConsole({ on: ledger });
  const script =
    filesOf((await ask(url, '/')).body.toString(), '/').find((name) => name.endsWith('.js')) ?? '';
  const plain = await ask(url, script);
  expect(plain.headers['content-encoding']).toBeUndefined();
  for (const [encoding, read] of [
    ['br', brotliDecompressSync],
    ['gzip', gunzipSync],
  ] as const) {
    const { headers, body } = await ask(url, script, { headers: { 'accept-encoding': encoding } });
    expect(headers['content-encoding']).toBe(encoding);
    expect(headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(body.length).toBeLessThan(plain.body.length / 2);
    expect(read(body).equals(plain.body)).toBe(true);
  }
});

test('HEAD has the headers of GET; other methods are rejected', async () => {
  const { url } = await startConsole({ on: ledger });
  const script =
    filesOf((await ask(url, '/')).body.toString(), '/').find((name) => name.endsWith('.js')) ?? '';
  for (const path of ['/', '/holds/x', script]) {
    const [get, head] = [await ask(url, path), await ask(url, path, { method: 'HEAD' })];
    expect([head.status, head.headers['content-type'], head.headers.etag, head.body.length]).toEqual([
      200,
      get.headers['content-type'],
      get.headers.etag,
      0,
    ]);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await ask(url, path, { method });
      expect([path, method, status, headers.allow]).toEqual([path, method, 405, 'GET, HEAD']);
    }
  }
});

test('the policy permits no inline script and style, and no other origin', async () => {
  const { url } = await startConsole({ on: ledger });
  const { headers } = await ask(url, '/accounts');
  const policy = String(headers['content-security-policy']);
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toMatch(/unsafe|\*|https?:/);
  expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff' });
});

test('the pages need no credential, and are the same for everyone', async () => {
  const service = await startConsole();
  const open = await ask(service.url, '/accounts/acct_01');
  const { access } = service.ledger.engine;
  await createKey(access, await ledgerIdOf(access));
  await expect(service.client.viewer()).rejects.toThrow('API key');
  const keyed = await ask(service.url, '/accounts/acct_01');
  expect([keyed.status, keyed.body.equals(open.body)]).toEqual([200, true]);
});

test('hosts and credentials in URLs are checked as for the API', async () => {
  const { url } = await startConsole({ on: ledger, allowedHosts: ['ledger.example'] });
  expect((await ask(url, '/accounts', { headers: { host: 'ledger.example' } })).status).toBe(200);
  expect((await ask(url, '/accounts', { headers: { host: 'evil.example' } })).status).toBe(421);
  expect((await ask(url, '/assets/x.js', { headers: { host: 'evil.example' } })).status).toBe(421);
  const { secret } = await createKey(ledger.engine.access, await ledgerIdOf(ledger.engine.access));
  expect((await ask(url, `/accounts?key=${secret}`)).status).toBe(400);
});

test('the metrics count requests of the console under one label', async () => {
  const routes: (string | undefined)[] = [];
  const { url } = await startConsole({ on: ledger, onAnswered: ({ route }) => routes.push(route) });
  for (const path of ['/', '/accounts/acct_01', '/other']) await ask(url, path);
  await expect.poll(() => routes).toEqual(['console', 'console', 'none']);
  const metrics = (await ask(url, '/metrics')).body.toString();
  expect(metrics).toMatch(/route="console"/);
  expect(metrics).not.toContain('acct_01');
});

test('a build that runs later does not change what the service serves', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'console-'));
  await cp(inject('consoleFolder'), folder, { recursive: true });
  const { url } = await startConsole({ on: ledger, consoleFolder: folder });
  await rm(folder, { recursive: true });
  const { status, body } = await ask(url, '/');
  expect(status).toBe(200);
  for (const file of filesOf(body.toString(), '/').filter((name) => name.startsWith('/assets/'))) {
    expect((await ask(url, file)).status, file).toBe(200);
  }
});

describe('without a console', () => {
  test('CONSOLE=0 has no pages', async () => {
    const { url } = await startConsole({ on: ledger, consoleFolder: undefined });
    for (const path of ['/', '/accounts', '/admin/keys']) {
      const { status, body } = await ask(url, path);
      expect([status, body.toString()]).toEqual([404, 'Not found. The API is at /graphql.\n']);
    }
  });

  test('a folder that was not built has pages that say how to build it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'console-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    // The second folder has a part of a build.
    await cp(join(inject('consoleFolder'), 'assets'), join(folder, 'assets'), { recursive: true });
    for (const consoleFolder of [join(folder, 'none'), folder])
      for (const path of ['/', '/accounts/acct_01']) {
        const { url } = await startConsole({ on: ledger, consoleFolder });
        const { status, headers, body } = await ask(url, path);
        expect([status, headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
        expect(body.toString()).toContain('<code>npm run build</code>');
      }
    const { url } = await startConsole({ on: ledger, consoleFolder: join(folder, 'none') });
    expect((await ask(url, '/other', { headers: { accept: '*/*' } })).headers['content-type']).toMatch(
      'text/plain',
    );
    expect((await ask(url, '/', { method: 'POST' })).status).toBe(405);
  });

  test('with trusted documents the pages say why it is off', async () => {
    const trustedDocuments = new TrustedDocuments(new Map([['name', '{ ledger { name } }']]));
    const { url } = await startConsole({ on: ledger, trustedDocuments, explorer: false });
    const { status, body } = await ask(url, '/accounts');
    expect(status).toBe(404);
    expect(body.toString()).toContain('TRUSTED_DOCUMENTS');
    expect((await ask(url, '/assets/x.js')).status).toBe(404);
  });
});

test('all files together are below 200 kB, gzipped', async () => {
  const folder = inject('consoleFolder');
  const assets = (await readdir(join(folder, 'assets'))).map((name) => join(folder, 'assets', name));
  const sizes = await Promise.all(
    [join(folder, 'index.html'), ...assets].map(async (path) => gzipSync(await readFile(path)).length),
  );
  const sum = sizes.reduce((total, size) => total + size, 0);
  console.log(`The console has ${Math.round(sum / 1000)} kB, gzipped.`);
  expect(sum).toBeLessThan(200_000);
});
