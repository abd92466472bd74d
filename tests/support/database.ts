import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, inject, onTestFinished, TestRunner } from 'vitest';
import { TEMPLATE } from './cluster.ts';

/** A separate database. */
export interface TestDatabase {
  readonly name: string;
  /** postgres://… of the service's login. */
  readonly serviceUrl: string;
  /** postgres://… of the superuser's. */
  readonly ownerUrl: string;
  /** Ends its connections and drops it. Otherwise it is dropped with the cluster, after all tests. */
  drop(): Promise<void>;
}

/** Creates a migrated database with the empty ledger `main`. One per test file is usual. All share the cluster's roles. */
export function createTestDatabase(): Promise<TestDatabase> {
  return cloneDatabase({ name: TEMPLATE });
}

/** Creates a database with all rows of another one, which must have no connections. */
export async function cloneDatabase({ name }: Pick<TestDatabase, 'name'>): Promise<TestDatabase> {
  const database = await createDatabase(name);
  // A clone has its template's tables and the privileges on them, but not the privileges on the database.
  await asOwner(database, `revoke temporary on database ${database.name} from public`);
  return database;
}

/** Creates an empty database, without migrations. */
export function createBlankDatabase(): Promise<TestDatabase> {
  return createDatabase('template0');
}

async function createDatabase(template: string): Promise<TestDatabase> {
  const { serviceUrl, ownerUrl } = inject('postgres');
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await asOwner({ ownerUrl }, `create database ${name} template ${template}`);
  return {
    name,
    serviceUrl: withName(serviceUrl, name),
    ownerUrl: withName(ownerUrl, name),
    drop: async () => void (await asOwner({ ownerUrl }, `drop database if exists ${name} with (force)`)),
  };
}

/** Runs statements as the superuser, each in its own transaction, and returns the rows of the last one. */
export async function asOwner<R extends pg.QueryResultRow = pg.QueryResultRow>(
  { ownerUrl }: Pick<TestDatabase, 'ownerUrl'>,
  ...statements: readonly string[]
): Promise<R[]> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  try {
    let rows: R[] = [];
    for (const statement of statements) ({ rows } = await client.query<R>(statement));
    return rows;
  } finally {
    await client.end();
  }
}

/**
 * Connects. The connection is closed at the end of the test, or of the file if called outside of a test. Not for hooks. A test that
 * runs at the same time as others passes its own `onTestFinished`.
 */
export async function connect(
  url: string,
  config: pg.ClientConfig = {},
  atEnd: (end: () => Promise<void>) => void = TestRunner.getCurrentTest() === undefined
    ? afterAll
    : onTestFinished,
): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...config });
  // Tests end connections on purpose. The running query fails; without a listener the process would end.
  client.on('error', () => {});
  atEnd(() => client.end());
  await client.connect();
  return client;
}

/**
 * Returns the server's log messages for a database, oldest first, each with all its lines. Statements are logged after `alter
 * database … set log_statement = 'all'`, on later connections.
 */
export async function serverLog({ name }: Pick<TestDatabase, 'name'>): Promise<string[]> {
  const log = await readFile(inject('postgres').logFile, 'utf8');
  // The second and later lines of a message begin with a tab.
  return log.split(/\n(?!\t)/).filter((message) => message.includes(`] ${name} `));
}

function withName(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = name;
  return changed.href;
}
