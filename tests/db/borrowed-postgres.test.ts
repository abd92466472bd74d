import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { borrowEmbeddedPostgres } from '../../src/db/embedded/borrowed-postgres.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { takeStartLock } from '../../src/db/embedded/lock.ts';

const childScript = join(import.meta.dirname, '../support/embedded-child.ts');

let base: string;
let template: string;
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), 'ledger-borrowed-')));
  await chmod(base, 0o755);
  template = join(base, 'template');
  await (await startEmbeddedPostgres({ dataDir: template })).stop();
}, 60_000);
afterAll(() => rm(base, { recursive: true, force: true }));

async function usedDataDir(name: string): Promise<string> {
  const dataDir = join(base, name);
  await promisify(execFile)('cp', ['-a', template, dataDir]);
  return dataDir;
}

/** Runs a server in another process, as a service does, until the test ends. */
function startChild(dataDir: string): { child: ChildProcess; ready: Promise<EmbeddedPostgres> } {
  const child = spawn(process.execPath, [childScript, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const ready = once(createInterface(child.stdout), 'line').then(([line]) => JSON.parse(line));
  return { child, ready };
}

async function queryText(url: string, sql: string): Promise<string> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query({ text: sql, rowMode: 'array' });
    return String(rows[0]?.[0]);
  } finally {
    await client.end();
  }
}

describe('a borrowed PostgreSQL', { timeout: 60_000 }, () => {
  it('is a server of its own where none runs, which ends with the loan', async () => {
    const dataDir = join(base, 'new');
    const progress: string[] = [];
    const borrowed = await borrowEmbeddedPostgres(dataDir, (line) => progress.push(line));
    expect(progress).toEqual([expect.stringMatching(/^Creating a PostgreSQL/)]);
    expect(await queryText(borrowed.serviceUrl, 'select current_user')).toBe('ledger_service');
    expect(await queryText(borrowed.ownerUrl, 'show data_directory')).toBe(join(dataDir, 'cluster'));
    await borrowed.release();
    await expect(queryText(borrowed.serviceUrl, 'select 1')).rejects.toThrow('ECONNREFUSED');
  });

  it('is the server of a service that runs, which continues after the loan', async () => {
    const dataDir = await usedDataDir('running');
    const { child, ready } = startChild(dataDir);
    const server = await ready;
    const progress: string[] = [];
    const borrowed = await borrowEmbeddedPostgres(dataDir, (line) => progress.push(line));
    expect([borrowed.serviceUrl, borrowed.ownerUrl]).toEqual([server.serviceUrl, server.ownerUrl]);
    await borrowed.release();
    expect(await queryText(server.serviceUrl, 'select 1')).toBe('1');
    expect(progress).toEqual([]);
    expect(await borrowed.isGone()).toBe(false);
    const stopped = once(child, 'exit');
    child.kill('SIGTERM');
    await stopped;
    expect(await borrowed.isGone()).toBe(true);
  });

  it('is lent to one borrower at a time, and a service that starts meanwhile waits for it', async () => {
    const dataDir = await usedDataDir('many');
    let loans = 0;
    let longest = 0;
    const progress: string[] = [];
    const borrow = async () => {
      const borrowed = await borrowEmbeddedPostgres(dataDir, (line) => progress.push(line));
      loans += 1;
      longest = Math.max(longest, loans);
      expect(await queryText(borrowed.serviceUrl, 'select 1')).toBe('1');
      loans -= 1;
      await borrowed.release();
    };
    await Promise.all([borrow(), borrow(), borrow()]);
    expect(longest).toBe(1);
    expect(progress).toContain(`Waiting for process ${process.pid}, which uses ${dataDir} briefly`);

    const borrowed = await borrowEmbeddedPostgres(dataDir, () => {});
    const service = startChild(dataDir).ready;
    await delay(500);
    expect(await queryText(borrowed.serviceUrl, 'select 1')).toBe('1');
    await borrowed.release();
    expect(await queryText((await service).serviceUrl, 'select 1')).toBe('1');
  });

  it('is available while a service starts and while it stops', async () => {
    const dataDir = await usedDataDir('turns');
    const { child, ready } = startChild(dataDir);
    const during = await borrowEmbeddedPostgres(dataDir, () => {});
    expect(await queryText(during.serviceUrl, 'select 1')).toBe('1');
    await during.release();
    await ready;

    const stopped = once(child, 'exit');
    child.kill('SIGTERM');
    const after = await borrowEmbeddedPostgres(dataDir, () => {});
    await stopped;
    expect(await queryText(after.serviceUrl, 'select 1').catch(String)).toMatch(/^1$|ECONNREFUSED|terminat/);
    await after.release();
    const last = await borrowEmbeddedPostgres(dataDir, () => {});
    expect(await queryText(last.serviceUrl, 'select 1')).toBe('1');
    await last.release();
  });

  it('is never the server of a copied data directory that has the same passwords', async () => {
    const original = await usedDataDir('original');
    await startChild(original).ready;
    const copy = await usedDataDir('copy');
    // The state in which a killed server left the copy, while a service is about to start on it.
    await copyFile(join(original, 'cluster', 'postmaster.pid'), join(copy, 'cluster', 'postmaster.pid'));
    const progress: string[] = [];
    const unlock = await takeStartLock(copy, { brief: false, onProgress: () => {} });
    const borrowing = borrowEmbeddedPostgres(copy, (line) => progress.push(line));
    await delay(700);
    await unlock();
    const borrowed = await borrowing;
    expect(await queryText(borrowed.ownerUrl, 'show data_directory')).toBe(join(copy, 'cluster'));
    expect(progress).toEqual([`Waiting for process ${process.pid}, which starts or stops PostgreSQL`]);
    await borrowed.release();
  });
});
