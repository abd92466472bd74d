// Node.js compiles each module once for all processes of a test run: test files start hundreds that load the same modules.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export default async function shareCompiledModules(): Promise<(() => Promise<void>) | undefined> {
  // The first project makes the folder. Workers and what they start inherit the variable.
  if (process.env['NODE_COMPILE_CACHE'] !== undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'ledger-compiled-'));
  process.env['NODE_COMPILE_CACHE'] = folder;
  return async () => {
    delete process.env['NODE_COMPILE_CACHE'];
    // Processes that end may still write to it.
    await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  };
}
