import { readdir, readFile } from 'node:fs/promises';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { dumpSchema } from '../../scripts/dump-schema.ts';
import { dueMigrations, migrate } from '../../src/db/postgres/migrator.ts';
import { DatabaseNotReadyError } from '../../src/db/postgres/start-client.ts';
import {
  asOwner,
  connect,
  createBlankDatabase,
  createTestDatabase,
  type TestDatabase,
} from '../support/database.ts';

const DB_FOLDER = new URL('../../db/', import.meta.url);
const files = await readdir(new URL('migrations/', DB_FOLDER));
const migrations = files.map((file) => file.replace(/\.sql$/, '')).sort();
const NEWER = '9999_of_a_newer_program';
/** The migrations of the versions before the first release. */
const UNRELEASED = [
  '0001_ledger',
  '0002_defences',
  '0003_finding',
  '0004_holds',
  '0005_lean_triggers',
  '0006_full_keys',
  '0007_unseen_blocks',
  '0008_audit_log',
  '0009_moves_by_type',
  '0010_close_settled_periods',
];

/** Returns everything that a migration can change. */
async function contentOf(database: TestDatabase): Promise<unknown> {
  const client = await connect(database.ownerUrl);
  const applied = await client.query('select * from kysely_migration order by name');
  return { schema: await dumpSchema(client), applied: applied.rows };
}

async function recordNewerMigration(database: TestDatabase): Promise<void> {
  await asOwner(database, `insert into kysely_migration (name, timestamp) values ('${NEWER}', '')`);
}

/** Creates a database that records the first `count` migrations of the versions before the first release. */
async function createUnreleased(count: number): Promise<TestDatabase> {
  const database = await createTestDatabase();
  const rows = UNRELEASED.slice(0, count).map((name) => `('${name}', '')`);
  await asOwner(
    database,
    'delete from kysely_migration',
    `insert into kysely_migration (name, timestamp) values ${rows.join(', ')}`,
  );
  return database;
}

/** The due migrations, read with the login of the service. */
async function dueIn({ serviceUrl }: TestDatabase): Promise<string[]> {
  const pool = new pg.Pool({ connectionString: serviceUrl, max: 1 });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  return dueMigrations(db).finally(() => db.destroy());
}

describe('migrate', () => {
  it('migrates an empty database, and changes nothing the second time', async () => {
    const database = await createBlankDatabase();
    const reports: string[] = [];
    await migrate(database.ownerUrl, (line) => reports.push(line));
    expect(reports).toEqual(migrations.map((name) => `Migrated the database: ${name}`));
    const content = await contentOf(database);

    const again: string[] = [];
    await migrate(database.ownerUrl, (line) => again.push(line));
    expect(again).toEqual(['The database is up to date']);
    expect(await contentOf(database)).toEqual(content);
    expect(await asOwner(database, 'select name, block from ledgers')).toEqual([
      { name: 'main', block: '0' },
    ]);
  });

  it('runs one at a time when several processes migrate the same database', async () => {
    const database = await createBlankDatabase();
    const reports: string[] = [];
    const migrators = Array.from({ length: 4 }, () =>
      migrate(database.ownerUrl, (line) => reports.push(line)),
    );
    await Promise.all(migrators);
    expect(reports.filter((line) => line.startsWith('Migrated'))).toHaveLength(migrations.length);
    expect(reports.filter((line) => line === 'The database is up to date')).toHaveLength(3);
  });

  it('rejects the schema of a newer program, and changes nothing', async () => {
    const database = await createTestDatabase();
    await recordNewerMigration(database);
    const content = await contentOf(database);
    const refused = migrate(database.ownerUrl, () => {});
    await expect(refused).rejects.toThrow(DatabaseNotReadyError);
    await expect(refused).rejects.toThrow(NEWER);
    expect(await contentOf(database)).toEqual(content);
  });

  it.for([
    ['the operator’s', null, 'Create a new database, and set DATABASE_URL '],
    ['the embedded server’s', '/var/lib/books', 'The data directory /var/lib/books .* Remove that folder'],
  ] as const)(
    'rejects a schema from before the first release, and changes nothing: %s',
    async ([, dataDir, remedy]) => {
      for (const count of [1, UNRELEASED.length]) {
        const database = await createUnreleased(count);
        const content = await contentOf(database);
        const refused = migrate(database.ownerUrl, () => {}, { dataDir });
        await expect(refused).rejects.toThrow(DatabaseNotReadyError);
        await expect(refused).rejects.toThrow(/^[^\n]*before its first release[^\n]*$/);
        await expect(refused).rejects.toThrow(new RegExp(remedy));
        await expect(refused).rejects.not.toThrow(/newer version/);
        expect(await contentOf(database)).toEqual(content);
      }
    },
  );

  it('rejects a newer schema even if some of its own migrations are missing', async () => {
    const database = await createBlankDatabase();
    await asOwner(
      database,
      'create table kysely_migration (name text, timestamp text)',
      'alter table kysely_migration owner to tls_owner',
    );
    await recordNewerMigration(database);
    await expect(migrate(database.ownerUrl, () => {})).rejects.toThrow(DatabaseNotReadyError);
    expect(await asOwner(database, `select tablename from pg_tables where schemaname = 'public'`)).toEqual([
      { tablename: 'kysely_migration' },
    ]);
  });

  it('rejects a login that may not prepare the database, and says what to do', async () => {
    const database = await createBlankDatabase();
    const refused = migrate(database.serviceUrl, () => {});
    await expect(refused).rejects.toThrow(DatabaseNotReadyError);
    await expect(refused).rejects.toThrow(
      /may not prepare the database.*roles\.sql.*DATABASE_MIGRATION_URL/s,
    );
    expect(await asOwner(database, `select tablename from pg_tables where schemaname = 'public'`)).toEqual(
      [],
    );
  });

  it('accepts a login that is only a member of the owner’s role, after an administrator has prepared the database', async () => {
    const database = await createBlankDatabase();
    const login = `migrator_${database.name}`;
    await asOwner(database, `create role ${login} login password 'secret' in role tls_owner`);
    try {
      const url = new URL(database.ownerUrl);
      [url.username, url.password] = [login, 'secret'];
      await expect(migrate(url.href, () => {})).rejects.toThrow(DatabaseNotReadyError);

      await asOwner(database, await readFile(new URL('roles.sql', DB_FOLDER), 'utf8'));
      await migrate(url.href, () => {});
      expect(await dueIn(database)).toEqual([]);
    } finally {
      await asOwner(database, `drop role ${login}`);
    }
  });

  it('makes the same schema on every version of PostgreSQL', async () => {
    const database = await createTestDatabase();
    const client = await connect(database.ownerUrl);
    expect(await dumpSchema(client)).toBe(await readFile(new URL('schema.sql', DB_FOLDER), 'utf8'));
  });

  it('revokes the privilege for temporary objects, which could hide those of the ledger', async () => {
    const database = await createBlankDatabase();
    await migrate(database.ownerUrl, () => {});
    const client = await connect(database.serviceUrl);
    await expect(client.query('create temporary table accounts (id uuid)')).rejects.toMatchObject({
      code: '42501',
    });
  });
});

describe('dueMigrations', () => {
  it('returns all migrations for an empty database, in order', async () => {
    expect(await dueIn(await createBlankDatabase())).toEqual(migrations);
  });

  it('returns none for a database that is up to date', async () => {
    expect(await dueIn(await createTestDatabase())).toEqual([]);
  });

  it('returns the missing ones', async () => {
    const database = await createTestDatabase();
    const last = migrations.at(-1) ?? '';
    await asOwner(database, `delete from kysely_migration where name = '${last}'`);
    expect(await dueIn(database)).toEqual([last]);
  });

  it('rejects a schema from before the first release', async () => {
    const database = await createUnreleased(UNRELEASED.length);
    await expect(dueIn(database)).rejects.toThrow(/before its first release.* Create a new database/);
  });

  it('rejects the schema of a newer program', async () => {
    const database = await createTestDatabase();
    await recordNewerMigration(database);
    await expect(dueIn(database)).rejects.toThrow(DatabaseNotReadyError);
  });
});
