// One PostgreSQL cluster for all database tests of a vitest project. It is migrated once, into a template that
// each test file clones; see database.ts.

import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { startEmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';

/** A migrated database without connections. */
export const TEMPLATE = 'ledger_template';

declare module 'vitest' {
  interface ProvidedContext {
    /** The folder of PostgreSQL's programs, or null for the embedded ones. */
    binDir: string | null;
    postgres: {
      /** postgres://… of the service's login, to the database `ledger`, which is empty. */
      readonly serviceUrl: string;
      /** The same of the superuser's. */
      readonly ownerUrl: string;
      /** The server's log. Each line has its database and application. */
      readonly logFile: string;
    };
  }
}

/** Tests kill connections, but not the server or its machine: data does not have to reach the disk. */
const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  shared_buffers: '128MB',
  log_line_prefix: '%m [%p] %d %a ',
};

export default async function startCluster(project: TestProject): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-tests-'));
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    // If the tests run as root, the server runs as another user, who must be able to enter the folder.
    await chmod(folder, 0o711);
    const { binDir } = project.config.provide;
    const dataDir = join(folder, 'data');
    const server = await startEmbeddedPostgres({
      dataDir,
      settings: SETTINGS,
      ...(typeof binDir === 'string' ? { binDir } : {}),
    });
    const { serviceUrl, ownerUrl } = server;
    await makeTemplate(ownerUrl);
    project.provide('postgres', { serviceUrl, ownerUrl, logFile: join(dataDir, 'postgres.log') });
    return async () => {
      await server.stop();
      await remove();
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function makeTemplate(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(`create database ${TEMPLATE} template template0`);
    const template = new URL(ownerUrl);
    template.pathname = TEMPLATE;
    await migrate(template.href, () => {});
    // A database can be cloned only while it has no connections.
    await client.query(`alter database ${TEMPLATE} allow_connections false`);
  } finally {
    await client.end();
  }
}
