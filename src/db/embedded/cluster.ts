import { randomBytes, randomUUID } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import type { PostgresBinaries } from './binaries.ts';
import { EmbeddedPostgresError } from './error.ts';
import { runProgram, type ServerAccount, unless } from './system.ts';

/** The cluster's superuser. It owns the database and migrates it. */
const OWNER = 'ledger_admin';
/** The login of the service. It is a member of the application's role only. */
const SERVICE = 'ledger_service';
const DATABASE = 'ledger';

const credentialsSchema = z.object({ ownerPassword: z.string(), servicePassword: z.string() });
type Credentials = z.infer<typeof credentialsSchema>;

/** Returns the connection strings for a cluster's server on a port. */
export function urlsOf({ ownerPassword, servicePassword }: Credentials, port: number) {
  const url = (user: string, password: string, database: string) =>
    // An explicit sslmode, because PGSSLMODE in the environment could demand TLS, which this server does not offer.
    `postgres://${user}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`;
  return {
    serviceUrl: url(SERVICE, servicePassword, DATABASE),
    ownerUrl: url(OWNER, ownerPassword, DATABASE),
    /** The owner's, for the database that every cluster has. */
    maintenanceUrl: url(OWNER, ownerPassword, 'postgres'),
  };
}

/** Returns PostgreSQL's data directory inside the embedded server's. */
export function clusterPath(dataDir: string): string {
  return join(dataDir, 'cluster');
}

/**
 * Opens the cluster of a data directory, or creates it, and returns its passwords. Throws if the cluster belongs to another major
 * version or another user, or if its passwords are missing.
 */
export async function openCluster(
  dataDir: string,
  { binDir, version }: PostgresBinaries,
  account: ServerAccount | undefined,
  onProgress: (line: string) => void,
): Promise<Credentials> {
  const cluster = clusterPath(dataDir);
  const found = await stat(cluster).catch(unless('ENOENT'));
  const credentialsFile = credentialsPath(dataDir);
  const kept = await readCredentials(dataDir);
  if (found !== undefined) {
    demandOwner(cluster, found.uid, account);
    await demandSameMajor(cluster, version);
    if (kept === undefined)
      throw new EmbeddedPostgresError(`${credentialsFile} is missing: restore it together with its cluster.`);
    return kept;
  }
  onProgress(`Creating a PostgreSQL ${version} data directory in ${dataDir}`);
  // The passwords are on disk before the cluster exists that they open.
  const credentials = kept ?? newCredentials();
  const unfinished = `${credentialsFile}.new`;
  await writeFile(unfinished, `${JSON.stringify(credentials)}\n`, { mode: 0o600, flush: true });
  await rename(unfinished, credentialsFile);
  await createCluster(dataDir, binDir, account, credentials.ownerPassword);
  return credentials;
}

/** Returns the passwords of a data directory's cluster; undefined if the file is missing. */
export async function readCredentials(dataDir: string): Promise<Credentials | undefined> {
  const text = await readFile(credentialsPath(dataDir), 'utf8').catch(unless('ENOENT'));
  return text === undefined ? undefined : parseCredentials(text, credentialsPath(dataDir));
}

function credentialsPath(dataDir: string): string {
  return join(dataDir, 'credentials.json');
}

/** Creates the roles and the database that are missing. The client must be the owner's. */
export async function createRolesAndDatabase(client: pg.Client, servicePassword: string): Promise<void> {
  const present = await client.query<{ name: string }>(
    'select rolname as name from pg_roles union all select datname from pg_database',
  );
  const names = new Set(present.rows.map(({ name }) => name));
  if (!names.has('tls_app')) await client.query('create role tls_app nologin');
  if (!names.has('tls_owner')) await client.query('create role tls_owner nologin');
  if (!names.has(SERVICE)) {
    const password = pg.escapeLiteral(servicePassword);
    await client.query(
      `create role ${SERVICE} login nosuperuser nocreatedb nocreaterole in role tls_app password ${password}`,
    );
  }
  if (!names.has(DATABASE)) await client.query(`create database ${DATABASE} owner ${OWNER}`);
}

/** initdb writes to a temporary folder, which is renamed at the end: an interrupted initdb leaves no cluster. */
async function createCluster(
  dataDir: string,
  binDir: string,
  account: ServerAccount | undefined,
  ownerPassword: string,
): Promise<void> {
  for (const name of await readdir(dataDir)) {
    if (!name.startsWith('cluster.')) continue;
    // An initdb whose parent was killed may still write there, until its files are gone: hence retries.
    const patience = { maxRetries: 10, retryDelay: 100 };
    await rm(join(dataDir, name), { recursive: true, force: true, ...patience });
  }
  const unfinished = `${clusterPath(dataDir)}.${randomUUID()}`;
  const passwordFile = `${unfinished}.password`;
  try {
    await mkdir(unfinished, { mode: 0o700 });
    await writeFile(passwordFile, ownerPassword, { mode: 0o600 });
    if (account !== undefined) {
      await chown(unfinished, account.uid, account.gid);
      await chown(passwordFile, account.uid, account.gid);
    }
    const access = [`--username=${OWNER}`, `--pwfile=${passwordFile}`, '--auth=scram-sha-256'];
    const format = ['--locale=C', '--encoding=UTF8', '--data-checksums', '--no-instructions'];
    await runProgram(join(binDir, 'initdb'), [`--pgdata=${unfinished}`, ...access, ...format], account);
    await rename(unfinished, clusterPath(dataDir));
    await syncFolder(dataDir);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    const why = cause instanceof Error ? cause.message.trim() : String(cause);
    throw new EmbeddedPostgresError(`PostgreSQL could not create a data directory in ${dataDir}: ${why}`, {
      cause,
    });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function newCredentials(): Credentials {
  return {
    ownerPassword: randomBytes(24).toString('hex'),
    servicePassword: randomBytes(24).toString('hex'),
  };
}

function parseCredentials(text: string, file: string): Credentials {
  try {
    return credentialsSchema.parse(JSON.parse(text));
  } catch {
    // The parser's message could contain a password.
    throw new EmbeddedPostgresError(
      `${file} is damaged: restore it, or set LEDGER_DATA_DIR to another folder.`,
    );
  }
}

function demandOwner(cluster: string, uid: number, account: ServerAccount | undefined): void {
  const expected = account?.uid ?? process.getuid?.();
  if (uid === expected) return;
  throw new EmbeddedPostgresError(
    `${cluster} belongs to user ${uid}, but PostgreSQL would run as user ${expected}. Start as the user who ` +
      'created it, or set LEDGER_DATA_DIR to another folder.',
  );
}

async function demandSameMajor(cluster: string, version: string): Promise<void> {
  const made = (await readFile(join(cluster, 'PG_VERSION'), 'utf8').catch(unless('ENOENT')))?.trim();
  if (made === undefined)
    throw new EmbeddedPostgresError(
      `${cluster} is not a PostgreSQL data directory: move it, or set LEDGER_DATA_DIR to another folder.`,
    );
  if (made === /^\d+/.exec(version)?.[0]) return;
  throw new EmbeddedPostgresError(
    `${cluster} was created by PostgreSQL ${made} and cannot be used by ${version}. Dump it with PostgreSQL ` +
      `${made} and restore it, or set LEDGER_DATA_DIR to another folder.`,
  );
}
