// The operating system's functions that the embedded PostgreSQL needs.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The operating system account under which PostgreSQL's programs run. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Root's folder for files that the server's account must be able to read. Only root can write to it. */
export const ROOT_STATE_DIR = '/var/lib/transactional-ledger';

/** Returns the account with uid 65534 if this process runs as root, because PostgreSQL refuses to run as root; otherwise undefined. */
export function serverAccount(): ServerAccount | undefined {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
}

/** Returns the topmost folder of `path`, itself included if it exists, that the account cannot enter. */
export function unreachableFolder(path: string, account: ServerAccount): string | undefined {
  let folder = resolve(path);
  while (!existsSync(folder)) folder = dirname(folder);
  let found: string | undefined;
  for (folder = realpathSync(folder); ; folder = dirname(folder)) {
    if (!mayEnter(folder, account)) found = folder;
    if (folder === dirname(folder)) return found;
  }
}

function mayEnter(folder: string, account: ServerAccount): boolean {
  const { uid, gid, mode } = statSync(folder);
  if (uid === account.uid) return (mode & 0o100) !== 0;
  if (gid === account.gid) return (mode & 0o010) !== 0;
  return (mode & 0o001) !== 0;
}

/**
 * Returns the data directory of a checkout: `.data` in it, or a folder under /var/lib if root runs a checkout that the server's
 * account cannot enter.
 */
export function defaultDataDir(projectRoot: string): string {
  const root = resolve(projectRoot);
  const account = serverAccount();
  if (account === undefined || unreachableFolder(root, account) === undefined) return join(root, '.data');
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return join(ROOT_STATE_DIR, `${basename(root)}-${hash}`);
}

/** Runs one of PostgreSQL's programs as the account, without the caller's locale and PG* variables. */
export async function runProgram(
  program: string,
  args: readonly string[],
  account: ServerAccount | undefined,
): Promise<string> {
  const { stdout } = await execute(program, [...args], programOptions(account));
  return stdout;
}

/** Returns the options for running a program of PostgreSQL. The account must be able to enter the working directory. */
export function programOptions(account: ServerAccount | undefined): {
  cwd: string;
  env: NodeJS.ProcessEnv;
  uid?: number;
  gid?: number;
} {
  const kept = Object.entries(process.env).filter(([name]) => !/^(PG|LC_|LANG)/.test(name));
  return { cwd: '/', env: { ...Object.fromEntries(kept), LC_ALL: 'C' }, ...account };
}

/**
 * Returns the start time of a process, in a format that only serves comparison: the system may give the id of an ended process to
 * another one. Returns undefined if there is no such process, or if it is a zombie.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(unless('ENOENT', 'ESRCH'));
    // The second field is the program's name in parentheses. It may contain blanks and parentheses.
    const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
    if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${fields[19]}`;
  }
  const [state, ...started] = (await processFields(pid, 'stat=', 'lstart='))?.split(/\s+/) ?? ['Z'];
  return state?.startsWith('Z') ? undefined : started.join(' ');
}

/** Returns the command line of a process: empty for a zombie, undefined if there is no such process. */
export async function processCommand(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return processFields(pid, 'command=');
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(unless('ENOENT', 'ESRCH'));
  return words?.replaceAll('\0', ' ').trim();
}

async function processFields(pid: number, ...fields: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const args = ['-ww', ...fields.flatMap((field) => ['-o', field]), '-p', String(pid)];
  // ps exits with status 1 if there is no such process.
  const answer = await execute('ps', args, { env }).catch(() => undefined);
  return answer?.stdout.trim();
}

/** Returns a handler that turns errors with the given codes into undefined, and rethrows others. */
export function unless(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Error && 'code' in error && codes.includes(String(error.code))) return undefined;
    throw error;
  };
}
