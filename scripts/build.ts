// Builds the client's package, which has no dependencies. `npm run build` writes dist/client, and the console into dist/console;
// `npm run build -- <folder>` writes the client into that folder alone. The folder is emptied first.

import { execFile } from 'node:child_process';
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';

const PROJECT = join(import.meta.dirname, '..');
const { positionals } = parseArgs({ allowPositionals: true });
const folder = resolve(PROJECT, positionals[0] ?? 'dist/client');

await rm(folder, { recursive: true, force: true });
// Comments go to the types, which people read, and are removed from the code.
await compile('--emitDeclarationOnly');
await compile('--declaration', 'false', '--removeComments');

const { name, version, description, license } = JSON.parse(
  await readFile(join(PROJECT, 'package.json'), 'utf8'),
) as Readonly<Record<string, string>>;
const manifest = {
  name,
  version,
  description: `${description}: the client`,
  keywords: ['double-entry', 'ledger', 'graphql', 'idempotency', 'client'],
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
};
await copyFile(join(PROJECT, 'schema.graphql'), join(folder, 'schema.graphql'));
await copyFile(join(PROJECT, 'src/client/README.md'), join(folder, 'README.md'));
await writeFile(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
console.log(`${relative(PROJECT, folder)}: ${name} ${version}`);
if (positionals[0] === undefined) await import('./build-console.ts');

async function compile(...options: readonly string[]): Promise<void> {
  try {
    const to = ['-p', 'tsconfig.client.json', '--outDir', folder];
    await promisify(execFile)('tsc', [...to, ...options], { cwd: PROJECT });
  } catch (error) {
    throw new Error(`The client does not compile:\n${(error as { readonly stdout: string }).stdout}`);
  }
}
