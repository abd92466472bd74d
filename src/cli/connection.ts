import { borrowEmbeddedPostgres } from '../db/embedded/borrowed-postgres.ts';
import { UP_TO_DATE } from '../db/postgres/migrator.ts';
import { prepareDatabase } from '../db/postgres/prepare.ts';
import { Engine } from '../ledger/engine.ts';
import type { OnFault } from '../ledger/retries.ts';
import { CommandError } from './report.ts';

export interface ConnectionOptions {
  /** null: the embedded PostgreSQL, with its data in `dataDir`. */
  readonly database: { readonly url: string; readonly migrationUrl: string | null } | null;
  readonly dataDir: string;
  readonly allowUnsafeDurability: boolean;
  readonly onProgress: (line: string) => void;
  readonly onFault: OnFault;
}

/**
 * Runs with the ledgers of the configured database, which is migrated first. Runs again if a service stops its server meanwhile,
 * unless `run` throws a `CommandError`: so must failed changes.
 */
export async function withEngine<T>(
  options: ConnectionOptions,
  run: (engine: Engine) => Promise<T>,
): Promise<T> {
  const { database, dataDir, onProgress } = options;
  if (database !== null) return await runOn(database.url, database.migrationUrl, options, run);
  for (;;) {
    const postgres = await borrowEmbeddedPostgres(dataDir, onProgress);
    try {
      return await runOn(postgres.serviceUrl, postgres.ownerUrl, options, run);
    } catch (error) {
      if (error instanceof CommandError || !(await postgres.isGone())) throw error;
    } finally {
      await postgres.release();
    }
  }
}

async function runOn<T>(
  databaseUrl: string,
  migrationUrl: string | null,
  { database, dataDir, allowUnsafeDurability, onProgress, onFault }: ConnectionOptions,
  run: (engine: Engine) => Promise<T>,
): Promise<T> {
  const report = {
    info: (line: string) => {
      if (line !== UP_TO_DATE) onProgress(line);
    },
    // The warnings concern the service, which prints them when it starts.
    warn: () => {},
  };
  const target = { allowUnsafeDurability, dataDir: database === null ? dataDir : null };
  await prepareDatabase(databaseUrl, migrationUrl, report, target);
  const connections = { lanes: 1, readConnections: 1 };
  const engine = await Engine.open({ databaseUrl, allowUnsafeDurability, onFault, ...connections });
  try {
    return await run(engine);
  } finally {
    await engine.close();
  }
}
