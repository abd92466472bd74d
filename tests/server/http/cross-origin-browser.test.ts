import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';

// Makes the package also unpack libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

const database = await createTestDatabase();
const ledger = await openLedger(database);

/** Starts another site. Another port makes it another origin. */
async function startSite(): Promise<string> {
  const site = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>elsewhere</title>');
  });
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  afterAll(() => void site.close());
  return `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
}

const [allowed, stranger] = [await startSite(), await startSite()];
const server = await startHttpServer({
  engine: ledger.engine,
  host: '127.0.0.1',
  port: 0,
  log: { error: (fault: unknown) => expect.unreachable(JSON.stringify(fault)) },
  corsOrigins: [allowed],
});
const api = `${server.url}/graphql`;

/** The package's own arguments turn off the same-origin policy. */
const SAFE_ARGS = chromium.args.filter((arg) => !/web-security|site-isolation|insecure/.test(arg));
/** Blocks other servers. Playwright's interception would answer preflights. */
const NOTHING_OUTSIDE = '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1';

let browser: Browser;
beforeAll(async () => {
  browser = await playwright.launch({
    args: [...SAFE_ARGS, NOTHING_OUTSIDE],
    executablePath: await chromium.executablePath(),
  });
}, 60_000);
afterAll(async () => {
  await browser.close();
  await server.close();
});

async function openPage(site: string): Promise<Page> {
  const page = await browser.newPage();
  await page.goto(site);
  return page;
}

/** The text of the answer that a script of the page reads by fetch, or `nothing`. */
function fetchFrom(page: Page, url: string, init: object): Promise<string> {
  return page.evaluate(
    ([target, options]) =>
      fetch(target, options).then(
        (response) => response.text(),
        () => 'nothing',
      ),
    [url, init] as const,
  );
}

const create = (owner: string) =>
  `mutation { createAccount(input: { owner: "${owner}", currency: "USD" }) { __typename } }`;
const owners = async () =>
  (
    await asOwner<{ owner: string }>(
      database,
      `select owner from accounts where kind = 'STANDARD' order by owner`,
    )
  ).map(({ owner }) => owner);
const json = (query: string) => ({
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ query }),
});

describe('a page of an origin that is not allowed', () => {
  test('cannot send JSON', async () => {
    const page = await openPage(stranger);
    expect(await fetchFrom(page, api, json(create('fetched')))).toBe('nothing');
    expect(await fetchFrom(page, api, { ...json(create('blind')), mode: 'no-cors' })).toBe('');
    expect(await owners()).toEqual([]);
  });

  test('has no effect by requests without a preflight, and reads no answer', async () => {
    const page = await openPage(stranger);
    const body = JSON.stringify({ query: create('plain') });
    expect(await fetchFrom(page, api, { method: 'POST', body })).toBe('nothing');
    await fetchFrom(page, api, { method: 'POST', body, mode: 'no-cors' });
    await page.evaluate(([url, text]) => navigator.sendBeacon(url, text), [api, body] as const);
    const search = new URLSearchParams({ query: create('by GET') });
    expect(await fetchFrom(page, `${api}?${search}`, {})).toBe('nothing');
    expect(await fetchFrom(page, `${api}?query={ledger{name}}`, {})).toBe('nothing');
    await page.waitForTimeout(200);
    expect(await owners()).toEqual([]);
  });

  test.each([
    ['application/x-www-form-urlencoded', 'query', create('form')],
    ['multipart/form-data', 'operations', JSON.stringify({ query: create('parts') })],
    ['text/plain', `{"query":${JSON.stringify(create('text'))},"extensions":{"x":"`, '"}}'],
  ])('has no effect by a form with %s', async (type, name, value) => {
    const page = await openPage(stranger);
    const answered = page.waitForResponse(api);
    await page.evaluate(
      ([action, enctype, field, text]) => {
        const form = Object.assign(document.createElement('form'), { action, method: 'post', enctype });
        form.append(Object.assign(document.createElement('input'), { name: field, value: text }));
        document.body.append(form);
        form.submit();
      },
      [api, type, name, value] as const,
    );
    expect((await answered).status()).toBe(415);
    expect(await owners()).toEqual([]);
  });

  test('cannot put answers or GraphiQL into a frame', async () => {
    const page = await openPage(stranger);
    const refused = page.waitForEvent('console', (message) => message.text().includes('frame-ancestors'));
    await page.evaluate((src) => {
      document.body.append(Object.assign(document.createElement('iframe'), { src }));
    }, api);
    expect((await refused).type()).toBe('error');
  });
});

test('a page of an allowed origin reads, writes, and receives the request id', async () => {
  const page = await openPage(allowed);
  expect(await fetchFrom(page, api, json(create('allowed')))).toBe(
    '{"data":{"createAccount":{"__typename":"AccountCreated"}}}',
  );
  expect(await owners()).toEqual(['allowed']);
  const id = await page.evaluate(
    ([url, init]) => fetch(url, init).then((response) => response.headers.get('x-request-id')),
    [api, json('{ ledger { name } }')] as const,
  );
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  // Other methods and headers are not allowed.
  expect(await fetchFrom(page, api, { method: 'PUT', body: '{}' })).toBe('nothing');
  const headers = { 'content-type': 'application/json', 'x-other': '1' };
  expect(await fetchFrom(page, api, { ...json(create('headers')), headers })).toBe('nothing');
  expect(await owners()).toEqual(['allowed']);
});
