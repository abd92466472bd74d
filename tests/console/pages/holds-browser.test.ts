import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
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

test('holds are found by their status and account, and one is opened', async () => {
  const service = await startConsole();
  const { alice, shop, hold } = await makeShop(service);
  const other = unwrap(
    await service.client.placeHold({ fromAccountId: shop, toAccountId: alice, amount: '3.00' }),
  );
  unwrap(await service.client.voidHold({ holdId: other.hold.id }));
  const { page, complaints, elsewhere } = await openPage(service, '/holds?status=OPEN');
  const rows = page.getByRole('table', { name: 'Holds' }).locator('tbody tr');
  await expect.poll(() => rows.count(), SOON).toBe(1);
  expect(await page.getByLabel('Status').inputValue()).toBe('OPEN');
  expect(await rows.innerText()).toMatch(/in (?:3 days|2 days 23 hours)/);
  await page.getByRole('button', { name: 'Clear', exact: true }).click();
  await expect.poll(() => rows.count(), SOON).toBe(2);
  expect((await rows.allInnerTexts())[0]).toContain('Voided');
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByLabel('Status').selectOption('Captured');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.getByText('No hold matches.').waitFor();
  await page.goto(`${service.url}/holds?status=OPEN&account=${alice}`);
  await rows.getByRole('link').first().focus();
  await page.keyboard.press('Enter');

  await page.getByRole('heading', { name: 'Hold of 40.00 EUR' }).waitFor();
  const money = page.getByRole('region', { name: 'Reserved money' });
  expect((await money.locator('dl').innerText()).replaceAll('\u00a0', ' ').split(/\s*\n+\s*/)).toEqual([
    'Reserved',
    '40.00 EUR',
    'Captured',
    '10.00 EUR',
    'Remaining',
    '30.00 EUR',
    'Released',
    '0.00 EUR',
  ]);
  const transactions = page.getByRole('table', { name: 'Transactions of the hold' }).locator('tbody tr');
  await expect
    .poll(async () => (await transactions.allInnerTexts()).map((text) => text.includes('Capture')), SOON)
    .toEqual([true, false]);
  expect(await page.getByRole('link', { name: 'Capture', exact: true }).getAttribute('href')).toContain(
    `/move/capture?hold=${hold}`,
  );
  expect(await page.getByRole('link', { name: 'Void' }).getAttribute('href')).toContain(
    `/move/void?hold=${hold}`,
  );
  expect(await seriousFindings(page)).toEqual([]);
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('a reader is offered neither capture nor void, and an ended hold nobody', async () => {
  const service = await startConsole();
  const { hold, alice, shop } = await makeShop(service);
  const other = unwrap(
    await service.client.placeHold({ fromAccountId: alice, toAccountId: shop, amount: '3.00' }),
  );
  unwrap(await service.client.voidHold({ holdId: other.hold.id }));
  const { page: ended } = await openPage(service, `/holds/${other.hold.id}`);
  await ended.getByRole('table', { name: 'Transactions of the hold' }).waitFor();
  expect(await ended.getByRole('link', { name: /^(Capture|Void)$/ }).count()).toBe(0);

  const key = await createReader(service);
  const opened = await openPage(service, `/holds/${hold}`);
  await signIn(opened.page, key);
  await opened.page.getByRole('table', { name: 'Transactions of the hold' }).waitFor();
  expect(await opened.page.getByRole('link', { name: /^(Capture|Void)$/ }).count()).toBe(0);
  await opened.page.getByRole('navigation').getByRole('link', { name: 'Holds' }).click();
  await opened.page.getByRole('table', { name: 'Holds' }).waitFor();
  expect(await opened.page.getByRole('link', { name: 'Place hold' }).count()).toBe(0);
});

test('a hold that does not exist says so, and an empty list says what a hold is', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/holds/hold_nothing');
  await page.getByText('No hold has the id hold_nothing.').waitFor();
  await page.getByRole('link', { name: 'Find holds' }).click();
  await page.getByText('There are no holds yet.').waitFor();
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  const { hold } = await makeShop(service);
  const { page } = await openPage(service, '/holds', look);
  for (const [what, path] of [
    ['holds', '/holds'],
    ['hold', `/holds/${hold}`],
  ] as const) {
    await page.goto(`${service.url}${path}`);
    await page.getByRole('table').waitFor();
    await takePicture(page, `${what}-${name}`);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.viewport.width);
  }
});
