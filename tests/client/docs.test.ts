import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
import { createLedgerClient, unwrap } from '../../src/client/index.ts';
import {
  AUDIENCE,
  ISSUER,
  makeSigningKey,
  sign,
  startIssuer,
  UNRESTRICTED,
} from '../server/access/tokens/issuer.ts';
import { createTestDatabase } from '../support/database.ts';
import {
  compile,
  copyProject,
  type Example,
  linkPackages,
  readExamples,
  readPage,
  run,
  Shell,
} from '../support/docs.ts';
import { expectSoundBooks } from '../support/ledger.ts';

/** The service's address in the pages. */
const PAGES_URL = 'http://127.0.0.1:4000/graphql';
/** The address of the reader's own backend in the pages. */
const BACKEND_URL = 'http://127.0.0.1:5000';
const TIMEOUT_MS = 120_000;

const page = await readPage('docs/clients.md');
/** The page begins with a first program. The examples after it share what is given below. */
const [first = '', rest = ''] = page.split(/^(?=## Create a client$)/m);
const start = readExamples(first);
const guide = [
  ...readExamples('\n'.repeat(first.split('\n').length - 1) + rest),
  ...readExamples(await readPage('src/client/README.md')),
];
const snippets = guide
  .filter(({ language }) => language === 'ts')
  .map((example, index) => ({ ...example, name: example.file ?? `snippet-${index + 1}.ts` }));
/** Packages that a reader of the page installs in addition to the client. */
const OTHER_CLIENTS = [
  '@graphql-codegen/cli',
  '@graphql-codegen/client-preset',
  '.bin/graphql-codegen',
  '@graphql-typed-document-node/core',
  '@tanstack/query-core',
  '@apollo/client',
  '@types/relay-runtime',
  '@urql/core',
  '@urql/exchange-graphcache',
  'relay-compiler',
  '.bin/relay-compiler',
  'relay-runtime',
];

const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
/** A service that requires credentials, for the examples with a key or a token. */
const signingKey = await makeSigningKey();
const issuer = await startIssuer(signingKey);
const keyedDatabase = await createTestDatabase();
const keyedService = await startServiceProcess({
  DATABASE_URL: keyedDatabase.serviceUrl,
  JWT_ISSUER: ISSUER,
  JWT_AUDIENCE: AUDIENCE,
  JWT_JWKS_URL: issuer.url,
  JWT_UNRESTRICTED_CLAIM: UNRESTRICTED,
});
const operator = createLedgerClient({
  url: keyedService.graphqlUrl,
  token: () => sign(signingKey, { owner: undefined, [UNRESTRICTED]: true, scope: 'READ POST MANAGE ADMIN' }),
});
const { secret: adminKey } = unwrap(
  await operator.createApiKey({ name: 'admin', scopes: ['ADMIN', 'READ', 'POST'] }),
);
for (const owner of ['Alice', 'Bob']) {
  const externalId = `wallets:${owner}`;
  unwrap(await operator.createAccount({ owner, currency: 'USD', externalId }));
  unwrap(await operator.deposit({ accountId: `ext:${externalId}`, amount: '100.00' }));
}
const { account: shop } = unwrap(await operator.createAccount({ owner: 'Shop', currency: 'USD' }));
/** A backend that issues tokens: Alice is signed in. */
const backend = createServer(async ({ url = '' }, response) => {
  const owner = new URL(url, 'http://127.0.0.1').searchParams.get('owner') ?? 'Alice';
  response.end(await sign(signingKey, { sub: owner, owner }));
});
backend.listen(0, '127.0.0.1');
await once(backend, 'listening');
const backendUrl = `http://127.0.0.1:${(backend.address() as AddressInfo).port}`;
const folder = await mkdtemp(join(tmpdir(), 'ledger-docs-'));
const ledgerFolder = join(folder, 'ledger');
const app = join(folder, 'app');
beforeAll(() => copyProject(ledgerFolder));
afterAll(async () => {
  backend.close();
  await Promise.all([service.stop(), keyedService.stop(), issuer.close()]);
  await rm(folder, { recursive: true, force: true });
  await Promise.all([expectSoundBooks(database), expectSoundBooks(keyedDatabase)]);
});

/** The names that the page's examples share. */
const GIVEN = ['ledger', 'alice', 'bob', 'checkoutTotal'];
const GIVEN_MODULE = `
import { createLedgerClient, isRefusal } from 'transactional-ledger/client';

const kept = new Map<string, string>();
const keyStore = {
  getItem: (name: string) => kept.get(name),
  addItem: (name: string, value: string) => !kept.has(name) && kept.set(name, value).has(name),
  removeItem: (name: string) => kept.delete(name),
};
export const ledger = createLedgerClient({ url: '${PAGES_URL}', keyStore });

async function makeAccount(owner: string): Promise<string> {
  const made = await ledger.createAccount({ owner, currency: 'USD' });
  if (isRefusal(made)) throw new Error(made.message);
  return made.account.id;
}
export const alice = await makeAccount('Alice');
export const bob = await makeAccount('Bob');
export const checkoutTotal = '12.50';
const paidIn = await ledger.deposit({ accountId: alice, amount: '100.00' });
if (isRefusal(paidIn)) throw new Error(paidIn.message);
`;

/** Returns the example as a program that imports the shared names that it uses and does not declare. */
function programOf(code: string): string {
  const used = GIVEN.filter(
    (name) =>
      new RegExp(`(?<![-.])\\b${name}\\b(?!:)`).test(code) &&
      !new RegExp(`^const ${name}\\b`, 'm').test(code),
  );
  return `import { ${used.join(', ')} } from './given.ts';\n${code}`;
}

/** Replaces documents with the files of Relay's compiler, as Relay's plugin for bundlers does. */
function withArtifacts(code: string): string {
  const tag = /graphql`\s*\w+ (\w+)[^`]*`/g;
  const imports = [...code.matchAll(tag)].map(
    ([, name]) => `import ${name} from './__generated__/${name}.graphql.ts';\n`,
  );
  return imports.join('') + code.replace(tag, '$1');
}

/** Returns the block with the address of this test's service, or with that of the keyed service and the names that the block uses. */
function here(code: string): string {
  const given = Object.entries({ adminKey, shop: shop.id }).filter(([name]) =>
    new RegExp(`(apiKey|toAccountId): ${name}\\b`).test(code),
  );
  if (given.length === 0) return code.replaceAll(PAGES_URL, service.graphqlUrl);
  const lines = given.map(([name, value]) => `const ${name} = '${value}';\n`);
  const addressed = code.replaceAll(PAGES_URL, keyedService.graphqlUrl).replaceAll(BACKEND_URL, backendUrl);
  return lines.join('') + addressed;
}

async function expectToPrint({ title, output }: Example, printed: Promise<string>): Promise<void> {
  expect(await printed, title).toBe(output ?? '');
}

describe('the client’s page', () => {
  beforeAll(async () => {
    const shell = new Shell(ledgerFolder);
    // The first program's own steps, for another folder.
    const install = start.find(({ code }) => code.includes('npm pack'))?.code ?? '';
    await shell.run(install.replaceAll('first-payment', 'app'));
    await linkPackages(folder, OTHER_CLIENTS);
    await writeFile(join(app, 'given.ts'), here(GIVEN_MODULE));
    for (const { name, code } of snippets) await writeFile(join(app, name), here(programOf(code)));
    for (const { language, code, file } of guide) {
      if (language === 'sh') await shell.run(code);
      if (language === 'json') await writeFile(join(app, file ?? ''), code);
    }
  }, TIMEOUT_MS);

  test('has no block that is not run', () => {
    const others = guide.map(({ language }) => language).filter((language) => language !== 'ts');
    expect(others).toEqual(['json', 'sh', 'json', 'sh', 'python']);
    expect(snippets.length).toBeGreaterThan(20);
  });

  test(
    'has code that compiles, and so has the first program',
    async () => {
      for (const { file, code } of start) {
        if (file !== undefined) await writeFile(join(app, file.replace(/\.mjs$/, '.ts')), code);
      }
      await compile(app);
    },
    TIMEOUT_MS,
  );

  test.each(snippets)(
    'prints the output that the page shows: $title',
    async (snippet) => {
      // Node's localStorage, which is kept in a file.
      const storage = [
        '--experimental-webstorage',
        `--localstorage-file=${join(app, `${snippet.name}.storage`)}`,
      ];
      const program = join(app, `run-${snippet.name}`);
      await writeFile(program, withArtifacts(here(programOf(snippet.code))));
      await expectToPrint(snippet, run(app, process.execPath, '--no-warnings', ...storage, program));
    },
    TIMEOUT_MS,
  );
});

/** A Python with the package gql; PYTHON names another one than python3. */
const python = process.env['PYTHON'] ?? 'python3';
const hasGql = await run(folder, python, '-c', 'import gql, httpx').then(
  () => true,
  () => false,
);

test.skipIf(!hasGql)('the Python program prints the output that the page shows', async () => {
  const example = guide.find(({ language }) => language === 'python');
  if (example === undefined) throw new Error('The page has no Python program.');
  const client = createLedgerClient({ url: service.graphqlUrl });
  const open = async (owner: string) =>
    unwrap(await client.createAccount({ owner, currency: 'USD' })).account.id;
  const [alice, bob] = [await open('Alice'), await open('Bob')];
  await client.deposit({ accountId: alice, amount: '100.00' });
  const program = join(folder, 'pay.py');
  const given = `alice, bob, checkout_total = "${alice}", "${bob}", "12.50"\n`;
  await writeFile(program, given + here(example.code));
  await expectToPrint(example, run(folder, python, program));
});

test(
  'the first program pays once when its steps are followed word by word',
  async () => {
    const [starting, ...steps] = start;
    const readme = (await readPage('README.md')).split('```').find((block) => block.startsWith('sh\n'));
    expect(`sh\n${starting?.code}`, 'the command of the README').toBe(readme);

    const shell = new Shell(ledgerFolder);
    for (const step of steps) {
      const { language, file, code, title, output } = step;
      if (language === 'sh') {
        const printed = await shell.run(code);
        // The output of npm is not documented.
        if (!code.includes('npm ')) await expectToPrint(step, Promise.resolve(printed));
        else expect(output, title).toBeUndefined();
      } else {
        expect(file, `${title}: a program follows its file's name`).toBeDefined();
        await writeFile(join(shell.folder, file ?? ''), here(code));
      }
    }
    expect(steps.some(({ output }) => output?.includes('and was before'))).toBe(true);
  },
  TIMEOUT_MS,
);
