import type { BrowserContextOptions, Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { type LedgerClient, unwrap } from '../../../src/client/index.ts';
import { makeKey } from '../../server/access/keys.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';
import {
  LOOKS,
  openPage,
  seriousFindings,
  startBrowser,
  startConsole,
  takePicture,
} from '../support/console.ts';

startBrowser();

/** Fills a ledger with customers, shops, payments, a hold and a journal. Returns the ids of the accounts. */
async function fillMarket(client: LedgerClient) {
  const accounts = [];
  for (const [owner, externalId, currency] of [
    ['Jonas Keller', 'customer-jonas', 'EUR'],
    ['Ines Moreau', 'customer-ines', 'EUR'],
    ['Northside Bakery', 'merchant-northside-bakery', 'EUR'],
    ['Marketplace fees', 'fees-eur', 'EUR'],
    ['Ada Koch', 'customer-ada-usd', 'USD'],
  ] as const) {
    accounts.push(unwrap(await client.createAccount({ owner, externalId, currency })).account);
  }
  for (const [accountId, amount] of [
    ['ext:customer-jonas', '1200.00'],
    ['ext:customer-ines', '80.50'],
    ['ext:customer-ada-usd', '310.00'],
  ] as const) {
    unwrap(await client.deposit({ accountId, amount }));
  }
  const [fromAccountId, toAccountId] = ['ext:customer-jonas', 'ext:merchant-northside-bakery'];
  unwrap(await client.transfer({ fromAccountId, toAccountId, amount: '24.50', externalId: 'order-42' }));
  unwrap(await client.placeHold({ fromAccountId, toAccountId, amount: '60.00' }));
  unwrap(
    await client.postTransaction({
      keyAccountId: fromAccountId,
      description: 'Order 43: city atlas',
      externalId: 'order-43',
      effectiveAt: '2026-01-02T12:00:00Z',
      entries: [
        { accountId: fromAccountId, side: 'DEBIT', amount: '48.00' },
        { accountId: toAccountId, side: 'CREDIT', amount: '45.60' },
        { accountId: 'ext:fees-eur', side: 'CREDIT', amount: '2.40' },
      ],
    }),
  );
  return accounts;
}

/** Returns the texts of rows, in which line breaks and the spaces of amounts are plain spaces. */
const textsOf = async (rows: Locator) =>
  (await rows.allInnerTexts()).map((text) => text.replaceAll(/[^\S\t]+/g, ' '));

/** Returns the mark in front of a row. */
const markOf = (row: Locator) =>
  row
    .getByRole('cell')
    .first()
    .evaluate((cell) => getComputedStyle(cell, '::before').content);

const rowsOf = (page: Page, table: string) => page.getByRole('table', { name: table }).getByRole('row');

/** Opens the overview, and signs in. */
async function openWithKey(url: string, secret: string, options?: BrowserContextOptions) {
  const opened = await openPage({ url }, '/', options);
  const { page } = opened;
  await page.getByLabel('API key or token').fill(secret);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  // Without a credential the service responds with 401, which the browser reports.
  return { ...opened, complaintsLater: () => opened.complaints.filter((text) => !text.includes('401')) };
}

test('an empty ledger shows the first steps, and follows what they lead to', async () => {
  const service = await startConsole();
  const { page, complaints, elsewhere } = await openPage(service);
  const start = page.getByRole('region', { name: 'Start here' });
  await start.getByText('npm run ledger -- demo').waitFor();
  await takePicture(page, 'overview-empty-desktop');
  expect(await seriousFindings(page)).toEqual([]);
  for (const [button, owner] of [
    ['Create the first account', 'Alice'],
    ['Create another account', 'Shop'],
  ] as const) {
    await start.getByRole('button', { name: button }).click();
    await page.getByLabel('Owner').fill(owner);
    await page.getByLabel('Currency').fill('eur');
    await page.getByRole('dialog').getByRole('button', { name: 'Create account' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await start.getByText(`${owner} (EUR)`).waitFor();
  }
  await start.getByText('Done').waitFor();
  const [shop, alice] = (await service.client.accounts({ kind: 'STANDARD' }).page()).nodes;
  if (alice === undefined || shop === undefined) throw new Error('the accounts were not created');
  expect(await start.getByRole('link', { name: 'Transfer' }).getAttribute('href')).toBe(
    `/move/transfer?from=${alice.id}&to=${shop.id}`,
  );

  unwrap(await service.client.deposit({ accountId: alice.id, amount: '25.00' }));
  const rows = rowsOf(page, 'Last transactions');
  await expect.poll(() => textsOf(rows), { timeout: 10_000 }).toHaveLength(2);
  expect(await start.count()).toBe(0);
  unwrap(await service.client.transfer({ fromAccountId: alice.id, toAccountId: shop.id, amount: '9.99' }));
  await expect.poll(() => textsOf(rows), { timeout: 10_000 }).toHaveLength(3);
  expect(await rows.nth(1).getByRole('link', { name: 'Alice to Shop' }).count()).toBe(1);
  expect(await markOf(rows.nth(1))).toBe('"New"');
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
}, 60_000);

test('the books, the counts, the last transactions and the head of the chain are shown', async () => {
  const service = await startConsole();
  await fillMarket(service.client);
  const { page, complaints, elsewhere } = await openPage(service, '/', {
    ...LOOKS.desktop,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const books = rowsOf(page, 'Trial balance');
  await expect.poll(() => textsOf(books)).toHaveLength(3);
  expect((await textsOf(books)).map((text) => text.split(/\s*\t\s*/))).toEqual([
    ['Currency', 'Result', 'Debits', 'Credits', 'Held', 'Accounts'],
    ['EUR', 'In balance', '1,280.50', '1,280.50', '60.00', '4'],
    ['USD', 'In balance', '310.00', '310.00', '0.00', '1'],
  ]);
  // The external account of each currency is not counted.
  const accounts = page.getByRole('link', { name: '5', exact: true });
  await accounts.waitFor();
  expect(await accounts.getAttribute('href')).toBe('/accounts');
  const holds = page.getByRole('link', { name: '1', exact: true });
  expect(await holds.getAttribute('href')).toBe('/holds?status=OPEN');

  const head = await service.client.head();
  await page.getByRole('button', { name: 'Copy hash' }).click();
  await page.getByText('Copied').waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(head.hash);

  const rows = rowsOf(page, 'Last transactions');
  expect((await textsOf(rows)).slice(1, 4).map((text) => text.split('\t').slice(0, 3))).toEqual([
    [expect.stringContaining('Jonas Keller to Northside Bakery and 1 other'), 'Journal', '48.00 EUR'],
    [expect.stringContaining('Reserved: Jonas Keller to Northside Bakery'), 'Hold', '60.00 EUR'],
    [expect.stringContaining('Jonas Keller to Northside Bakery'), 'Transfer', '24.50 EUR'],
  ]);
  const [, journal = '', hold = '', transfer = ''] = await textsOf(rows);
  expect(journal).toContain('Order 43: city atlas');
  expect(journal).toContain('Effective 2 Jan 2026, 13:00 CET');
  expect(transfer).toContain('order-42');
  expect(hold).not.toContain('Effective');
  expect(await markOf(rows.nth(1))).toBe('none');
  await rows.nth(3).getByRole('link').click();
  await expect.poll(() => new URL(page.url()).pathname).toMatch(/^\/transactions\/txn_/);
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('books that are out of balance are shown loudly, with the exact difference', async () => {
  const database = await createTestDatabase();
  const service = await startConsole({ on: await openLedger(database) });
  await fillMarket(service.client);
  await asOwner(
    database,
    'set session_replication_role = replica',
    `update accounts set posted = posted + 1 where external_id = 'customer-ines'`,
  );
  const { page } = await openPage(service);
  const alert = page.getByRole('alert');
  await alert.waitFor();
  expect((await textsOf(alert))[0]).toContain('Out of balance by -0.01 EUR');
  expect((await textsOf(rowsOf(page, 'Trial balance')))[2]).toContain('In balance');
  expect(await page.getByText('Out of balance', { exact: true }).count()).toBe(2);
  expect(await seriousFindings(page)).toEqual([]);
  await takePicture(page, 'overview-fault-desktop');
});

describe('what a key permits:', () => {
  test('a reader is offered no change', async () => {
    const service = await startConsole();
    await fillMarket(service.client);
    const { secret } = await makeKey(service.ledger, { scopes: ['READ'] });
    const { page, complaintsLater } = await openWithKey(service.url, secret);
    await expect.poll(() => rowsOf(page, 'Last transactions').count()).toBe(7);
    expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(0);
    expect(await page.getByRole('link', { name: 'Move money' }).count()).toBe(0);
    expect(complaintsLater()).toEqual([]);
  });

  test('a caller restricted to an owner sees own accounts and their balances', async () => {
    const service = await startConsole();
    await fillMarket(service.client);
    const { secret } = await makeKey(service.ledger, { scopes: ['READ', 'POST'], owner: 'Jonas Keller' });
    const { page, complaintsLater } = await openWithKey(service.url, secret, LOOKS.phone);
    const rows = rowsOf(page, 'Accounts of Jonas Keller');
    await expect.poll(() => textsOf(rows)).toHaveLength(2);
    expect((await textsOf(rows))[1]).toContain('1,127.50 EUR');
    expect(await page.getByText('Trial balance').count()).toBe(0);
    expect(await page.getByRole('main').getByRole('link', { name: 'Move money' }).count()).toBe(1);
    expect(await seriousFindings(page)).toEqual([]);
    await takePicture(page, 'overview-restricted-phone');
    expect(complaintsLater()).toEqual([]);
  });

  test('a caller who may not read sees what it may do', async () => {
    const service = await startConsole();
    const { secret } = await makeKey(service.ledger, { scopes: ['POST', 'MANAGE'] });
    const { page, complaintsLater } = await openWithKey(service.url, secret);
    await page.getByText('Its scopes are POST, MANAGE.').waitFor();
    expect(await page.getByRole('listitem').filter({ hasText: 'Create accounts' }).count()).toBe(1);
    expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(1);
    expect(await seriousFindings(page)).toEqual([]);
    await takePicture(page, 'overview-without-reading-desktop');
    await page.getByRole('main').getByRole('link', { name: 'Move money' }).first().click();
    await page.getByText('The account id, or ext: and the external id').first().waitFor();
    expect(complaintsLater()).toEqual([]);
  });
});

test('a service that cannot be reached leaves what was read, and is read again on request', async () => {
  const service = await startConsole();
  await fillMarket(service.client);
  const { page } = await openPage(service);
  const rows = rowsOf(page, 'Last transactions');
  await expect.poll(() => rows.count()).toBe(7);
  await page.route('**/graphql', (route) => route.abort());
  const latest = page.getByRole('region', { name: 'Last transactions' }).first();
  await latest.getByText('The service cannot be reached.').waitFor({ timeout: 20_000 });
  expect(await rows.count()).toBe(7);
  await takePicture(page, 'overview-offline-desktop');
  await page.unroute('**/graphql');
  await latest.getByRole('button', { name: 'Try again' }).click();
  await latest.getByText('The service cannot be reached.').waitFor({ state: 'detached' });
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  await fillMarket(service.client);
  const { page, complaints } = await openPage(service, '/', look);
  await expect.poll(() => rowsOf(page, 'Last transactions').count()).toBe(7);
  await page.getByRole('button', { name: 'Copy hash' }).waitFor();
  await rowsOf(page, 'Trial balance').first().waitFor();
  await takePicture(page, `overview-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.viewport.width);
  expect(complaints).toEqual([]);
});
