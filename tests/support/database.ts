import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, inject, onTestFinished, TestRunner } from 'vitest';
import { TEMPLATE } from './cluster.ts';

/** A database of its own, with the ledger `main` in it and nothing else. */
export interface TestDatabase {
  readonly name: string;
  /** postgres://… of the service's login. */
  readonly serviceUrl: string;
  /** postgres://… of the superuser's. */
  readonly ownerUrl: string;
  /** Ends its connections and removes it. What is not dropped goes with the cluster, when all tests have run. */
  drop(): Promise<void>;
}

/** Makes a database that is migrated and takes no other test's rows: one a test file is right. Roles are shared by all. */
export function createTestDatabase(): Promise<TestDatabase> {
  return cloneDatabase({ name: TEMPLATE });
}

/** Makes a database with all rows of another one, to which nobody may be connected. */
export async function cloneDatabase({ name }: Pick<TestDatabase, 'name'>): Promise<TestDatabase> {
  const database = await createDatabase(name);
  // A clone has its template's tables and privileges on them, but not the privileges on the database itself.
  await asOwner(database, `revoke temporary on database ${database.name} from public`);
  return database;
}

/** Makes a database that was never migrated. */
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

/** Runs statements as the superuser, each in a transaction of its own, and returns the rows of the last. */
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

/** A connection that ends with the test, or with the file where it is called at its top. Not for hooks. */
export async function connect(url: string, config: pg.ClientConfig = {}): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, ...config });
  // Tests end connections on purpose. The query that was running says so; without a listener the process would end.
  client.on('error', () => {});
  const end = () => client.end();
  if (TestRunner.getCurrentTest() === undefined) afterAll(end);
  else onTestFinished(end);
  await client.connect();
  return client;
}

/**
 * What the server has logged for a database, oldest first, each message with its further lines. Statements are logged
 * after `alter database … set log_statement = 'all'`, which counts for connections made from then on.
 */
export async function serverLog({ name }: Pick<TestDatabase, 'name'>): Promise<string[]> {
  const log = await readFile(inject('postgres').logFile, 'utf8');
  // The further lines of a message begin with a tab.
  return log.split(/\n(?!\t)/).filter((message) => message.includes(`] ${name} `));
}

function withName(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = name;
  return changed.href;
}
