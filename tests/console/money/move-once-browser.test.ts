/** A payment of the console is executed once, also if the page, the response or the service is lost. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Page } from 'playwright-core';
import { expect, inject, onTestFinished, test } from 'vitest';
import { createLedgerClient } from '../../../src/client/index.ts';
import { makeKey } from '../../server/access/keys.ts';
import { connect, createTestDatabase } from '../../support/database.ts';
import { type ConsoleService, openPage, signIn, startBrowser } from '../support/console.ts';
import {
  again,
  eventually,
  isTransfer,
  openTransfer,
  payButton,
  posted,
  startBooks,
  unexpected,
} from '../support/money.ts';

startBrowser();

/** Pays, and holds the answer of the service back. Returns a function that lets the page have it. */
async function payWithHeldAnswer(page: Page): Promise<() => Promise<void>> {
  const [executed, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  await page.route('**/graphql', async (route) => {
    if (!isTransfer(route.request())) return route.continue();
    const response = await route.fetch();
    executed.resolve();
    await released.promise;
    await route.fulfill({ response });
  });
  await payButton(page).click();
  await executed.promise;
  return async () => {
    const answered = page.waitForResponse((response) => isTransfer(response.request()));
    released.resolve();
    await (await answered).finished();
  };
}

test('a double click pays once', async () => {
  const books = await startBooks();
  const { page, complaints, elsewhere } = await openTransfer(books);
  await payButton(page).dblclick();
  await posted(page).waitFor();
  expect(await books.count()).toBe(1);
  expect(await books.balanceOf(books.alice)).toBe('87.50');
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('two presses in one turn of the page, and Enter pressed twice, pay once', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  await payButton(page).evaluate((element) => {
    const button = element as unknown as { click(): void };
    button.click();
    button.click();
  });
  await posted(page).waitFor();
  expect(await books.count()).toBe(1);
  const { page: other } = await openTransfer(books);
  await payButton(other).waitFor();
  await other.getByLabel('Amount in EUR').press('Enter');
  await other.keyboard.press('Enter');
  await posted(other).waitFor();
  await other.keyboard.press('Enter');
  expect(await books.count()).toBe(2);
});

test('a reload while the request is in flight gets the result of the first request', async () => {
  const books = await startBooks();
  const { page, elsewhere } = await openTransfer(books);
  const executed = Promise.withResolvers<void>();
  await page.route('**/graphql', async (route) => {
    if (!isTransfer(route.request())) return route.continue();
    // The service executes it. Its response never reaches the page.
    await route.fetch();
    executed.resolve();
  });
  await payButton(page).click();
  await executed.promise;
  await page.unroute('**/graphql');
  await page.reload();
  await page.getByText('Its result was not shown').waitFor();
  await eventually(() => page.getByLabel('Amount').isDisabled()).toBe(true);
  expect(await books.count()).toBe(1);
  await again(page).click();
  await posted(page).waitFor();
  await page.getByText('nothing was posted twice').waitFor();
  expect(await books.count()).toBe(1);
  expect(elsewhere).toEqual([]);
});

test('a lost answer locks the values, and a repetition pays once', async () => {
  const books = await startBooks();
  const opened = await openTransfer(books);
  const { page } = opened;
  await payButton(page).waitFor();
  await page.clock.install();
  await page.route('**/graphql', async (route) => {
    if (isTransfer(route.request())) await route.fetch();
    await route.abort();
  });
  await payButton(page).click();
  await eventually(() => books.count()).toBe(1);
  // The client repeats the request until its deadline.
  await eventually(async () => {
    await page.clock.runFor(2_000);
    return page.getByText('The outcome is not known yet').isVisible();
  }).toBe(true);
  await eventually(() => page.getByLabel('Amount').isDisabled()).toBe(true);
  await page.getByText('It is never executed twice').waitFor();
  await page.unroute('**/graphql');
  await again(page).click();
  await posted(page).waitFor();
  expect(await books.count()).toBe(1);
  expect(unexpected(opened)).toEqual([]);
});

test('a duplicate of the tab pays the same draft once', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  await payButton(page).waitFor();
  // Nothing was typed: a link filled the form.
  const kept = await page.evaluate(() => JSON.stringify(sessionStorage));
  const duplicate = await page.context().newPage();
  await duplicate.goto(books.service.url);
  await duplicate.evaluate((text) => {
    for (const [name, value] of Object.entries(JSON.parse(text))) sessionStorage.setItem(name, String(value));
  }, kept);
  await duplicate.goto(page.url());
  await payButton(duplicate).waitFor();
  await Promise.all([payButton(page).click(), payButton(duplicate).click()]);
  await Promise.all([posted(page).waitFor(), posted(duplicate).waitFor()]);
  expect(await books.count()).toBe(1);
  const links = await Promise.all(
    [page, duplicate].map((tab) =>
      tab.getByRole('link', { name: 'Open the transaction' }).getAttribute('href'),
    ),
  );
  expect(links[0]).toBe(links[1]);
});

test('a duplicate of the tab with another amount sends nothing until a new payment is started', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  await payButton(page).waitFor();
  await page.getByLabel('Description').fill('Rent');
  const kept = await page.evaluate(() => JSON.stringify(sessionStorage));
  await payButton(page).click();
  await posted(page).waitFor();
  await page.evaluate((text) => {
    for (const [name, value] of Object.entries(JSON.parse(text))) sessionStorage.setItem(name, String(value));
  }, kept);
  await page.reload();
  await page.getByLabel('Amount in EUR').fill('3');
  const other = page.getByRole('button', { name: 'Transfer 3.00 EUR' });
  await other.click();
  await page.getByText('already sent with other values').waitFor();
  await other.dblclick();
  expect(await books.count()).toBe(1);
  await page.getByRole('button', { name: 'Start a new one' }).click();
  await other.click();
  await page.getByText('Transferred 3.00 EUR.').waitFor();
  expect(await books.count()).toBe(2);
});

test('a payment whose result arrives after the page was left is shown when the form is opened again, and after a reload', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  const release = await payWithHeldAnswer(page);
  await page.getByRole('link', { name: 'Holds' }).click();
  await page.getByRole('heading', { name: 'Holds', level: 1 }).waitFor();
  await release();
  await page.goBack();
  await posted(page).waitFor();
  await page.reload();
  await posted(page).waitFor();
  expect(await payButton(page).count()).toBe(0);
  expect(await books.count()).toBe(1);
  await page.getByRole('button', { name: 'Move more' }).click();
  await page.getByLabel('Amount').waitFor();
});

test('a lost answer is found again although the browser has lost the keys of the client', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  const executed = Promise.withResolvers<void>();
  await page.route('**/graphql', async (route) => {
    if (!isTransfer(route.request())) return route.continue();
    await route.fetch();
    executed.resolve();
  });
  await payButton(page).click();
  await executed.promise;
  await page.unroute('**/graphql');
  // The page itself has the database open.
  await page.goto(`${books.service.url}/schema.graphql`);
  await page.evaluate(
    () =>
      new Promise((resolve, reject) => {
        const request = indexedDB.deleteDatabase('transactional-ledger');
        request.onsuccess = resolve;
        request.onerror = reject;
        request.onblocked = reject;
      }),
  );
  await page.goBack();
  await again(page).click();
  await posted(page).waitFor();
  expect(await books.count()).toBe(1);
});

test('a date without a time is not left out: the browser asks for the rest, and nothing is posted', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  await page.getByRole('main').getByText('More', { exact: true }).click();
  const date = page.getByLabel('Effective date');
  await date.focus();
  await page.keyboard.type('15012026');
  await payButton(page).click();
  await eventually(() => date.evaluate((field) => field === document.activeElement)).toBe(true);
  expect(await books.count()).toBe(0);
  await date.fill('2026-01-15T10:30');
  await payButton(page).click();
  await posted(page).waitFor();
  expect(await books.count()).toBe(1);
});

test('another key of the same tab neither shows nor repeats a payment', async () => {
  const books = await startBooks();
  const { service } = books;
  const keys = await Promise.all(
    ['alice', 'bob'].map(
      async (name) => (await makeKey(service.ledger, { name, scopes: ['READ', 'POST'] })).secret,
    ),
  );
  const { page } = await openPage(service, '/move/transfer');
  const enter = async (secret = '') => {
    await signIn(page, secret);
    await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Move money' }).click();
    await page.getByLabel('Description').waitFor();
  };
  await enter(keys[0]);
  await page.getByLabel('Description').fill('Of Alice');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await enter(keys[1]);
  expect(await page.getByLabel('Description').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await enter(keys[0]);
  expect(await page.getByLabel('Description').inputValue()).toBe('Of Alice');
});

test('sign-out ends a payment that is under way: it is not sent again, and the next sign-in with its key shows it', async () => {
  const books = await startBooks();
  const { service } = books;
  const keys = await Promise.all(
    ['alice', 'bob'].map(
      async (name) => (await makeKey(service.ledger, { name, scopes: ['READ', 'POST'] })).secret,
    ),
  );
  const opened = await openTransfer(books);
  const { page } = opened;
  await signIn(page, keys[0] ?? '');
  const [executed, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  let requests = 0;
  await page.route('**/graphql', async (route) => {
    if (!isTransfer(route.request())) return route.continue();
    requests += 1;
    // The page never gets the answer.
    await route.fetch();
    executed.resolve();
  });
  page.on('requestfailed', (request) => {
    if (isTransfer(request)) ended.resolve();
  });
  await payButton(page).click();
  await executed.promise;
  await page.getByRole('button', { name: 'Sign out' }).click();
  await ended.promise;
  const open = async () => {
    const links = page.getByRole('navigation', { name: 'Pages' });
    await links.getByRole('link', { name: 'Move money' }).click();
    await page.getByRole('link', { name: 'Transfer', exact: true }).click();
  };
  await signIn(page, keys[1] ?? '');
  await open();
  await page.getByLabel('Amount').waitFor();
  expect(await page.getByLabel('Amount').inputValue()).toBe('');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await signIn(page, keys[0] ?? '');
  await open();
  await page.getByText('Its result was not shown').waitFor();
  expect(requests).toBe(1);
  await page.unroute('**/graphql');
  await again(page).click();
  await posted(page).waitFor();
  const admin = createLedgerClient({ url: `${service.url}/graphql`, apiKey: keys[0] ?? '' });
  expect((await admin.account(books.alice))?.balance.amount).toBe('87.50');
  expect(unexpected(opened).filter((text) => !text.includes('401'))).toEqual([]);
});

test('a page that is left while its request is in flight is undecided after the return, and its result does not remove a later draft', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  const release = await payWithHeldAnswer(page);
  await page.getByRole('link', { name: 'Holds' }).click();
  await page.getByRole('link', { name: 'Move money' }).click();
  await page.getByText('Its result was not shown').waitFor();
  await page.getByRole('button', { name: 'Give up this payment' }).click();
  await page.getByRole('dialog').getByText('may have been executed').waitFor();
  await page.getByRole('button', { name: 'Give up and start a new one' }).click();
  await page.getByLabel('Amount').fill('7');
  await release();
  await page.reload();
  await eventually(() => page.getByLabel('Amount').inputValue()).toBe('7');
  expect(await books.count()).toBe(1);
});

test('a payment without a network is sent once the network is back, without a second press', async () => {
  const books = await startBooks();
  const opened = await openTransfer(books);
  const { page } = opened;
  await payButton(page).waitFor();
  await page.context().setOffline(true);
  await page.getByText('Your device is offline').waitFor();
  await payButton(page).click();
  await page.getByRole('button', { name: 'Sending …' }).waitFor();
  expect(await books.count()).toBe(0);
  await page.context().setOffline(false);
  await posted(page).waitFor();
  expect(await books.count()).toBe(1);
  expect(unexpected(opened)).toEqual([]);
});

/** Starts the service in a process of its own. */
async function startChild(databaseUrl: string, port: string): Promise<{ url: string; child: ChildProcess }> {
  const program = join(import.meta.dirname, '../support/service-child.ts');
  const child = spawn(process.execPath, [program, databaseUrl, inject('consoleFolder'), port], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  for await (const url of createInterface({ input: child.stdout })) return { url, child };
  throw new Error('The service did not start');
}

test('a service that is killed in the middle of a payment posts it once after its restart', async () => {
  const database = await createTestDatabase();
  const { url, child } = await startChild(database.serviceUrl, '0');
  const service: ConsoleService = {
    url,
    client: createLedgerClient({ url: `${url}/graphql` }),
    ledger: undefined as never,
    close: async () => undefined,
  };
  const books = await startBooks(service);
  const opened = await openPage(service, `/move/transfer?from=${books.alice}&to=${books.bob}&amount=12.5`);
  const { page } = opened;
  await payButton(page).waitFor();
  // The posting waits for a lock, so that the service is killed while the request is in flight.
  const owner = await connect(database.ownerUrl);
  await owner.query('begin');
  await owner.query('select 1 from accounts for update');
  await payButton(page).click();
  const waiting = `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  await eventually(async () => (await owner.query(waiting)).rowCount).toBeGreaterThan(0);
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  await owner.query('rollback');
  await startChild(database.serviceUrl, new URL(url).port);
  await eventually(async () => {
    if (await again(page).isVisible()) await again(page).click();
    return posted(page).isVisible();
  }).toBe(true);
  expect(await books.count()).toBe(1);
  expect(await books.balanceOf(books.alice)).toBe('87.50');
  expect(unexpected(opened)).toEqual([]);
});
