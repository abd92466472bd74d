import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, type Page, chromium as playwright, type Request } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import type { LedgerClient } from '../../src/client/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';
import { installClient } from './packed.ts';

// Where it is set, the package unpacks the libraries too that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

declare global {
  interface Window {
    /** What the page's own script makes. */
    readonly ledger: LedgerClient;
  }
}

const { project, installed } = await installClient();
const imports = await readImports();
const shop = createServer(async ({ url = '/' }, response) => {
  const script = { 'content-type': 'text/javascript' };
  if (url === '/') response.writeHead(200, { 'content-type': 'text/html' }).end(shopPage());
  else if (url.startsWith('/worker.js?')) response.writeHead(200, script).end(workerModule());
  else if (/^\/node_modules\/[\w/-]+\.js$/.test(url)) {
    const code = await readFile(join(project, url)).catch(() => null);
    response.writeHead(code === null ? 404 : 200, script).end(code);
  } else response.writeHead(404).end();
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

/** What a browser loads for each name that the package exports, as a bundler finds it: the URL by the name. */
async function readImports(): Promise<Readonly<Record<string, string>>> {
  const { name, exports } = JSON.parse(await readFile(join(installed, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  };
  const found = Object.entries(exports).map(([path, target]) => {
    const conditions = Object.entries(typeof target === 'string' ? { default: target } : target);
    const [, file] =
      conditions.find(([condition]) => ['browser', 'import', 'default'].includes(condition)) ?? [];
    return [join(name, path), `/${join('node_modules', name, file ?? '')}`];
  });
  return Object.fromEntries(found);
}

const shopPage = () => `<!doctype html>
<title>shop</title>
<link rel="icon" href="data:,">
<script type="importmap">${JSON.stringify({ imports })}</script>
<script type="module">
  import { createLedgerClient } from 'transactional-ledger/client';
  window.ledger = createLedgerClient({ url: ${JSON.stringify(service.graphqlUrl)}, keyStore: localStorage });
</script>`;

/**
 * A module for workers of every kind, where there are neither import maps nor localStorage. It makes the payment that it is
 * sent, loses what answers it is told to lose, and says on the port that came with the payment what became of it.
 */
const workerModule = () => `
import { createLedgerClient } from ${JSON.stringify(imports['transactional-ledger/client'])};

const opening = indexedDB.open('shop');
opening.onupgradeneeded = () => opening.result.createObjectStore('intents');
const opened = new Promise((resolve, reject) => {
  opening.onsuccess = () => resolve(opening.result);
  opening.onerror = () => reject(opening.error);
});

async function inStore(mode, act) {
  const transaction = (await opened).transaction('intents', mode);
  const request = act(transaction.objectStore('intents'));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}
const keyStore = {
  getItem: (name) => inStore('readonly', (store) => store.get(name)),
  setItem: (name, value) => inStore('readwrite', (store) => store.add(value, name)),
  removeItem: (name) => inStore('readwrite', (store) => store.delete(name)),
};

const ledger = createLedgerClient({ url: ${JSON.stringify(service.graphqlUrl)}, keyStore });

function loseAnswers(loses, port) {
  const { fetch } = self;
  self.fetch = async (...request) => {
    await fetch(...request);
    if (loses === 'every answer') {
      port.postMessage('unheard');
      return new Promise(() => {});
    }
    self.fetch = fetch;
    throw new TypeError('The answer is lost.');
  };
}

async function pay({ input, loses }, port) {
  if (loses !== 'no answer') loseAnswers(loses, port);
  const paid = await ledger.transfer(input, { intent: 'checkout-42' });
  port.postMessage({ id: paid.transaction?.id, replayed: paid.replayed });
}

function serve(event) {
  const [port] = event.ports;
  const paid = pay(event.data, port).catch((error) => port.postMessage(String(error)));
  event.waitUntil?.(paid);
}
self.onmessage = serve;
self.onconnect = ({ ports: [port] }) => {
  port.onmessage = serve;
};`;

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

type WorkerKind = 'worker' | 'shared worker' | 'service worker';
type Loss = 'no answer' | 'the first answer' | 'every answer';

/** Has a new worker of the page pay as `pay` does, and answers what it says first. A dedicated worker is then ended. */
function payInWorker(page: Page, from: string, to: string, kind: WorkerKind, loses: Loss = 'no answer') {
  return page.evaluate(
    async ([fromAccountId, toAccountId, kind, loses]) => {
      const url = `/worker.js?${crypto.randomUUID()}`;
      const options = { type: 'module' } as const;
      const payment = { input: { fromAccountId, toAccountId, amount: '2.50' }, loses };
      const { port1, port2 } = new MessageChannel();
      const { promise: said, resolve, reject } = Promise.withResolvers<unknown>();
      port1.onmessage = ({ data }) => resolve(data);
      const onerror = () => reject(new Error('The worker does not start.'));
      if (kind === 'worker') {
        const worker = Object.assign(new Worker(url, options), { onerror });
        worker.postMessage(payment, [port2]);
        return said.finally(() => worker.terminate());
      }
      if (kind === 'shared worker') {
        const { port } = Object.assign(new SharedWorker(url, options), { onerror });
        port.postMessage(payment, [port2]);
        return said;
      }
      const { installing } = await navigator.serviceWorker.register(url, options);
      if (installing === null) throw new Error('The service worker is not a new one.');
      installing.postMessage(payment, [port2]);
      return said;
    },
    [from, to, kind, loses] as const,
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

test.each(['worker', 'shared worker', 'service worker'] as const)(
  'what a new %s does again is done once',
  async (kind) => {
    const { page, from, to } = await openShop();
    const first = await payInWorker(page, from, to, kind);
    expect(first).toEqual({ id: expect.any(String), replayed: false });
    expect(await payInWorker(page, from, to, kind)).toEqual({ ...Object(first), replayed: true });
    expect(await balance(page, to)).toBe('2.50');
  },
  60_000,
);

test('what a worker sends again by itself, since the answer was lost, is done once', async () => {
  const { page, from, to } = await openShop();
  expect(await payInWorker(page, from, to, 'worker', 'the first answer')).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);

test('what a worker that never heard the answer does again in another one is done once', async () => {
  const { page, from, to } = await openShop();
  expect(await payInWorker(page, from, to, 'worker', 'every answer')).toBe('unheard');
  expect(await payInWorker(page, from, to, 'worker')).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);
