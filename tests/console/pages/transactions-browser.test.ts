import { expect, test } from 'vitest';
import {
  LOOKS,
  openPage,
  seriousFindings,
  signIn,
  startBrowser,
  startConsole,
  takePicture,
} from '../support/console.ts';
import { createReader, makeShop } from '../support/shop.ts';

startBrowser();

const SOON = { timeout: 10_000 };

const rowsOf = (page: Awaited<ReturnType<typeof openPage>>['page']) =>
  page.getByRole('table', { name: 'Transactions' }).locator('tbody tr');

test('transactions are listed, and found by type, account, metadata and time', async () => {
  const service = await startConsole();
  const { alice } = await makeShop(service);
  const { page, complaints, elsewhere } = await openPage(service, '/transactions');
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(7);
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByRole('checkbox', { name: 'Deposit' }).check();
  await page.getByRole('checkbox', { name: 'Journal' }).check();
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(2);
  expect(new URL(page.url()).searchParams.get('types')).toBe('DEPOSIT,JOURNAL');
  const [journal] = await rowsOf(page).allInnerTexts();
  for (const text of ['Journal', 'Alice Fischer', 'Corner Shop and 1 other', '27.50', 'order-7']) {
    expect(journal).toContain(text);
  }

  // The address finds the same again.
  await page.reload();
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(2);
  expect(await page.getByRole('checkbox', { name: 'Deposit' }).isChecked()).toBe(true);

  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(7);
  await page.getByLabel('Metadata').fill('order');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.getByText('has no key with a value').waitFor();
  await page.getByLabel('Metadata').fill('order=7');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(1);

  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await page.getByRole('main').getByText('Times', { exact: true }).click();
  await page.getByLabel('Effective before').fill('2026-01-02T00:00');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(1);
  // The instant in the address is that of Berlin.
  expect(new URL(page.url()).searchParams.get('effective-before')).toBe('2026-01-01T23:00:00.000Z');

  await page.goto(`${service.url}/transactions?account=${alice}&types=RELEASE`);
  await page.getByText('No transaction matches.').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('by the keyboard alone: a filter is set, and the transaction is opened', async () => {
  const service = await startConsole();
  await makeShop(service);
  const { page } = await openPage(service, '/transactions');
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(7);
  await page.getByRole('checkbox', { name: 'Deposit' }).focus();
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(1);
  await rowsOf(page).getByRole('link').focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Deposit top-up-1' }).waitFor();
});

test('an empty list says how to begin', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/transactions');
  await page.getByText('There are no transactions yet.').waitFor();
  expect(await page.getByRole('link', { name: 'Deposit', exact: true }).getAttribute('href')).toContain(
    '/move/deposit',
  );
  expect(await seriousFindings(page)).toEqual([]);
});

test('a list that cannot be read says so, and is read again on request', async () => {
  const service = await startConsole();
  await makeShop(service);
  const { page } = await openPage(service, '/holds');
  await page.getByRole('table', { name: 'Holds' }).waitFor();
  await page.route('**/graphql', (route) => route.abort());
  await page.getByRole('link', { name: 'Transactions' }).click();
  const failure = page.getByRole('region', { name: 'Transactions' }).getByRole('alert');
  await failure.getByText('The service cannot be reached.').waitFor({ timeout: 15_000 });
  expect(await seriousFindings(page)).toEqual([]);
  await page.unroute('**/graphql');
  await failure.getByRole('button', { name: 'Try again' }).click();
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(7);
});

test('a viewer restricted to an owner is sent to the own accounts', async () => {
  const service = await startConsole();
  await makeShop(service);
  const key = await createReader(service, 'Alice Fischer');
  const opened = await openPage(service, '/transactions');
  await signIn(opened.page, key);
  const { page } = opened;
  await page.getByText('restricted to the accounts of Alice Fischer').waitFor();
  expect(await page.getByRole('table').count()).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  await makeShop(service);
  const { page } = await openPage(service, '/transactions', look);
  await expect.poll(() => rowsOf(page).count(), SOON).toBe(7);
  await takePicture(page, `transactions-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.viewport.width);
});
