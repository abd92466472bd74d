import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type ServiceProcess, startServiceProcess } from '../../scripts/service-process.ts';
import { borrowEmbeddedPostgres } from '../../src/db/embedded/borrowed-postgres.ts';
import { processCommand } from '../../src/db/embedded/system.ts';
import { Engine } from '../../src/ledger/engine.ts';
import { PROGRAM, runCli, runJson } from '../support/cli.ts';

let base: string;
let env: { readonly LEDGER_DATA_DIR: string };
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'ledger-cli-'));
  // Root runs PostgreSQL as another user, who must be able to enter the folder.
  await chmod(base, 0o711);
  env = { LEDGER_DATA_DIR: join(base, 'data') };
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** Runs the service on the data directory, until the test ends. */
async function startService(): Promise<ServiceProcess> {
  const service = await startServiceProcess({ ...env, DATABASE_URL: '', LOG_LEVEL: 'error' });
  onTestFinished(async () => void (await service.stop()));
  return service;
}

/** Returns the command line of the PostgreSQL that runs on the data directory, or undefined. */
async function runningPostgres(): Promise<string | undefined> {
  const pidFile = join(env.LEDGER_DATA_DIR, 'cluster', 'postmaster.pid');
  const pid = Number.parseInt(await readFile(pidFile, 'utf8').catch(() => ''), 10);
  return Number.isNaN(pid) ? undefined : await processCommand(pid);
}

const create = (name: string) => runCli(['keys', 'create', '--name', name, '--scopes', 'READ'], env);

async function names(): Promise<string[]> {
  const { apiKeys } = await runJson(['keys', 'list'], env);
  return apiKeys.map(({ name }: { name: string }) => name);
}

describe('on the embedded PostgreSQL', { timeout: 120_000 }, () => {
  test('a first command creates the database, and stops its server at the end', async () => {
    const { status, stdout, stderr } = await create('first');
    expect([status, stdout]).toEqual([0, expect.stringMatching(/^tlsk_[\w-]{70}\n$/)]);
    expect(stderr).toMatch(
      /^Creating a PostgreSQL .*\n(Migrated the database: \w+\n)+Created the API key first /,
    );
    expect(await runningPostgres()).toBeUndefined();

    const again = await runCli(['keys', 'list'], env);
    expect([again.status, again.stderr]).toEqual([0, '']);

    const postgres = await borrowEmbeddedPostgres(env.LEDGER_DATA_DIR, () => {});
    const engine = await Engine.open({ databaseUrl: postgres.serviceUrl });
    try {
      expect(await engine.access.isKeyed()).toBe(true);
      expect(await engine.access.authenticate(stdout.trimEnd())).toMatchObject({ key: { name: 'first' } });
    } finally {
      await engine.close();
      await postgres.release();
    }
  });

  test('commands work while the service runs, which they do not disturb', async () => {
    const service = await startService();
    const postgres = await runningPostgres();
    expect(postgres).toContain(env.LEDGER_DATA_DIR);
    const { status, stderr } = await create('meanwhile');
    expect(status).toBe(0);
    expect(stderr).toMatch(/^Created the API key meanwhile /);
    expect(await runJson(['ledgers', 'create', 'meanwhile'], env)).toMatchObject({ replayed: false });
    expect(await runningPostgres()).toBe(postgres);
    expect((await fetch(new URL('/livez', service.graphqlUrl))).status).toBe(200);
    expect(await service.stop()).toBe(0);
    expect(await names()).toEqual(['first', 'meanwhile']);
  });

  test('commands and a service that starts and stops take turns', async () => {
    const [one, service, two] = await Promise.all([create('turn 1'), startService(), create('turn 2')]);
    expect([one.status, two.status], one.stderr + two.stderr).toEqual([0, 0]);
    const [three, stopped] = await Promise.all([names(), service.stop()]);
    expect(stopped).toBe(0);
    expect(three.toSorted()).toEqual(['first', 'meanwhile', 'turn 1', 'turn 2']);
    const [four, five] = await Promise.all([create('turn 4'), create('turn 5')]);
    expect([four.status, five.status], four.stderr + five.stderr).toEqual([0, 0]);
    expect(await runningPostgres()).toBeUndefined();
  });

  test('a signal ends the command and its server', async () => {
    const child: ChildProcess = spawn(process.execPath, [PROGRAM, 'keys', 'list'], {
      env: { ...process.env, DATABASE_URL: '', ...env },
      stdio: 'ignore',
    });
    const exited = once(child, 'exit');
    await expect.poll(runningPostgres, { timeout: 20_000, interval: 10 }).toBeDefined();
    child.kill('SIGINT');
    expect((await exited)[0]).toBe(130);
    await expect.poll(runningPostgres, { timeout: 20_000 }).toBeUndefined();
    expect(await names()).toContain('first');
  });
});
