// Makes the README's pictures of the console: `npm run pictures`. It fills the demo into a database of its own, and takes the pictures in
// the browser of the package @sparticuz/chromium (Linux on x64).

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { chromium as playwright } from 'playwright-core';
import { fillDemo } from '../src/cli/demo/demo.ts';
import { thisOperator } from '../src/cli/operator.ts';
import { Engine } from '../src/ledger/engine.ts';
import { startHttpServer } from '../src/server/http/http.ts';
import { withTemporaryLedger } from './temporary-postgres.ts';

const PROJECT = join(import.meta.dirname, '..');
const FOLDER = join(PROJECT, 'docs/pictures');

// Makes the package also unpack libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

await import('./build-console.ts');
await mkdir(FOLDER, { recursive: true });
await withTemporaryLedger(async ({ serviceUrl }) => {
  const onFault = (error: unknown) => console.error(error);
  const engine = await Engine.open({ databaseUrl: serviceUrl, onFault, allowUnsafeDurability: true });
  const { json } = await fillDemo(engine, thisOperator(), 'main', console.log);
  const server = await startHttpServer({
    engine,
    host: '127.0.0.1',
    port: 0,
    log: console,
    consoleFolder: join(PROJECT, 'dist/console'),
  });
  const browser = await playwright.launch({
    executablePath: await chromium.executablePath(),
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu'],
  });
  try {
    const page = await browser.newPage({
      viewport: { width: 1280, height: 800 },
      deviceScaleFactor: 1.5,
      locale: 'en-GB',
      timezoneId: 'Europe/Berlin',
    });
    await page.goto(`${server.url}/`);
    await page.getByText('In balance').first().waitFor();
    await take(page, 'overview');
    const { lookAt } = json as { lookAt: readonly { name: string; shows: string }[] };
    const refunded = lookAt.find(({ shows }) => shows.includes('exchange'))?.name ?? '';
    await page.goto(`${server.url}/transactions/${encodeURIComponent(refunded)}`);
    await page.getByRole('heading', { name: 'Entries' }).waitFor();
    await take(page, 'transaction');
  } finally {
    await browser.close();
    await server.close();
    await engine.close();
  }
});

async function take(page: Page, name: string): Promise<void> {
  const path = join(FOLDER, `${name}.png`);
  await page.screenshot({ path, animations: 'disabled' });
  console.log(`Wrote docs/pictures/${name}.png`);
}
