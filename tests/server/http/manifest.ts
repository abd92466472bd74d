import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Writes a manifest of trusted documents, which is deleted after the test, and returns its path. */
export async function writeManifest(text: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-manifest-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'persisted-documents.json');
  await writeFile(path, text);
  return path;
}
