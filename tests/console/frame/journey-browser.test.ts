import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { openPage, startBrowser, startConsole, takePicture } from '../support/console.ts';
import { eventually } from '../support/money.ts';

startBrowser();

/** Chooses an account in a field by what a person types and sees. */
async function choose(page: Page, field: string, text: string): Promise<void> {
  await page.getByRole('combobox', { name: field, exact: true }).fill(text);
  await page.getByRole('option', { name: new RegExp(text) }).click();
}

const go = (page: Page, section: string) =>
  page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: section }).click();

/** Returns the rows of a table without its heading, with plain spaces. */
async function rowsOf(page: Page, table: string): Promise<readonly string[]> {
  const texts = await page.getByRole('table', { name: table }).getByRole('row').allInnerTexts();
  return texts.slice(1).map((text) => text.replaceAll(/\s+/g, ' '));
}

test('two accounts are created, money moves, is held, captured and given back, and an order is found again', async () => {
  const service = await startConsole();
  const { page, complaints, elsewhere } = await openPage(service, '/');
  for (const [button, owner] of [
    ['Create the first account', 'Alice'],
    ['Create another account', 'Shop'],
  ] as const) {
    await page.getByRole('button', { name: button }).click();
    const dialog = page.getByRole('dialog', { name: 'Create account' });
    await dialog.getByLabel('Owner').fill(owner);
    await dialog.getByLabel('Currency').fill('EUR');
    await dialog.getByRole('button', { name: 'Create account' }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  await go(page, 'Move money');
  await page.getByRole('link', { name: 'Deposit', exact: true }).click();
  await choose(page, 'Account that receives', 'Alice');
  await page.getByLabel('Amount in EUR').fill('100');
  await page.getByRole('button', { name: 'Deposit 100.00 EUR' }).click();
  await page.getByText('Deposited 100.00 EUR.').waitFor();

  await page.getByRole('link', { name: 'Transfer', exact: true }).click();
  await choose(page, 'From account', 'Alice');
  await choose(page, 'To account', 'Shop');
  await page.getByLabel('Amount in EUR').fill('40');
  await page.getByRole('main').getByText('More', { exact: true }).click();
  await page.getByLabel('External id (optional)').fill('order-42');
  await page.getByRole('button', { name: 'Transfer 40.00 EUR' }).click();
  await page.getByText('Transferred 40.00 EUR.').waitFor();

  for (const [owner, balances] of [
    ['Alice', [/60\.00/, /100\.00/]],
    ['Shop', [/40\.00/]],
  ] as const) {
    await go(page, 'Accounts');
    await page.getByRole('table', { name: 'Accounts' }).getByRole('link', { name: owner }).click();
    await page.getByRole('heading', { name: owner, level: 1 }).waitFor();
    await eventually(() => rowsOf(page, 'History')).toEqual(
      balances.map((balance) => expect.stringMatching(balance)),
    );
  }

  await go(page, 'Move money');
  await page.getByRole('link', { name: 'Hold', exact: true }).click();
  await choose(page, 'From account', 'Alice');
  await choose(page, 'To account', 'Shop');
  await page.getByLabel('Amount in EUR').fill('25');
  await page.getByRole('button', { name: 'Hold 25.00 EUR' }).click();
  await page.getByRole('link', { name: 'Capture the hold' }).click();
  await page.getByRole('button', { name: 'Capture 25.00 EUR' }).click();
  await page.getByText('Captured 25.00 EUR.').waitFor();

  await page.getByRole('searchbox', { name: 'Find by id or external id' }).fill('order-42');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Transfer order-42' }).waitFor();
  await page.getByRole('button', { name: 'Reverse', exact: true }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Reverse', exact: true }).click();
  await dialog.getByText('The reversal is posted.').waitFor();
  await takePicture(page, 'journey-reversed');

  const { nodes } = await service.client.accounts({ kind: 'STANDARD' }).page();
  expect(nodes.map(({ owner, balance, held }) => [owner, balance.amount, held.amount])).toEqual([
    ['Shop', '25.00', '0.00'],
    ['Alice', '75.00', '0.00'],
  ]);
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
}, 60_000);
