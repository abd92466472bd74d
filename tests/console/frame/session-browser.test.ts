import type { Page } from 'playwright-core';
import { afterAll, describe, expect, test } from 'vitest';
import { createLedgerClient } from '../../../src/client/index.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import {
  acceptTokens,
  makeSigningKey,
  present,
  sign,
  startIssuer,
  UNRESTRICTED,
} from '../../server/access/tokens/issuer.ts';
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

const SCOPES = ['READ', 'POST', 'MANAGE', 'ADMIN'] as const;

/** Creates a key, with which open mode ends. */
async function keyOf(
  { ledger }: ConsoleService,
  input: {
    readonly name?: string;
    readonly scopes?: readonly (typeof SCOPES)[number][];
    readonly owner?: string;
    readonly allLedgers?: boolean;
  } = {},
  ledgerName = 'main',
) {
  const { access } = ledger.engine;
  return createKey(access, await ledgerIdOf(access, ledgerName), { scopes: ['READ'], ...input });
}

/** Makes the page read at once what it would read in a few seconds. */
async function readAgain(page: Page): Promise<void> {
  await page.getByLabel('Owner').fill('Ana');
  await page.getByRole('button', { name: 'Find', exact: true }).click();
}

const heading = (page: Page, name: string) => page.getByRole('heading', { level: 1, name });

describe('open mode', () => {
  test('needs no sign-in, and says so', async () => {
    const service = await startConsole();
    const { page, complaints, elsewhere } = await openPage(service, '/accounts');
    await heading(page, 'Accounts').waitFor();
    expect(await page.locator('.open-mode').innerText()).toContain('everyone who can reach this address');
    expect(await page.getByRole('button', { name: 'Sign out' }).count()).toBe(0);
    expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
  });

  test('ends when the first key is created: the page asks for it, and continues there', async () => {
    const service = await startConsole();
    const { page } = await openPage(service, '/accounts?owner=Ana');
    await heading(page, 'Accounts').waitFor();
    const { secret } = await keyOf(service);
    // The page reads again every few seconds.
    await page.getByText('The first API key was created').waitFor();
    await signIn(page, secret);
    await heading(page, 'Accounts').waitFor();
    expect(page.url()).toContain('/accounts?owner=Ana');
  });
});

describe('a key', () => {
  test('is kept in memory alone, and a reload forgets it', async () => {
    const service = await startConsole();
    const { secret } = await keyOf(service, { name: 'Ana’s laptop' });
    const { page, complaints } = await openPage(service, '/accounts');
    await heading(page, 'Sign in to the ledger').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    const places = () =>
      page.evaluate(async () => {
        const databases = await indexedDB.databases();
        return JSON.stringify([
          { ...localStorage },
          { ...sessionStorage },
          document.cookie,
          location.href,
          JSON.stringify(history.state),
          document.documentElement.outerHTML,
          databases,
          performance.getEntriesByType('resource').map(({ name }) => name),
        ]);
      });
    await page.getByLabel('API key or token').fill(secret);
    expect(await places()).not.toContain(secret.slice(-20));
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await heading(page, 'Accounts').waitFor();
    expect(await page.locator('.who').innerText()).toContain('Ana’s laptop');
    expect(await places()).not.toContain(secret.slice(-20));
    await page.reload();
    await heading(page, 'Sign in to the ledger').waitFor();
    // The browser reports the requests that the service rejected.
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });

  test('survives a reload if it is kept, until one signs out', async () => {
    const service = await startConsole();
    const { secret } = await keyOf(service);
    const { page } = await openPage(service, '/accounts');
    await page.getByLabel('Keep it until this tab is closed').check();
    await signIn(page, secret);
    await heading(page, 'Accounts').waitFor();
    await page.reload();
    await heading(page, 'Accounts').waitFor();
    const stores = () => page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
    expect(await stores()).toContain(secret);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await heading(page, 'Sign in to the ledger').waitFor();
    expect(await stores()).not.toContain(secret.slice(-20));
    await page.reload();
    await heading(page, 'Sign in to the ledger').waitFor();
  });

  test('that has the wrong form is not sent: the field says why', async () => {
    const service = await startConsole();
    await keyOf(service);
    const { page } = await openPage(service);
    const field = page.getByLabel('API key or token');
    for (const [typed, why] of [
      ['', 'Enter an API key or a token.'],
      ['tlsk_abc', 'a part of an API key'],
      ['hello', 'API keys begin with tlsk_'],
      ['tlsk_a b', 'no spaces'],
    ] as const) {
      await signIn(page, typed);
      await page.getByText(why).waitFor();
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      expect(await field.evaluate((element) => element === document.activeElement)).toBe(true);
    }
    expect(await seriousFindings(page)).toEqual([]);
  });

  test('that is unknown is rejected with the reason of the service; the next one can be entered', async () => {
    const service = await startConsole();
    const { secret } = await keyOf(service);
    const { page } = await openPage(service, '/accounts');
    await signIn(page, `${secret.slice(0, -6)}AAAAAA`);
    await page.getByRole('alert').getByText('The API key is unknown').waitFor();
    expect(await seriousFindings(page)).toEqual([]);
    await takePicture(page, 'sign-in-wrong');
    await signIn(page, secret);
    await heading(page, 'Accounts').waitFor();
  });

  test('that is revoked ends the session with the reason; another one continues on the same page', async () => {
    const service = await startConsole();
    const { secret, apiKey } = await keyOf(service);
    const other = await keyOf(service);
    const { page } = await openPage(service, '/accounts?owner=Ana');
    await page.getByLabel('Keep it').check();
    await signIn(page, secret);
    await heading(page, 'Accounts').waitFor();
    const { access } = service.ledger.engine;
    await access.revokeKey(viewer(), await ledgerIdOf(access), formatId('apiKey', apiKey.id), 'request');
    await page.getByRole('alert').getByText('The API key is revoked').waitFor();
    expect(await page.evaluate(() => sessionStorage.getItem('ledger-console:credential'))).toBeNull();
    await signIn(page, other.secret);
    await heading(page, 'Accounts').waitFor();
    expect(page.url()).toContain('/accounts?owner=Ana');
  });

  test('without READ is offered no list, and the page says what it lacks', async () => {
    const service = await startConsole();
    const { secret } = await keyOf(service, { scopes: ['POST'] });
    const { page, complaints } = await openPage(service, '/accounts');
    await signIn(page, secret);
    await page.getByText('does not permit reading accounts').waitFor();
    const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
    expect(await links.allInnerTexts()).toEqual(['Overview', 'Move money', 'GraphiQL']);
    expect(await seriousFindings(page)).toEqual([]);
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });

  test('of an owner is offered what concerns own accounts', async () => {
    const service = await startConsole();
    await service.client.createAccount({ owner: 'Ana', currency: 'EUR' });
    await service.client.createAccount({ owner: 'Ben', currency: 'EUR' });
    const { secret } = await keyOf(service, { name: 'app', scopes: ['READ', 'POST'], owner: 'Ana' });
    const { page, complaints } = await openPage(service, '/accounts');
    await signIn(page, secret);
    const rows = page.getByRole('table', { name: 'Accounts' }).getByRole('row');
    await expect.poll(() => rows.count()).toBe(2);
    expect(await page.locator('.who').innerText()).toContain('app for Ana');
    const links = page.getByRole('navigation', { name: 'Pages' }).getByRole('link');
    expect(await links.allInnerTexts()).toEqual(['Overview', 'Accounts', 'Move money', 'GraphiQL']);
    expect(await page.getByRole('button', { name: 'Create account' }).count()).toBe(0);
    expect(complaints.filter((text) => !text.includes('401'))).toEqual([]);
  });
});

describe('a token', () => {
  const signing = makeSigningKey();
  const issuer = signing.then((key) => startIssuer(key));
  afterAll(async () => (await issuer).close());

  test('of the issuer opens a session, which ends when it expires; a new one continues on the same page', async () => {
    const key = await signing;
    const service = await startConsole({ tokens: acceptTokens((await issuer).url) });
    const { page } = await openPage(service, '/accounts?owner=Ana');
    const claims = { owner: undefined, [UNRESTRICTED]: true, scope: 'READ' };
    // A token is accepted for 30 seconds after it expires.
    await signIn(page, await sign(key, { ...claims, iat: present() - 60, exp: present() - 28 }));
    await heading(page, 'Accounts').waitFor();
    await page.getByRole('alert').getByText('The token has expired').waitFor();
    await signIn(page, await sign(key, claims));
    await heading(page, 'Accounts').waitFor();
    expect(page.url()).toContain('/accounts?owner=Ana');
  });

  test('that another key signed is rejected with the reason', async () => {
    const service = await startConsole({ tokens: acceptTokens((await issuer).url) });
    const { page } = await openPage(service, '/accounts');
    await signIn(page, await sign({ ...(await makeSigningKey()), kid: (await signing).kid }));
    await page.getByRole('alert').getByText('The service does not accept this key or token.').waitFor();
    expect(await page.getByRole('alert').innerText()).toContain('The token ');
  });
});

describe('several ledgers', () => {
  async function twoLedgers(service: ConsoleService) {
    const { secret } = await keyOf(service, { scopes: ['READ', 'MANAGE'], allLedgers: true });
    for (const [ledger, owner] of [
      ['main', 'Ana'],
      ['eu', 'Ben'],
    ] as const) {
      await ledgerIdOf(service.ledger.engine.access, ledger);
      const client = createLedgerClient({ url: `${service.url}/graphql`, apiKey: secret, ledger });
      await client.createAccount({ owner, currency: 'EUR' });
    }
    return secret;
  }

  test('are switched: nothing of the one that was left is shown, also if its answer is late', async () => {
    const service = await startConsole();
    const secret = await twoLedgers(service);
    const { page } = await openPage(service, '/accounts');
    await signIn(page, secret);
    await page.getByRole('link', { name: 'Ana (EUR)' }).waitFor();
    // The next read of the first ledger is answered after the switch.
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await page.route('**/graphql', async (route) => {
      if (route.request().headers()['x-ledger'] === 'main') await held;
      await route.continue().catch(() => {});
    });
    const late = page.waitForRequest((request) => request.headers()['x-ledger'] === 'main');
    await readAgain(page);
    await late;
    await page.getByLabel('Ledger', { exact: true }).selectOption('eu');
    await heading(page, 'Overview').waitFor();
    await page.getByRole('link', { name: 'Accounts' }).click();
    await page.getByRole('link', { name: 'Ben (EUR)' }).waitFor();
    release();
    await page.waitForResponse((response) => response.request().headers()['x-ledger'] === 'eu');
    expect(await page.locator('body').innerText()).not.toContain('Ana');
    await page.getByLabel('Ledger', { exact: true }).selectOption('main');
    await page.getByRole('link', { name: 'Accounts' }).click();
    await page.getByRole('link', { name: 'Ana (EUR)' }).waitFor();
    expect(await page.locator('body').innerText()).not.toContain('Ben');
  });

  test('a key that may not enter the ledger of the last one opens its own', async () => {
    const service = await startConsole();
    const secret = await twoLedgers(service);
    const own = await keyOf(service, { name: 'main only' });
    const { page } = await openPage(service, '/accounts');
    await signIn(page, secret);
    await page.getByLabel('Ledger', { exact: true }).selectOption('eu');
    await heading(page, 'Overview').waitFor();
    await page.reload();
    await signIn(page, own.secret);
    await page.locator('.who').getByText('main only').waitFor();
    expect(await page.locator('.ledger-name').innerText()).toContain('main');
  });
});

test('a service that stops keeps the page, and the page continues when it is back', async () => {
  const first = await startConsole();
  await first.client.createAccount({ owner: 'Ana', currency: 'EUR' });
  const { page } = await openPage(first, '/accounts');
  await page.getByRole('link', { name: 'Ana (EUR)' }).waitFor();
  await first.close();
  await page.getByText('The service cannot be reached.').waitFor({ timeout: 20_000 });
  expect(await page.getByRole('link', { name: 'Ana (EUR)' }).count()).toBe(1);
  await takePicture(page, 'session-service-stopped');
  await startConsole({ on: first.ledger, port: Number(new URL(first.url).port) });
  await first.client.createAccount({ owner: 'Ben', currency: 'EUR' });
  await page.getByRole('link', { name: 'Ben (EUR)' }).waitFor({ timeout: 20_000 });
  expect(await page.getByText('The service cannot be reached.').count()).toBe(0);
});

test('a page that is loaded while the API does not answer says so, and opens on request', async () => {
  const service = await startConsole();
  const { page } = await openPage(service, '/accounts');
  await heading(page, 'Accounts').waitFor();
  await page.route('**/graphql', (route) => route.abort());
  await page.reload();
  await page.getByText('The service cannot be reached.').waitFor({ timeout: 20_000 });
  expect(await seriousFindings(page)).toEqual([]);
  await page.unroute('**/graphql');
  await page.getByRole('button', { name: 'Try again' }).click();
  await heading(page, 'Accounts').waitFor();
});

test.each(Object.entries(LOOKS))('the sign-in looks: %s', async (name, look) => {
  const service = await startConsole();
  await keyOf(service);
  const { page } = await openPage(service, '/', look);
  await heading(page, 'Sign in to the ledger').waitFor();
  await page.getByText('Where do I get a key?').click();
  await takePicture(page, `sign-in-${name}`);
  expect(await seriousFindings(page)).toEqual([]);
});
