import type { Page, Request } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createLedgerClient, unwrap } from '../../../src/client/index.ts';
import { makeKey } from '../../server/access/keys.ts';
import {
  type ConsolePage,
  LOOKS,
  openPage,
  seriousFindings,
  signIn,
  startBrowser,
  takePicture,
} from '../support/console.ts';
import { type Books, eventually, openTransfer, payButton, posted, startBooks } from '../support/money.ts';

startBrowser();

const combobox = (page: Page, name: string) => page.getByRole('combobox', { name, exact: true });
const preview = (page: Page) => page.getByRole('table', { name: 'Balances before and after' });

/** Opens a page that has no complaints at the end of the test. */
async function open(books: Books, path: string): Promise<Page> {
  const { page, complaints, elsewhere }: ConsolePage = await openPage(books.service, path);
  onTestFinished(() => expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] }));
  return page;
}

test('a transfer is made by keyboard alone: accounts are found, the preview shows the balances, the result has the focus', async () => {
  const books = await startBooks();
  const page = await open(books, '/move/transfer');
  await combobox(page, 'From account').focus();
  await page.keyboard.type('ali');
  await page.getByRole('option', { name: /Alice Martin/ }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await eventually(() => combobox(page, 'From account').inputValue()).toBe(books.alice);
  await page.getByText('has 100.00').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.keyboard.press('Tab');
  await page.keyboard.type('Bob’s Bakery');
  await page.getByRole('option', { name: /Bob’s Bakery/ }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.type('12.50');
  await eventually(() => preview(page).innerText()).toMatch(
    /Alice Martin[\s\S]*100\.00[\s\S]*87\.50[\s\S]*0\.00[\s\S]*12\.50/,
  );
  expect(await seriousFindings(page)).toEqual([]);
  await page.keyboard.press('Enter');
  await posted(page).waitFor();
  await page.waitForFunction(() => document.activeElement?.classList.contains('move-posted'));
  expect(await seriousFindings(page)).toEqual([]);
  expect(await books.count()).toBe(1);
  await page.getByRole('button', { name: 'Move more' }).click();
  await eventually(() => page.getByLabel('Amount').inputValue()).toBe('');
  expect(await books.count()).toBe(1);
});

test('the second account has the currency of the first, and Escape closes the list', async () => {
  const books = await startBooks();
  const { client } = books.service;
  unwrap(await client.createAccount({ owner: 'Dollar Bank', currency: 'USD', externalId: 'b-usd' }));
  const page = await open(books, `/move/transfer?from=${books.alice}`);
  await page.getByText('has 100.00').waitFor();
  const field = combobox(page, 'To account');
  await field.fill('b');
  await eventually(() => page.getByRole('option').allInnerTexts()).toEqual([
    expect.stringContaining('Bob’s Bakery'),
  ]);
  await page.keyboard.press('Escape');
  await eventually(() => page.getByRole('option').count()).toBe(0);
  expect(await field.inputValue()).toBe('b');
});

test('a typed name that was not chosen from the list chooses its account when the field is left', async () => {
  const books = await startBooks();
  const { client } = books.service;
  // The owner Ann has two accounts, and more accounts than the list offers have names that begin with hers.
  for (const externalId of [null, null, ...[...'1234567'].map((end) => `Ann-${end}`)]) {
    const owner = externalId === null ? 'Ann' : 'Others';
    unwrap(await client.createAccount({ owner, currency: 'EUR', externalId }));
  }
  const page = await open(books, `/move/transfer?from=${books.alice}&amount=2`);
  // The other account is looked up in the currency of this one.
  await page.getByText('has 100.00').waitFor();
  const field = combobox(page, 'To account');
  for (const name of ['b', 'Ann']) {
    await field.fill(name);
    await page.keyboard.press('Tab');
    await page.getByText(`No single account is called “${name}”. Choose one from the list.`).waitFor();
  }
  await field.fill('Bob’s Bakery');
  await page.keyboard.press('Tab');
  await eventually(() => field.inputValue()).toBe(books.bob);
  await field.fill('bob');
  await page.keyboard.press('Enter');
  await eventually(() => field.inputValue()).toBe(books.bob);
  await page.getByRole('button', { name: 'Transfer 2.00 EUR' }).waitFor();
  expect(await books.count()).toBe(0);
  await field.press('Enter');
  await page.getByText('Transferred 2.00 EUR.').waitFor();
});

test('the account of a row that is removed while it is looked up leaves the other rows as they are', async () => {
  const books = await startBooks();
  unwrap(await books.service.client.createAccount({ owner: 'Fees', currency: 'EUR' }));
  const page = await open(books, `/move/journal?from=${books.alice}&to=${books.bob}&amount=12.5`);
  const row = (place: number) => page.getByRole('group', { name: `Row ${place}` });
  await page.getByRole('button', { name: 'Add a row' }).click();
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const isOfFees = (request: Request) => request.postData()?.includes('"Fees"') === true;
  await page.route('**/graphql', async (route) => {
    if (isOfFees(route.request())) await held;
    await route.continue();
  });
  const begun = page.waitForRequest(isOfFees);
  await row(3).getByRole('combobox', { name: 'Account', exact: true }).fill('Fees');
  await page.keyboard.press('Tab');
  await begun;
  await page.getByRole('button', { name: 'Remove row 3' }).click();
  await eventually(() => row(3).count()).toBe(0);
  const done = page.waitForEvent('requestfinished', isOfFees);
  release();
  await done;
  await row(2).getByLabel('Amount in EUR').fill('11');
  await page.getByText('1.50 EUR credit missing').waitFor();
  expect(await row(3).count()).toBe(0);
});

test('an amount is checked as it is typed, and nothing is sent before it is complete', async () => {
  const books = await startBooks();
  const page = await open(books, `/move/transfer?from=${books.alice}&to=${books.bob}`);
  const amount = page.getByLabel('Amount in EUR');
  await amount.fill('12,50');
  await page.getByText('a comma means decimals in some countries').waitFor();
  await amount.fill('12.505');
  await page.getByText('EUR has at most 2 decimals. The amount has 3.').waitFor();
  await amount.fill('');
  expect(await page.getByText('Enter an amount.').isVisible()).toBe(false);
  await page.getByRole('button', { name: 'Transfer', exact: true }).click();
  await page.getByText('Enter an amount.').waitFor();
  await page.waitForFunction(() => document.activeElement?.getAttribute('inputmode') === 'decimal');
  expect(await books.count()).toBe(0);
});

test('money is deposited with an external id and metadata, and withdrawn', async () => {
  const books = await startBooks();
  const page = await open(books, `/move/deposit?account=${books.bob}&amount=20`);
  await page.getByRole('main').getByText('More', { exact: true }).click();
  await page.getByLabel('External id (optional)').fill('order-1042');
  await page.getByLabel('Effective date').fill('2026-01-15T10:30');
  await page.getByRole('button', { name: 'Add a key and a value' }).click();
  await page.getByLabel('Key 1').fill('channel');
  await page.getByLabel('Value 1').fill('web');
  await page.getByRole('button', { name: 'Deposit 20.00 EUR' }).click();
  await page.getByText('Deposited 20.00 EUR.').waitFor();
  expect(await books.service.client.transaction('ext:order-1042')).toMatchObject({
    type: 'DEPOSIT',
    metadata: { channel: 'web' },
    // The page is in Berlin.
    effectiveAt: '2026-01-15T09:30:00.000000Z',
  });
  await page.goto(`${books.service.url}/move/withdraw?account=${books.bob}&amount=5.01`);
  await page.getByRole('button', { name: 'Withdraw 5.01 EUR' }).click();
  await page.getByText('Withdrew 5.01 EUR.').waitFor();
  expect(await books.balanceOf(books.bob)).toBe('14.99');
});

test('money is held, captured in part, and the rest is voided', async () => {
  const books = await startBooks();
  const page = await open(books, `/move/hold?from=${books.alice}&to=${books.bob}&amount=30`);
  await eventually(() => preview(page).innerText()).toMatch(
    /held 0\.00[\s\S]*available 100\.00[\s\S]*held 30\.00[\s\S]*available 70\.00/,
  );
  await page.getByRole('button', { name: 'Hold 30.00 EUR' }).click();
  await page.getByRole('link', { name: 'Capture the hold' }).click();
  await page.getByText('30.00 EUR of 30.00 EUR remains').waitFor();
  await page.getByRole('button', { name: 'Capture 30.00 EUR' }).waitFor();
  await page.getByLabel('Capture all that remains').uncheck();
  await page.getByLabel('Amount to capture in EUR').fill('10');
  await page.getByLabel('Final capture').uncheck();
  await eventually(() => preview(page).innerText()).toMatch(/held 30\.00[\s\S]*held 20\.00/);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByRole('button', { name: 'Capture 10.00 EUR' }).click();
  await page.getByText('Captured 10.00 EUR.').waitFor();
  await page.getByRole('link', { name: 'Void', exact: true }).click();
  await combobox(page, 'Hold').click();
  await page.getByRole('option', { name: /Alice Martin.*20\.00/ }).click();
  await page.getByText('20.00 EUR of 30.00 EUR remains').waitFor();
  await page.getByRole('button', { name: 'Void the hold' }).click();
  await page.getByText('Voided the hold and released').waitFor();
  expect(await books.balanceOf(books.alice)).toBe('90.00');
  expect((await books.service.client.account(books.alice))?.held.amount).toBe('0.00');
});

test('a journal shows what is missing, fills it, and adds and removes rows by keyboard', async () => {
  const books = await startBooks();
  const { client } = books.service;
  const fees = unwrap(await client.createAccount({ owner: 'Fees', currency: 'EUR' })).account.id;
  const page = await open(books, `/move/journal?from=${books.alice}&to=${books.bob}&amount=12.5`);
  const row = (place: number) => page.getByRole('group', { name: `Row ${place}` });
  await page.getByText('EUR: equal').waitFor();
  await row(2).getByLabel('Amount in EUR').fill('11');
  await page.getByText('1.50 EUR credit missing').waitFor();
  await page.getByRole('button', { name: 'Add a row' }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.getByRole('button', { name: 'Add a row' }).focus();
  await page.keyboard.press('Enter');
  await row(4).waitFor();
  await page.getByRole('button', { name: 'Remove row 4' }).focus();
  await page.keyboard.press('Enter');
  await eventually(() => row(4).count()).toBe(0);
  await page.waitForFunction(() => document.activeElement?.getAttribute('aria-label') === 'Remove row 3');
  await page.getByRole('button', { name: 'Post the journal' }).click();
  await page.getByText('The debits and the credits are not equal: EUR.').waitFor();
  await page.getByRole('button', { name: 'Fill the last row' }).click();
  await page.getByText('Row 3 has no account yet.').waitFor();
  const account = row(3).getByRole('combobox', { name: 'Account', exact: true });
  await account.fill('Fees');
  await page.keyboard.press('Tab');
  await eventually(() => account.inputValue()).toBe(fees);
  await page.getByText('EUR: equal', { exact: true }).waitFor();
  await page.getByLabel('Account of the idempotency key').selectOption({ label: 'Bob’s Bakery, bob' });
  await eventually(() => preview(page).innerText()).toMatch(/Fees[\s\S]*1\.50/);
  expect(await seriousFindings(page)).toEqual([]);
  await page.getByRole('button', { name: 'Post the journal' }).click();
  await page.getByText('Posted the journal of 12.50 EUR.').waitFor();
  expect(await books.count('JOURNAL')).toBe(1);
  expect(await books.balanceOf(fees)).toBe('1.50');
});

describe('a refusal is explained before and after the press, posts nothing, and keeps the form:', () => {
  test('funds, a frozen account, and another currency', async () => {
    const books = await startBooks();
    const { client } = books.service;
    const dollars = unwrap(await client.createAccount({ owner: 'Dollar Bank', currency: 'USD' })).account.id;
    const page = await open(books, `/move/transfer?from=${books.alice}&to=${books.bob}&amount=100.01`);
    const refused = async (title: string) => {
      await page.getByRole('region', { name: 'Preview' }).getByText(title).waitFor();
      await page.getByRole('button', { name: /^Transfer 1/ }).click();
      await page.locator('form').getByRole('alert').getByText(title).waitFor();
      expect(await books.count()).toBe(0);
    };
    await refused('The account does not have enough money.');
    await page.locator('form').getByText('100.01 EUR', { exact: true }).waitFor();
    await page.locator('form').getByRole('alert').getByRole('link', { name: 'Alice Martin' }).waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.goto(`${books.service.url}/move/transfer?from=${books.alice}&to=${dollars}&amount=1`);
    await refused('The accounts have different currencies.');
    unwrap(await client.freezeAccount(books.alice));
    await page.goto(`${books.service.url}/move/transfer?from=${books.alice}&to=${books.bob}&amount=1`);
    await refused('The account is frozen.');
    unwrap(await client.unfreezeAccount(books.alice));
    // The same form is another attempt, with a key of its own.
    await page.getByRole('button', { name: 'Transfer 1.00 EUR' }).click();
    await page.getByText('Transferred 1.00 EUR.').waitFor();
    expect(await books.count()).toBe(1);
  });

  test('an external id that is taken, and a closed period', async () => {
    const books = await startBooks();
    const { client } = books.service;
    unwrap(
      await client.transfer({
        fromAccountId: books.alice,
        toAccountId: books.bob,
        amount: '1',
        externalId: 'order-1',
      }),
    );
    const page = await open(books, `/move/transfer?from=${books.alice}&to=${books.bob}&amount=12.5`);
    await page.getByRole('main').getByText('More', { exact: true }).click();
    await page.getByLabel('External id (optional)').fill('order-1');
    await payButton(page).click();
    await page.locator('form').getByText('This external id is already used.').waitFor();
    expect(await books.count()).toBe(1);
    await page.getByLabel('External id (optional)').fill('');
    unwrap(await client.closePeriod({ before: new Date(Date.now() - 10_000).toISOString() }));
    await page.getByLabel('Effective date').fill('2020-01-15T10:30');
    await payButton(page).click();
    await page.locator('form').getByText('The period of this effective date is closed.').waitFor();
    expect(await books.count()).toBe(1);
    await page.getByLabel('Effective date').fill('');
    await payButton(page).click();
    await posted(page).waitFor();
    expect(await books.count()).toBe(2);
  });
});

test('the preview is refreshed as the balances change', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  await eventually(() => preview(page).innerText()).toContain('87.50');
  unwrap(await books.service.client.deposit({ accountId: books.alice, amount: '50' }));
  await eventually(() => preview(page).innerText()).toContain('137.50');
});

test('a preview that cannot be read says so, and is repeated', async () => {
  const books = await startBooks();
  const { page } = await openTransfer(books);
  await preview(page).waitFor();
  await page.route('**/graphql', (route) =>
    route.fulfill({ status: 400, json: { errors: [{ message: 'The proxy is closed' }] } }),
  );
  await page.getByLabel('Amount in EUR').fill('13');
  const region = page.getByRole('region', { name: 'Preview' });
  await region.getByText('The service rejected the request.').waitFor();
  expect(await seriousFindings(page)).toEqual([]);
  await page.unroute('**/graphql');
  await region.getByRole('button', { name: 'Try again' }).click();
  await eventually(() => preview(page).innerText()).toContain('87.00');
  expect(await books.count()).toBe(0);
});

/** Signs in with a new key. The form asks for one, because a key exists. */
async function openSignedIn(books: Books, path: string, input: Parameters<typeof makeKey>[1]) {
  const { secret } = await makeKey(books.service.ledger, input);
  const { page, complaints } = await openPage(books.service, path);
  await signIn(page, secret);
  await page.getByRole('button', { name: 'Sign out' }).waitFor();
  const { secret: all } = await makeKey(books.service.ledger);
  const admin = createLedgerClient({ url: `${books.service.url}/graphql`, apiKey: all });
  return { page, admin, complaints };
}

const kinds = (page: Page) =>
  page.getByRole('navigation', { name: 'Kinds of operations' }).getByRole('link').allInnerTexts();

test('a reader’s key is not offered any operation', async () => {
  const books = await startBooks();
  const { page } = await openSignedIn(books, '/move/transfer', { scopes: ['READ'] });
  await page.getByText('does not permit this operation').waitFor();
  expect(await page.getByRole('link', { name: 'Move money' }).count()).toBe(0);
  expect(await page.getByRole('button', { name: /Transfer/ }).count()).toBe(0);
  expect(await page.getByRole('navigation', { name: 'Kinds of operations' }).count()).toBe(0);
  expect(await seriousFindings(page)).toEqual([]);
});

test('a key without READ moves money without a preview', async () => {
  const books = await startBooks();
  const { page, admin } = await openSignedIn(
    books,
    `/move/transfer?from=${books.alice}&to=ext:bob&amount=12.5`,
    {
      scopes: ['POST'],
    },
  );
  await page.getByRole('button', { name: 'Transfer 12.5', exact: true }).click();
  await posted(page).waitFor();
  expect(await page.getByRole('region', { name: 'Preview' }).count()).toBe(0);
  expect((await admin.account(books.bob))?.balance.amount).toBe('12.50');
});

test('a viewer restricted to an owner transfers and holds, with an expiry within 7 days', async () => {
  const books = await startBooks();
  const { page, admin } = await openSignedIn(books, `/move/hold?from=ext:alice&to=${books.bob}&amount=5`, {
    scopes: ['READ', 'POST'],
    owner: 'Alice Martin',
  });
  await eventually(() => kinds(page)).toEqual(['Transfer', 'Hold']);
  await page
    .getByRole('button', { name: 'Hold 5.00 EUR' })
    .or(page.getByRole('button', { name: 'Hold', exact: true }))
    .click();
  await page.getByText('Enter when the hold expires, at most 7 days from now.').waitFor();
  const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString().slice(0, 16);
  await page.getByLabel('Expires').fill(inDays(9));
  await page.getByText('Enter an instant at most 7 days from now.').waitFor();
  await page.getByLabel('Expires').fill(inDays(2));
  await page.getByRole('button', { name: 'Hold 5.00 EUR' }).click();
  await page.getByText('Held 5.00 EUR.').waitFor();
  expect((await admin.account(books.alice))?.held.amount).toBe('5.00');
  expect(await seriousFindings(page)).toEqual([]);
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const books = await startBooks();
  const { page } = await openPage(
    books.service,
    `/move/transfer?from=${books.alice}&to=${books.bob}&amount=12.5`,
    look,
  );
  const isNarrow = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth);
  await preview(page).waitFor();
  await takePicture(page, `move-transfer-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect(await isNarrow()).toBe(true);
  await page.goto(`${books.service.url}/move/journal?from=${books.alice}&to=${books.bob}&amount=12.5`);
  await page.getByLabel('Amount').nth(1).fill('11');
  await page.getByText('1.50 EUR credit missing').waitFor();
  await takePicture(page, `move-journal-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect(await isNarrow()).toBe(true);
});
