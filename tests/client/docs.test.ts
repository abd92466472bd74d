import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startServiceProcess } from '../../scripts/service-process.ts';
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

/** Where the pages say that the service is. */
const PAGES_URL = 'http://127.0.0.1:4000/graphql';
const TIMEOUT_MS = 120_000;

const guide = readExamples(await readPage('docs/sdk.md'));
const start = readExamples(await readPage('docs/getting-started.md'));
const snippets = guide
  .filter(({ language }) => language === 'ts')
  .map((example, index) => ({ ...example, name: example.file ?? `snippet-${index + 1}.ts` }));
/** What the guide's reader has installed beside the client. */
const OTHER_CLIENTS = [
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
const folder = await mkdtemp(join(tmpdir(), 'ledger-docs-'));
const ledgerFolder = join(folder, 'ledger');
const app = join(folder, 'app');
beforeAll(() => copyProject(ledgerFolder));
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
  await expectSoundBooks(database);
});

/** What the guide’s examples have, as it says. */
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

/** The snippet as a program: with what it uses of what is given, and does not make itself at its top. */
function programOf(code: string): string {
  const used = GIVEN.filter(
    (name) =>
      new RegExp(`(?<!-)\\b${name}\\b`).test(code) && !new RegExp(`^const ${name}\\b`, 'm').test(code),
  );
  return `import { ${used.join(', ')} } from './given.ts';\n${code}`;
}

/** What Relay's plugin for bundlers does: in the place of a document stands what the compiler made of it. */
function withArtifacts(code: string): string {
  const tag = /graphql`\s*\w+ (\w+)[^`]*`/g;
  const imports = [...code.matchAll(tag)].map(
    ([, name]) => `import ${name} from './__generated__/${name}.graphql.ts';\n`,
  );
  return imports.join('') + code.replace(tag, '$1');
}

/** The block with the service’s address of this test. */
function here(code: string): string {
  return code.replaceAll(PAGES_URL, service.graphqlUrl);
}

async function expectToPrint({ title, output }: Example, printed: Promise<string>): Promise<void> {
  expect(await printed, title).toBe(output ?? '');
}

describe('the client’s guide', () => {
  beforeAll(async () => {
    await mkdir(app);
    await writeFile(join(app, 'package.json'), JSON.stringify({ type: 'module' }));
    await linkPackages(folder, OTHER_CLIENTS);
    await writeFile(join(app, 'given.ts'), here(GIVEN_MODULE));
    for (const { name, code } of snippets) await writeFile(join(app, name), here(programOf(code)));
    const shell = new Shell(ledgerFolder);
    for (const { language, code, file } of guide) {
      if (language === 'sh') await shell.run(code);
      if (language === 'json') await writeFile(join(app, file ?? ''), code);
    }
  }, TIMEOUT_MS);

  test('installs the client in the project that it names, and has no block that is not run', () => {
    const others = guide.map(({ language }) => language).filter((language) => language !== 'ts');
    expect(others).toEqual(['sh', 'json', 'sh']);
    expect(snippets.length).toBeGreaterThan(10);
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
    'prints what it says: $title',
    async (snippet) => {
      // A browser's localStorage, in a file.
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

test(
  'who follows the first steps word by word pays once',
  async () => {
    const [starting, ...steps] = start;
    const readme = (await readPage('README.md')).split('```').find((block) => block.startsWith('sh\n'));
    expect(`sh\n${starting?.code}`, 'the service is started as the README says').toBe(readme);

    const shell = new Shell(ledgerFolder);
    for (const step of steps) {
      const { language, file, code, title, output } = step;
      if (language === 'sh') {
        const printed = await shell.run(code);
        // What npm says is npm's.
        if (!code.includes('npm ')) await expectToPrint(step, Promise.resolve(printed));
        else expect(output, title).toBeUndefined();
      } else {
        expect(file, `${title}: a program stands below its file's name`).toBeDefined();
        await writeFile(join(shell.folder, file ?? ''), here(code));
      }
    }
    expect(steps.some(({ output }) => output?.includes('and was before'))).toBe(true);
  },
  TIMEOUT_MS,
);
