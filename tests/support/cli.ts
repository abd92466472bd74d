import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

export const PROGRAM = join(import.meta.dirname, '../../src/cli.ts');

export interface CliResult {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command line in a process of its own. */
export async function runCli(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CliResult> {
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...process.env, DATABASE_URL: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = once(child, 'close');
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  const [status] = await closed;
  return { status, stdout, stderr };
}

/** Runs a command with --json, and returns its document. Throws if the command fails or prints anything else. */
// biome-ignore lint/suspicious/noExplicitAny: tests compare the parts of the document that concern them
export async function runJson(args: readonly string[], env: Readonly<Record<string, string>>): Promise<any> {
  const { status, stdout, stderr } = await runCli([...args, '--json'], env);
  if (status !== 0 || stderr !== '') throw new Error(`ledger ${args.join(' ')} failed: ${stderr}`);
  return JSON.parse(stdout);
}
