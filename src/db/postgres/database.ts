import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Instant } from '../../core/values/instant.ts';
import { parseJson } from '../../core/values/json.ts';
import type { DB } from '../tables.ts';
import { CheckedPool } from './checked-pool.ts';
import { Primary } from './primary.ts';
import { SERVICE_ROLE } from './roles.ts';

export type Database = Kysely<DB>;

/** The prefix of the application_name of all the service's sessions. */
export const APPLICATION = 'transactional-ledger';

export interface DatabaseOptions {
  readonly url: string;
  /** The role that the connections take, and whose privileges they have. Default: the application's. */
  readonly role?: string;
  readonly maxConnections: number;
  readonly applicationName: string;
  /** How long one statement may take, including COMMIT; then the connection is closed. */
  readonly statementDeadlineMs?: number;
  /** How long a statement waits for a lock. Default: as long as it may take. */
  readonly lockTimeoutMs?: number;
  /** `force_generic_plan`: each connection plans a prepared statement once, with index scans only. */
  readonly planCacheMode?: 'auto' | 'force_generic_plan';
  /** Shared by pools whose connections are dropped together if the server becomes read-only. It decides on durability. */
  readonly primary?: Primary;
  /** If true, a server that can lose committed data in a crash is accepted. */
  readonly allowUnsafeDurability?: boolean;
}

/**
 * Opens a pool of connections for Kysely. Values of int8 and numeric are returned as bigint (all amounts are whole minor units),
 * of timestamptz as microseconds. The first query connects.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { role = SERVICE_ROLE, statementDeadlineMs = 30_000, planCacheMode = 'auto' } = options;
  const { allowUnsafeDurability = false, primary = new Primary({ allowUnsafeDurability }) } = options;
  // The server's timeout is shorter, so that its error arrives before the client closes the connection.
  const timeoutMs = statementDeadlineMs - 500;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    application_name: options.applicationName,
    connectionTimeoutMillis: 2000,
    query_timeout: statementDeadlineMs,
    statement_timeout: timeoutMs,
    lock_timeout: options.lockTimeoutMs ?? timeoutMs,
    idle_in_transaction_session_timeout: 60_000,
    options: `-c role=${role} -c timezone=UTC -c datestyle=ISO -c jit=off ${PLANNING[planCacheMode]}`,
    types: { getTypeParser },
    keepAlive: true,
    pipeline: true,
    onConnect: (client) => primary.admit(client),
  });
  // The pool replaces a lost idle connection on demand, and reports failures to do so.
  pool.on('error', () => {});
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: new CheckedPool(pool, primary) }) });
  pools.set(db, pool);
  return db;
}

const PLANNING = {
  auto: '-c plan_cache_mode=auto',
  // The plan is made while the tables may be empty, and must suit them when they have grown.
  force_generic_plan: '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off',
};

const pools = new WeakMap<Database, pg.Pool>();

/** The connections of a pool, and the number of callers that wait for one. */
export interface PoolUse {
  readonly inUse: number;
  readonly idle: number;
  readonly waiting: number;
}

/** Returns the use of a database's pool. */
export function poolUse(db: Database): PoolUse {
  const pool = pools.get(db);
  if (pool === undefined) throw new TypeError('the database was not opened by openDatabase');
  return { inUse: pool.totalCount - pool.idleCount, idle: pool.idleCount, waiting: pool.waitingCount };
}

const { TIMESTAMPTZ, JSONB } = pg.types.builtins;
const WHOLE_NUMBERS: readonly number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === TIMESTAMPTZ) return parseTimestamp;
  if (oid === JSONB) return parseJson;
  if (WHOLE_NUMBERS.includes(oid)) return BigInt;
  return pg.types.getTypeParser(oid, format);
}

/** The last parsed instant: rows that were written together share theirs. */
let last: { readonly text: string; readonly instant: Instant } | undefined;

/** Parses PostgreSQL's text of an instant in UTC: "2026-01-31 12:00:00.5+00". */
function parseTimestamp(text: string): Instant {
  if (text === last?.text) return last.instant;
  const [seconds = '', fraction = ''] = text.slice(0, -'+00'.length).split('.');
  const instant =
    BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
  last = { text, instant };
  return instant;
}
