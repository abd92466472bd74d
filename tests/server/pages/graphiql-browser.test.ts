import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createLedgerClient } from '../../../src/client/index.ts';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import { makeKey, makeLedger } from '../access/keys.ts';
import { acceptTokens, makeSigningKey, sign, startIssuer } from '../access/tokens/issuer.ts';

// Makes the package also unpack libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

const ledger = await openLedger(await createTestDatabase());
/** GraphiQL loads within this time, also on a busy machine. */
const LOADED = { timeout: 10_000 };
const log = { error: (fault: unknown) => expect.unreachable(String(fault)) };
const server = await startHttpServer({
  engine: ledger.engine,
  host: '127.0.0.1',
  port: 0,
  log,
  explorer: true,
});

let browser: Browser;
beforeAll(async () => {
  const executablePath = await chromium.executablePath();
  browser = await playwright.launch({
    executablePath,
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu'],
  });
});
afterAll(async () => {
  await browser.close();
  await server.close();
});

test('GraphiQL opens with the tabs, runs them, and sends requests to the service alone', async () => {
  const window = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  const elsewhere: string[] = [];
  const complaints: string[] = [];
  await window.route('**', (route) => {
    const target = route.request().url();
    if (target.startsWith(`${server.url}/`) || /^(blob|data):/.test(target)) return route.continue();
    elsewhere.push(target);
    return route.abort();
  });
  window.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  window.on('pageerror', ({ message }) => complaints.push(message));
  await window.goto(`${server.url}/graphql`);

  const run = async (title: string, answer: RegExp) => {
    await window.getByRole('button', { name: title, exact: true }).click();
    await window.getByRole('tab', { name: title, selected: true }).waitFor({ timeout: 5000 });
    const result = window.locator('.result-window');
    const press = async () => {
      // GraphiQL reads the operation's name a moment after the tab is selected. Each tab can be sent again.
      await window.getByRole('button', { name: /Execute query/ }).click();
      await window.waitForTimeout(300);
      // The page has non-breaking spaces.
      return (await result.innerText()).replaceAll('\u00a0', ' ');
    };
    await expect.poll(press, { timeout: 10_000 }).toMatch(answer);
  };
  await run('Open', /"amount": "100.00"/);
  await run('Pay', /"externalId": "order-42"/);
  await run('PayAgain', /"replayed": true/);
  await run('Overdraw', /"INSUFFICIENT_FUNDS"/);
  expect({ elsewhere, complaints }).toEqual({ elsewhere: [], complaints: [] });
});

test('the key and the ledger of the fields are headers of each request, and nothing stores the key', async () => {
  const main = await openLedger(await createTestDatabase());
  await makeLedger(main, 'shop-1');
  const { secret } = await makeKey(main, { allLedgers: true });
  const keyed = await startHttpServer({
    engine: main.engine,
    host: '127.0.0.1',
    port: 0,
    log,
    explorer: true,
  });
  onTestFinished(() => keyed.close());
  const window = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  const sent: { readonly key: string | undefined; readonly ledger: string | undefined }[] = [];
  window.on('request', (request) => {
    const { authorization, 'x-ledger': named } = request.headers();
    if (request.method() === 'POST') sent.push({ key: authorization, ledger: named });
  });
  await window.goto(`${keyed.url}/graphql`);
  const note = window.locator('#credentials-note');
  await expect.poll(() => note.innerText(), LOADED).toBe('The service requires a valid API key or token.');
  expect(sent.at(-1)).toEqual({ key: undefined, ledger: undefined });

  await window.getByLabel('API key or token').fill(` ${secret} `);
  await window.getByLabel('Ledger').fill('shop-1');
  await window.getByLabel('Ledger').press('Enter');
  // The schema is read again, with the key.
  await window
    .getByRole('button', { name: /Documentation Explorer/ })
    .first()
    .click();
  await window.getByText('A double-entry ledger').waitFor({ timeout: 10_000 });
  await window.getByRole('button', { name: /Execute query/ }).click();
  await expect.poll(() => window.locator('.result-window').innerText()).toContain('100.00');
  const shop = createLedgerClient({ url: `${keyed.url}/graphql`, apiKey: secret, ledger: 'shop-1' });
  expect(await shop.account('ext:alice')).toMatchObject({ owner: 'Alice' });
  expect(await note.innerText()).toBe('The key or token is not stored. A reload forgets it.');
  expect(sent.at(-1)).toEqual({ key: `Bearer ${secret}`, ledger: 'shop-1' });

  // GraphiQL stores its tabs and its history a moment after the request.
  await window.waitForTimeout(1000);
  const stored = await window.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
  expect(stored).toContain('mutation');
  expect(stored).not.toContain('tlsk_');
  expect(await window.getByRole('button', { name: 'Headers' }).count()).toBe(0);
  expect(await window.getByLabel('API key or token').getAttribute('type')).toBe('password');

  await window.reload();
  await expect.poll(() => note.innerText(), LOADED).toBe('The service requires a valid API key or token.');
  expect(await window.getByLabel('API key or token').inputValue()).toBe('');
  expect(sent.at(-1)).toEqual({ key: undefined, ledger: undefined });
});

test('the field takes a token too', async () => {
  const main = await openLedger(await createTestDatabase());
  const key = await makeSigningKey();
  const issuer = await startIssuer(key);
  onTestFinished(() => issuer.close());
  const recordActor = (from: string, subject: string) => main.engine.access.recordTokenActor(from, subject);
  const closed = await startHttpServer({
    engine: main.engine,
    host: '127.0.0.1',
    port: 0,
    log,
    explorer: true,
    tokens: acceptTokens(issuer.url, { recordActor }),
  });
  onTestFinished(() => closed.close());
  const window = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await window.goto(`${closed.url}/graphql`);
  const note = window.locator('#credentials-note');
  await expect.poll(() => note.innerText(), LOADED).toBe('The service requires a valid API key or token.');
  const token = await sign(key);
  const answered = window.waitForResponse(
    (response) => response.request().method() === 'POST' && response.status() === 200,
  );
  await window.getByLabel('API key or token').fill(token);
  await window.getByLabel('API key or token').press('Enter');
  await answered;
  await expect
    .poll(() => note.innerText(), LOADED)
    .toBe('The key or token is not stored. A reload forgets it.');
  const stored = await window.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(stored).not.toContain(token);
});

test('the documentation of GraphiQL begins with an introduction', async () => {
  const window = await browser.newPage({ viewport: { width: 1400, height: 900 } });
  await window.goto(`${server.url}/graphql`);
  await window
    .getByRole('button', { name: /Documentation Explorer/ })
    .first()
    .click();
  await window.getByText('A double-entry ledger').waitFor({ timeout: 10_000 });
  expect(await window.locator('.graphiql-doc-explorer').innerText()).toContain('idempotencyKey');
});

test('on a narrow screen the response is below the request', async () => {
  const window = await browser.newPage({ viewport: { width: 390, height: 844 } });
  await window.goto(`${server.url}/graphql`);
  const [editors, response] = ['.graphiql-editors', '.graphiql-response'].map((name) => window.locator(name));
  await response?.waitFor();
  const [above, below] = [await editors?.boundingBox(), await response?.boundingBox()];
  expect(below?.y).toBeGreaterThan((above?.y ?? Number.NaN) + 100);
  expect(below?.width).toBeGreaterThan(250);
});
