import {
  Kysely,
  type PostgresCursor,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from 'kysely';
import pg from 'pg';
import type { Instant } from '../core/instant.ts';
import { isConnectionLoss } from './pg-errors.ts';
import { SERVICE_ROLE } from './roles.ts';
import type { DB } from './tables.ts';

export type Database = Kysely<DB>;

export interface DatabaseOptions {
  readonly url: string;
  /** The role that the connections take, the application's unless another is named: what they may do is what it may. */
  readonly role?: string;
  readonly maxConnections: number;
  readonly applicationName: string;
  /** How long the answer to one statement may take, COMMIT's included; then the connection is given up. */
  readonly statementDeadlineMs?: number;
  /** Told of connections that were lost while nobody used them. */
  readonly onIdleLoss?: (error: Error) => void;
}

/**
 * Opens a pool of connections behind Kysely. int8 and numeric arrive as bigint (the books hold whole minor units only),
 * timestamptz as microseconds. Connecting is left to the first query.
 */
export function openDatabase(options: DatabaseOptions): Database {
  const { role = SERVICE_ROLE, statementDeadlineMs = 30_000 } = options;
  const pool = new pg.Pool({
    connectionString: options.url,
    max: options.maxConnections,
    application_name: options.applicationName,
    connectionTimeoutMillis: 2000,
    query_timeout: statementDeadlineMs,
    // The server gives up a little earlier, so that it is heard to, and the connection is kept.
    statement_timeout: statementDeadlineMs - 500,
    lock_timeout: statementDeadlineMs - 500,
    idle_in_transaction_session_timeout: 60_000,
    options: `-c role=${role} -c timezone=UTC -c datestyle=ISO`,
    types: { getTypeParser },
    keepAlive: true,
  });
  pool.on('error', (error) => {
    // A connection that is ended anyway is no loss.
    if (!pool.ending) options.onIdleLoss?.(error);
  });
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: new CheckedPool(pool) }) });
  pools.set(db, pool);
  return db;
}

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

/** The database cannot be reached, or stopped answering: what was asked of it outside of COMMIT was not done. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** COMMIT was sent and its answer is not known, or is not to be relied on: what it would have written may stand or not. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError';
}

/** Queries whose statements are prepared once a connection, under a name, by their text. */
const prepared = new Map<string, string>();

/** Has a query that runs often prepared once a connection. Its text must come from the program alone, never from input. */
export function prepare<Q extends { readonly sql: string }>(query: Q): Q {
  if (!prepared.has(query.sql)) prepared.set(query.sql, `q${prepared.size}`);
  return query;
}

/** Gives Kysely clients that look at what COMMIT really said. */
class CheckedPool implements PostgresPool {
  readonly #pool: pg.Pool;
  readonly #clients = new WeakMap<pg.PoolClient, CheckedClient>();

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  get options(): object {
    return this.#pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    const client = await this.#reach();
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const checked = new CheckedClient(client);
    this.#clients.set(client, checked);
    return checked;
  }

  end(): Promise<void> {
    return this.#pool.end();
  }

  async #reach(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw isConnectionLoss(error) ? new ConnectionLostError('no connection', { cause: error }) : error;
    }
  }
}

class CheckedClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  #lost = false;
  #warned = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
    // A cancelled wait for a synchronous standby answers COMMIT with this warning, though no standby has it.
    client.on('notice', ({ code }) => {
      if (code === '01000') this.#warned = true;
    });
    client.on('error', () => {
      this.#lost = true;
    });
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(text: string | PostgresCursor<R>, values: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new TypeError('the ledger streams nothing');
    // Kysely rolls back whatever failed. A lost connection has nothing to roll back, and the first error is the one to see.
    if (this.#lost && text === 'rollback') return ROLLED_BACK;
    return text === 'commit' ? this.#commit() : this.#run(text, values);
  }

  release(): void {
    this.#client.release(this.#lost);
  }

  async #commit(): Promise<unknown> {
    this.#warned = false;
    try {
      const result = await this.#run('commit', []);
      if (!this.#warned) return result;
    } catch (error) {
      if (!this.#lost) throw error;
      throw new CommitUnknownError('the connection was lost during COMMIT', { cause: error });
    }
    throw new CommitUnknownError('COMMIT was answered with a warning');
  }

  async #run(text: string, values: readonly unknown[]): Promise<unknown> {
    const name = prepared.get(text);
    try {
      return await this.#client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) });
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      this.#lost = true;
      throw new ConnectionLostError('the connection was lost', { cause: error });
    }
  }
}
const ROLLED_BACK = Promise.resolve({ command: 'ROLLBACK', rowCount: 0, rows: [] });

const TIMESTAMPTZ = pg.types.builtins.TIMESTAMPTZ;
const WHOLE_NUMBERS: readonly number[] = [pg.types.builtins.INT8, pg.types.builtins.NUMERIC];

function getTypeParser(oid: number, format?: 'text' | 'binary'): (value: string) => unknown {
  if (oid === TIMESTAMPTZ) return parseTimestamp;
  if (WHOLE_NUMBERS.includes(oid)) return BigInt;
  return pg.types.getTypeParser(oid, format);
}

/** Reads PostgreSQL's own text of an instant, in UTC: "2026-01-31 12:00:00.5+00". */
function parseTimestamp(text: string): Instant {
  const [seconds = '', fraction = ''] = text.slice(0, -'+00'.length).split('.');
  return BigInt(Date.parse(`${seconds.replace(' ', 'T')}Z`)) * 1000n + BigInt(fraction.padEnd(6, '0'));
}
