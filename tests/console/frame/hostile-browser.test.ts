/** Texts and amounts at the limits of the API are shown as they are, on every page. */
import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { LOOKS, openPage, startBrowser, startConsole, takePicture } from '../support/console.ts';
import { eventually } from '../support/money.ts';

startBrowser();

const IMAGE = '<img src=x onerror=globalThis.wasRun=1>';
const SCRIPT = '"><script>globalThis.wasRun=1</script>';
const LINK = 'javascript:globalThis.wasRun=1';

test('markup in names, notes, metadata and addresses is text on every page', async () => {
  const service = await startConsole();
  const { client } = service;
  const metadata = { [IMAGE]: SCRIPT, [LINK]: LINK };
  const open = async (owner: string, externalId: string) =>
    unwrap(await client.createAccount({ owner, externalId, currency: 'EUR', metadata })).account.id;
  const payer = await open(IMAGE, LINK);
  const payee = await open(SCRIPT, `${IMAGE}/../..`);
  const note = { description: `${IMAGE} ${SCRIPT}`, metadata };
  unwrap(await client.deposit({ accountId: payer, amount: '90', externalId: SCRIPT, ...note }));
  const { transaction } = unwrap(
    await client.postTransaction({
      keyAccountId: payer,
      externalId: LINK,
      ...note,
      entries: [
        { accountId: payer, side: 'DEBIT', amount: '5', description: IMAGE },
        { accountId: payee, side: 'CREDIT', amount: '5', description: SCRIPT },
      ],
    }),
  );
  const { hold } = unwrap(
    await client.placeHold({
      fromAccountId: payer,
      toAccountId: payee,
      amount: '7',
      externalId: IMAGE,
      ...note,
    }),
  );
  unwrap(await client.updateAccount({ accountId: payee, metadata: { [LINK]: IMAGE } }));
  const { page, complaints, elsewhere } = await openPage(service);
  const query = (parameters: Readonly<Record<string, string>>) => `?${new URLSearchParams(parameters)}`;
  for (const [path, text] of [
    ['/', IMAGE],
    ['/accounts', IMAGE],
    [`/accounts${query({ owner: SCRIPT, name: IMAGE })}`, 'Accounts'],
    [`/accounts/${payer}`, SCRIPT],
    [`/accounts/${encodeURIComponent(`ext:${LINK}`)}`, IMAGE],
    [`/accounts/${encodeURIComponent(IMAGE)}`, IMAGE],
    [
      `/transactions${query({ metadata: `${IMAGE}=${SCRIPT}`, account: LINK, types: SCRIPT })}`,
      'Transactions',
    ],
    [`/transactions/${transaction.id}`, SCRIPT],
    [`/transactions/${encodeURIComponent(SCRIPT)}`, SCRIPT],
    ['/holds', IMAGE],
    [`/holds/${hold.id}`, IMAGE],
    [`/holds${query({ status: IMAGE, account: SCRIPT })}`, 'Holds'],
    [`/move/transfer${query({ from: payer, to: payee, amount: IMAGE })}`, 'Transfer'],
    [`/move/capture${query({ hold: hold.id, amount: SCRIPT })}`, 'Capture'],
    [`/move/${encodeURIComponent(LINK)}`, 'Move money'],
    ['/admin/audit', 'Account changed'],
    [`/admin/audit${query({ subject: IMAGE, from: SCRIPT, actor: LINK })}`, 'Admin'],
  ] as const) {
    await page.goto(`${service.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expect.poll(() => page.locator('.loading').count()).toBe(0);
    await eventually(() => page.locator('main').innerText()).toContain(text);
    const found = await page.evaluate(() => ({
      wasRun: 'wasRun' in globalThis,
      elements: document.querySelectorAll('img, main script, iframe, object').length,
      links: document.querySelectorAll('a[href^="javascript:" i]').length,
    }));
    expect(found, path).toEqual({ wasRun: false, elements: 0, links: 0 });
  }
  const field = page.getByRole('searchbox', { name: 'Find by id or external id' });
  await field.fill(LINK);
  await field.press('Enter');
  await page.getByText('2 things have this external id').waitFor();
  await page.getByRole('link', { name: /^Transaction </ }).click();
  await expect.poll(() => page.url()).toBe(`${service.url}/transactions/${transaction.id}`);
  await takePicture(page, 'frame-hostile');
  const { secret } = unwrap(await client.createApiKey({ name: IMAGE, scopes: ['READ', 'ADMIN'] }));
  await page.goto(`${service.url}/admin/keys`);
  await page.getByLabel('API key or token').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('cell', { name: IMAGE }).first().waitFor();
  await page.getByText(`Signed in as ${IMAGE}`).waitFor();
  expect(await page.locator('img').count()).toBe(0);
  expect({ complaints: complaints.filter((text) => !text.includes('401')), elsewhere }).toEqual({
    complaints: [],
    elsewhere: [],
  });
});

test('an amount of 38 digits, 30 of which are decimals, is typed, checked, posted and shown exactly', async () => {
  const service = await startConsole();
  const { client } = service;
  unwrap(await client.createCurrency({ code: 'FINE', exponent: 30 }));
  const open = async (owner: string) =>
    unwrap(await client.createAccount({ owner, currency: 'FINE', externalId: owner })).account.id;
  const [ana, bo] = [await open('ana'), await open('bo')];
  unwrap(await client.deposit({ accountId: ana, amount: '12345678.123456789012345678901234567891' }));
  const { page, complaints } = await openPage(service, `/move/transfer?from=${ana}&to=${bo}`);
  const amount = page.getByLabel('Amount in FINE');
  await amount.fill('12345678.1234567890123456789012345678901');
  await page.getByText('FINE has at most 30 decimals. The amount has 31.').waitFor();
  await amount.fill('12345678.123456789012345678901234567890');
  const shown = '12,345,678.123456789012345678901234567890';
  await page.getByRole('region', { name: 'Preview' }).getByText(shown).first().waitFor();
  // The balance of one account does not cover the field of the other.
  const excess = await page
    .locator('form .field')
    .evaluateAll((fields) => fields.map(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth));
  expect(Math.max(...excess)).toBeLessThanOrEqual(1);
  await takePicture(page, 'frame-decimals');
  await page.getByRole('button', { name: `Transfer ${shown} FINE` }).click();
  await page.getByText(`Transferred ${shown} FINE.`).waitFor();
  expect((await client.account(ana))?.balance.amount).toBe('0.000000000000000000000000000001');
  for (const path of ['/', `/accounts/${bo}`, '/transactions', '/accounts?owner=bo']) {
    await page.goto(`${service.url}${path}`);
    await page.getByText(shown).first().waitFor();
  }
  await page.goto(`${service.url}/accounts/${ana}`);
  await page.getByText('0.000000000000000000000000000001 FINE').first().waitFor();
  await page.locator('canvas').waitFor();
  await takePicture(page, 'frame-decimals-account');
  const phone = await openPage(service, `/accounts/${bo}`, LOOKS.phone);
  await phone.page.getByText(shown).first().waitFor();
  expect(await phone.page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
  await takePicture(phone.page, 'frame-decimals-phone');
  for (const path of [
    `/move/transfer?from=${ana}&to=${bo}&amount=0.000000000000000000000000000001`,
    '/',
    '/transactions',
  ]) {
    await phone.page.goto(`${service.url}${path}`);
    await expect.poll(() => phone.page.locator('.loading').count()).toBe(0);
    expect(await phone.page.evaluate(() => document.documentElement.scrollWidth), path).toBe(390);
  }
  expect([...complaints, ...phone.complaints]).toEqual([]);
});
