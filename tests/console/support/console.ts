import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Browser, type BrowserContextOptions, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest';
import { createLedgerClient, type LedgerClient } from '../../../src/client/index.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { type HttpServerOptions, startHttpServer } from '../../../src/server/http/http.ts';
import { createTestDatabase } from '../../support/database.ts';
import { openLedger } from '../../support/ledger.ts';

// Makes the package also unpack libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

/** Screenshots are kept here, to be looked at. */
const PICTURES = join(import.meta.dirname, '../../../dist/pictures');

/** Sizes and schemes that a page is looked at in. */
export const LOOKS = {
  desktop: { viewport: { width: 1280, height: 860 }, colorScheme: 'light' },
  'desktop-dark': { viewport: { width: 1280, height: 860 }, colorScheme: 'dark' },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: 'light', hasTouch: true, isMobile: true },
  'phone-dark': {
    viewport: { width: 390, height: 844 },
    colorScheme: 'dark',
    hasTouch: true,
    isMobile: true,
  },
} as const satisfies Record<string, BrowserContextOptions>;

let browser: Browser | undefined;

/** Starts the browser before the tests of a file, and ends it after them. */
export function startBrowser(): void {
  beforeAll(async () => {
    browser = await playwright.launch({
      executablePath: await chromium.executablePath(),
      args: ['--no-sandbox', '--no-zygote', '--disable-gpu'],
    });
  });
  afterAll(async () => {
    await browser?.close();
    browser = undefined;
  });
}

/** A service of its own, with the console. */
export interface ConsoleService {
  readonly url: string;
  /** The ledger in the service, for what a test prepares or checks. */
  readonly ledger: Ledger;
  /** A client without a credential. */
  readonly client: LedgerClient;
  /** Closes the service before the end of the test. */
  close(): Promise<void>;
}

/** Starts a service on an empty ledger, or on a given one. It is closed at the end of the test. */
export async function startConsole(
  options: Partial<HttpServerOptions> & { readonly on?: Ledger } = {},
): Promise<ConsoleService> {
  const { on, ...rest } = options;
  const ledger = on ?? (await openLedger(await createTestDatabase()));
  const server = await startHttpServer({
    engine: ledger.engine,
    host: '127.0.0.1',
    port: 0,
    log: { error: (fault: unknown) => expect.unreachable(String(fault)) },
    consoleFolder: inject('consoleFolder'),
    ...rest,
  });
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    await server.close();
  };
  onTestFinished(close);
  return { url: server.url, ledger, client: createLedgerClient({ url: `${server.url}/graphql` }), close };
}

/** A page of the console, and what went wrong in it. */
export interface ConsolePage {
  readonly page: Page;
  /** Errors and warnings of the browser. Expect it to be empty at the end of a test. */
  readonly complaints: readonly string[];
  /** Requests to other servers. Expect it to be empty. */
  readonly elsewhere: readonly string[];
}

/** Opens a path of the console in a browser without history. */
export async function openPage(
  service: Pick<ConsoleService, 'url'>,
  path = '/',
  options: BrowserContextOptions = LOOKS.desktop,
): Promise<ConsolePage> {
  if (browser === undefined) throw new Error('startBrowser() is not called in this file');
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Berlin', ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  const complaints: string[] = [];
  const elsewhere: string[] = [];
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', ({ message }) => complaints.push(message));
  await page.route('**', (route) => {
    const target = route.request().url();
    if (target.startsWith(`${service.url}/`) || /^(blob|data):/.test(target)) return route.continue();
    elsewhere.push(target);
    return route.abort();
  });
  await page.goto(`${service.url}${path}`);
  return { page, complaints, elsewhere };
}

/** Keeps a screenshot under dist/pictures, to be looked at. */
export async function takePicture(page: Page, name: string): Promise<void> {
  await mkdir(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), animations: 'disabled' });
}

/** Returns what axe finds serious on the page: the rule, and the elements. */
export async function seriousFindings(page: Page): Promise<readonly string[]> {
  const { source } = await import('axe-core').then((axe) => axe.default);
  // The Content-Security-Policy forbids inline scripts, but not what the browser's own protocol evaluates.
  await page.evaluate(source);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations;
  });
  return found
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 200)).join(' | ')}`);
}

/** Signs in on the page that asks for a key or a token. */
export async function signIn(page: Page, secret: string): Promise<void> {
  await page.getByLabel('API key or token').fill(secret);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}
