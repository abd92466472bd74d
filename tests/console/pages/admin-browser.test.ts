import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { createLedgerClient, unwrap } from '../../../src/client/index.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { createKey, ledgerIdOf, viewer } from '../../support/access.ts';
import {
  type ConsoleService,
  LOOKS,
  openPage,
  seriousFindings,
  signIn,
  startBrowser,
  startConsole,
  takePicture,
} from '../support/console.ts';

startBrowser();

const ALL = ['READ', 'POST', 'MANAGE', 'ADMIN'] as const;

/** Returns the client of a key for all ledgers, with which open mode ends, and signs in with it. */
async function administrator(
  service: ConsoleService,
  path: string,
  input: Partial<Parameters<typeof createKey>[2]> = {},
  look?: (typeof LOOKS)[keyof typeof LOOKS],
) {
  const { access } = service.ledger.engine;
  const { secret } = await createKey(access, await ledgerIdOf(access), {
    name: 'Ada',
    scopes: ALL,
    allLedgers: true,
    ...input,
  });
  const opened = await openPage(service, path, look);
  await signIn(opened.page, secret);
  const client = createLedgerClient({ url: `${service.url}/graphql`, apiKey: secret });
  return { ...opened, client };
}

const rowsOf = (page: Page, table: string) => page.getByRole('table', { name: table }).getByRole('row');
/** Without what the browser reports of requests that the service rejects. */
const without401 = (complaints: readonly string[]) => complaints.filter((text) => !text.includes('401'));

test('the first key is created in open mode, its secret is shown once, and one signs in with it', async () => {
  const service = await startConsole();
  const { page, complaints, elsewhere } = await openPage(service, '/admin/keys');
  await page.getByText('There are no API keys.').waitFor();
  await page.getByRole('button', { name: 'Create API key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('The first key ends open mode, for good.').waitFor();
  expect(
    await dialog
      .getByRole('checkbox')
      .evaluateAll((boxes) => boxes.map((box) => (box as HTMLInputElement).checked)),
  ).toEqual([true, true, true, true, true]);
  await dialog.getByLabel('ADMIN').uncheck();
  await dialog.getByText('The first key should have ADMIN.').waitFor();
  await dialog.getByLabel('ADMIN').check();
  await dialog.getByLabel('Name').fill('Ada');
  expect(await seriousFindings(page)).toEqual([]);
  // A double click creates one.
  await dialog.getByRole('button', { name: 'Create' }).dblclick();
  await dialog.getByText('Copy the key. It is shown this once.').waitFor();
  const secret = await dialog.locator('code').innerText();
  expect(secret).toMatch(/^tlsk_/);
  await takePicture(page, 'admin-new-secret');
  expect(await seriousFindings(page)).toEqual([]);
  // The page reads its data meanwhile, which the service rejects. The secret stays.
  await page.waitForResponse((response) => response.status() === 401);
  expect(await dialog.locator('code').innerText()).toBe(secret);
  await page.keyboard.press('Escape');
  await dialog.getByText('The key is lost when you close this.').waitFor();
  await dialog.getByRole('button', { name: 'Sign in with this key' }).click();
  await expect.poll(() => rowsOf(page, 'API keys').count()).toBe(2);
  expect(await page.locator('.who').innerText()).toContain('Ada');
  expect(await rowsOf(page, 'API keys').nth(1).innerText()).toContain('Ada (yours)');
  expect(await page.locator('body').innerText()).not.toContain(secret);
  expect({ complaints: without401(complaints), elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('a key is created with its limits, used, and revoked after a confirmation that names it', async () => {
  const service = await startConsole();
  const { page, client, complaints } = await administrator(service, '/admin/keys');
  await page.getByRole('button', { name: 'Create API key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.getByText('Enter a name').waitFor();
  await dialog.getByLabel('Name').fill('app of Ana');
  await dialog.getByLabel('MANAGE').check();
  await dialog.getByLabel('Owner').fill('Ana');
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.getByText('READ and POST at most').waitFor();
  await dialog.getByLabel('MANAGE').uncheck();
  await dialog.getByLabel('Expires').fill('2099-01-02T03:04');
  await dialog.getByLabel('Requests per second').fill('7');
  await page.keyboard.press('Enter');
  const secret = await dialog.locator('code').innerText();
  await dialog.getByRole('button', { name: 'I have stored it' }).click();
  const row = rowsOf(page, 'API keys').filter({ hasText: 'app of Ana' });
  await row.waitFor();
  for (const text of ['main', 'owner Ana', 'READ', 'Valid until', '2099', '7'])
    expect(await row.innerText()).toContain(text);
  const app = createLedgerClient({ url: `${service.url}/graphql`, apiKey: secret });
  expect(await app.viewer()).toMatchObject({ owner: 'Ana', scopes: ['READ'] });

  await page.getByRole('button', { name: 'Revoke app of Ana' }).click();
  await dialog.getByText('Revoke the key app of Ana?').waitFor();
  expect(await dialog.getByText('You are signed in with this key.').count()).toBe(0);
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  expect((await client.apiKeys().page()).nodes.filter(({ revokedAt }) => revokedAt !== null)).toEqual([]);
  await page.getByRole('button', { name: 'Revoke app of Ana' }).click();
  await dialog.getByRole('button', { name: 'Revoke app of Ana' }).click();
  await row.getByText('Revoked').waitFor();
  await expect(app.viewer()).rejects.toThrow('revoked');
  // The log names who did it.
  await row.getByRole('link', { name: 'Log of app of Ana' }).click();
  await expect
    .poll(async () =>
      (await rowsOf(page, 'Audit log').allInnerTexts())
        .slice(1)
        .map((text) => /Key (?:created|revoked)/.exec(text)?.[0]),
    )
    .toEqual(['Key revoked', 'Key created']);
  expect(await rowsOf(page, 'Audit log').nth(1).innerText()).toContain('Ada');
  expect(without401(complaints)).toEqual([]);
});

test('revoking one’s own key is announced, and ends the session', async () => {
  const service = await startConsole();
  const { page } = await administrator(service, '/admin/keys');
  await page.getByRole('button', { name: 'Revoke Ada' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText('You are signed in with this key.').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await takePicture(page, 'admin-revoke-own');
  await dialog.getByRole('button', { name: 'Revoke Ada' }).click();
  await page.getByText('The API key is revoked').waitFor();
});

test('a lost answer to the creation of a key says what to do; a taken name is refused', async () => {
  const service = await startConsole();
  const { page, client } = await administrator(service, '/admin/keys');
  await page.getByRole('button', { name: 'Create API key' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('Ada');
  await dialog.getByLabel('All ledgers').check();
  await dialog.getByRole('button', { name: 'Create' }).click();
  await dialog.getByRole('alert').getByText('A value is not valid.').waitFor();
  await dialog.getByLabel('Name').fill('web');
  // The service creates the key; its answers do not arrive.
  await page.route('**/graphql', async (route) => {
    await route.fetch().catch(() => {});
    await route.abort();
  });
  await dialog.getByRole('button', { name: 'Create' }).click();
  await expect.poll(async () => (await client.apiKeys().page()).nodes.length).toBe(2);
  await page.unroute('**/graphql');
  // The client repeats the request, whose name is taken by itself.
  await dialog.getByRole('alert').waitFor();
  expect(await dialog.getByRole('alert').innerText()).toMatch(
    /not known whether the key was created|A value is not valid/,
  );
  expect((await client.apiKeys().page()).nodes.map(({ name }) => name)).toEqual(['web', 'Ada']);
});

test('a ledger is created and entered', async () => {
  const service = await startConsole();
  const { page, complaints } = await administrator(service, '/admin/ledgers');
  await page.getByRole('button', { name: 'Create ledger' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('EU!');
  await page.keyboard.press('Enter');
  await dialog.getByText('A name has 1 to 63 characters').waitFor();
  await dialog.getByLabel('Name').fill('eu');
  await page.keyboard.press('Enter');
  await dialog.getByText('The ledger eu is created').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await dialog.getByRole('button', { name: 'Enter eu' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await expect.poll(() => page.getByLabel('Ledger', { exact: true }).inputValue()).toBe('eu');
  await page.reload();
  await page.getByRole('heading', { name: 'Sign in to the ledger' }).waitFor();
  expect(without401(complaints)).toEqual([]);
});

test('a key of one ledger cannot create another one, and the refusal is explained', async () => {
  const service = await startConsole();
  const { page } = await administrator(service, '/admin/ledgers', { allLedgers: false });
  await page.getByRole('button', { name: 'Create ledger' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Name').fill('eu');
  await page.keyboard.press('Enter');
  await dialog.getByRole('alert').getByText('Your key or token does not permit this.').waitFor();
  expect(await dialog.innerText()).toContain('Only a key for all ledgers can create one.');
});

test('the audit log shows who changed what, and is found by action, actor and subject', async () => {
  const service = await startConsole();
  const { page, client, complaints } = await administrator(service, '/admin/audit');
  const { account } = unwrap(
    await client.createAccount({ owner: 'Ana', currency: 'EUR', externalId: 'ana' }),
  );
  unwrap(await client.updateAccount({ accountId: account.id, maxBalance: { amount: '100.00' } } as never));
  unwrap(await client.freezeAccount(account.id));
  unwrap(await client.createCurrency({ code: 'BTC', exponent: 8 }));
  const texts = async () => (await rowsOf(page, 'Audit log').allInnerTexts()).slice(1);
  const actions = async () =>
    (await texts()).map((text) => /\b(?:Account|Currency|Key) [a-z]+/.exec(text)?.[0]);
  await expect
    .poll(actions, { timeout: 10_000 })
    .toEqual(['Currency created', 'Account frozen', 'Account changed', 'Key created']);
  const all = await texts();
  expect(all[1]).toMatch(/Ada[\s\S]*Status:\s*from Open to Frozen/);
  expect(all[3]).toContain('No credential');
  await takePicture(page, 'admin-audit-desktop');
  expect(await seriousFindings(page)).toEqual([]);

  await page.getByLabel('Find by', { exact: true }).selectOption('action');
  await page.getByLabel('Action', { exact: true }).selectOption('Account frozen');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect.poll(actions).toEqual(['Account frozen']);
  await page.reload();
  await signIn(page, await keyAgain(service));
  await expect.poll(actions).toEqual(['Account frozen']);
  await page.getByLabel('Find by', { exact: true }).selectOption('subject');
  await page.getByLabel('Subject').fill('ext:ana');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await expect.poll(actions).toEqual(['Account frozen', 'Account changed']);
  await rowsOf(page, 'Audit log').nth(1).getByRole('link', { name: 'Ada' }).click();
  await expect.poll(actions).toEqual(['Currency created', 'Account frozen', 'Account changed']);
  await page.getByLabel('To', { exact: true }).fill('2020-01-01T00:00');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
  await page.getByText('No event matches.').waitFor();
  expect(without401(complaints)).toEqual([]);
});

async function keyAgain({ ledger }: ConsoleService): Promise<string> {
  const { access } = ledger.engine;
  return (await createKey(access, await ledgerIdOf(access), { scopes: ALL })).secret;
}

test('the tabs are selected by keys, keep the focus, and have addresses', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/admin/keys');
  await page.getByRole('tab', { name: 'API keys' }).focus();
  await page.keyboard.press('ArrowRight');
  await page.getByRole('table', { name: 'Ledgers' }).waitFor();
  expect(page.url()).toBe(`${service.url}/admin/ledgers`);
  expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Ledgers');
  expect(await page.title()).toBe('Ledgers · Ledger');
  await page.goBack();
  await page.getByText('There are no API keys.').waitFor();
});

test('a reader is not offered the administration', async () => {
  const service = await startConsole();
  const { page } = await administrator(service, '/', { scopes: ['READ'] });
  expect(await page.getByRole('link', { name: 'Admin' }).count()).toBe(0);
  await page.evaluate(() => {
    history.pushState(null, '', '/admin/keys');
    dispatchEvent(new PopStateEvent('popstate'));
  });
  await page.getByText('does not permit administration').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
});

test('a list that cannot be read says so, and is read again on request', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/admin/keys');
  await page.getByText('There are no API keys.').waitFor();
  await page.route('**/graphql', (route) =>
    route.fulfill({ status: 400, json: { errors: [{ message: 'The document is invalid.' }] } }),
  );
  await page.getByRole('tab', { name: 'Audit log' }).click();
  await page.getByRole('alert').getByText('The service rejected the request.').waitFor();
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('There are no events yet.').waitFor();
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  const { access } = service.ledger.engine;
  const main = await ledgerIdOf(access);
  for (const input of [
    { name: 'checkout backend', scopes: ['POST'], requestsPerSecond: 500 },
    { name: 'reports', scopes: ['READ'], expiresAt: BigInt(Date.UTC(2099, 0)) * 1000n },
    { name: 'app of Ana', scopes: ['READ', 'POST'], owner: 'Ana' },
  ] as const) {
    const { apiKey } = await createKey(access, main, input);
    if (input.name === 'app of Ana')
      await access.revokeKey(viewer(), main, formatId('apiKey', apiKey.id), 'request');
  }
  const { page } = await administrator(service, '/admin/keys', {}, look);
  await rowsOf(page, 'API keys').filter({ hasText: 'Revoked' }).waitFor();
  await takePicture(page, `admin-keys-${name}`);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
    look.viewport.width,
  );
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByRole('button', { name: 'Create API key' }).click();
  await page.getByRole('dialog').waitFor();
  await takePicture(page, `admin-create-${name}`);
  const dialog = await page.getByRole('dialog').boundingBox();
  expect((dialog?.x ?? 0) + (dialog?.width ?? 0)).toBeLessThanOrEqual(look.viewport.width);
  expect(await page.evaluate(() => innerWidth)).toBe(look.viewport.width);
  await page.keyboard.press('Escape');
  await page.getByRole('tab', { name: 'Audit log' }).click();
  await rowsOf(page, 'Audit log').nth(4).waitFor();
  await takePicture(page, `admin-audit-${name}`);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(
    look.viewport.width,
  );
  expect(await seriousFindings(page)).toEqual([]);
});
