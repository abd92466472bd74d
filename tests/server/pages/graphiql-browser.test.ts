import { type Browser, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';

// Makes the package also unpack libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

const ledger = await openLedger(await createTestDatabase());
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
