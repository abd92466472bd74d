import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll } from 'vitest';

const PROJECT = join(import.meta.dirname, '../..');

const folder = await mkdtemp(join(tmpdir(), 'ledger-package-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

/** The client as its users install it: built, packed, and installed into a project that has no other package. */
export interface PackedClient {
  /** The file that npm packed. */
  readonly tarball: string;
  /** The folder of the project, whose own files are ES modules. */
  readonly project: string;
  /** The folder of the package in it. */
  readonly installed: string;
}

/** Creates the package and the project in a folder of their own, which is removed after the test file. */
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

/** Runs a program with a minimal environment and returns its output. Throws with the output if its status is not 0. */
export async function run(cwd: string, program: string, ...parameters: readonly string[]): Promise<string> {
  const npm = { npm_config_audit: 'false', npm_config_fund: 'false', npm_config_update_notifier: 'false' };
  const env = { PATH: process.env['PATH'], HOME: folder, ...npm };
  try {
    return (await promisify(execFile)(program, parameters, { cwd, env })).stdout;
  } catch (error) {
    // The message has the standard error. tsc prints its errors to the standard output.
    const { message, stdout } = error as Error & { readonly stdout: string };
    throw new Error(`${message}\n${stdout}`);
  }
}
