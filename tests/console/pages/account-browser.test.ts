import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { type CreateApiKeyInput, createLedgerClient, unwrap } from '../../../src/client/index.ts';
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

const clean = { complaints: [], elsewhere: [] };

describe('the page of an account', () => {
  test('shows its money, its plot in words, and the balance after each entry', async () => {
    const service = await startConsole();
    const { ines } = await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, '/accounts/ext:customer-ines');
    await page.getByRole('heading', { name: 'Ines Moreau, customer-ines Open' }).waitFor();
    const balance = page.getByRole('region', { name: 'Balance', exact: true });
    expect((await balance.innerText()).replaceAll('\u00a0', ' ').split('\n').filter(Boolean)).toEqual([
      'Balance',
      '163.10 EUR',
      ...['Available', '123.50 EUR', 'Held', '39.60 EUR', 'Incoming', '0.00 EUR'],
      ...['Lowest balance', '0.00 EUR', 'Highest balance', 'no limit'],
      ...['Total debits', '1,036.90 EUR', 'Total credits', '1,200.00 EUR'],
    ]);
    const details = await page.getByRole('region', { name: 'Details' }).innerText();
    for (const fact of [ines.id, 'customer-ines', 'plan: gold', 'Credit: the balance is what you owe']) {
      expect(details).toContain(fact);
    }
    await page
      .getByText(
        'The balance after the last 31 posted entries: from 200.00 EUR to 163.10 EUR, lowest 30.10 EUR, highest 350.50 EUR.',
      )
      .waitFor();
    await page.locator('.account-plot canvas').waitFor();

    const rows = page.getByRole('table', { name: 'History' }).getByRole('row');
    await expect.poll(() => rows.count()).toBe(26);
    const texts = (await rows.allInnerTexts()).map((text) => text.replaceAll('\u00a0', ' '));
    expect(texts[1]).toMatch(
      /Order 3199 .*Hold · order-3199.*Wool Corner.*Pending: held.*Debit.*−39\.60.*163\.10/s,
    );
    expect(texts[2]).toMatch(/Capture · order-3198-shipment.*Pending: released.*Credit.*\+20\.00|Posted/s);
    expect(texts.join('\n')).toMatch(
      /Top-up by card, Ines Moreau.*External EUR account.*Posted.*Credit.*\+200\.00/s,
    );
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('has a history without end, which filters narrow and the address keeps', async () => {
    const service = await startConsole();
    await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, '/accounts/ext:customer-ines');
    const rows = page.getByRole('table', { name: 'History' }).getByRole('row');
    await page.getByRole('button', { name: 'Older' }).click();
    await expect.poll(() => rows.count()).toBe(10);
    await page.getByRole('button', { name: 'Filter', exact: true }).click();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1280);
    await page.getByLabel('Type').selectOption('Deposit');
    await page.getByLabel('Effective from').fill('2026-06-01T00:00');
    await page.getByLabel('Effective before').fill('2026-08-15T00:00');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await expect.poll(() => rows.count()).toBe(4);
    expect(new URL(page.url()).search).toBe('?type=DEPOSIT&from=2026-06-01T00%3A00&to=2026-08-15T00%3A00');
    await page.reload();
    await expect.poll(() => rows.count()).toBe(4);
    await page.getByRole('button', { name: 'Filter (2)' }).waitFor();
    await page.getByRole('button', { name: 'Clear', exact: true }).click();
    await page.getByLabel('Layer').selectOption('Pending only');
    await page.getByLabel('Side').selectOption('Credit only');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await expect.poll(() => rows.count()).toBe(2);
    expect((await rows.allInnerTexts())[1]).toContain('Pending: released');
    await page.getByLabel('Type').selectOption('Reversal');
    await page.getByRole('button', { name: 'Find', exact: true }).click();
    await page.getByText('No entry matches.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('lists the open holds with links that capture and void, then all holds', async () => {
    const service = await startConsole();
    const { hold } = await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, '/accounts/ext:customer-ines');
    await page.getByRole('tab', { name: 'History' }).focus();
    await page.keyboard.press('ArrowRight');
    const open = page.getByRole('table', { name: 'Open holds' }).getByRole('row');
    await expect.poll(() => open.count()).toBe(2);
    expect(await open.nth(1).innerText()).toMatch(
      /order-3199.*to Wool Corner.*Open.*39\.60.*0\.00.*39\.60.*Never/s,
    );
    expect(await page.getByRole('link', { name: 'Capture' }).getAttribute('href')).toBe(
      `/move/capture?hold=${hold.id}`,
    );
    expect(await page.getByRole('link', { name: 'Void' }).getAttribute('href')).toBe(
      `/move/void?hold=${hold.id}`,
    );
    await page.getByLabel('Show holds that have ended too').check();
    const all = page.getByRole('table', { name: 'Holds', exact: true }).getByRole('row');
    await expect.poll(() => all.count()).toBe(3);
    expect(await all.nth(2).innerText()).toMatch(/Captured.*20\.00.*17\.50.*0\.00/s);
    expect(page.url()).toMatch(/\?tab=holds&holds=all$/);
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('is shown by a browser whose language Intl does not know, with the plot in words alone', async () => {
    const service = await startConsole();
    const { client } = service;
    const { account } = unwrap(await client.createAccount({ owner: 'Ines', currency: 'EUR' }));
    for (const amount of ['5', '7']) unwrap(await client.deposit({ accountId: account.id, amount }));
    const { page, complaints } = await openPage(service, '/');
    await page.addInitScript(() => {
      Object.defineProperty(navigator, 'language', { get: () => 'en-US@posix' });
    });
    await page.goto(`${service.url}/accounts/${account.id}`);
    await page.getByText('The balance after the last 2 posted entries').waitFor();
    await page.locator('.account-plot-host').waitFor({ state: 'detached' });
    await expect.poll(() => page.getByRole('table', { name: 'History' }).getByRole('row').count()).toBe(3);
    expect(complaints).toEqual([]);
  });

  test('of an empty account says so', async () => {
    const service = await startConsole();
    const { id } = unwrap(await service.client.createAccount({ owner: 'Nils', currency: 'JPY' })).account;
    const { page, complaints, elsewhere } = await openPage(service, `/accounts/${id}`);
    await page.getByText('The picture begins with the second posted entry.').waitFor();
    await page.getByText('The account has no entries yet.').waitFor();
    await page.getByRole('tab', { name: 'Holds' }).click();
    await page.getByText('The account has no open holds.').waitFor();
    await page.getByRole('tab', { name: 'Changes' }).click();
    await page.getByText('were never changed').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('of an account that does not exist says so, and how to find one', async () => {
    const service = await startConsole();
    const { page, complaints, elsewhere } = await openPage(service, '/accounts/ext:nobody');
    await page.getByText('No account has the id ext:nobody.').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await page.getByRole('link', { name: 'Find an account' }).click();
    await page.getByRole('heading', { name: 'Accounts' }).waitFor();
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('of the external account explains it, and offers neither limits nor closing', async () => {
    const service = await startConsole();
    await openCustomer(service);
    const { page, complaints, elsewhere } = await openPage(service, '/accounts/ext:customer-ines');
    await page.getByRole('link', { name: 'External EUR account' }).first().click();
    await page.getByText('This account stands for all money outside of the ledger.').waitFor();
    await page.getByRole('heading', { name: 'External EUR account Open' }).waitFor();
    expect(
      await page
        .getByRole('main')
        .getByRole('button', { name: /limits|Close|Freeze|external id$/ })
        .count(),
    ).toBe(0);
    await page.getByRole('button', { name: 'Change metadata' }).waitFor();
    expect(await page.getByRole('link', { name: /Transfer|Deposit|Withdraw|Hold$/ }).count()).toBe(0);
    expect(await seriousFindings(page)).toEqual([]);
    expect({ complaints, elsewhere }).toEqual(clean);
  });

  test('offers each viewer only what it may do', async () => {
    const service = await startConsole();
    const { ines, coffee } = await openCustomer(service);
    const createKey = async (
      { client }: Pick<ConsoleService, 'client'>,
      input: Omit<CreateApiKeyInput, 'allLedgers'>,
    ) => unwrap(await client.createApiKey({ ...input, allLedgers: false })).secret;
    const admin = createLedgerClient({
      url: `${service.url}/graphql`,
      apiKey: await createKey(service, { name: 'admin', scopes: ['READ', 'POST', 'ADMIN'] }),
    });
    const [reader, owner, poster] = await Promise.all([
      createKey({ client: admin }, { name: 'reader', scopes: ['READ'] }),
      createKey({ client: admin }, { name: 'ines', scopes: ['READ', 'POST'], owner: 'Ines Moreau' }),
      createKey({ client: admin }, { name: 'poster', scopes: ['POST'] }),
    ]);
    const enter = async (key: string, path: string) => {
      const { page } = await openPage(service, path);
      await page.getByLabel('API key or token').fill(key);
      await page.getByRole('button', { name: 'Sign in' }).click();
      return page;
    };
    const offered = async (page: Page) => {
      const main = page.getByRole('main');
      const links = main.locator('a.button');
      const buttons = main.getByRole('button', { name: /^(Change|Freeze|Close|Set)/ });
      return [...(await links.allInnerTexts()), ...(await buttons.allInnerTexts())];
    };

    const readers = await enter(reader, `/accounts/${ines.id}?tab=holds`);
    await readers.getByRole('table', { name: 'Open holds' }).waitFor();
    expect(await offered(readers)).toEqual([]);
    await readers.getByRole('tab', { name: 'Changes' }).waitFor();
    expect(await seriousFindings(readers)).toEqual([]);

    const owners = await enter(owner, `/accounts/${ines.id}?tab=changes`);
    await owners.getByRole('table', { name: 'History' }).waitFor();
    expect(await offered(owners)).toEqual(['Transfer from here', 'Hold']);
    expect(await owners.getByRole('tab').allInnerTexts()).toEqual(['History', 'Holds']);
    const others = owners.getByRole('cell', { name: 'Harbour Coffee', exact: true });
    expect(await others.count()).toBeGreaterThan(0);
    expect(await others.getByRole('link').count()).toBe(0);
    await owners.goto(`${service.url}/accounts/${coffee.id}`);
    await owners.getByLabel('API key or token').fill(owner);
    await owners.getByRole('button', { name: 'Sign in' }).click();
    await owners.getByText('You see the accounts of Ines Moreau only.').waitFor();

    const posters = await enter(poster, `/accounts/${ines.id}`);
    await posters.getByText('Your key or token does not permit reading accounts.').waitFor();
    expect(await seriousFindings(posters)).toEqual([]);
  });
});

test.each(Object.entries(LOOKS))('looks: %s', async (name, look) => {
  const service = await startConsole();
  await openCustomer(service);
  const { page, complaints, elsewhere } = await openPage(service, '/accounts/ext:customer-ines', look);
  await page.getByRole('table', { name: 'History' }).waitFor();
  await page.locator('.account-plot canvas').waitFor();
  await takePicture(page, `account-${name}`);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(look.viewport.width);
  await page.getByRole('tab', { name: 'History' }).evaluate((tab) => tab.scrollIntoView());
  await takePicture(page, `account-history-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
  expect({ complaints, elsewhere }).toEqual(clean);
});

test('the plot has the colours of the scheme, and changes with it', async () => {
  const service = await startConsole();
  await openCustomer(service);
  const { page } = await openPage(service, '/accounts/ext:customer-ines');
  const canvas = page.locator('.account-plot canvas');
  const line = () =>
    canvas.evaluate((element: HTMLCanvasElement) => {
      const context = element.getContext('2d');
      const { data } = context?.getImageData(0, 0, element.width, element.height) ?? { data: [] };
      const colours = new Map<string, number>();
      for (let place = 0; place < data.length; place += 4) {
        const [red = 0, green = 0, blue = 0, alpha] = [
          data[place],
          data[place + 1],
          data[place + 2],
          data[place + 3],
        ];
        const colour = `${red} ${green} ${blue}`;
        if (alpha === 255) colours.set(colour, (colours.get(colour) ?? 0) + 1);
      }
      return [...colours.keys()];
    });
  await canvas.waitFor();
  await expect.poll(line).toContain('52 67 196');
  await page.emulateMedia({ colorScheme: 'dark' });
  await expect.poll(line).toContain('154 166 255');
  const width = await canvas.evaluate((element: HTMLCanvasElement) => element.width);
  await page.setViewportSize({ width: 700, height: 860 });
  await expect.poll(() => canvas.evaluate((element: HTMLCanvasElement) => element.width)).not.toBe(width);
});
