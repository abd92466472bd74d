/** Keeps intents in a folder, for Node.js: `import { fileStore } from 'transactional-ledger/file-store'`. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyStore } from './stores.ts';

/**
 * Returns a store for all processes that use the folder on a local disk. Intents outlive the processes, and a crash of the machine.
 *
 * Each name is a folder with one file, and the file's name is the digest of its text. Moving a folder to a name fails if a folder
 * with a file exists there. Removing a file by its digest cannot remove another text. Both steps are atomic in the file system.
 */
export function fileStore(folder: string): KeyStore {
  const placeOf = (name: string) => join(folder, digest(name));
  return {
    async getItem(name) {
      const [file] = await unless('ENOENT', readdir(placeOf(name)), []);
      // Another process may remove the file first.
      return file === undefined ? null : unless('ENOENT', readFile(join(placeOf(name), file), 'utf8'), null);
    },
    async addItem(name, value) {
      const draft = join(folder, `${randomUUID()}.draft`);
      await mkdir(draft, { recursive: true });
      await write(join(draft, digest(value)), value);
      await sync(draft);
      try {
        await rename(draft, placeOf(name));
      } catch (error) {
        await rm(draft, { recursive: true });
        if (!isTaken(error)) throw error;
        return false;
      }
      await sync(folder);
      return true;
    },
    async removeItem(name, value) {
      await rm(join(placeOf(name), digest(value)), { force: true });
      // The folder may have another text.
      await rmdir(placeOf(name)).catch(() => {});
    },
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function write(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx');
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Syncs a folder, so that the names in it outlive a crash of the machine. */
async function sync(path: string): Promise<void> {
  const file = await open(path);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function unless<T, U>(code: string, result: Promise<T>, otherwise: U): Promise<T | U> {
  try {
    return await result;
  } catch (error) {
    if (codeOf(error) === code) return otherwise;
    throw error;
  }
}

function isTaken(error: unknown): boolean {
  return ['ENOTEMPTY', 'EEXIST'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return String((error as { readonly code?: unknown }).code);
}
