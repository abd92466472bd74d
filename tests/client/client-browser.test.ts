import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Browser, type Page, chromium as playwright, type Request } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import type { LedgerClient } from '../../src/client/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';

// Where it is set, the package unpacks the libraries too that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

declare global {
  interface Window {
    /** What the page's own script makes. */
    readonly ledger: LedgerClient;
  }
}

const modules = await buildClient();
const shop = createServer(({ url = '/' }, response) => {
  const code = modules.get(url);
  if (url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end(shopPage());
  else if (code !== undefined) response.writeHead(200, { 'content-type': 'text/javascript' }).end(code);
  else response.writeHead(404).end();
});
shop.listen(0, '127.0.0.1');
await once(shop, 'listening');
const shopUrl = `http://127.0.0.1:${(shop.address() as AddressInfo).port}`;

const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl, CORS_ORIGINS: shopUrl });

let browser: Browser;
beforeAll(async () => {
  browser = await playwright.launch({
    // The package's own would have one process, and one localStorage, for everybody.
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu'],
    executablePath: await chromium.executablePath(),
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  shop.close();
  await service.stop();
  await expectSoundBooks(database);
});

/** The modules of the package by their paths, as they are published. */
async function buildClient(): Promise<ReadonlyMap<string, string>> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-browser-'));
  try {
    const cwd = join(import.meta.dirname, '../..');
    await promisify(execFile)('npm', ['run', 'build', '--', folder], { cwd });
    const names = (await readdir(folder)).filter((name) => name.endsWith('.js'));
    const read = async (name: string) => [`/${name}`, await readFile(join(folder, name), 'utf8')] as const;
    return new Map(await Promise.all(names.map(read)));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const shopPage = () => `<!doctype html>
<title>shop</title>
<link rel="icon" href="data:,">
<script type="module">
  import { createLedgerClient } from './index.js';
  window.ledger = createLedgerClient({ url: ${JSON.stringify(service.graphqlUrl)}, keyStore: localStorage });
</script>`;

/** A tab with the shop in a browser of somebody's own, and the accounts of two people, one of whom has 10.00 USD. */
async function openShop(): Promise<{ page: Page; from: string; to: string }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(shopUrl);
  const [from, to] = await page.evaluate(async () => {
    const open = async (owner: string) => {
      const opened = await window.ledger.createAccount({ owner, currency: 'USD' });
      if (opened.__typename !== 'AccountCreated') throw new Error(opened.message);
      return opened.account.id;
    };
    const ids = [await open('alice'), await open('bob')] as const;
    await window.ledger.deposit({ accountId: ids[0], amount: '10.00' });
    return ids;
  });
  return { page, from, to };
}

/** Has the page pay 2.50 USD for one and the same checkout. */
function pay(page: Page, from: string, to: string) {
  return page.evaluate(
    async ([fromAccountId, toAccountId]) => {
      const input = { fromAccountId, toAccountId, amount: '2.50' };
      const paid = await window.ledger.transfer(input, { intent: 'checkout-42' });
      if (paid.__typename !== 'TransactionPosted') throw new Error(paid.message);
      return { id: paid.transaction.id, replayed: paid.replayed };
    },
    [from, to] as const,
  );
}

function isTransfer(request: Request): boolean {
  return request.postData()?.includes('mutation Transfer') === true;
}

function balance(page: Page, accountId: string) {
  return page.evaluate(async (id) => (await window.ledger.account(id))?.balance.amount, accountId);
}

test('what a page does again after a reload is done once, until its intent is forgotten', async () => {
  const { page, from, to } = await openShop();
  const first = await pay(page, from, to);
  expect(first.replayed).toBe(false);

  await page.reload();
  expect(await pay(page, from, to)).toEqual({ id: first.id, replayed: true });
  expect(await balance(page, to)).toBe('2.50');

  await page.evaluate(() => window.ledger.forget('checkout-42'));
  const second = await pay(page, from, to);
  expect(second.replayed).toBe(false);
  expect(second.id).not.toBe(first.id);
  expect(await balance(page, to)).toBe('5.00');
  expect(await balance(page, from)).toBe('5.00');
}, 60_000);

test('what a page that never heard the answer does again is done once', async () => {
  const { page, from, to } = await openShop();
  await page.evaluate(() => {
    const { fetch } = window;
    window.fetch = async (...request) => {
      await fetch(...request);
      return new Promise<never>(() => {});
    };
  });
  const answered = page.waitForResponse((response) => isTransfer(response.request()));
  const unheard = expect(pay(page, from, to)).rejects.toThrow('navigation');
  await answered;
  await page.reload();
  await unheard;

  expect(await pay(page, from, to)).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);

test('what two tabs do at once is done once', async () => {
  const { page, from, to } = await openShop();
  // Each tab looks into the store before the other has written.
  await page.context().addInitScript(() => {
    const { getItem } = Storage.prototype;
    const value = async function (this: Storage, name: string) {
      const found = getItem.call(this, name);
      await new Promise((resolve) => setTimeout(resolve, 500));
      return found;
    };
    Object.defineProperty(Storage.prototype, 'getItem', { value });
  });
  await page.reload();
  const other = await page.context().newPage();
  await other.goto(shopUrl);
  const paid = await Promise.all([pay(page, from, to), pay(other, from, to)]);
  expect(paid[0].id).toBe(paid[1].id);
  expect(paid.map(({ replayed }) => replayed).toSorted()).toEqual([false, true]);
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);
