import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, rename, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import type { PostgresBinaries } from './binaries.ts';
import { clusterPath } from './cluster.ts';
import { EmbeddedPostgresError } from './error.ts';
import { DataDirectoryInUseError } from './lock.ts';
import { processCommand, programOptions, type ServerAccount, unless } from './system.ts';

export interface Postmaster {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly exited: Promise<void>;
}

/** How long a starting or stopping server may log nothing before the start fails. */
export const PATIENCE_MS = 60_000;

/** Marks the command lines of the embedded servers: another server may run on the same data. */
const CLUSTER_NAME = 'cluster_name=transactional-ledger';

const SETTINGS = {
  max_connections: '120',
  shared_buffers: '256MB',
  max_wal_size: '2GB',
  timezone: 'UTC',
  log_timezone: 'UTC',
};

/** Log lines about the recovery of a starting server. */
const RECOVERY = /LOG: {2}((?:database system was (?:interrupted|not properly)|redo ).*)$/gm;

/**
 * Shuts down the server that a killed service left running on this data. The caller holds the lock, so that service is dead. Only
 * the postmaster of this cluster is ever signalled.
 */
export async function endFormerServer(dataDir: string, onProgress: (line: string) => void): Promise<void> {
  const cluster = clusterPath(dataDir);
  const pidFile = join(cluster, 'postmaster.pid');
  const pid = Number.parseInt((await readFile(pidFile, 'utf8').catch(unless('ENOENT'))) ?? '', 10);
  // If the process is gone, PostgreSQL checks itself whether its shared memory is still in use.
  const command = Number.isNaN(pid) ? undefined : await processCommand(pid);
  if (command === undefined) return;

  const isPostmaster = /(^|\/)(postgres|postmaster)( |$)/.test(command);
  const isOnThisData = `${command} `.includes(` -D ${cluster} `);
  if (!isPostmaster || (!isOnThisData && command.includes(' -D '))) {
    // The system gave the number to another process. PostgreSQL would take that for a running server, and refuse to start.
    await rm(pidFile);
    return;
  }
  if (!isOnThisData || !command.includes(CLUSTER_NAME)) throw new DataDirectoryInUseError(dataDir, pid);

  onProgress(`Shutting down the server (process ${pid}) that a killed service left on ${dataDir}`);
  process.kill(pid, 'SIGINT');
  const deadline = performance.now() + PATIENCE_MS;
  while ((await processCommand(pid)) === command) {
    if (performance.now() > deadline) throw new DataDirectoryInUseError(dataDir, pid);
    await delay(50);
  }
}

/** Starts the postmaster. `connect` checks whether it comes up. */
export async function launch(
  dataDir: string,
  { binDir }: PostgresBinaries,
  account: ServerAccount | undefined,
  settings: Readonly<Record<string, string>>,
  port: number,
): Promise<Postmaster> {
  const reach = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: '' };
  const log = { logging_collector: 'off', log_destination: 'stderr' };
  const all = Object.entries({ ...SETTINGS, ...settings, ...reach, ...log });
  const pairs = [...all.map(([name, value]) => `${name}=${value}`), CLUSTER_NAME];

  await rename(logPath(dataDir), `${logPath(dataDir)}.old`).catch(unless('ENOENT'));
  const logFile = await open(logPath(dataDir), 'a', 0o600);
  try {
    const args = ['-D', clusterPath(dataDir), ...pairs.flatMap((pair) => ['-c', pair])];
    const child = spawn(join(binDir, 'postgres'), args, {
      ...programOptions(account),
      // In its own process group: Ctrl+C in a terminal must not end it before the service has drained.
      detached: true,
      stdio: ['ignore', logFile.fd, logFile.fd],
    });
    await once(child, 'spawn');
    if (child.pid === undefined) throw new EmbeddedPostgresError('The started process has no id.');
    const interrupt = () => child.kill('SIGINT');
    process.once('exit', interrupt);
    const exited = once(child, 'exit').then(() => {
      process.off('exit', interrupt);
    });
    return { child, pid: child.pid, port, exited };
  } finally {
    await logFile.close();
  }
}

/** Resolves to a client once the server accepts connections, or to undefined if the server has ended. */
export async function connect(
  dataDir: string,
  { child }: Postmaster,
  url: string,
  onProgress: (line: string) => void,
): Promise<pg.Client | undefined> {
  let seen = 0;
  let newsAt = performance.now();
  for (;;) {
    const log = await readLog(dataDir);
    if (log.length > seen) newsAt = performance.now();
    for (const [, news] of log.slice(seen).matchAll(RECOVERY)) onProgress(`Recovering: ${news}`);
    seen = log.length;
    if (child.exitCode !== null || child.signalCode !== null) return undefined;

    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    // A lost connection also rejects the running query. Without a listener, it would end the process.
    client.on('error', () => {});
    try {
      await client.connect();
      return client;
    } catch (error) {
      await client.end();
      // If the log does not contain the error, another server has taken the port.
      const refused = error instanceof pg.DatabaseError && error.code === '28P01';
      if (refused && (await readLog(dataDir)).includes('password authentication failed')) {
        throw new EmbeddedPostgresError(
          `The passwords in ${dataDir}/credentials.json do not belong to its cluster: restore that file.`,
        );
      }
    }
    // A long recovery logs its progress every ten seconds, so only silence is a failure.
    if (performance.now() - newsAt > PATIENCE_MS) {
      throw new EmbeddedPostgresError(
        `PostgreSQL does not accept connections on ${dataDir}. ${lastLines(dataDir, log)}`,
      );
    }
    await delay(25);
  }
}

function logPath(dataDir: string): string {
  return join(dataDir, 'postgres.log');
}

export async function readLog(dataDir: string): Promise<string> {
  return await readFile(logPath(dataDir), 'utf8');
}

export function lastLines(dataDir: string, log: string): string {
  const lines = log.trimEnd().split('\n').slice(-10).join('\n');
  return (
    `Fix the problem that its log reports and start again, or set LEDGER_DATA_DIR to another folder. ` +
    `The last lines of ${logPath(dataDir)}:\n${lines}`
  );
}

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string')
    throw new EmbeddedPostgresError('The operating system returned no free port.');
  return address.port;
}
