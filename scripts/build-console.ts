// Builds the console into dist/console, or into the folder that is given: node scripts/build-console.ts [folder]. With --if-possible
// it does nothing where the tools are not installed, as after `npm ci --omit=dev`.

import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

const PROJECT = join(import.meta.dirname, '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { 'if-possible': { type: 'boolean', default: false } },
});

// Without this, tests would build the console with React's checks for developers.
process.env['NODE_ENV'] = 'production';
const vite = await import('vite').catch((error: NodeJS.ErrnoException) => {
  if (values['if-possible'] && error.code === 'ERR_MODULE_NOT_FOUND') return undefined;
  throw error;
});
if (vite === undefined) console.log('The console is not built: its tools are development dependencies.');
else {
  const [folder] = positionals;
  await vite.build({
    configFile: join(PROJECT, 'src/console/vite.config.ts'),
    logLevel: 'warn',
    ...(folder === undefined ? {} : { build: { outDir: resolve(folder) } }),
  });
  console.log(`Built the console into ${folder ?? 'dist/console'}.`);
}
