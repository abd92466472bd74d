import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { makeKey } from '../../server/access/keys.ts';
import {
  type ConsoleService,
  LOOKS,
  openPage,
  seriousFindings,
  startBrowser,
  startConsole,
  takePicture,
} from '../support/console.ts';

startBrowser();

const rowsOf = (page: Page) => page.getByRole('table', { name: 'Accounts' }).getByRole('row');

/** Creates accounts of people and shops, with money in some, and returns their ids. */
async function fillAccounts({ client }: Pick<ConsoleService, 'client'>): Promise<readonly string[]> {
  const ids: string[] = [];
  for (const [owner, currency, externalId] of [
    ['Jonas Keller', 'EUR', 'customer-jonas'],
    ['Ada Koch', 'EUR', 'customer-ada'],
    ['Ada Koch', 'USD', 'customer-ada-usd'],
    ['Northside Bakery', 'EUR', 'merchant-northside-bakery'],
  ] as const) {
    const { account } = unwrap(await client.createAccount({ owner, currency, externalId }));
    ids.push(account.id);
  }
  unwrap(await client.deposit({ accountId: 'ext:customer-jonas', amount: '1200.00' }));
  unwrap(await client.deposit({ accountId: 'ext:customer-ada-usd', amount: '310.50' }));
  unwrap(await client.freezeAccount('ext:customer-ada'));
  return ids;
}

async function openDialog(page: Page) {
  await page.getByRole('button', { name: 'Create account' }).click();
  const dialog = page.getByRole('dialog', { name: 'Create account' });
  await dialog.waitFor();
  return { dialog, submit: dialog.getByRole('button', { name: 'Create account' }) };
}

const pathOf = (page: Page) => decodeURIComponent(new URL(page.url()).pathname);

describe('the list', () => {
  test('has the standard accounts, newest first, and finds them by their owner', async () => {
    const service = await startConsole();
    await fillAccounts(service);
    const { page, complaints, elsewhere } = await openPage(service, '/accounts');
    const rows = rowsOf(page);
    await expect.poll(() => rows.count()).toBe(5);
    expect((await rows.allInnerTexts())[1]).toContain('Northside Bakery');
    await page.getByLabel('Owner').fill('Ada Koch');
    await page.getByLabel('Status').selectOption('Frozen');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await expect.poll(() => rows.count()).toBe(2);
    expect((await rows.allInnerTexts())[1]).toContain('Frozen');
    expect(page.url()).toContain('owner=Ada+Koch&status=FROZEN');
    await page.goBack();
    await expect.poll(() => rows.count()).toBe(5);
    expect(await page.getByLabel('Owner').inputValue()).toBe('');
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
  });

  test('opens the account of an id or of ext:, and finds others by the beginning of their external id', async () => {
    const service = await startConsole();
    const [jonas = ''] = await fillAccounts(service);
    const { page } = await openPage(service, '/accounts');
    const field = page.getByLabel('Account id or external id');
    await field.fill('customer-');
    await field.press('Enter');
    await expect.poll(() => rowsOf(page).count()).toBe(4);
    for (const [typed, path] of [
      [jonas, `/accounts/${jonas}`],
      ['ext:customer-ada', '/accounts/ext:customer-ada'],
    ] as const) {
      await field.fill(typed);
      await field.press('Enter');
      await expect.poll(() => pathOf(page)).toBe(path);
      await page.goBack();
    }
  });

  test('on a phone the filter is behind a button, which says how many conditions are set', async () => {
    const service = await startConsole();
    await fillAccounts(service);
    const { page, complaints } = await openPage(service, '/accounts', LOOKS.phone);
    await expect.poll(() => rowsOf(page).count()).toBe(5);
    expect(await page.getByLabel('Owner').isVisible()).toBe(false);
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    await page.getByLabel('Kind').selectOption('External');
    await page.getByLabel('Currency').selectOption('EUR');
    await takePicture(page, 'accounts-filter-phone');
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    const opener = page.getByRole('button', { name: 'Filter: 2 conditions' });
    await opener.waitFor();
    expect(await opener.evaluate((button) => button === document.activeElement)).toBe(true);
    await expect.poll(() => rowsOf(page).allInnerTexts()).toHaveLength(2);
    expect((await rowsOf(page).allInnerTexts())[1]).toContain('External EUR account');
    expect(await page.getByLabel('Owner').isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  test('offers a reader no account to create', async () => {
    const service = await startConsole();
    await fillAccounts(service);
    const { secret } = await makeKey(service.ledger, { scopes: ['READ'] });
    const { page } = await openPage(service, '/accounts');
    await page.getByLabel('API key or token').fill(secret);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect.poll(() => rowsOf(page).count()).toBe(5);
    expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(0);
  });
});

describe('the dialog that creates an account', () => {
  test('creates it once on a double click, with all its values, and opens it', async () => {
    const service = await startConsole();
    const { page, complaints, elsewhere } = await openPage(service, '/accounts');
    await page.getByText('There are no accounts yet.').waitFor();
    const { dialog, submit } = await openDialog(page);
    await dialog.getByLabel('Owner').fill('Sparkasse');
    await dialog.getByLabel('Currency').fill('eur');
    await dialog.getByLabel('Normal side').selectOption('Holds what you own (debit)');
    await dialog.getByLabel('External id').fill('bank:main');
    await dialog.getByLabel('Lowest balance').selectOption('An amount');
    await dialog.getByLabel('Lowest amount in EUR').fill('-500.00');
    await dialog.getByLabel('Highest balance').selectOption('An amount');
    await dialog.getByLabel('Highest amount in EUR').fill('90071992547409.93');
    await dialog.getByRole('button', { name: 'Add a key and a value' }).click();
    await page.keyboard.type('branch');
    await page.keyboard.press('Tab');
    await page.keyboard.type('Leipzig');
    await takePicture(page, 'accounts-create-filled-desktop');
    expect(await seriousFindings(page)).toEqual([]);
    await submit.dblclick();
    await expect.poll(() => pathOf(page)).toMatch(/^\/accounts\/acct_/);
    const { nodes } = await service.client.accounts({ kind: 'STANDARD' }).page();
    expect(nodes).toEqual([
      expect.objectContaining({
        id: pathOf(page).split('/')[2],
        owner: 'Sparkasse',
        externalId: 'bank:main',
        normalSide: 'DEBIT',
        minBalance: { amount: '-500.00', currency: 'EUR' },
        maxBalance: { amount: '90071992547409.93', currency: 'EUR' },
        metadata: { branch: 'Leipzig' },
      }),
    ]);
    expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
  });

  test('works by keyboard alone, and Escape leaves it', async () => {
    const service = await startConsole();
    const { page } = await openPage(service, '/accounts');
    const opener = page.getByRole('button', { name: 'Create account' });
    await opener.focus();
    await page.keyboard.press('Enter');
    const owner = page.getByRole('dialog').getByLabel('Owner');
    await owner.waitFor();
    await page.keyboard.press('Escape');
    await owner.waitFor({ state: 'detached' });
    await expect.poll(() => opener.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await owner.waitFor();
    // The dialog begins with the focus in its first field.
    await page.keyboard.type('Alice');
    await page.keyboard.press('Tab');
    await page.keyboard.type('EUR');
    await page.keyboard.press('Enter');
    await expect.poll(() => pathOf(page)).toMatch(/^\/accounts\/acct_/);
  });

  test('says what is missing and why the ledger refuses, at the field, and keeps the values', async () => {
    const service = await startConsole();
    await fillAccounts(service);
    const { page, complaints } = await openPage(service, '/accounts', LOOKS.phone);
    const { dialog, submit } = await openDialog(page);
    await submit.click();
    await dialog.getByText('Enter the name or id of the owner.').waitFor();
    const owner = dialog.getByLabel('Owner');
    await expect.poll(() => owner.evaluate((field) => field === document.activeElement)).toBe(true);
    await owner.fill('Ada Koch');
    await dialog.getByLabel('Currency').fill('EUR');
    await dialog.getByLabel('External id').fill('customer-ada');
    await submit.click();
    const alert = dialog.getByRole('alert');
    await alert.getByText('This external id is already used.').waitFor();
    expect(await dialog.getByLabel('External id').getAttribute('aria-invalid')).toBe('true');
    await takePicture(page, 'accounts-create-refused-phone');
    expect(await seriousFindings(page)).toEqual([]);

    await dialog.getByLabel('External id').fill('customer-ada-2');
    await dialog.getByLabel('Currency').fill('QQQ');
    await submit.click();
    await alert.getByText('The ledger does not know this currency.').waitFor();
    await dialog.getByLabel('Currency').fill('EUR');
    await submit.click();
    await expect.poll(() => pathOf(page)).toMatch(/^\/accounts\/acct_/);
    expect(await service.client.account('ext:customer-ada-2')).toMatchObject({ owner: 'Ada Koch' });
    expect(complaints).toEqual([]);
  });

  test('has one account after a lost response, a reload and another attempt', async () => {
    const service = await startConsole();
    const { page } = await openPage(service, '/accounts');
    const { dialog, submit } = await openDialog(page);
    await dialog.getByLabel('Owner').fill('Alice');
    await dialog.getByLabel('Currency').fill('EUR');
    await page.route('**/graphql', async (route) => {
      if (!route.request().postData()?.includes('mutation')) return route.continue();
      await route.fetch();
      return route.abort();
    });
    await submit.click();
    const unknown = page.getByText('outcome is not known yet');
    await unknown.waitFor({ timeout: 20_000 });
    await takePicture(page, 'accounts-create-unknown-desktop');
    expect(await seriousFindings(page)).toEqual([]);
    expect((await service.client.accounts({ kind: 'STANDARD' }).page()).nodes).toHaveLength(1);

    await page.unroute('**/graphql');
    await page.reload();
    await openDialog(page);
    await unknown.waitFor();
    expect(await dialog.getByLabel('Owner').inputValue()).toBe('Alice');
    expect(await dialog.getByLabel('Owner').isDisabled()).toBe(true);
    await dialog.getByRole('button', { name: 'Try again' }).click();
    await expect.poll(() => pathOf(page)).toMatch(/^\/accounts\/acct_/);
    expect((await service.client.accounts({ kind: 'STANDARD' }).page()).nodes).toHaveLength(1);
  });
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  await fillAccounts(service);
  const { page, complaints } = await openPage(service, '/accounts', look);
  await expect.poll(() => rowsOf(page).count()).toBe(5);
  await takePicture(page, `accounts-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.viewport.width);
  await openDialog(page);
  await takePicture(page, `accounts-create-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect(complaints).toEqual([]);
});
