// Uses the embedded PostgreSQL for a short task: the running server of a service, or a server of its own.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import pg from 'pg';
import { clusterPath, readCredentials, urlsOf } from './cluster.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
import { EmbeddedPostgresError } from './error.ts';
import { DataDirectoryInUseError } from './lock.ts';
import { unless } from './system.ts';

type Urls = Pick<EmbeddedPostgres, 'serviceUrl' | 'ownerUrl'>;

export interface BorrowedPostgres extends Urls {
  /** Returns whether the service has stopped the server. */
  isGone(): Promise<boolean>;
  /** Stops the server, unless it is the service's. */
  release(): Promise<void>;
}

/** How long a service may take to start or stop its server. */
const PATIENCE_MS = 60_000;

/**
 * Connects to the server that a service runs on a data directory. If there is none, starts one, and creates its cluster if needed.
 * Waits while a service starts or stops its server, so that a data directory never has two.
 */
export async function borrowEmbeddedPostgres(
  dataDir: string,
  onProgress: (line: string) => void,
): Promise<BorrowedPostgres> {
  const deadline = performance.now() + PATIENCE_MS;
  let waits = false;
  for (;;) {
    try {
      const server = await startEmbeddedPostgres({ dataDir, onProgress, brief: true });
      const { serviceUrl, ownerUrl } = server;
      return { serviceUrl, ownerUrl, isGone: async () => false, release: () => server.stop() };
    } catch (error) {
      if (!(error instanceof DataDirectoryInUseError) || error.brief) throw error;
      const running = await findRunningServer(error.dataDir);
      if (running !== undefined) {
        const isGone = async () => (await findRunningServer(error.dataDir)) === undefined;
        return { ...running, isGone, release: async () => {} };
      }
      if (performance.now() > deadline) {
        throw new EmbeddedPostgresError(
          `The data directory ${error.dataDir} is in use by process ${error.pid}, but its PostgreSQL accepts no ` +
            'connections. Check the log of that process, or stop it.',
        );
      }
      if (!waits) onProgress(`Waiting for process ${error.pid}, which starts or stops PostgreSQL`);
      waits = true;
      await delay(100);
    }
  }
}

/** Returns the connection strings of the server that runs on a data directory; undefined while none accepts connections. */
async function findRunningServer(dataDir: string): Promise<Urls | undefined> {
  const credentials = await readCredentials(dataDir);
  const pidFile = await readFile(join(clusterPath(dataDir), 'postmaster.pid'), 'utf8').catch(
    unless('ENOENT'),
  );
  // PostgreSQL writes its port into the fourth line.
  const port = Number(pidFile?.split('\n')[3]);
  if (credentials === undefined || !(port > 0)) return undefined;
  const { serviceUrl, ownerUrl } = urlsOf(credentials, port);
  const client = new pg.Client({ connectionString: ownerUrl, connectionTimeoutMillis: 5000 });
  client.on('error', () => {});
  try {
    await client.connect();
    // The file may be older than the server on that port: one on a copy of this directory has the same passwords.
    const { rows } = await client.query<{ cluster: string }>(
      `select current_setting('data_directory') as cluster`,
    );
    return rows[0]?.cluster === clusterPath(dataDir) ? { serviceUrl, ownerUrl } : undefined;
  } catch {
    return undefined;
  } finally {
    await client.end().catch(() => {});
  }
}
