// The programs of docs/end-users.md, word by word, in a browser. The token of their user is then used for attacks.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Browser, type Page, chromium as playwright } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import { createLedgerClient, unwrap } from '../../src/client/index.ts';
import { makeKey } from '../server/access/keys.ts';
import { createTestDatabase } from '../support/database.ts';
import { readExamples, readPage } from '../support/docs.ts';
import { expectSoundBooks, openLedger } from '../support/ledger.ts';
import { installClient } from './packed.ts';

// With this variable the package unpacks the libraries that a machine without a desktop lacks.
process.env['AWS_EXECUTION_ENV'] = 'AWS_Lambda_nodejs22.x';
const { default: chromium } = await import('@sparticuz/chromium');

declare global {
  interface Window {
    /** The client's function, for attacks from the page. */
    createLedgerClient: typeof createLedgerClient;
  }
}

const PROJECT = join(import.meta.dirname, '../..');
const examples = readExamples(await readPage('docs/end-users.md'));
const { project } = await installClient();
await mkdir(join(project, 'node_modules'), { recursive: true });
await symlink(join(PROJECT, 'node_modules/jose'), join(project, 'node_modules/jose'));

const [issuerPort, pagePort] = await Promise.all([freePort(), freePort()]);
const pageUrl = `http://127.0.0.1:${pagePort}`;
const programs: ChildProcess[] = [];
afterAll(() => {
  for (const program of programs) program.kill();
});
let graphqlUrl = 'http://127.0.0.1:4000/graphql';
const database = await createTestDatabase();

await writeProgram('issuer.mjs');
await startProgram('issuer.mjs', `http://127.0.0.1:${issuerPort}/keys.json`);
const settings = Object.fromEntries(
  [...here(blockWith('npm start')).matchAll(/\b([A-Z_]+)=(\S+)/g)].map(([, name = '', value = '']) => [
    name,
    value,
  ]),
);
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl, ...settings });
graphqlUrl = service.graphqlUrl;
await writeProgram('backend.mjs');
await writeProgram('page.js');
await startProgram('backend.mjs', pageUrl, { LEDGER_API_KEY: await createKey() });

let browser: Browser;
beforeAll(async () => {
  browser = await playwright.launch({
    args: ['--no-sandbox', '--no-zygote', '--disable-gpu'],
    executablePath: await chromium.executablePath(),
  });
}, 120_000);
afterAll(async () => {
  await browser.close();
  await service.stop();
  await expectSoundBooks(database);
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function blockWith(text: string): string {
  const found = examples.find(({ code }) => code.includes(text));
  if (found === undefined) throw new Error(`The page has no block with ${text}.`);
  return found.code;
}

/** Returns the code with the ports of this test. */
function here(code: string): string {
  return code
    .replaceAll('http://127.0.0.1:4000/graphql', graphqlUrl)
    .replaceAll(/\b5000\b/g, `${issuerPort}`)
    .replaceAll(/\b3000\b/g, `${pagePort}`);
}

async function writeProgram(file: string): Promise<void> {
  const code = examples.find((example) => example.file === file)?.code ?? '';
  await writeFile(join(project, file), here(code));
}

/** Starts a program of the page and waits until it answers at the URL. */
async function startProgram(file: string, url: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const program = spawn(process.execPath, [file], {
    cwd: project,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  programs.push(program);
  for (let tries = 0; tries < 400; tries += 1) {
    const isUp = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isUp) return;
    await sleep(50);
  }
  throw new Error(`${file} does not answer at ${url}.`);
}

/** Runs the command of the page that creates the backend's key, and returns the key. */
async function createKey(): Promise<string> {
  const [, parameters = ''] = /ledger -- (.+)/.exec(blockWith('keys create')) ?? [];
  const { stdout } = await promisify(execFile)(process.execPath, ['src/cli.ts', ...parameters.split(' ')], {
    cwd: PROJECT,
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database.serviceUrl,
      // The databases of tests do not outlive a crash.
      ALLOW_UNSAFE_DURABILITY: '1',
    },
  });
  return stdout.trim();
}

/** A key of the test, which sees everything. */
const { secret: adminKey } = await makeKey(await openLedger(database));
const admin = createLedgerClient({ url: graphqlUrl, apiKey: adminKey });
const balanceOf = async (owner: string) => (await admin.account(`ext:wallets:${owner}`))?.balance.amount;

async function signIn(page: Page, user: string, password: string): Promise<void> {
  await page.getByLabel('User').fill(user);
  await page.getByLabel('Password').fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

const shown = (page: Page, selector: string) => ({
  toBe: (text: string) =>
    expect.poll(() => page.locator(selector).innerText(), { timeout: 10_000 }).toBe(text),
});

test('the user sees her wallet and pays once, however often she clicks, and another user does not', async () => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(pageUrl);
  await signIn(page, 'alice', 'wrong');
  await shown(page, '[role=status]').toBe('The password is wrong.');
  await signIn(page, 'alice', 'correct horse');
  await shown(page, '#balance').toBe('100.00');
  for (let visit = 0; visit < 2; visit += 1) {
    for (let click = 0; click < 3; click += 1) await page.getByRole('button', { name: /Pay/ }).click();
    await shown(page, '[role=status]').toBe('Order 7 is paid.');
    await shown(page, '#balance').toBe('95.00');
    await page.reload();
    await signIn(page, 'alice', 'correct horse');
    await shown(page, '#balance').toBe('95.00');
  }
  // Bob uses the same browser and its storage.
  await page.reload();
  await signIn(page, 'bob', 'battery staple');
  await shown(page, '#balance').toBe('100.00');
  await page.getByRole('button', { name: /Pay/ }).click();
  await shown(page, '#balance').toBe('95.00');
  expect(await Promise.all(['alice', 'bob', 'shop'].map(balanceOf))).toEqual(['95.00', '95.00', '10.00']);

  const stored = await page.evaluate(() =>
    JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, location.href]),
  );
  expect(stored.match(/order-7/g)).toHaveLength(2);
  expect(stored).not.toMatch(/eyJ|session/);
  await context.close();
});

test('her token reads, takes and makes nothing that is not hers', async () => {
  const [wallet, stranger] = await Promise.all(
    ['alice', 'bob'].map(async (owner) => (await admin.account(`ext:wallets:${owner}`))?.id ?? ''),
  );
  const expiresAt = new Date(Date.now() + 3_600_000).toISOString();
  const between = { fromAccountId: 'ext:wallets:bob', toAccountId: 'ext:wallets:shop', amount: '1.00' };
  const foreign = unwrap(await admin.placeHold({ ...between, expiresAt }));
  const toHer = { ...between, toAccountId: 'ext:wallets:alice', expiresAt };
  const forHer = unwrap(await admin.placeHold(toHer));
  const before = await Promise.all(['alice', 'bob', 'shop'].map(balanceOf));

  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(pageUrl);
  await signIn(page, 'alice', 'correct horse');
  await shown(page, '#balance').toBe(before[0] ?? '');
  const facts = {
    ...{ wallet, stranger, graphqlUrl, expiresAt, issuer: `http://127.0.0.1:${issuerPort}` },
    ...{ foreignHold: foreign.hold.id, foreignTransaction: foreign.transaction.id, herHold: forHer.hold.id },
  };
  await page.addScriptTag({
    type: 'module',
    content: `import { createLedgerClient } from 'transactional-ledger/client';
      window.createLedgerClient = createLedgerClient;`,
  });
  await page.waitForFunction(() => window.createLedgerClient !== undefined);
  const results = await page.evaluate(async (given: typeof facts) => {
    const create = window.createLedgerClient;
    const token = async () =>
      (await fetch(`${given.issuer}/token`, { method: 'POST', credentials: 'include' })).text();
    const thief = create({ url: given.graphqlUrl, token });
    const mine = { fromAccountId: given.wallet ?? '', amount: '1.00' };
    const theirs = { fromAccountId: given.stranger ?? '', toAccountId: given.wallet ?? '', amount: '1.00' };
    const self = { accountId: given.wallet ?? '', amount: '1000000.00' };
    const entries = [
      { accountId: theirs.fromAccountId, side: 'DEBIT', amount: '1.00' },
      { accountId: theirs.toAccountId, side: 'CREDIT', amount: '1.00' },
    ] as const;
    const attempts: Record<string, () => Promise<unknown>> = {
      'reads another wallet': () => thief.account(theirs.fromAccountId),
      'reads another wallet by name': () => thief.account('ext:wallets:bob'),
      'reads another hold': () => thief.hold(given.foreignHold),
      'reads another transaction': () => thief.transaction(given.foreignTransaction),
      'reads other nodes': () => thief.nodes([theirs.fromAccountId, given.foreignHold]),
      'reads another history': async () => (await thief.history(theirs.fromAccountId).page()).nodes,
      'lists other accounts': async () =>
        (await thief.accounts({ owner: 'bob' }).page()).nodes.map(({ owner }) => owner),
      'reads the journal': () => thief.journal().next(),
      'sums the ledger': () => thief.trialBalance(),
      'deposits to herself': () => thief.deposit(self),
      'previews a deposit': () => thief.preview({ deposit: self }),
      withdraws: () => thief.withdraw({ ...self, amount: '1.00' }),
      'takes from another': () => thief.transfer(theirs),
      'takes from another in a batch': async () => {
        const batch = await thief.postBatch([{ transfer: theirs }, { deposit: self }]);
        return batch.__typename === 'BatchProcessed' ? batch.results : batch;
      },
      'reserves the money of another': () => thief.placeHold({ ...theirs, expiresAt: given.expiresAt }),
      'posts a journal': () =>
        thief.postTransaction({ keyAccountId: theirs.toAccountId, entries: [...entries] }),
      'captures a hold for her': () => thief.captureHold({ holdId: given.herHold }),
      'voids a hold of another': () => thief.voidHold({ holdId: given.foreignHold }),
      'reverses a payment': () => thief.reverseTransaction({ transactionId: given.foreignTransaction }),
      'pays to the external account': () => thief.transfer({ ...mine, toAccountId: 'ext:external:USD' }),
      'raises her limit': () =>
        thief.updateAccount({ accountId: theirs.toAccountId, minBalance: { unlimited: true } }),
      'freezes another wallet': () => thief.freezeAccount(theirs.fromAccountId),
      'creates a key': () => thief.createApiKey({ name: 'thief', scopes: ['READ', 'POST'] }),
      'says that she is Bob': () =>
        create({ url: given.graphqlUrl, token, owner: 'bob' }).account('ext:wallets:bob'),
      'changes her token': () =>
        create({
          url: given.graphqlUrl,
          token: async () => {
            const [head, , signature] = (await token()).split('.');
            const claims = { iss: given.issuer, aud: 'ledger', sub: 'bob', owner: 'bob', ledger: 'main' };
            const exp = Math.floor(Date.now() / 1000) + 60;
            const payload = btoa(JSON.stringify({ ...claims, scope: 'READ POST', exp })).replaceAll('=', '');
            return [head, payload, signature].join('.');
          },
        }).account('ext:wallets:bob'),
    };
    const outcomes: Record<string, unknown> = {};
    for (const [name, attempt] of Object.entries(attempts)) {
      outcomes[name] = await attempt().then(
        (result) => (result as { code?: string } | null)?.code ?? result,
        (error: Error) => error.name,
      );
    }
    return outcomes;
  }, facts);
  const notFound = expect.objectContaining({ code: 'ACCOUNT_NOT_FOUND' });
  expect(results).toEqual({
    'reads another wallet': null,
    'reads another wallet by name': null,
    'reads another hold': null,
    'reads another transaction': null,
    'reads other nodes': [null, null],
    'reads another history': [],
    'lists other accounts': [],
    'reads the journal': 'PermissionDenied',
    'sums the ledger': 'PermissionDenied',
    'deposits to herself': 'FORBIDDEN',
    'previews a deposit': 'FORBIDDEN',
    withdraws: 'FORBIDDEN',
    'takes from another': 'ACCOUNT_NOT_FOUND',
    'takes from another in a batch': [notFound, expect.objectContaining({ code: 'FORBIDDEN' })],
    'reserves the money of another': 'ACCOUNT_NOT_FOUND',
    'posts a journal': 'FORBIDDEN',
    'captures a hold for her': 'FORBIDDEN',
    'voids a hold of another': 'FORBIDDEN',
    'reverses a payment': 'FORBIDDEN',
    'pays to the external account': 'ACCOUNT_NOT_FOUND',
    'raises her limit': 'FORBIDDEN',
    'freezes another wallet': 'FORBIDDEN',
    'creates a key': 'FORBIDDEN',
    'says that she is Bob': 'TokenError',
    'changes her token': 'UnauthenticatedError',
  });
  expect(await Promise.all(['alice', 'bob', 'shop'].map(balanceOf))).toEqual(before);
  await context.close();
});

test('another site receives no token, and nobody does without a session', async () => {
  const send = (origin: string, cookie = '') =>
    fetch(`http://127.0.0.1:${issuerPort}/token`, { method: 'POST', headers: { origin, cookie } });
  expect((await send('http://evil.test')).status).toBe(403);
  expect((await send(pageUrl)).status).toBe(401);
  expect((await send(pageUrl, 'session=00000000-0000-0000-0000-000000000000')).status).toBe(401);
});
