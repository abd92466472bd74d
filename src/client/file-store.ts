/** A store of intents in a folder, for Node.js: `import { fileStore } from 'transactional-ledger/file-store'`. */
import { createHash, randomUUID } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { KeyStore } from './stores.ts';

/**
 * Keeps intents in a folder, for all processes that have it on a local disk. They outlive the processes, and the machine's crash.
 *
 * A name is a folder with one file in it, whose name is the digest of its text. Moving a full folder to a name fails where one
 * with a file is there, and removing a file by its digest removes no other text: both are single steps of the file system.
 */
export function fileStore(folder: string): KeyStore {
  const placeOf = (name: string) => join(folder, digest(name));
  return {
    async getItem(name) {
      const [file] = await unless('ENOENT', readdir(placeOf(name)), []);
      // Its removal may come first.
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
      // Another text may be there by now.
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

/** Has the names in a folder outlive a crash of the machine. */
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
