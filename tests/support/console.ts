// Builds the console once for all tests, from its sources: a folder that an earlier build left could be out of date.

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder that the console was built into. */
    readonly consoleFolder: string;
  }
}

const BUILD = join(import.meta.dirname, '../../scripts/build-console.ts');

export default async function buildConsole(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'console-'));
  await promisify(execFile)(process.execPath, [BUILD, folder]);
  project.provide('consoleFolder', folder);
  return () => rm(folder, { recursive: true, force: true });
}
