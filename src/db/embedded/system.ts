// What the launcher of the embedded PostgreSQL asks of the operating system.

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, realpathSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** An account of the operating system under which PostgreSQL's programs run. */
export interface ServerAccount {
  readonly uid: number;
  readonly gid: number;
}

/** Where root keeps what the server's account must be able to reach: a place that only root can write to. */
export const ROOT_STATE_DIR = '/var/lib/transactional-ledger';

/** PostgreSQL refuses to run as root, so root runs it as "nobody"; undefined for everybody else: as oneself. */
export function serverAccount(): ServerAccount | undefined {
  return process.getuid?.() === 0 ? { uid: 65534, gid: 65534 } : undefined;
}

/** The topmost folder on the way to `path` (itself included, where it exists) that the account cannot enter. */
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
 * The data directory of a checkout: `.data` in it, or a folder of its own under /var/lib where root runs from
 * a checkout that the server's account cannot enter.
 */
export function defaultDataDir(projectRoot: string): string {
  const root = resolve(projectRoot);
  const account = serverAccount();
  if (account === undefined || unreachableFolder(root, account) === undefined) return join(root, '.data');
  const hash = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return join(ROOT_STATE_DIR, `${basename(root)}-${hash}`);
}

/** Runs one of PostgreSQL's programs as the account, untouched by the caller's locale and PG* variables. */
export async function runProgram(
  program: string,
  args: readonly string[],
  account: ServerAccount | undefined,
): Promise<string> {
  const { stdout } = await execute(program, [...args], programOptions(account));
  return stdout;
}

/** Options of every program of PostgreSQL: the working directory must be one that the account can enter. */
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
 * When a process started, in a form that only serves comparison: with it a number that the system gave to a new
 * process is not mistaken for the old one. Undefined when there is no such process, or it is a zombie.
 */
export async function processStart(pid: number): Promise<string | undefined> {
  if (process.platform === 'linux') {
    const line = await readFile(`/proc/${pid}/stat`, 'utf8').catch(unless('ENOENT', 'ESRCH'));
    // The second field is the program's name in parentheses, and may contain blanks and parentheses itself.
    const fields = line?.slice(line.lastIndexOf(')') + 2).split(' ');
    if (fields === undefined || fields[0] === 'Z' || fields[0] === 'X') return undefined;
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
    return `${boot.trim()} ${fields[19]}`;
  }
  const [state, ...started] = (await processFields(pid, 'stat=', 'lstart='))?.split(/\s+/) ?? ['Z'];
  return state?.startsWith('Z') ? undefined : started.join(' ');
}

/** The command line of a process: empty for a zombie, undefined when there is no such process. */
export async function processCommand(pid: number): Promise<string | undefined> {
  if (process.platform !== 'linux') return processFields(pid, 'command=');
  const words = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(unless('ENOENT', 'ESRCH'));
  return words?.replaceAll('\0', ' ').trim();
}

async function processFields(pid: number, ...fields: readonly string[]): Promise<string | undefined> {
  const env = { ...process.env, LC_ALL: 'C', TZ: 'UTC' };
  const args = ['-ww', ...fields.flatMap((field) => ['-o', field]), '-p', String(pid)];
  // ps ends with status 1 when there is no such process.
  const answer = await execute('ps', args, { env }).catch(() => undefined);
  return answer?.stdout.trim();
}

/** A handler that turns errors of the given codes into undefined and throws the others on. */
export function unless(...codes: readonly string[]): (error: unknown) => undefined {
  return (error) => {
    if (error instanceof Error && 'code' in error && codes.includes(String(error.code))) return undefined;
    throw error;
  };
}
