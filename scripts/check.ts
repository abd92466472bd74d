// Runs all checks that must pass before a change is merged: npm run check. With --static it skips the tests.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';

const { values: given } = parseArgs({ options: { static: { type: 'boolean', default: false } } });

const CHECKS: readonly (readonly [name: string, command: readonly string[]])[] = [
  ['types', ['tsc', '--noEmit']],
  ['types of the console', ['tsc', '--noEmit', '-p', 'src/console']],
  ['lint and format', ['biome', 'check', '--error-on-warnings']],
  ['dead code', ['knip']],
  ['generated files', ['node', 'scripts/generate.ts', '--check']],
  ...(given.static ? [] : ([['tests', ['vitest', 'run']]] as const)),
];

const failed: string[] = [];
for (const [name, [program = '', ...parameters]] of CHECKS) {
  const since = performance.now();
  // npm run puts the programs of node_modules first in PATH.
  const child = spawn(program, parameters, { stdio: 'inherit' });
  const [status] = await once(child, 'exit');
  const seconds = ((performance.now() - since) / 1000).toFixed(1);
  console.log(`${status === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (status !== 0) failed.push(name);
}
console.log(`${CHECKS.length - failed.length} passed, ${failed.length} failed`);
if (failed.length > 0) process.exitCode = 1;
