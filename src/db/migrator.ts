import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect, type QueryExecutorProvider, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import pg from 'pg';
import { sqlStateOf } from './pg-errors.ts';
import { OWNER_ROLE } from './roles.ts';

const DB_FOLDER = new URL('../../db/', import.meta.url);
const MIGRATIONS = new URL('migrations/', DB_FOLDER);

/** The database cannot be used as it is. The message says why, and what to do. */
export class DatabaseNotReadyError extends Error {
  override readonly name = 'DatabaseNotReadyError';
}

/**
 * Brings a database up to this program's schema; see db/migrations. Migrating what is up to date changes nothing, two
 * processes at once take turns, and a schema of a newer program is refused. `report` is told what is done.
 */
export async function migrate(ownerUrl: string, report: (line: string) => void): Promise<void> {
  await makeRoles(ownerUrl);
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 1, options: `-c role=${OWNER_ROLE}` });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    const migrator = new Migrator({ db, provider: sqlFiles });
    await refuseNewerSchema(db);
    const { error, results = [] } = await migrator.migrateToLatest();
    for (const { migrationName, status } of results) {
      report(
        status === 'Success' ? `Migrated the database: ${migrationName}` : `Not migrated: ${migrationName}`,
      );
    }
    if (error !== undefined) throw error;
    if (results.length === 0) report('The database is up to date');
  } finally {
    await db.destroy();
  }
}

/** The migrations that a database lacks, in order. A schema of a newer program is refused. */
export async function dueMigrations(db: QueryExecutorProvider): Promise<string[]> {
  const applied = await refuseNewerSchema(db);
  return Object.keys(await sqlFiles.getMigrations()).filter((name) => !applied.has(name));
}

/** Migrations are files of SQL, applied in the order of their names. */
const sqlFiles: MigrationProvider = {
  async getMigrations(): Promise<Record<string, Migration>> {
    const files = (await readdir(MIGRATIONS)).filter((file) => file.endsWith('.sql')).sort();
    const migrations = files.map(async (file): Promise<[string, Migration]> => {
      const text = await readFile(new URL(file, MIGRATIONS), 'utf8');
      return [file.slice(0, -'.sql'.length), { up: async (db) => void (await sql.raw(text).execute(db)) }];
    });
    return Object.fromEntries(await Promise.all(migrations));
  },
};

async function refuseNewerSchema(db: QueryExecutorProvider): Promise<ReadonlySet<string>> {
  const known = await sqlFiles.getMigrations();
  const applied = await appliedMigrations(db);
  const unknown = [...applied].filter((name) => known[name] === undefined);
  if (unknown.length > 0) {
    throw new DatabaseNotReadyError(
      `The database was migrated by a newer version of this program (${unknown.join(', ')}). ` +
        'Nothing was changed: run that version, or another database.',
    );
  }
  return applied;
}

async function appliedMigrations(db: QueryExecutorProvider): Promise<ReadonlySet<string>> {
  try {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (sqlStateOf(error) === '42P01') return new Set();
    throw error;
  }
}

/** Makes the roles where the login may, and what of the database they need; see db/roles.sql. */
async function makeRoles(ownerUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    await client.query(await readFile(new URL('roles.sql', DB_FOLDER), 'utf8'));
    const { rows } = await client.query<{ member: boolean; database: string; login: string }>(
      `select pg_has_role(current_user, '${OWNER_ROLE}', 'member') as member,
        current_database() as database, current_user as login`,
    );
    const [facts] = rows;
    const login = pg.escapeIdentifier(facts?.login ?? '');
    const database = pg.escapeIdentifier(facts?.database ?? '');
    if (facts?.member === false) await client.query(`grant ${OWNER_ROLE} to ${login}`);
    await client.query(`grant create, usage on schema public to ${OWNER_ROLE}`);
    // A temporary table could stand where a program expects one of the ledger's.
    await client.query(`revoke temporary on database ${database} from public`);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    throw new DatabaseNotReadyError(
      `The login of the migration may not prepare the database (${(error as Error).message}). Let an administrator ` +
        `run ${fileURLToPath(new URL('roles.sql', DB_FOLDER))}, or give DATABASE_MIGRATION_URL a login that may.`,
      { cause: error },
    );
  } finally {
    await client.end();
  }
}
