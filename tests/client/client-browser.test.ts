import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Browser, type Page, chromium as playwright, type Request } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import { createLedgerClient, type LedgerClient, unwrap } from '../../src/client/index.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';
import { installClient } from './packed.ts';

// With this variable the package unpacks the libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

declare global {
  interface Window {
    /** The client that the page's script creates. */
    readonly ledger: LedgerClient;
    /** Creates a client of another service, or with other options. */
    readonly clientOf: (url: string, options?: object) => LedgerClient;
  }
}

const { project, installed } = await installClient();
const imports = await readImports();
const shop = createServer(async ({ url = '/' }, response) => {
  const script = { 'content-type': 'text/javascript' };
  if (/^\/(\?\w+)?$/.test(url)) response.writeHead(200, { 'content-type': 'text/html' }).end(shopPage());
  else if (url.startsWith('/worker.js?')) response.writeHead(200, script).end(workerModule());
  else if (/^\/node_modules\/[\w/-]+\.js$/.test(url)) {
    const code = await readFile(join(project, url)).catch(() => null);
    response.writeHead(code === null ? 404 : 200, script).end(code);
  } else response.writeHead(404).end();
});
shop.listen(0, '127.0.0.1');
await once(shop, 'listening');
const shopPort = (shop.address() as AddressInfo).port;
const shopUrl = `http://127.0.0.1:${shopPort}`;
/** The same shop with a host name whose pages are not secure and have no Web Locks. */
const insecureUrl = `http://shop.test:${shopPort}`;
/** The same shop with an origin that the service does not allow. */
const forbiddenUrl = `http://forbidden.test:${shopPort}`;

const database = await createTestDatabase();
const service = await startServiceProcess({
  DATABASE_URL: database.serviceUrl,
  CORS_ORIGINS: `${shopUrl},${insecureUrl}`,
});

let browser: Browser;
beforeAll(async () => {
  browser = await playwright.launch({
    // The package's default arguments run one process with one localStorage for all contexts.
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu', '--host-resolver-rules=MAP *.test 127.0.0.1'],
    executablePath: await chromium.executablePath(),
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  shop.close();
  await service.stop();
  await expectSoundBooks(database);
});

/** Returns the URL of each export of the package, as a bundler resolves it. */
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
  import { createLedgerClient, indexedDBStore } from 'transactional-ledger/client';
  const keyStore = location.search === '?indexedDB' ? indexedDBStore('shop') : localStorage;
  window.clientOf = (url, options) => createLedgerClient({ url, keyStore, ...options });
  window.ledger = window.clientOf(${JSON.stringify(service.graphqlUrl)});
</script>`;

/**
 * A module for workers of every kind, which have neither import maps nor localStorage. It makes the payment of a message, loses the
 * responses that the message names, and sends the result to the message's port.
 */
const workerModule = () => `
import { createLedgerClient, indexedDBStore } from ${JSON.stringify(imports['transactional-ledger/client'])};

const keyStore = indexedDBStore('shop');
const ledger = createLedgerClient({ url: ${JSON.stringify(service.graphqlUrl)}, keyStore });

function loseResponses(loses, port) {
  const { fetch } = self;
  self.fetch = async (...request) => {
    await fetch(...request);
    if (loses === 'every response') {
      port.postMessage('lost');
      return new Promise(() => {});
    }
    self.fetch = fetch;
    throw new TypeError('The response is lost.');
  };
}

async function pay({ input, loses }, port) {
  if (loses !== 'no response') loseResponses(loses, port);
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

/** Opens the shop in a browser context of its own, with two accounts, the first of which has 10.00 USD. */
async function openShop(url = shopUrl): Promise<{ page: Page; from: string; to: string }> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
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

/** Makes the page pay 2.50 USD under the same intent each time. */
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

interface TimedPayment {
  readonly from: string;
  readonly to: string;
  readonly intent: string;
  readonly startsAt: number;
}

/** Makes the page pay 0.10 USD at a point in time. */
function payAt(page: Page, payment: TimedPayment) {
  return page.evaluate(async ({ from, to, intent, startsAt }) => {
    while (Date.now() < startsAt) {
      // A timer would be less exact.
    }
    const input = { fromAccountId: from, toAccountId: to, amount: '0.10' };
    const paid = await window.ledger.transfer(input, { intent });
    if (paid.__typename !== 'TransactionPosted') throw new Error(paid.message);
    return { id: paid.transaction.id, replayed: paid.replayed };
  }, payment);
}

type WorkerKind = 'worker' | 'shared worker' | 'service worker';
type Loss = 'no response' | 'the first response' | 'every response';

/** Makes a new worker of the page pay as `pay` does, and returns its first message. Then terminates a dedicated worker. */
function payInWorker(page: Page, from: string, to: string, kind: WorkerKind, loses: Loss = 'no response') {
  return page.evaluate(
    async ([fromAccountId, toAccountId, kind, loses]) => {
      const url = `/worker.js?${crypto.randomUUID()}`;
      const options = { type: 'module' } as const;
      const payment = { input: { fromAccountId, toAccountId, amount: '2.50' }, loses };
      const { port1, port2 } = new MessageChannel();
      const { promise: message, resolve, reject } = Promise.withResolvers<unknown>();
      port1.onmessage = ({ data }) => resolve(data);
      const onerror = () => reject(new Error('The worker does not start.'));
      if (kind === 'worker') {
        const worker = Object.assign(new Worker(url, options), { onerror });
        worker.postMessage(payment, [port2]);
        return message.finally(() => worker.terminate());
      }
      if (kind === 'shared worker') {
        const { port } = Object.assign(new SharedWorker(url, options), { onerror });
        port.postMessage(payment, [port2]);
        return message;
      }
      const { installing } = await navigator.serviceWorker.register(url, options);
      if (installing === null) throw new Error('The service worker is not a new one.');
      installing.postMessage(payment, [port2]);
      return message;
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

test('a payment that a page repeats after a reload is made once, until its intent is forgotten', async () => {
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

test('a payment that a page repeats without having received the response is made once', async () => {
  const { page, from, to } = await openShop();
  await page.evaluate(() => {
    const { fetch } = window;
    window.fetch = async (...request) => {
      await fetch(...request);
      return new Promise<never>(() => {});
    };
  });
  const received = page.waitForResponse((response) => isTransfer(response.request()));
  const lost = expect(pay(page, from, to)).rejects.toThrow('navigation');
  await received;
  await page.reload();
  await lost;

  expect(await pay(page, from, to)).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);

test('a payment that two tabs make at once is made once', async () => {
  const { page, from, to } = await openShop();
  // Each tab reads the store before the other has written.
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

test.each([
  ['localStorage', insecureUrl],
  ['IndexedDB', `${insecureUrl}/?indexedDB`],
  ['IndexedDB, on a secure page', `${shopUrl}/?indexedDB`],
])(
  '40 payments that two tabs make at once are made once each, without Web Locks: %s',
  async (_, url) => {
    const { page, from, to } = await openShop(url);
    const other = await page.context().newPage();
    await other.goto(url);
    for (const tab of [page, other]) {
      const isSecure = await tab.evaluate(() => isSecureContext && navigator.locks !== undefined);
      expect(isSecure).toBe(url.startsWith(shopUrl));
    }
    for (let round = 0; round < 40; round += 1) {
      const payment = { from, to, intent: `round-${round}`, startsAt: Date.now() + 30 };
      const [one, two] = await Promise.all([payAt(page, payment), payAt(other, payment)]);
      expect(one.id).toBe(two.id);
      expect([one.replayed, two.replayed].toSorted()).toEqual([false, true]);
    }
    expect(await balance(page, to)).toBe('4.00');
    expect(await balance(page, from)).toBe('6.00');
  },
  60_000,
);

test('a page with neither Web Locks nor IndexedDB cannot create a client with localStorage', async () => {
  const page = await browser.newPage();
  await page.addInitScript(() => Object.defineProperty(globalThis, 'indexedDB', { value: undefined }));
  const [error] = await Promise.all([page.waitForEvent('pageerror'), page.goto(insecureUrl)]);
  expect(error.message).toContain('no Web Locks');
  expect(error.message).toContain('keyStore');
  await page.close();
}, 60_000);

/** Returns the errors of a page's query and payment, and the time until both have failed. */
function failIn(page: Page, url: string, options: object = {}) {
  return page.evaluate(
    async ([url, options]) => {
      const since = performance.now();
      const client = window.clientOf(url, options);
      const query = await client.account('ext:alice').catch(String);
      const payment = { fromAccountId: 'ext:alice', toAccountId: 'ext:bob', amount: '2.50' };
      const mutation = await client.transfer(payment).catch(String);
      return { query: String(query), mutation: String(mutation), tookMs: performance.now() - since };
    },
    [url, options] as const,
  );
}

test.each([
  ['the page’s origin', forbiddenUrl, {}],
  ['a header', shopUrl, { headers: { 'x-trace': '1' } }],
])(
  'a service that does not allow %s is not retried, and the error says what to change',
  async (_, shop, options) => {
    const page = await browser.newPage();
    await page.goto(shop);
    const sent: string[] = [];
    page.on('request', (request) => sent.push(request.method()));
    const { query, mutation, tookMs } = await failIn(page, service.graphqlUrl, options);
    for (const error of [query, mutation]) {
      expect(error).toContain(`Add ${shop} to the service's CORS_ORIGINS`);
      expect(error).toContain('omit the option headers');
    }
    expect(query).toMatch(/^Unreachable: .* after 1 attempt\./);
    expect(mutation).toMatch(/^OutcomeUnknown: .* after 1 attempt\./);
    expect(tookMs).toBeLessThan(5000);
    // For each call: the request, the check whether the service is reachable, and the harmless query.
    expect(sent.filter((method) => method !== 'OPTIONS')).toEqual([
      'POST',
      'HEAD',
      'POST',
      'POST',
      'HEAD',
      'POST',
    ]);
    await page.close();
  },
  60_000,
);

test('a page sends its key and ledger, and sees why the service rejects them', async () => {
  const keyedDatabase = await createTestDatabase();
  const keyed = await startServiceProcess({
    DATABASE_URL: keyedDatabase.serviceUrl,
    CORS_ORIGINS: shopUrl,
  });
  const open = createLedgerClient({ url: keyed.graphqlUrl });
  unwrap(await open.createAccount({ owner: 'alice', currency: 'USD', externalId: 'alice' }));
  const { secret } = unwrap(await open.createApiKey({ name: 'page', scopes: ['READ'] }));
  const page = await browser.newPage();
  await page.goto(shopUrl);
  const ownerBy = (options: object) =>
    page.evaluate(
      async ([url, options]) => {
        const read = window.clientOf(url, options).account('ext:alice');
        return read.then((account) => account?.owner, String);
      },
      [keyed.graphqlUrl, options] as const,
    );
  const key = { apiKey: secret, ledger: 'main' };
  // The first response of a page is a rejection, which the page can read.
  expect(await ownerBy({ ...key, apiKey: secret.slice(0, -43) + 'A'.repeat(43) })).toMatch(
    /^UnauthenticatedError: .*unknown/,
  );
  expect(await ownerBy({})).toMatch(/^UnauthenticatedError: .*has no API key/);
  expect(await ownerBy(key)).toBe('alice');
  expect(await ownerBy({ ...key, ledger: 'other' })).toMatch(/^PermissionDenied: /);
  await page.close();
  expect(await keyed.stop()).toBe(0);
  await expectSoundBooks(keyedDatabase);
}, 60_000);

test('a service that is down is retried until the deadline', async () => {
  const gone = createServer().listen(0, '127.0.0.1');
  await once(gone, 'listening');
  const { port } = gone.address() as AddressInfo;
  gone.close();
  const page = await browser.newPage();
  await page.goto(shopUrl);
  const { query, mutation } = await failIn(page, `http://127.0.0.1:${port}/graphql`, { deadlineMs: 1500 });
  for (const error of [query, mutation]) {
    expect(error).toMatch(/ [2-9]\d* attempts\. .* failed: /);
    expect(error).not.toContain('CORS');
  }
  await page.close();
}, 60_000);

test('a page retries when its first response is lost', async () => {
  const { page, from, to } = await openShop();
  await page.reload();
  await page.evaluate(() => {
    const { fetch } = window;
    let requests = 0;
    window.fetch = async (...request) => {
      requests += 1;
      const isFirst = requests === 1;
      const response = await fetch(...request);
      if (isFirst) throw new TypeError('Failed to fetch');
      return response;
    };
  });
  expect(await pay(page, from, to)).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);

test('a path is resolved against the page’s origin, where the shop returns 404', async () => {
  const page = await browser.newPage();
  await page.goto(shopUrl);
  const { query, mutation } = await failIn(page, '/graphql');
  for (const error of [query, mutation]) {
    expect(error).toContain('status 404');
    expect(error).toContain(`Is ${shopUrl}/graphql the GraphQL endpoint?`);
  }
  const made = page.evaluate(() => void window.clientOf('graphql'));
  await expect(made).rejects.toThrow('is not a URL');
  await page.close();
}, 60_000);

test.each(['worker', 'shared worker', 'service worker'] as const)(
  'a payment that a new %s repeats is made once',
  async (kind) => {
    const { page, from, to } = await openShop();
    const first = await payInWorker(page, from, to, kind);
    expect(first).toEqual({ id: expect.any(String), replayed: false });
    expect(await payInWorker(page, from, to, kind)).toEqual({ ...Object(first), replayed: true });
    expect(await balance(page, to)).toBe('2.50');
  },
  60_000,
);

test('a payment that a worker retries because the response was lost is made once', async () => {
  const { page, from, to } = await openShop();
  expect(await payInWorker(page, from, to, 'worker', 'the first response')).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);

test('a payment that a worker repeats after another one lost the response is made once', async () => {
  const { page, from, to } = await openShop();
  expect(await payInWorker(page, from, to, 'worker', 'every response')).toBe('lost');
  expect(await payInWorker(page, from, to, 'worker')).toMatchObject({ replayed: true });
  expect(await balance(page, to)).toBe('2.50');
}, 60_000);
