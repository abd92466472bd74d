/** Tabs, keys and ledgers of one browser do not mix. */
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { createKey, ledgerIdOf } from '../../support/access.ts';
import { type ConsoleService, openPage, startBrowser, startConsole } from '../support/console.ts';
import { again, eventually, isTransfer, payButton, posted, startBooks } from '../support/money.ts';

startBrowser();

const SCOPES = ['READ', 'POST', 'MANAGE'] as const;

async function enter(page: Page, secret: string): Promise<void> {
  await page.getByLabel('API key or token').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
}

/** A service with the accounts of Alice and Bob, which then demands keys. */
async function startKeyedBooks() {
  const service: ConsoleService = await startConsole();
  const books = await startBooks(service);
  const { access } = service.ledger.engine;
  const key = async (name: string) =>
    (await createKey(access, await ledgerIdOf(access), { name, scopes: SCOPES, allLedgers: true })).secret;
  const keys = { ana: await key('Ana'), ben: await key('Ben') };
  const payers = async () => {
    const response = await fetch(`${service.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${keys.ana}` },
      body: JSON.stringify({
        query: '{ transactions(filter: { types: [TRANSFER] }) { nodes { actor { name } } } }',
      }),
    });
    const { data } = (await response.json()) as {
      data: { transactions: { nodes: { actor: { name: string } }[] } };
    };
    return data.transactions.nodes.map(({ actor }) => actor.name).toSorted();
  };
  const link = `/move/transfer?from=${books.alice}&to=${books.bob}&amount=12.5`;
  return { service, books, keys, link, payers, access };
}

test('two tabs with different keys pay the same amount at the same time, each under its own name', async () => {
  const { service, keys, link, payers } = await startKeyedBooks();
  const { page: ana, elsewhere } = await openPage(service, link);
  const ben = await ana.context().newPage();
  await ben.goto(ana.url());
  await enter(ana, keys.ana);
  await enter(ben, keys.ben);
  for (const [tab, name] of [
    [ana, 'Ana'],
    [ben, 'Ben'],
  ] as const) {
    await tab.locator('.who').getByText(name).waitFor();
    await payButton(tab).waitFor();
  }
  await Promise.all([ana, ben].map((tab) => payButton(tab).click()));
  await Promise.all([ana, ben].map((tab) => posted(tab).waitFor()));
  expect(await payers()).toEqual(['Ana', 'Ben']);
  // The end of one session does not end the other.
  await ana.getByRole('button', { name: 'Sign out' }).click();
  await ana.getByLabel('API key or token').waitFor();
  await ben.getByRole('link', { name: 'Transactions' }).click();
  await ben
    .getByRole('link', { name: /^Transfer/ })
    .first()
    .waitFor();
  expect(elsewhere).toEqual([]);
});

test('a switch of ledgers while a payment is sent neither shows it in the other ledger nor sends it again', async () => {
  const { service, books, keys, payers, access } = await startKeyedBooks();
  await ledgerIdOf(access, 'eu');
  const { page, elsewhere } = await openPage(service, '/move/transfer');
  await enter(page, keys.ana);
  await page.getByLabel('From account').fill(books.alice);
  await page.getByLabel('To account').fill(books.bob);
  await page.getByLabel('Amount').fill('12.5');
  await payButton(page).waitFor();
  const [executed, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const ledgers: (string | undefined)[] = [];
  await page.route('**/graphql', async (route) => {
    if (!isTransfer(route.request())) return route.fallback();
    ledgers.push(route.request().headers()['x-ledger']);
    const response = await route.fetch();
    executed.resolve();
    await released.promise;
    // The page may have given the request up.
    await route.fulfill({ response }).catch(() => undefined);
  });
  await payButton(page).click();
  await executed.promise;
  await page.getByLabel('Ledger', { exact: true }).selectOption('eu');
  await page.getByText('This ledger has no transactions yet.').waitFor();
  await page.getByRole('link', { name: 'Move money' }).first().click();
  await page.getByLabel('From account').waitFor();
  expect(await page.getByLabel('From account').inputValue()).toBe('');
  expect(await page.getByText('Its result was not shown').count()).toBe(0);
  released.resolve();
  await page.getByLabel('Ledger', { exact: true }).selectOption('main');
  await page.getByRole('link', { name: 'Move money' }).first().click();
  await eventually(async () => {
    if (await again(page).isVisible()) await again(page).click();
    return posted(page).isVisible();
  }).toBe(true);
  expect(await payers()).toEqual(['Ana']);
  expect(new Set(ledgers)).toEqual(new Set(['main']));
  expect(elsewhere).toEqual([]);
});
