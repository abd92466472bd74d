// The lock of a data directory. It is the numbered file with the highest number. A process holds it while the process lives and
// has not released it. To take over a stale lock, a process creates the next number, which only one can. It does not remove the
// stale file first: of two processes that do so, one could remove the other's lock. The highest number is never deleted, so a
// slow contender always notices that it is too late.

import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { EmbeddedPostgresError } from './error.ts';
import { processStart, unless } from './system.ts';

const holderSchema = z.object({
  pid: z.int(),
  startedAt: z.string(),
  /** The holder releases the lock soon, so that others wait for it. */
  brief: z.boolean().default(false),
});
type Holder = z.infer<typeof holderSchema>;

/** How long a process waits for a holder that uses the data directory briefly. */
const PATIENCE_MS = 60_000;

/** Another process uses this data directory, or is about to. */
export class DataDirectoryInUseError extends EmbeddedPostgresError {
  override readonly name = 'DataDirectoryInUseError';
  readonly dataDir: string;
  readonly pid: number;
  /** The process uses the directory only briefly; see `EmbeddedOptions.brief`. */
  readonly brief: boolean;

  constructor(dataDir: string, pid: number, brief = false) {
    super(
      `The data directory ${dataDir} is in use by process ${pid}. ` +
        'Stop that process first, or set LEDGER_DATA_DIR to another folder.',
    );
    this.dataDir = dataDir;
    this.pid = pid;
    this.brief = brief;
  }
}

/**
 * Locks the data directory for this process and returns a function that releases it. Takes over the lock of a dead process. Throws
 * DataDirectoryInUseError while the holder lives, but waits for a brief one. Of two concurrent callers exactly one wins.
 */
export async function takeStartLock(
  dataDir: string,
  { brief, onProgress }: { readonly brief: boolean; readonly onProgress: (line: string) => void },
): Promise<() => Promise<void>> {
  const startedAt = await processStart(process.pid);
  const claim = join(dataDir, `start-${randomUUID()}.claim`);
  await writeFile(claim, JSON.stringify({ pid: process.pid, startedAt, brief }), { mode: 0o600 });
  const deadline = performance.now() + PATIENCE_MS;
  let awaited: number | undefined;
  try {
    for (;;) {
      const last = await highestNumber(dataDir);
      const holder = await readHolder(lockPath(dataDir, last));
      if (holder !== undefined && (await processStart(holder.pid)) === holder.startedAt) {
        const { pid } = holder;
        if (!holder.brief || performance.now() > deadline) {
          throw new DataDirectoryInUseError(dataDir, pid, holder.brief);
        }
        if (pid !== awaited) onProgress(`Waiting for process ${pid}, which uses ${dataDir} briefly`);
        awaited = pid;
        await delay(50);
        continue;
      }
      const mine = lockPath(dataDir, last + 1);
      // A hard link is created together with its content, and only if there is no such file.
      const won = await link(claim, mine).then(() => true, unless('EEXIST'));
      if (won !== true) continue;
      if ((await highestNumber(dataDir)) === last + 1) {
        await rm(lockPath(dataDir, last), { force: true });
        return () => release(mine);
      }
      await rm(mine);
    }
  } finally {
    await rm(claim, { force: true });
  }
}

/** If it fails, for example in a deleted folder, the lock ends with this process. */
async function release(lock: string): Promise<void> {
  const released = `${lock}.released`;
  try {
    await writeFile(released, 'released\n');
    await rename(released, lock);
  } catch {
    await rm(released, { force: true });
  }
}

function lockPath(dataDir: string, number: number): string {
  return join(dataDir, `start-${number}.lock`);
}

async function highestNumber(dataDir: string): Promise<number> {
  const numbers = (await readdir(dataDir)).map((name) => Number(/^start-(\d+)\.lock$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers);
}

/** Returns undefined if the lock was released or replaced, or damaged by a crash of the machine. */
async function readHolder(lock: string): Promise<Holder | undefined> {
  const text = await readFile(lock, 'utf8').catch(unless('ENOENT'));
  try {
    return holderSchema.safeParse(JSON.parse(text ?? '')).data;
  } catch {
    return undefined;
  }
}
