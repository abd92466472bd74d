import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import { createTestDatabase } from '../support/database.ts';
import { expectSoundBooks } from '../support/ledger.ts';
import { installClient, run } from './packed.ts';

const PROJECT = join(import.meta.dirname, '../..');

const { tarball, project, installed } = await installClient();
const files = (await readdir(installed, { recursive: true })).filter((name) => name.endsWith('.js'));
const modules = await Promise.all(
  files.map(async (name) => ({ name, code: await readFile(join(installed, name), 'utf8') })),
);
/** The modules that a page loads. */
const forBrowsers = modules.filter(({ name }) => name !== 'file-store.js');

test('the package has each module with its types, and nothing else', async () => {
  const below = await readdir(join(PROJECT, 'src/client'), { recursive: true });
  const sources = below.filter((name) => name.endsWith('.ts'));
  const names = sources.map((name) => name.slice(0, -'.ts'.length));
  const expected = [
    'README.md',
    'package.json',
    'schema.graphql',
    ...names.flatMap((name) => [`${name}.js`, `${name}.d.ts`]),
  ];
  const packed = (await run(project, 'tar', '-tzf', tarball))
    .trim()
    .split('\n')
    .filter((name) => !name.endsWith('/'));
  expect(packed.toSorted()).toEqual(expected.map((name) => `package/${name}`).toSorted());
});

test('the package has no dependency, requires Node 20, and exports the client and the schema', async () => {
  const { version, license } = JSON.parse(await readFile(join(PROJECT, 'package.json'), 'utf8'));
  expect(JSON.parse(await readFile(join(installed, 'package.json'), 'utf8'))).toEqual({
    name: 'transactional-ledger',
    version,
    description: expect.any(String),
    keywords: expect.any(Array),
    license,
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20' },
    exports: {
      './client': { types: './index.d.ts', default: './index.js' },
      './file-store': { types: './file-store.d.ts', default: './file-store.js' },
      './schema.graphql': './schema.graphql',
      './package.json': './package.json',
    },
  });
  const installedPackages = (await readdir(join(project, 'node_modules'))).filter(
    (name) => !name.startsWith('.'),
  );
  expect(installedPackages).toEqual(['transactional-ledger']);
});

test('the schema is found by its name', async () => {
  const find = "console.log(import.meta.resolve('transactional-ledger/schema.graphql'))";
  const found = await run(project, process.execPath, '--input-type=module', '-e', find);
  expect(await readFile(fileURLToPath(found.trim()), 'utf8')).toBe(
    await readFile(join(PROJECT, 'schema.graphql'), 'utf8'),
  );
});

test('npm publishes the package without a warning', async () => {
  // A dry run sends no package, but it needs a token, and looks for the version that the registry has.
  const registry = createServer((_, response) => void response.writeHead(404).end('{}'));
  registry.listen(0, '127.0.0.1');
  await once(registry, 'listening');
  const address = `//127.0.0.1:${(registry.address() as AddressInfo).port}/`;
  await writeFile(
    join(installed, '.npmrc'),
    `registry=http:${address}\n${address}:_authToken=none\nupdate-notifier=false\n`,
  );
  const { stdout, stderr } = await promisify(execFile)('npm', ['publish', '--dry-run'], { cwd: installed });
  registry.close();
  expect(stdout).toContain('+ transactional-ledger@');
  expect(stderr).toContain('npm notice');
  expect(stderr).not.toMatch(/npm (warn|error)/i);
});

test('modules import only modules of the package; no other module imports the file store', () => {
  const imported = forBrowsers.flatMap(({ name, code }) =>
    [...code.matchAll(/\b(?:from|import|require)\s*\(?\s*['"`]([^'"`]*)/g)].map(([, specifier = '']) =>
      /^\.\.?\//.test(specifier) ? join(name, '..', specifier) : specifier,
    ),
  );
  expect(imported).toContain('transport.js');
  const own = new Set(forBrowsers.map(({ name }) => name));
  expect(imported.filter((module) => !own.has(module))).toEqual([]);
});

test('the modules that a page loads have less than 25,000 bytes in total, each compressed by gzip', () => {
  const sizes = forBrowsers.map(({ code }) => gzipSync(code).byteLength);
  expect(sizes.length).toBeGreaterThan(0);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(25_000);
});

test('a program compiles with both kinds of module resolution and moves money', {
  timeout: 120_000,
}, async () => {
  const database = await createTestDatabase();
  const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
  try {
    await writeFile(join(project, 'shop.ts'), programFor(service.graphqlUrl));
    const tsc = join(PROJECT, 'node_modules/.bin/tsc');
    const strictly = ['--strict', '--skipLibCheck', 'false', '--target', 'es2022', '--lib', 'es2022,dom'];
    for (const [module, moduleResolution] of [
      ['node16', 'node16'],
      ['esnext', 'bundler'],
    ] as const) {
      const kind = ['--module', module, '--moduleResolution', moduleResolution];
      await run(project, tsc, ...strictly, '--types', '', ...kind, '--outDir', moduleResolution, 'shop.ts');
      const printed = await run(project, await findNode(), join(moduleResolution, 'shop.js'));
      expect(printed).toBe('TransactionPosted\nalice has 7.50 USD\nbob has 2.50 USD, or 250 cents\n');
    }
  } finally {
    await service.stop();
  }
  await expectSoundBooks(database);
});

const programFor = (url: string) => `
import { createLedgerClient, isRefusal, toMinor, type Account } from 'transactional-ledger/client';

const ledger = createLedgerClient({ url: ${JSON.stringify(url)} });

async function open(owner: string): Promise<Account> {
  const opened = await ledger.createAccount({ owner, currency: 'USD' });
  if (isRefusal(opened)) throw new Error(opened.message);
  return opened.account;
}

async function balance({ id }: Account): Promise<string> {
  const account = await ledger.account(id);
  if (account === null) throw new Error('There is no account ' + id);
  return account.balance.amount;
}

const alice = await open('alice');
const bob = await open('bob');
await ledger.deposit({ accountId: alice.id, amount: '10.00' });
const moved = await ledger.transfer({ fromAccountId: alice.id, toAccountId: bob.id, amount: '2.50' });
console.log(moved.__typename);
console.log(\`alice has \${await balance(alice)} USD\`);
console.log(\`bob has \${await balance(bob)} USD, or \${toMinor(await balance(bob), 2)} cents\`);
`;

/** Returns the machine's own Node if the package supports it, which is often older than the project's; else the project's. */
async function findNode(): Promise<string> {
  const own = (process.env['PATH'] ?? '')
    .split(delimiter)
    .filter((path) => !path.includes('node_modules'))
    .map((path) => join(path, 'node'))
    .find((path) => existsSync(path));
  if (own === undefined) return process.execPath;
  const [, major] = /^v(\d+)/.exec(await run(project, own, '--version')) ?? [];
  return Number(major) >= 20 ? own : process.execPath;
}
