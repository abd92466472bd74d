import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import {
  LOOKS,
  openPage,
  seriousFindings,
  startBrowser,
  startConsole,
  takePicture,
} from '../support/console.ts';
import { makeShop } from '../support/shop.ts';

startBrowser();

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });
const focused = (page: Page) => page.evaluate(() => document.activeElement?.textContent);

test('a new page begins with its heading, at its top, with its title; back and forward lead through the pages', async () => {
  const service = await startConsole();
  for (let number = 0; number < 30; number += 1) {
    unwrap(await service.client.createAccount({ owner: `Owner ${number}`, currency: 'EUR' }));
  }
  const { page, complaints, elsewhere } = await openPage(service, '/accounts');
  await page.getByRole('button', { name: 'Older' }).waitFor();
  expect(await page.title()).toBe('Accounts · Ledger');
  await page.evaluate(() => scrollTo(0, 400));
  // With another query the page stays where it is.
  await page.getByRole('button', { name: 'Older' }).focus();
  const before = await page.evaluate(() => scrollY);
  expect(before).toBeGreaterThan(100);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url()).toContain('after=');
  expect(await focused(page)).toBe('Older');
  await page.goBack();
  await expect.poll(() => page.url()).not.toContain('after=');
  await page.evaluate(() => scrollTo(0, 400));
  await page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Admin' }).click();
  await heading(page, 'Admin').waitFor();
  expect(await focused(page)).toBe('Admin');
  expect(await page.evaluate(() => scrollY)).toBe(0);
  expect(await page.title()).toBe('API keys · Ledger');
  await page.goBack();
  await heading(page, 'Accounts').waitFor();
  expect(await focused(page)).toBe('Accounts');
  await page.goForward();
  await heading(page, 'Admin').waitFor();
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('back and forward lead through filters: the fields and the rows are those of the address', async () => {
  const service = await startConsole();
  const shop = await makeShop(service);
  unwrap(await service.client.freezeAccount(shop.alice));
  const { page, complaints } = await openPage(service, '/transactions');
  const find = page.getByRole('button', { name: 'Find', exact: true });
  const rows = page.locator('main tbody tr');
  const deposits = page.getByRole('checkbox', { name: 'Deposit' });
  await deposits.check();
  await find.click();
  await expect.poll(() => rows.count()).toBe(1);
  await deposits.uncheck();
  await page.getByLabel('Metadata').fill('order=7');
  await find.click();
  await page.getByRole('link', { name: /^Journal/ }).waitFor();
  await page.goBack();
  await expect.poll(() => deposits.isChecked()).toBe(true);
  expect(await page.getByLabel('Metadata').inputValue()).toBe('');
  await page.getByRole('link', { name: /^Deposit/ }).waitFor();
  await page.goBack();
  await expect.poll(() => deposits.isChecked()).toBe(false);
  await expect.poll(() => rows.count()).toBe(7);
  await page.goForward();
  await page.goForward();
  await expect.poll(() => page.getByLabel('Metadata').inputValue()).toBe('order=7');
  await expect.poll(() => rows.count()).toBe(1);

  for (const [path, field, value] of [
    ['/holds', 'Status', 'VOIDED'],
    [`/accounts/${shop.alice}?layer=POSTED`, 'Layer', 'PENDING'],
    ['/admin/audit', 'Find by', 'action'],
  ] as const) {
    await page.goto(`${service.url}${path}`);
    const select = page.getByLabel(field, { exact: true });
    const before = await select.inputValue();
    await select.selectOption(value);
    await find.click();
    await expect.poll(() => page.url()).toContain(value);
    expect(await focused(page), path).toBe('Find');
    await page.goBack();
    await expect.poll(() => select.inputValue(), { message: path }).toBe(before);
    await page.goForward();
    await expect.poll(() => select.inputValue(), { message: path }).toBe(value);
  }
  expect(complaints).toEqual([]);
});

test('the first key skips to the page', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/accounts?owner=Ana');
  await heading(page, 'Accounts').waitFor();
  await page.keyboard.press('Tab');
  expect(await focused(page)).toBe('Skip to the page');
  await page.keyboard.press('Enter');
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
  expect(page.url()).toContain('/accounts?owner=Ana');
  await page.keyboard.press('Tab');
  expect(await page.evaluate(() => document.querySelector('main')?.contains(document.activeElement))).toBe(
    true,
  );
});

test('the field finds a thing by its id or external id, and offers a choice where several have it', async () => {
  const service = await startConsole();
  const { client } = service;
  const { account } = unwrap(
    await client.createAccount({ owner: 'Ana', currency: 'EUR', externalId: 'order-7' }),
  );
  const { transaction } = unwrap(
    await client.deposit({
      accountId: account.id,
      amount: '5.00',
      externalId: 'order-7',
      description: 'Order 7',
    }),
  );
  unwrap(await client.deposit({ accountId: account.id, amount: '1.00', externalId: '50%/a' }));
  const { page, complaints } = await openPage(service, '/accounts');
  const field = page.getByRole('searchbox', { name: 'Find by id or external id' });
  await field.fill('order-7');
  await field.press('Enter');
  const choice = page.getByRole('search').first();
  await choice.getByText('2 things have this external id').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await takePicture(page, 'frame-find');
  await page.keyboard.press('Escape');
  expect(await choice.getByRole('link').count()).toBe(0);
  await field.fill('order-7');
  await field.press('Enter');
  await choice.getByRole('link', { name: 'Transaction Order 7' }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url()).toContain(`/accounts/${account.id}`);
  await field.fill(transaction.id);
  await field.press('Enter');
  await expect.poll(() => page.url()).toContain(`/transactions/${transaction.id}`);
  await field.fill('50%/a');
  await field.press('Enter');
  await expect.poll(() => page.url()).not.toContain(transaction.id);
  await field.fill('nothing');
  await field.press('Enter');
  await page.getByText('Nothing has the id or external id nothing.').waitFor();
  await field.fill('txn_nothing');
  await field.press('Enter');
  await page.getByText('Nothing has the id or external id txn_nothing.').waitFor();
  expect(await choice.getByRole('link').count()).toBe(0);
  await field.fill('Ana');
  await field.press('Enter');
  await choice.getByRole('link', { name: 'Search accounts whose external id begins with Ana' }).waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await takePicture(page, 'frame-find-nothing');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url()).toBe(`${service.url}/accounts?owner=Ana`);
  await page.getByRole('link', { name: 'Ana, order-7' }).waitFor();
  await field.fill('order=7');
  await field.press('Enter');
  await choice.getByRole('link', { name: 'Search transactions with the metadata order=7' }).click();
  await expect.poll(() => page.url()).toBe(`${service.url}/transactions?metadata=order%3D7`);
  expect(complaints).toEqual([]);
});

test('a search that fails says what to do, and is repeated on request', async () => {
  const service = await startConsole();
  const { client } = service;
  const { account } = unwrap(
    await client.createAccount({ owner: 'Ana', currency: 'EUR', externalId: 'ana' }),
  );
  const { page } = await openPage(service, '/admin/ledgers');
  await page.route('**/graphql', (route) =>
    route.request().postData()?.includes('query Found') === true ? route.abort() : route.fallback(),
  );
  const field = page.getByRole('searchbox', { name: 'Find by id or external id' });
  await field.fill('ana');
  await field.press('Enter');
  const search = page.getByRole('search');
  await search.getByText('Check that it runs and that you are connected').waitFor({ timeout: 20_000 });
  await takePicture(page, 'frame-find-failed');
  await page.unroute('**/graphql');
  await search.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => page.url()).toBe(`${service.url}/accounts/${account.id}`);
});

test('without a network the page says so and keeps what it has', async () => {
  const service = await startConsole();
  unwrap(await service.client.createAccount({ owner: 'Ana', currency: 'EUR' }));
  const { page } = await openPage(service, '/accounts');
  await page.getByRole('link', { name: 'Ana (EUR)' }).waitFor();
  await page.context().setOffline(true);
  await page.getByText('Your device is offline.').waitFor();
  expect(await page.getByRole('link', { name: 'Ana (EUR)' }).count()).toBe(1);
  expect(await seriousFindings(page)).toEqual([]);
  await page.context().setOffline(false);
  await expect.poll(() => page.getByText('Your device is offline.').count()).toBe(0);
});

test('a page that fails to render is replaced by an error; the frame stays, and a reload shows the page', async () => {
  const service = await startConsole();
  unwrap(await service.client.createAccount({ owner: 'Ana', currency: 'EUR' }));
  const { page, complaints } = await openPage(service, '/admin/keys');
  await heading(page, 'Admin').waitFor();
  // A browser without a part of the standard library, until it is loaded again.
  await page.evaluate(() => {
    Object.defineProperty(Intl.NumberFormat.prototype, 'format', {
      get: () => {
        throw new Error('The browser has no number format.');
      },
    });
  });
  await page.getByRole('link', { name: 'Accounts' }).click();
  await heading(page, 'This page has an error').waitFor();
  expect(await page.getByRole('navigation', { name: 'Pages' }).count()).toBe(1);
  expect(complaints.join()).toContain('A page failed to render');
  expect(await seriousFindings(page)).toEqual([]);
  await takePicture(page, 'frame-error');
  await page.getByRole('link', { name: 'Admin' }).click();
  await heading(page, 'Admin').waitFor();
  await page.goBack();
  await heading(page, 'This page has an error').waitFor();
  await page.getByRole('button', { name: 'Reload' }).click();
  await page.getByRole('link', { name: 'Ana (EUR)' }).waitFor();
});

test('an address without a page says so, with links, in the console and outside of it', async () => {
  const service = await startConsole();
  const { page, complaints } = await openPage(service, '/admin/nothing');
  await heading(page, 'Page not found').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByRole('main').getByRole('link', { name: 'Accounts' }).click();
  await heading(page, 'Accounts').waitFor();
  expect(complaints).toEqual([]);
  await page.goto(`${service.url}/accounts/a/b/nonsense`);
  await page.getByText('Not found').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByRole('link', { name: 'the console' }).click();
  await heading(page, 'Overview').waitFor();
});

test.each([LOOKS.phone, LOOKS['phone-dark']])(
  'on a phone every section is reached without scrolling sideways',
  async (look) => {
    const service = await startConsole();
    const { page, complaints } = await openPage(service, '/accounts', look);
    await heading(page, 'Accounts').waitFor();
    const sections = page.getByRole('navigation', { name: 'Pages' });
    expect(await sections.getByRole('link').allInnerTexts()).toEqual([
      'Overview',
      'Accounts',
      'Transactions',
      'Move money',
    ]);
    const more = sections.getByRole('button', { name: 'More' });
    await more.tap();
    expect(await sections.getByRole('link').allInnerTexts()).toEqual([
      'Overview',
      'Accounts',
      'Transactions',
      'Move money',
      'Holds',
      'Admin',
      'GraphiQL',
    ]);
    expect(await seriousFindings(page)).toEqual([]);
    await takePicture(page, `frame-more-${look.colorScheme}`);
    await page.keyboard.press('Escape');
    expect(await more.getAttribute('aria-expanded')).toBe('false');
    expect(await focused(page)).toBe('More');
    await page.keyboard.press('Enter');
    await sections.getByRole('link', { name: 'Admin' }).tap();
    await heading(page, 'Admin').waitFor();
    expect(await more.getAttribute('aria-expanded')).toBe('false');
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('header :is(a, button, select, input), nav :is(a, button)')]
        .filter((element) => element.checkVisibility() && element.className !== 'skip')
        .map((element) => ({ text: element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.height < 32 || box.left < 0 || box.right > 390)
        .map(({ text }) => text),
    );
    expect(small).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
      look.viewport.width,
    );
    expect(await page.getByText('Times are in the zone Europe/Berlin.').count()).toBe(1);
    expect(complaints).toEqual([]);
  },
);
