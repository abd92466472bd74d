import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { unwrap } from '../../../src/client/index.ts';
import {
  LOOKS,
  openPage,
  seriousFindings,
  startBrowser,
  startConsole,
  takePicture,
} from '../support/console.ts';
import { makeShop } from '../support/shop.ts';

startBrowser();

const widthOf = (page: Page) => page.evaluate(() => document.documentElement.scrollWidth);

const LONG = 'an-external-id-of-a-system-that-writes-everything-it-knows-into-one-word'.repeat(2);

test('no page is wider than a phone, a small phone, or a window at a zoom of 200 %', async () => {
  const service = await startConsole();
  const shop = await makeShop(service);
  const { client } = service;
  const { account } = unwrap(
    await client.createAccount({
      owner:
        'Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz GmbH & Co. Kommanditgesellschaft',
      currency: 'EUR',
      externalId: LONG,
      metadata: { [LONG.slice(0, 60)]: LONG },
    }),
  );
  const { transaction } = unwrap(
    await client.deposit({
      accountId: account.id,
      amount: '98765432109876543.21',
      externalId: LONG,
      description: LONG,
      metadata: { [LONG.slice(0, 60)]: LONG },
    }),
  );
  const placed = unwrap(
    await client.placeHold({
      fromAccountId: account.id,
      toAccountId: shop.shop,
      amount: '87654321098765432.10',
    }),
  );
  const paths = [
    '/',
    '/accounts',
    '/accounts?owner=Nobody',
    ...[account.id, shop.alice, 'ext:nothing'].map((id) => `/accounts/${id}`),
    '/transactions',
    ...[transaction.id, shop.journal, shop.capture, shop.reversal].map((id) => `/transactions/${id}`),
    '/holds',
    ...[placed.hold.id, shop.hold].map((id) => `/holds/${id}`),
    ...['deposit', 'withdraw', 'transfer', 'hold', 'capture', 'void', 'journal'].map(
      (kind) => `/move/${kind}`,
    ),
    `/move/transfer?from=${account.id}&to=${shop.shop}&amount=7654321098765432.10`,
    '/admin/keys',
    '/admin/ledgers',
    '/admin/audit',
    '/admin/nothing',
  ];
  const { page, complaints, elsewhere } = await openPage(service, '/', LOOKS.phone);
  for (const path of paths) {
    await page.goto(`${service.url}${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
    await expect.poll(() => page.locator('.loading').count()).toBe(0);
    for (const width of [390, 320, 640]) {
      await page.setViewportSize({ width, height: 700 });
      expect.soft(await widthOf(page), `${path} at ${width} px`).toBeLessThanOrEqual(width);
    }
  }
  expect({ complaints, elsewhere }).toEqual({ complaints: [], elsewhere: [] });
});

test('a table that is wider than the screen is a region that keys scroll; one that fits takes no focus', async () => {
  const service = await startConsole();
  const { alice } = await makeShop(service);
  unwrap(await service.client.freezeAccount(alice));
  const { page } = await openPage(service, '/admin/audit', LOOKS.phone);
  const region = page
    .getByRole('region', { name: 'Audit log' })
    .filter({ has: page.getByRole('table') })
    .last();
  await page.getByRole('table', { name: 'Audit log' }).waitFor();
  const frame = page.locator('.table-frame');
  await expect.poll(() => frame.getAttribute('tabindex')).toBe('0');
  await takePicture(page, 'frame-wide-table');
  expect(await seriousFindings(page)).toEqual([]);
  await region.focus();
  await page.keyboard.press('ArrowRight');
  await expect.poll(() => frame.evaluate(({ scrollLeft }) => scrollLeft)).toBeGreaterThan(0);
  await page.setViewportSize({ width: 1280, height: 800 });
  await expect.poll(() => frame.getAttribute('tabindex')).toBe(null);
  expect(await frame.getAttribute('role')).toBe(null);
});
