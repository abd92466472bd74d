/** What the viewer's device asks for: colours of its own, paper, or no motion. */
import type { Locator } from 'playwright-core';
import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import { LOOKS, openPage, startBrowser, startConsole, takePicture } from '../support/console.ts';
import { makeShop } from '../support/shop.ts';

startBrowser();

const styleOf = (element: Locator, property: string) =>
  element.evaluate((node, name) => getComputedStyle(node).getPropertyValue(name), property);

test('with forced colours the focus, the current page, the selected tab and states have a sign', async () => {
  const service = await startConsole();
  const shop = await makeShop(service);
  const { page, complaints } = await openPage(service, `/accounts/${shop.alice}`, {
    ...LOOKS.desktop,
    forcedColors: 'active',
  });
  const sections = page.getByRole('navigation', { name: 'Pages' });
  const [current, other] = ['Accounts', 'Holds'].map((name) => sections.getByRole('link', { name }));
  if (current === undefined || other === undefined) throw new Error('there are no sections');
  await page.getByRole('tab', { name: 'History' }).waitFor();
  expect(await styleOf(current, 'background-color')).not.toBe(await styleOf(other, 'background-color'));
  expect(await styleOf(page.getByRole('tab', { name: 'History' }), 'border-bottom-color')).not.toBe(
    await styleOf(page.getByRole('tab', { name: 'Changes' }), 'border-bottom-color'),
  );
  expect(await styleOf(page.locator('.badge').first(), 'border-top-width')).toBe('1px');
  await sections.getByRole('link', { name: 'Overview' }).focus();
  await page.keyboard.press('Tab');
  expect(await styleOf(current, 'outline-style')).toBe('solid');
  expect(await styleOf(current, 'outline-color')).not.toBe(
    await styleOf(page.locator('body'), 'background-color'),
  );
  await takePicture(page, 'media-forced-colours');
  await page.goto(`${service.url}/transactions/${shop.capture}`);
  const [picture, table] = ['Picture', 'Table'].map((name) => page.getByRole('button', { name }));
  await picture?.waitFor();
  expect(picture && (await styleOf(picture, 'background-color'))).not.toBe(
    table && (await styleOf(table, 'background-color')),
  );
  await takePicture(page, 'media-forced-colours-transaction');
  expect(complaints).toEqual([]);
});

test('a printed account and transaction are dark on white, without navigation and buttons', async () => {
  const service = await startConsole();
  const shop = await makeShop(service);
  const { page, complaints } = await openPage(service, '/', LOOKS['desktop-dark']);
  for (const [path, text] of [
    [`/accounts/${shop.alice}`, 'Order 6: two lamps'],
    [`/transactions/${shop.journal}`, 'Commission of 8 %'],
  ] as const) {
    await page.emulateMedia({ media: 'screen' });
    await page.goto(`${service.url}${path}`);
    await page.getByText(text).first().waitFor({ state: 'attached' });
    await page.emulateMedia({ media: 'print' });
    expect(await styleOf(page.locator('body'), 'background-color')).toBe('rgb(246, 247, 249)');
    expect(await page.getByRole('navigation').count()).toBe(0);
    expect(await page.getByRole('searchbox').count()).toBe(0);
    expect(
      await page
        .locator('main')
        .getByRole('button', { name: /^(Reverse|Freeze|Deposit)$/ })
        .count(),
    ).toBe(0);
    expect(await page.getByRole('heading', { level: 1 }).isVisible()).toBe(true);
    await takePicture(page, `media-print${path.slice(0, 9).replaceAll('/', '-')}`);
  }
  expect(complaints).toEqual([]);
});

test('nothing moves for those who asked for that', async () => {
  const service = await startConsole();
  const { client } = service;
  const { account } = unwrap(await client.createAccount({ owner: 'Ana', currency: 'EUR' }));
  unwrap(await client.deposit({ accountId: account.id, amount: '1' }));
  const movements = async (reducedMotion: 'reduce' | 'no-preference') => {
    const { page } = await openPage(service, '/', { ...LOOKS.desktop, reducedMotion });
    const rows = page.getByRole('table', { name: 'Last transactions' }).locator('tbody tr');
    await rows.first().waitFor();
    const before = await rows.count();
    unwrap(await client.deposit({ accountId: account.id, amount: '2' }));
    await expect.poll(() => rows.count(), { timeout: 10_000 }).toBe(before + 1);
    return styleOf(rows.first().locator('td').first(), 'animation-name');
  };
  expect(await movements('no-preference')).toBe('arrive');
  expect(await movements('reduce')).toBe('none');
});
