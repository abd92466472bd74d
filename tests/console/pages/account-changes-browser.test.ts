import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { openCustomer } from '../support/accounts.ts';
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

const PATH = '/accounts/ext:customer-ines';
const clean = { complaints: [], elsewhere: [] };

const press = (page: Page, name: string) => page.getByRole('button', { name, exact: true }).click();
const inDialog = (page: Page, name: string) =>
  page.getByRole('dialog').getByRole('button', { name, exact: true });

/** Returns the names of the changes of an account, newest first. */
async function changesOf({ client }: ConsoleService, id: string): Promise<string[]> {
  return (await client.changes(id).page()).nodes.map(({ action }) => action);
}

describe('an account', () => {
  test('is frozen and unfrozen by keyboard, which the page and the list of changes show at once', async () => {
    const service = await startConsole();
    const { ines } = await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, PATH);
    await page.getByRole('button', { name: 'Freeze' }).focus();
    await page.keyboard.press('Enter');
    await page.getByText('A frozen account rejects transactions').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0);
    expect(await changesOf(service, ines.id)).toEqual([]);
    await page.keyboard.press('Enter');
    await inDialog(page, 'Freeze account').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Ines Moreau, customer-ines Frozen' }).waitFor();
    await page
      .getByRole('status')
      .filter({ hasText: /^The account is frozen\.$/ })
      .waitFor();
    expect(await page.getByRole('link', { name: 'Transfer from here' }).count()).toBe(0);
    await page.getByRole('tab', { name: 'Changes' }).click();
    const rows = page.getByRole('table', { name: 'Changes' }).getByRole('row');
    await expect.poll(() => rows.count()).toBe(2);
    expect(await rows.nth(1).innerText()).toMatch(
      /Account frozen.*Status: from Open to Frozen.*No credential.*34/s,
    );
    expect(await seriousFindings(page)).toEqual([]);
    await press(page, 'Unfreeze');
    await inDialog(page, 'Unfreeze account').click();
    await page.getByRole('heading', { name: 'Ines Moreau, customer-ines Open' }).waitFor();
    await expect.poll(() => rows.count()).toBe(3);
    expect(await changesOf(service, ines.id)).toEqual(['unfreezeAccount', 'freezeAccount']);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('has its limits, metadata and external id changed; a limit that it exceeds is refused in words', async () => {
    const service = await startConsole();
    const { ines } = await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, PATH);
    await press(page, 'Change limits');
    await page.getByLabel('Lowest balance (EUR)').fill('1,000');
    await inDialog(page, 'Change limits').click();
    await page.getByText('Write a point before the decimals, and no commas').waitFor();
    await page.getByLabel('Lowest balance (EUR)').fill('200');
    await inDialog(page, 'Change limits').click();
    const refusal = page.getByRole('alert');
    await refusal.waitFor();
    expect((await refusal.innerText()).replaceAll('\u00a0', ' ')).toMatch(
      /already outside of this limit.*200\.00 EUR.*163\.10 EUR.*39\.60 EUR.*Choose a limit/s,
    );
    await takePicture(page, 'account-limits-refused');
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByLabel('Lowest balance (EUR)').fill('-50.00');
    await page.getByLabel('No upper limit').uncheck();
    await page.getByLabel('Highest balance (EUR)').fill('2500');
    await inDialog(page, 'Change limits').click();
    await page.getByText('The limits are changed.').waitFor();
    const money = page.getByRole('region', { name: 'Balance', exact: true });
    expect((await money.innerText()).replaceAll('\u00a0', ' ')).toMatch(
      /Available\s+173\.50 EUR.*Lowest balance\s+-50\.00 EUR.*Highest balance\s+2,500\.00 EUR/s,
    );
    await press(page, 'Change metadata');
    await page.getByLabel('Value 1').fill('silver');
    await press(page, 'Add another');
    await page.getByLabel('Key 2').fill('country');
    await page.getByLabel('Value 2').fill('fr');
    await takePicture(page, 'account-metadata');
    expect(await seriousFindings(page)).toEqual([]);
    await inDialog(page, 'Replace metadata').click();
    await page.getByText('The metadata is changed.').waitFor();
    const changed = await service.client.account(ines.id);
    expect(changed).toMatchObject({
      metadata: { plan: 'silver', country: 'fr' },
      minBalance: { amount: '-50.00' },
      maxBalance: { amount: '2500.00' },
    });
    expect(await page.getByRole('button', { name: 'Set external id' }).count()).toBe(0);
    await page.getByRole('tab', { name: 'Changes' }).click();
    await page.getByText('Metadata: replaced').waitFor();
    await page.getByText('Highest balance: from no limit to 2,500.00 EUR').waitFor();

    const unnamed = unwrap(await service.client.createAccount({ owner: 'Ines', currency: 'EUR' })).account;
    await page.goto(`${service.url}/accounts/${unnamed.id}`);
    await press(page, 'Set external id');
    await page.getByLabel('External id', { exact: true }).fill('customer-ines');
    await inDialog(page, 'Set external id').click();
    await page.getByRole('alert').filter({ hasText: 'already' }).waitFor();
    await page.getByLabel('External id', { exact: true }).fill('customer-ines-2');
    await inDialog(page, 'Set external id').click();
    await page.getByRole('heading', { name: 'Ines, customer-ines-2 Open' }).waitFor();
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('is closed when it is empty; before that the dialog says what stands in the way', async () => {
    const service = await startConsole();
    const { ines, wool, hold } = await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, PATH);
    await press(page, 'Close');
    const dialog = page.getByRole('dialog');
    expect((await dialog.innerText()).replaceAll('\u00a0', ' ')).toMatch(
      /not empty.*Balance: 163\.10 EUR.*Held by open holds: 39\.60 EUR/s,
    );
    await inDialog(page, 'Close account').focus();
    await page.keyboard.press('Enter');
    await takePicture(page, 'account-close-blocked');
    expect(await changesOf(service, ines.id)).toEqual([]);
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Show the open holds' }).click();
    await page.getByRole('table', { name: 'Open holds' }).waitFor();
    unwrap(await service.client.voidHold({ holdId: hold.id }));
    unwrap(await service.client.transfer({ fromAccountId: ines.id, toAccountId: wool.id, amount: '163.10' }));
    await press(page, 'Close');
    await page.getByText('It can be closed.').waitFor();
    await inDialog(page, 'Close account').dblclick();
    await page.getByRole('heading', { name: 'Ines Moreau, customer-ines Closed' }).waitFor();
    expect(await changesOf(service, ines.id)).toEqual(['closeAccount']);
    await expect
      .poll(() => page.evaluate(() => document.activeElement?.textContent))
      .toBe('The account is closed.');
    expect(await page.getByRole('button', { name: /Change |Freeze|Close/ }).count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('changes once when the answer is lost', async () => {
    const service = await startConsole();
    const { ines } = await openCustomer(service);
    const { page } = await openPage(service, PATH);
    let lost = 0;
    await page.route('**/graphql', async (route) => {
      if (lost > 0 || !route.request().postData()?.includes('freezeAccount')) return route.fallback();
      lost += 1;
      await route.fetch();
      await route.abort();
    });
    await press(page, 'Freeze');
    await inDialog(page, 'Freeze account').dblclick();
    await page.getByRole('heading', { name: 'Ines Moreau, customer-ines Frozen' }).waitFor();
    expect(lost).toBe(1);
    expect(await changesOf(service, ines.id)).toEqual(['freezeAccount']);
  });

  test('is repeated with its key after a reload that loses the answer', async () => {
    const service = await startConsole();
    const { ines } = await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, PATH);
    const keys: (string | undefined)[] = [];
    const executed = Promise.withResolvers<void>();
    await page.route('**/graphql', async (route) => {
      const body = route.request().postData() ?? '';
      if (!body.includes('freezeAccount')) return route.fallback();
      keys.push(/"idempotencyKey":"([^"]+)"/.exec(body)?.[1]);
      const response = await route.fetch();
      if (keys.length > 1) return route.fulfill({ response });
      executed.resolve();
    });
    await press(page, 'Freeze');
    await inDialog(page, 'Freeze account').click();
    await executed.promise;
    await page.reload();
    const dialog = page.getByRole('dialog', { name: 'Freeze account' });
    await dialog.getByText('Its result was not shown').waitFor();
    await takePicture(page, 'account-change-reloaded');
    expect(await seriousFindings(page)).toEqual([]);
    await inDialog(page, 'Try again').click();
    await page.getByText('The account is frozen.', { exact: true }).first().waitFor();
    await expect.poll(() => dialog.count()).toBe(0);
    expect(keys).toEqual([keys[0], keys[0]]);
    expect(await changesOf(service, ines.id)).toEqual(['freezeAccount']);
    await page.reload();
    await page.getByRole('button', { name: 'Unfreeze' }).waitFor();
    expect(await dialog.count()).toBe(0);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('keeps what it shows while the service cannot be reached; a change is then repeated with its key', async () => {
    const service = await startConsole();
    const { ines } = await openCustomer(service);
    const { page } = await openPage(service, PATH);
    const rows = page.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(25);
    await press(page, 'Freeze');
    const keys = new Set<string | undefined>();
    await page.route('**/graphql', (route) => {
      const body = route.request().postData() ?? '';
      if (body.includes('freezeAccount')) keys.add(/"idempotencyKey":"([^"]+)"/.exec(body)?.[1]);
      return route.abort();
    });
    await inDialog(page, 'Freeze account').click();
    await page.getByText('The outcome is not known yet.').waitFor({ timeout: 15_000 });
    await takePicture(page, 'account-change-undecided');
    expect(await seriousFindings(page)).toEqual([]);
    await expect
      .poll(() => page.getByText('The service cannot be reached.').count(), { timeout: 15_000 })
      .toBeGreaterThan(0);
    expect(await rows.count()).toBe(25);
    await page.unroute('**/graphql');
    page.on('request', (request) => {
      const body = request.postData() ?? '';
      if (body.includes('freezeAccount')) keys.add(/"idempotencyKey":"([^"]+)"/.exec(body)?.[1]);
    });
    await inDialog(page, 'Try again').click();
    await page.getByRole('heading', { name: 'Ines Moreau, customer-ines Frozen' }).waitFor();
    expect(keys.size).toBe(1);
    expect(await changesOf(service, ines.id)).toEqual(['freezeAccount']);
    await expect.poll(() => page.getByText('The service cannot be reached.').count()).toBe(0);
  });
});

test.each(['phone-dark'] as const)('the limits are changed: %s', async (name) => {
  const service = await startConsole();
  await openCustomer(service);
  const { page } = await openPage(service, PATH, LOOKS[name]);
  await press(page, 'Change limits');
  await page.getByLabel('No upper limit').uncheck();
  await takePicture(page, `account-limits-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
});
