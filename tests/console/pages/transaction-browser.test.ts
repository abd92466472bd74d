import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import {
  type ConsolePage,
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

type Page = ConsolePage['page'];

const picture = (page: Page) => page.getByRole('group', { name: 'Who paid whom in EUR' }).first();
const facts = (page: Page) => page.getByRole('region', { name: 'Facts' });
const dialog = (page: Page) => page.getByRole('dialog', { name: 'Reverse transaction' });

/** Opens the dialog and fills it for a part of the amount. */
async function startPart(page: Page, amount: string): Promise<void> {
  await page.getByRole('button', { name: 'Reverse', exact: true }).click();
  await dialog(page).getByLabel('How much').selectOption('A part');
  await dialog(page).getByLabel('Amount (EUR)').fill(amount);
}

test('a journal is a picture and a table, with its facts', async () => {
  const service = await startConsole();
  const { journal } = await makeShop(service);
  const { page, complaints, elsewhere } = await openPage(service, `/transactions/${journal}`);
  await picture(page).waitFor();
  const drawn = (await picture(page).locator('text').allTextContents()).join(' | ');
  for (const text of ['Alice Fischer', 'Corner Shop', 'Marketplace', '25.30\u00a0EUR', '2.20\u00a0EUR']) {
    expect(drawn).toContain(text);
  }
  // Screen readers have the table next to the picture.
  const unseen = page.getByRole('table', { name: 'Entries' });
  expect(await unseen.getByRole('row').count()).toBe(5);
  expect(await unseen.getByRole('link').count()).toBe(0);
  for (const text of ['Order 7: city atlas', 'order-7', 'channel: web', journal]) {
    await facts(page).getByText(text, { exact: true }).first().waitFor();
  }
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByRole('button', { name: 'Table' }).focus();
  await page.keyboard.press('Enter');
  const rows = await page.getByRole('table', { name: 'Entries' }).getByRole('row').allInnerTexts();
  expect(rows.at(-1)).toMatch(/^Total\s+27\.50\s+27\.50/);
  expect(rows.join()).toContain('Commission of 8 %');
  expect(await picture(page).count()).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByRole('button', { name: 'Picture' }).click();
  await picture(page).getByRole('link', { name: 'Corner Shop' }).focus();
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url(), SOON).toContain('/accounts/acct_');
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('a capture says what is pending, and links its hold and the placement', async () => {
  const service = await startConsole();
  const { capture, placement, hold } = await makeShop(service);
  const { page } = await openPage(service, `/transactions/${capture}`);
  await page.getByText('Pending: reserved money was released.').waitFor();
  const section = page.getByRole('region', { name: 'Hold', exact: true });
  await section.getByText('Remaining').waitFor();
  expect(await section.getByRole('link', { name: 'Show the hold' }).getAttribute('href')).toContain(hold);
  await section.getByRole('table').getByRole('link').click();
  await expect.poll(() => page.url(), SOON).toContain(placement);
});

test('a part is reversed, the rest is exact, and the two transactions link each other', async () => {
  const service = await startConsole();
  const { transfer, alice, shop } = await makeShop(service);
  const { page, complaints, elsewhere } = await openPage(service, `/transactions/${transfer}`);
  await page.getByText('40.00 EUR remain to reverse.').waitFor();
  await startPart(page, '40.01');
  await dialog(page).getByText('Only 40.00 EUR remain to reverse.').waitFor();
  await dialog(page).getByRole('button', { name: 'Reverse', exact: true }).click();
  await dialog(page).getByLabel('Amount (EUR)').fill('15.00');
  const preview = dialog(page).getByRole('table', { name: 'Balances that this leaves' });
  await expect
    .poll(async () => (await preview.innerText()).replaceAll('\u00a0', ' '), SOON)
    .toContain('437.50 EUR');
  expect(await seriousFindings(page)).toEqual([]);
  await takePicture(page, 'transaction-reverse-desktop');
  await dialog(page).getByLabel('External id').fill('refund-6b');
  await dialog(page).getByRole('button', { name: 'Reverse', exact: true }).dblclick();
  await dialog(page).getByText('The reversal is posted.').waitFor();
  expect((await service.client.account(alice))?.balance.amount).toBe('437.50');
  expect((await service.client.account(shop))?.balance.amount).toBe('45.30');
  await dialog(page).getByRole('link', { name: 'Show the reversal' }).click();
  await page.getByRole('heading', { name: 'Reversal refund-6b' }).waitFor();
  // A reversal is not reversible itself.
  expect(await page.getByRole('button', { name: 'Reverse', exact: true }).count()).toBe(0);
  await page.getByRole('status').getByRole('link', { name: 'order-6' }).click();
  await page.getByText('25.00 EUR remain to reverse.').waitFor();
  const rows = page.getByRole('table', { name: 'Reversals' }).getByRole('row');
  expect((await rows.allInnerTexts())[1]).toContain('refund-6b');
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('by the keyboard alone: a refusal is explained, and other values are another attempt', async () => {
  const service = await startConsole();
  const { deposit, alice } = await makeShop(service);
  const { page } = await openPage(service, `/transactions/${deposit}`);
  const reverse = page.getByRole('button', { name: 'Reverse', exact: true });
  await expect.poll(() => reverse.getAttribute('aria-disabled'), SOON).toBeNull();
  await reverse.press('Enter');
  await dialog(page).waitFor();
  await page.keyboard.press('Escape');
  await expect.poll(() => reverse.evaluate((button) => button === document.activeElement), SOON).toBe(true);
  await reverse.press('Enter');
  // The preview says so before anything is sent.
  await dialog(page).getByRole('status').getByText('Available').first().waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  const sent = page.waitForResponse((response) =>
    Boolean(response.request().postData()?.includes('ReverseTransactionInput')),
  );
  await dialog(page).getByLabel('Description').press('Enter');
  await sent;
  await dialog(page).getByRole('alert').getByText('Available').first().waitFor();
  await dialog(page).getByLabel('How much').selectOption('A part');
  await dialog(page).getByLabel('Amount (EUR)').pressSequentially('1.00');
  await page.keyboard.press('Enter');
  await dialog(page).getByText('The reversal is posted.').waitFor();
  expect((await service.client.account(alice))?.balance.amount).toBe('421.50');
});

test('a reversal whose answer is lost is repeated after a reload, and pays once', async () => {
  const service = await startConsole();
  const { transfer, alice } = await makeShop(service);
  const { page } = await openPage(service, `/transactions/${transfer}`);
  await startPart(page, '15.00');
  const answered = Promise.withResolvers<void>();
  await page.route('**/graphql', async (route) => {
    if (!route.request().postData()?.includes('mutation')) return route.fallback();
    // The service executes it, but the page does not get the answer.
    await route.fetch();
    answered.resolve();
    return route.abort();
  });
  await dialog(page).getByRole('button', { name: 'Reverse', exact: true }).click();
  await answered.promise;
  await page.reload();
  await page.unroute('**/graphql');
  await dialog(page).getByText('its outcome is not known yet').waitFor();
  await dialog(page).getByText('15.00 EUR').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await dialog(page).getByRole('button', { name: 'Try again' }).click();
  await dialog(page).getByText('The reversal is posted.').waitFor();
  expect((await service.client.account(alice))?.balance.amount).toBe('437.50');
  await dialog(page).getByRole('button', { name: 'Done' }).click();
  await page.getByText('25.00 EUR remain to reverse.').waitFor();
});

test('a reader is offered no reversal, and sees the request to copy', async () => {
  const service = await startConsole();
  const { transfer } = await makeShop(service);
  const key = await createReader(service);
  const opened = await openPage(service, `/transactions/${transfer}`);
  await signIn(opened.page, key);
  const { page } = opened;
  await picture(page).waitFor();
  await page.getByRole('region', { name: 'Reversed by' }).waitFor();
  expect(await page.getByRole('button', { name: 'Reverse', exact: true }).count()).toBe(0);
  await page.getByText('mutation Again($newIdempotencyKey: String!)').waitFor();
  await page.getByRole('tab', { name: 'GraphQL' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByText('await ledger.transfer({').waitFor();
  await page.getByRole('button', { name: 'Copy as client call' }).waitFor();
  expect(await seriousFindings(page)).toEqual([]);
});

test('a viewer restricted to an owner sees the other party, and own entries alone', async () => {
  const service = await startConsole();
  const { journal, transfer } = await makeShop(service);
  const key = await createReader(service, 'Alice Fischer');
  const opened = await openPage(service, `/transactions/${transfer}`);
  await signIn(opened.page, key);
  const { page } = opened;
  await picture(page).waitFor();
  expect((await picture(page).locator('text').allTextContents()).join(' | ')).toContain('Corner Shop');
  await page.getByText('Entries of accounts of other owners are not listed.').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByLabel('Find by id or external id').fill(journal);
  await page.keyboard.press('Enter');
  await page.getByText('Other accounts').waitFor();
  expect(await page.getByText('Post the same again').count()).toBe(0);
});

test('a journal of many entries is a table by currency', async () => {
  const service = await startConsole();
  const { alice, shop, fees } = await makeShop(service);
  const sides = Array.from({ length: 9 }, (_, place) => ({
    accountId: place % 2 === 0 ? shop : fees,
    side: 'CREDIT' as const,
    amount: '1.00',
  }));
  const { transaction } = unwrap(
    await service.client.postTransaction({
      keyAccountId: alice,
      entries: [{ accountId: alice, side: 'DEBIT', amount: '9.00' }, ...sides],
    }),
  );
  const { page } = await openPage(service, `/transactions/${transaction.id}`);
  const table = page.getByRole('table', { name: 'Entries' });
  await table.waitFor();
  expect(await table.getByRole('row').count()).toBe(12);
  expect(await page.getByRole('button', { name: 'Picture' }).count()).toBe(0);
});

test('a transaction that does not exist says so, and how to find it', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/transactions/ext:order-99');
  await page.getByText('No transaction has the external id order-99.').waitFor();
  await page.getByRole('link', { name: 'Find transactions' }).click();
  await page.getByRole('heading', { name: 'Transactions' }).waitFor();
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  const { journal, capture } = await makeShop(service);
  const { page } = await openPage(service, `/transactions/${journal}`, look);
  for (const [what, id] of [
    ['journal', journal],
    ['capture', capture],
  ] as const) {
    await page.goto(`${service.url}/transactions/${id}`);
    await picture(page).waitFor();
    await takePicture(page, `transaction-${what}-${name}`);
    expect(await seriousFindings(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.viewport.width);
  }
});
