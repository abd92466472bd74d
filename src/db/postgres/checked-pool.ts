/**
 * The connections that Kysely uses. They check the result of COMMIT, tell a lost connection from an error, send BEGIN together
 * with the first statement, and use prepared statements for the queries that run often.
 */
import type { PostgresCursor, PostgresPool, PostgresPoolClient, PostgresQueryResult } from 'kysely';
import type pg from 'pg';
import { isConnectionLoss, isReadOnly } from './pg-errors.ts';
import { type Primary, UnfitServerError } from './primary.ts';

/** The database is unreachable or does not answer. No COMMIT was sent, so nothing was written. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** COMMIT was sent, and its result is unknown or unreliable: the transaction may be committed or not. */
export class CommitUnknownError extends Error {
  override readonly name = 'CommitUnknownError';
}

/** The names of the prepared statements, by their text. */
const prepared = new Map<string, string>();

/**
 * Makes each connection prepare a query on first use, and returns the query. The text must come from the program alone, never
 * from input: every text stays in memory.
 */
export function prepare<Q extends { readonly sql: string }>(query: Q): Q {
  if (!prepared.has(query.sql)) prepared.set(query.sql, `q${prepared.size}`);
  return query;
}

/** A pool whose clients are checked. */
export class CheckedPool implements PostgresPool {
  readonly #pool: pg.Pool;
  readonly #primary: Primary;
  readonly #clients = new WeakMap<pg.PoolClient, CheckedClient>();

  constructor(pool: pg.Pool, primary: Primary) {
    this.#pool = pool;
    this.#primary = primary;
  }

  get options(): object {
    return this.#pool.options;
  }

  async connect(): Promise<PostgresPoolClient> {
    let client = await this.#reach();
    while (!this.#primary.isCurrent(client)) {
      client.release(true);
      client = await this.#reach();
    }
    const known = this.#clients.get(client);
    if (known !== undefined) return known;
    const checked = new CheckedClient(client, this.#primary);
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
      if (!this.#pool.ending) this.#primary.unreachable(error);
      if (!isConnectionLoss(error)) throw error;
      const why = error instanceof UnfitServerError ? error.message : 'no connection';
      throw new ConnectionLostError(why, { cause: error });
    }
  }
}

class CheckedClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #primary: Primary;
  #isLost = false;
  #hasWarning = false;
  /** The statement that begins the transaction. It is sent together with the next statement. */
  #begin: string | undefined;
  /** The result of the transaction's COMMIT, once it has been sent. */
  #commit: Promise<unknown> | undefined;

  constructor(client: pg.PoolClient, primary: Primary) {
    this.#client = client;
    this.#primary = primary;
    // PostgreSQL completes COMMIT with this warning if the wait for a synchronous standby is cancelled.
    client.on('notice', ({ code }) => {
      if (code === '01000') this.#hasWarning = true;
    });
    client.on('error', () => {
      this.#isLost = true;
    });
  }

  query<R>(text: string, values: readonly unknown[]): Promise<PostgresQueryResult<R>>;
  query<R>(cursor: PostgresCursor<R>): PostgresCursor<R>;
  query<R>(text: string | PostgresCursor<R>, values: readonly unknown[] = []): unknown {
    if (typeof text !== 'string') throw new TypeError('cursors are not supported');
    if (text.startsWith('start transaction')) {
      this.#begin = text;
      return notSent('START TRANSACTION');
    }
    if (text === 'commit') return this.#commitOnce();
    if (text === 'rollback') return this.#rollBack();
    if (this.#commit !== undefined) throw new TypeError(`the transaction has sent COMMIT before: ${text}`);
    return this.#run(text, values);
  }

  release(): void {
    this.#begin = undefined;
    this.#commit = undefined;
    this.#client.release(this.#isLost || !this.#primary.isCurrent(this.#client));
  }

  /**
   * Sends COMMIT once per transaction. Kysely sends its own after a pipeline that ends with COMMIT: both receive the same
   * result.
   */
  #commitOnce(): Promise<unknown> {
    this.#commit ??= this.#runCommit();
    return this.#commit;
  }

  /** Kysely checks the command tag: PostgreSQL answers ROLLBACK if an earlier statement of the transaction failed. */
  async #runCommit(): Promise<unknown> {
    this.#hasWarning = false;
    const result = await this.#run('commit', []);
    if (this.#hasWarning) throw new CommitUnknownError('COMMIT succeeded with a warning');
    return result;
  }

  /** Rolls back, unless the transaction has not begun or has ended: a COMMIT after a failed statement is a rollback. */
  async #rollBack(): Promise<unknown> {
    if (this.#commit !== undefined) await this.#commit.catch(() => {});
    const isOpen = this.#begin === undefined && this.#commit === undefined;
    this.#begin = undefined;
    // A lost connection has no transaction. An error here would replace the one that caused the rollback.
    return isOpen && !this.#isLost ? this.#run('rollback', []) : notSent('ROLLBACK');
  }

  async #run(text: string, values: readonly unknown[]): Promise<unknown> {
    const begin = this.#begin;
    this.#begin = undefined;
    if (begin === undefined) return this.#send(text, values);
    const [, result] = await Promise.all([this.#send(begin, []), this.#send(text, values)]);
    return result;
  }

  /** Writes all statements that are sent in this turn with one system call. */
  #joinWrites(): void {
    const { stream } = this.#client.connection;
    stream.cork();
    process.nextTick(() => stream.uncork());
  }

  async #send(text: string, values: readonly unknown[]): Promise<unknown> {
    const name = prepared.get(text);
    this.#joinWrites();
    try {
      const query = { text, values: [...values], ...(name === undefined ? {} : { name }) };
      const result = await this.#client.query(query);
      this.#primary.answered();
      return result;
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      if (isReadOnly(error)) this.#primary.readOnlyOn(this.#client);
      this.#isLost = true;
      throw this.#commit === undefined
        ? new ConnectionLostError('the connection was lost', { cause: error })
        : new CommitUnknownError('the connection was lost during COMMIT', { cause: error });
    }
  }
}

/** The result of a statement that was not sent. */
async function notSent(command: string): Promise<unknown> {
  return { command, rowCount: 0, rows: [] };
}
