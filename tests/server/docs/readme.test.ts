import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { startServiceProcess } from '../../../scripts/service-process.ts';
import { COMMAND_LANGUAGES, readCommands } from '../../support/commands.ts';
import { createTestDatabase } from '../../support/database.ts';
import { compile, readPage, run } from '../../support/docs.ts';
import { expectSoundBooks } from '../../support/ledger.ts';
import { expectAnswers, readWalk } from '../../support/walk.ts';

const PROJECT = join(import.meta.dirname, '../../..');
const PAGE_URL = 'http://127.0.0.1:4000/graphql';
const readme = await readPage('README.md');
const { program, programOutput } = await readCommands();

const database = await createTestDatabase();
const service = await startServiceProcess({ DATABASE_URL: database.serviceUrl });
const folder = await mkdtemp(join(tmpdir(), 'ledger-readme-program-'));
afterAll(async () => {
  await service.stop();
  await rm(folder, { recursive: true, force: true });
  await expectSoundBooks(database);
});

test('the requests return what the README shows, and then the program prints what it shows', async () => {
  const steps = readWalk(readme, COMMAND_LANGUAGES);
  expect(steps).toHaveLength(4);
  await expectAnswers(service.graphqlUrl, steps);

  await installClient(folder);
  expect(program.trimEnd().split('\n').length).toBeLessThanOrEqual(12);
  expect(program).toContain(PAGE_URL);
  await writeFile(join(folder, 'program.ts'), program.replace(PAGE_URL, service.graphqlUrl));
  await compile(folder);
  expect(await run(folder, process.execPath, '--no-warnings', join(folder, 'program.ts'))).toBe(
    programOutput,
  );
}, 120_000);

test('the README is short enough to read', () => {
  expect(readme.split('\n').length).toBeLessThanOrEqual(256);
});

/** Installs the client's source under the name of its package: Node.js strips the types. */
async function installClient(app: string): Promise<void> {
  const folderOfPackage = join(app, 'node_modules/transactional-ledger');
  await mkdir(folderOfPackage, { recursive: true });
  await writeFile(join(app, 'package.json'), '{ "type": "module" }');
  await symlink(join(PROJECT, 'src/client'), join(folderOfPackage, 'client'));
  const exports = { './client': './client/index.ts' };
  await writeFile(
    join(folderOfPackage, 'package.json'),
    JSON.stringify({ name: 'transactional-ledger', type: 'module', exports }),
  );
}
