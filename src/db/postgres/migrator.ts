import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { Kysely, PostgresDialect, type QueryExecutorProvider, sql } from 'kysely';
import { type Migration, type MigrationProvider, Migrator } from 'kysely/migration';
import pg from 'pg';
import { sqlStateOf } from './pg-errors.ts';
import { OWNER_ROLE, SERVICE_ROLE } from './roles.ts';
import { connectAtStart, DatabaseNotReadyError, demandSearchPath, type UrlVariable } from './start-client.ts';

const DB_FOLDER = new URL('../../../db/', import.meta.url);
const MIGRATIONS = new URL('migrations/', DB_FOLDER);
const ROLES = new URL('roles.sql', DB_FOLDER);

/** The first migration of every database that was made before the first release. No migration leads from there to the baseline. */
const UNRELEASED = '0001_ledger';

/** Reported where there is nothing to migrate. */
export const UP_TO_DATE = 'The database is up to date';

/** The database that is migrated, as error messages name it. */
export interface MigrationTarget {
  /** The environment variable that has the connection string. */
  readonly variable?: UrlVariable;
  /** The data directory of the embedded server; null: the database belongs to the operator. */
  readonly dataDir?: string | null;
}

/**
 * Migrates a database to the schema of this program; see db/migrations. Reports each step. Changes nothing where the schema is
 * up to date. Concurrent calls on one database run one after the other. Throws `DatabaseNotReadyError` where the schema belongs
 * to a newer program or to one before the first release, or where the login lacks privileges.
 */
export async function migrate(
  ownerUrl: string,
  report: (line: string) => void,
  { variable = 'DATABASE_MIGRATION_URL', dataDir = null }: MigrationTarget = {},
): Promise<void> {
  const client = await connectAtStart(ownerUrl, variable);
  try {
    await demandSearchPath(client, variable, 'make');
    // Kysely's own lock does not cover the roles, whose grants conflict with those of a concurrent migration.
    await client.query(`select pg_advisory_lock(hashtext('transactional-ledger migrations'))`);
    await prepareRoles(client);
    await runMigrations(ownerUrl, report, dataDir);
  } finally {
    await client.end();
  }
}

async function runMigrations(
  ownerUrl: string,
  report: (line: string) => void,
  dataDir: string | null,
): Promise<void> {
  const pool = new pg.Pool({ connectionString: ownerUrl, max: 1, options: `-c role=${OWNER_ROLE}` });
  pool.on('error', () => {});
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    await findApplied(db, dataDir);
    const migrator = new Migrator({ db, provider: sqlFiles });
    const { error, results = [] } = await migrator.migrateToLatest();
    for (const { migrationName, status } of results) {
      report(
        status === 'Success' ? `Migrated the database: ${migrationName}` : `Not migrated: ${migrationName}`,
      );
    }
    if (error !== undefined) throw error;
    if (results.length === 0) report(UP_TO_DATE);
  } finally {
    await db.destroy();
  }
}

/** Returns the migrations that a database lacks, in order. Throws `DatabaseNotReadyError` where its schema has no way here. */
export async function dueMigrations(db: QueryExecutorProvider): Promise<string[]> {
  const applied = await findApplied(db, null);
  return Object.keys(await sqlFiles.getMigrations()).filter((name) => !applied.has(name));
}

/** Migrations are SQL files, applied in the order of their names. */
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

/** Returns the names of the applied migrations. Throws `DatabaseNotReadyError` where this program lacks one of them. */
async function findApplied(db: QueryExecutorProvider, dataDir: string | null): Promise<ReadonlySet<string>> {
  const known = await sqlFiles.getMigrations();
  const applied = await readApplied(db);
  const unknown = [...applied].filter((name) => known[name] === undefined);
  if (unknown.includes(UNRELEASED)) throw new DatabaseNotReadyError(describeUnreleased(dataDir));
  if (unknown.length > 0) {
    throw new DatabaseNotReadyError(
      `The database was migrated by a newer version of this program (${unknown.join(', ')}). ` +
        'Nothing was changed. Run that version, or use another database.',
    );
  }
  return applied;
}

function describeUnreleased(dataDir: string | null): string {
  const [place, remedy] =
    dataDir === null
      ? [
          'The database',
          'Create a new database, and set DATABASE_URL (and DATABASE_MIGRATION_URL, if you use it) to it.',
        ]
      : [
          `The data directory ${dataDir}`,
          'Remove that folder, or set LEDGER_DATA_DIR to another one; the service then creates a new database.',
        ];
  return (
    `${place} was made by a version of this program before its first release, and cannot be upgraded. ` +
    `Nothing was changed. ${remedy}`
  );
}

async function readApplied(db: QueryExecutorProvider): Promise<ReadonlySet<string>> {
  try {
    const { rows } = await sql<{ name: string }>`select name from kysely_migration order by name`.execute(db);
    return new Set(rows.map(({ name }) => name));
  } catch (error) {
    if (sqlStateOf(error) === '42P01') return new Set();
    throw error;
  }
}

/** Creates the roles with their privileges in this database, by db/roles.sql, unless that is done. */
async function prepareRoles(client: pg.Client): Promise<void> {
  if (await rolesArePrepared(client)) return;
  let refusal: unknown;
  try {
    await client.query(await readFile(ROLES, 'utf8'));
    const { rows } = await client.query<{ login: string }>('select session_user as login');
    await client.query(`grant ${OWNER_ROLE} to ${pg.escapeIdentifier(rows[0]?.login ?? '')}`);
  } catch (error) {
    if (sqlStateOf(error) !== '42501') throw error;
    refusal = error;
  }
  // For some missing privileges, GRANT and REVOKE only warn.
  if (refusal === undefined && (await rolesArePrepared(client))) return;
  throw new DatabaseNotReadyError(
    'The login of the migration may not prepare the database. Let an administrator run ' +
      `${fileURLToPath(ROLES)} in it and make that login a member of ${OWNER_ROLE}, ` +
      'or give DATABASE_MIGRATION_URL a login with these privileges.',
    { cause: refusal },
  );
}

async function rolesArePrepared(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ prepared: boolean }>(
    `select count(*) = 2
        and bool_and(rolname <> $1 or pg_has_role(session_user, oid, 'member'))
        and bool_and(rolname <> $1 or has_schema_privilege(oid, 'public', 'create'))
        and not bool_or(rolname <> $1 and has_database_privilege(oid, current_database(), 'temporary'))
        and not bool_or(rolname <> $1 and has_schema_privilege(oid, 'public', 'create')) as prepared
      from pg_roles where rolname in ($1, $2)`,
    [OWNER_ROLE, SERVICE_ROLE],
  );
  return rows[0]?.prepared === true;
}
