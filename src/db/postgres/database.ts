import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { Instant } from '../../core/values/instant.ts';
import { parseJson } from '../../core/values/json.ts';
import type { DB } from '../tables.ts';
import { CheckedPool } from './checked-pool.ts';
import { Primary } from './primary.ts';
import { SERVICE_ROLE } from './roles.ts';

export type Database = Kysely<DB>;

/** What the names of all the service's sessions begin with. */
export const APPLICATION = 'transactional-ledger';

export interface DatabaseOptions {
  readonly url: string;
  /** The role that the connections take, the application's unless another is named: what they may do is what it may. */
  readonly role?: string;
  readonly maxConnections: number;
  readonly applicationName: string;
  /** How long the answer to one statement may take, COMMIT's included; then the connection is given up. */
  readonly statementDeadlineMs?: number;
  /** How long a statement waits for a lock; as long as for its answer unless said. */
  readonly lockTimeoutMs?: number;
  /** `force_generic_plan`: prepared statements are planned once a connection, by indexes alone, and not anew for the values of each run. */
  readonly planCacheMode?: 'auto' | 'force_generic_plan';
  /** Shared by pools whose connections are dropped together when the server becomes read-only. Has its own say on durability. */
  readonly primary?: Primary;
  /** true: the server may lose in a crash what it has answered. Unless it is set, such a server is refused. */
  readonly allowUnsafeDurability?: boolean;
}

/**
 * Opens a pool of connections behind Kysely. int8 and numeric arrive as bigint (the books hold whole minor units only),
 * timestamptz as microseconds. Connecting is left to the first query.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { role = SERVICE_ROLE, statementDeadlineMs = 30_000, planCacheMode = 'auto' } = options;
  const { allowUnsafeDurability = false, primary = new Primary({ allowUnsafeDurability }) } = options;
  // The server gives up a little earlier, so that it is heard to, and the connection is kept.
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
  // A connection that is lost while it is idle is replaced when it is needed: a failure to do that is reported.
  pool.on('error', () => {});
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: new CheckedPool(pool, primary) }) });
  pools.set(db, pool);
  return db;
}

const PLANNING = {
  auto: '-c plan_cache_mode=auto',
  // A plan that is made while the tables are empty serves them when they have grown.
  force_generic_plan: '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_bitmapscan=off',
};

const pools = new WeakMap<Database, pg.Pool>();

/** Connections of a pool, and how many wait for one. */
export interface PoolUse {
  readonly inUse: number;
  readonly idle: number;
  readonly waiting: number;
}

/** How the connections behind a database that `openDatabase` opened are used now. */
export function poolUse(db: Database): PoolUse {
  const pool = pools.get(db);
  if (pool === undefined) throw new TypeError('the database is not a pool of its own');
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

/** The instant that was read last: rows that were written together have the same. */
let last: { readonly text: string; readonly instant: Instant } | undefined;

/** Reads PostgreSQL's own text of an instant, in UTC: "2026-01-31 12:00:00.5+00". */
function parseTimestamp(text: string): Instant {
  if (text === last?.text) return last.instant;
  const [seconds = '', fraction = ''] = text.slice(0, -'+00'.length).split('.');
  const instant =
    BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
  last = { text, instant };
  return instant;
}
