import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../src/db/postgres/migrator.ts';

/** Settings for data that does not have to survive a crash. */
const VOLATILE = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

/** Runs with a new embedded PostgreSQL and removes it at the end. `isDurable`: with the durability of production. */
export async function withTemporaryPostgres<T>(
  run: (server: EmbeddedPostgres) => Promise<T>,
  { isDurable = false } = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  try {
    // Under root the server runs as another user, which needs access to the folder.
    await chmod(folder, 0o711);
    const settings = isDurable ? {} : VOLATILE;
    const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data'), settings });
    try {
      return await run(server);
    } finally {
      await server.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs with a new embedded PostgreSQL that has the ledger's schema. */
export function withTemporaryLedger<T>(run: (server: EmbeddedPostgres) => Promise<T>): Promise<T> {
  return withTemporaryPostgres(async (server) => {
    await migrate(server.ownerUrl, () => {});
    return run(server);
  });
}
