import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');

const folder = await mkdtemp(join(tmpdir(), 'ledger-package-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The client as its users get it: built, packed, and installed into a project that has nothing else. */
export interface PackedClient {
  /** What npm packed. */
  readonly tarball: string;
  /** The folder of the project, whose own files are ES modules. */
  readonly project: string;
  /** The folder of the package in it. */
  readonly installed: string;
}

/** Makes the package and the project, outside of any other: once a test file, with which they go. */
export async function installClient(): Promise<PackedClient> {
  const built = join(folder, 'built');
  await run(PROJECT, 'npm', 'run', 'build', '--', built);
  const tarball = join(folder, (await run(folder, 'npm', 'pack', built, '--silent')).trim());
  const project = join(folder, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{ "name": "shop", "private": true, "type": "module" }');
  await run(project, 'npm', 'install', '--offline', tarball);
  return { tarball, project, installed: join(project, 'node_modules/transactional-ledger') };
}

/**
 * Runs a program and answers what it printed. It knows nothing of this machine but where programs are. Throws with what it
 * printed where its status is not 0.
 */
export async function run(cwd: string, program: string, ...parameters: readonly string[]): Promise<string> {
  const npm = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' };
  const env = { PATH: process.env['PATH'], HOME: folder, ...npm };
  try {
    return (await promisify(execFile)(program, parameters, { cwd, env })).stdout;
  } catch (error) {
    // The message has what stands on standard error; tsc says on standard output what is wrong.
    const { message, stdout } = error as Error & { readonly stdout: string };
    throw new Error(`${message}\n${stdout}`);
  }
}
