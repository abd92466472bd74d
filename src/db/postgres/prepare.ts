import { openDatabase } from './database.ts';
import { inspectLogin } from './login.ts';
import { dueMigrations, migrate } from './migrator.ts';
import { Primary } from './primary.ts';
import { SERVICE_ROLE } from './roles.ts';
import { connectAtStart, DatabaseNotReadyError, demandSearchPath } from './start-client.ts';

export interface PrepareOptions {
  readonly allowUnsafeDurability: boolean;
  /** The data directory of the embedded server; null: the database belongs to the operator. */
  readonly dataDir: string | null;
}

/**
 * Prepares the database for the service: migrates it if `migrationUrl` is set or the service's login may, and checks that the
 * login can serve. Throws `DatabaseNotReadyError` if it cannot, and `UnfitServerError` if the server rejects writes or could lose
 * them. `allowUnsafeDurability` allows the latter.
 */
export async function prepareDatabase(
  url: string,
  migrationUrl: string | null,
  report: { readonly info: (line: string) => void; readonly warn: (line: string) => void },
  { allowUnsafeDurability, dataDir }: PrepareOptions,
): Promise<void> {
  const primary = new Primary({ allowUnsafeDurability });
  const login = await inspectLogin(url, primary);
  const ownerUrl = migrationUrl ?? (login.canOwn ? url : null);
  const variable = migrationUrl === null ? 'DATABASE_URL' : 'DATABASE_MIGRATION_URL';
  if (ownerUrl !== null) await migrate(ownerUrl, report.info, { variable, dataDir });

  const { name, canOwn, canServe } = ownerUrl === null ? login : await inspectLogin(url, primary);
  if (!canServe) {
    throw new DatabaseNotReadyError(
      `The login ${name} of DATABASE_URL is not a member of the role ${SERVICE_ROLE}. ` +
        `As an administrator, run db/roles.sql, then: grant ${SERVICE_ROLE} to ${name};`,
    );
  }
  await refuseOtherSearchPath(url);
  if (ownerUrl === null) await refuseDueMigrations(url, primary);
  if (allowUnsafeDurability) {
    report.warn(
      'ALLOW_UNSAFE_DURABILITY is 1: fsync, full_page_writes and synchronous_commit are not checked. ' +
        'A crash of the database server can lose acknowledged transactions.',
    );
  }
  if (canOwn) {
    report.warn(
      `The login ${name} of DATABASE_URL can become the owner of the books: it can switch the database's protections ` +
        `off. Give the service a login that is a member of ${SERVICE_ROLE} only.`,
    );
  }
}

async function refuseOtherSearchPath(url: string): Promise<void> {
  const client = await connectAtStart(url, 'DATABASE_URL');
  try {
    await demandSearchPath(client, 'DATABASE_URL', 'find');
  } finally {
    await client.end();
  }
}

async function refuseDueMigrations(url: string, primary: Primary): Promise<void> {
  const db = openDatabase({
    url,
    maxConnections: 1,
    applicationName: 'transactional-ledger start',
    primary,
  });
  try {
    const due = await dueMigrations(db);
    if (due.length === 0) return;
    throw new DatabaseNotReadyError(
      `The database lacks the migrations ${due.join(', ')}, and the login of DATABASE_URL may not apply them. ` +
        'Set DATABASE_MIGRATION_URL to a login that is a member of tls_owner.',
    );
  } finally {
    await db.destroy();
  }
}
