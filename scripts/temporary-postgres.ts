import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../src/db/postgres/migrator.ts';

/** For data that need not survive a crash. */
const VOLATILE = { fsync: 'off', full_page_writes: 'off', synchronous_commit: 'off' };

/** Runs with an embedded PostgreSQL of its own, which is removed in the end. `isDurable`: it writes as in production. */
export async function withTemporaryPostgres<T>(
  run: (server: EmbeddedPostgres) => Promise<T>,
  { isDurable = false } = {},
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  try {
    // Under root the server runs as another user, who must be able to enter the folder.
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

/** The same, with the ledger's schema in it. */
export function withTemporaryLedger<T>(run: (server: EmbeddedPostgres) => Promise<T>): Promise<T> {
  return withTemporaryPostgres(async (server) => {
    await migrate(server.ownerUrl, () => {});
    return run(server);
  });
}
