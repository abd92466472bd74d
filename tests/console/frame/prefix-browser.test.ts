import { once } from 'node:events';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { type ConsoleService, openPage, startBrowser, startConsole } from '../support/console.ts';

startBrowser();

/** Starts a proxy that removes a prefix from the paths of requests, and has nothing at other paths. Returns its URL with the prefix. */
async function proxyOf(
  service: ConsoleService,
  prefix: string,
): Promise<{ readonly url: string; readonly strays: string[] }> {
  const { hostname, port } = new URL(service.url);
  const strays: string[] = [];
  const server = createServer((request, response) => {
    const { url = '', method, headers } = request;
    if (!url.startsWith(`${prefix}/`)) {
      strays.push(url);
      response.writeHead(404).end();
      return;
    }
    const forwarded = send({ hostname, port, method, headers, path: url.slice(prefix.length) }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    forwarded.on('error', () => response.destroy());
    request.pipe(forwarded);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}${prefix}`, strays };
}

test('the console works behind a proxy that removes a prefix, also after reloads of deep links', async () => {
  const service = await startConsole();
  const { account } = unwrap(
    await service.client.createAccount({ owner: 'Ana', currency: 'EUR', externalId: 'order/7' }),
  );
  const proxy = await proxyOf(service, '/tools/ledger');
  const { page, complaints, elsewhere } = await openPage(proxy, '/');
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  await page.getByRole('link', { name: 'Accounts' }).click();
  await page.getByRole('link', { name: 'Ana, order/7' }).click();
  await expect.poll(() => page.url()).toBe(`${proxy.url}/accounts/${account.id}`);
  for (const path of [
    `/accounts/${account.id}`,
    '/accounts/ext%3Aorder%2F7/',
    '/accounts?owner=Ana',
    '/admin/audit',
  ]) {
    await page.goto(`${proxy.url}${path}`);
    await page.reload();
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await page.getByRole('navigation', { name: 'Pages' }).count()).toBe(1);
    expect(page.url()).toBe(`${proxy.url}${path}`);
    const icon = await page
      .locator('link[rel="icon"]')
      .evaluate((link) => fetch((link as HTMLLinkElement).href).then(({ status, url }) => ({ status, url })));
    expect(icon).toEqual({ status: 200, url: expect.stringMatching(`^${proxy.url}/assets/icon-`) });
  }
  await page.getByRole('link', { name: 'GraphiQL' }).waitFor();
  expect(
    await page.getByRole('link', { name: 'GraphiQL' }).evaluate((link) => (link as HTMLAnchorElement).href),
  ).toBe(`${proxy.url}/graphql`);
  const field = page.getByRole('searchbox', { name: 'Find by id or external id' });
  await field.fill('order/7');
  await field.press('Enter');
  await expect.poll(() => page.url()).toBe(`${proxy.url}/accounts/${account.id}`);
  await page.goBack();
  await page.getByRole('heading', { level: 1, name: 'Admin' }).waitFor();
  await page.goto(`${proxy.url}/accounts/a/b/nonsense`);
  await page.getByRole('link', { name: 'the console' }).click();
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  expect(page.url()).toBe(`${proxy.url}/`);
  // The browser reports the page that does not exist.
  const others = complaints.filter((text) => !text.includes('404'));
  expect({ complaints: others, elsewhere, strays: proxy.strays }).toEqual({
    complaints: [],
    elsewhere: [],
    strays: [],
  });
});

test('a sign-in behind a prefix is kept for the tab', async () => {
  const service = await startConsole();
  const { access } = service.ledger.engine;
  const { createKey, ledgerIdOf } = await import('../../support/access.ts');
  const { secret } = await createKey(access, await ledgerIdOf(access));
  const proxy = await proxyOf(service, '/ledger');
  const { page } = await openPage(proxy, '/accounts');
  await page.getByLabel('API key or token').fill(secret);
  await page.getByLabel('Keep it until this tab is closed').check();
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
  await page.getByRole('heading', { level: 1, name: 'Accounts' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { level: 1, name: 'Accounts' }).waitFor();
});
