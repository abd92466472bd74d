/**
 * The clients that Kysely gets: they look at what COMMIT really said, tell a lost connection from an error, prepare the
 * statements that run often, and send without waiting what needs no answer before the next.
 *
 * A transaction takes two flights, or one, where each query has the next one follow it:
 *
 *   start transaction · lock · read →                    ← rows
 *   write · commit →                                     ← durable
 *
 *   start transaction · lock · write · commit →          ← durable
 */
import {
  CompiledQuery,
  type PostgresCursor,
  type PostgresPool,
  type PostgresPoolClient,
  type PostgresQueryResult,
} from 'kysely';
import type pg from 'pg';
import { isConnectionLoss, isReadOnly } from './pg-errors.ts';
import { type Primary, UnfitServerError } from './primary.ts';

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

/** What follows a query, by the array of the query's parameters: of a query, a client sees no more than text and those. */
const followers = new WeakMap<readonly unknown[], CompiledQuery>();

/**
 * Has `next` sent right behind a query, whose answer Kysely would wait for, and behind that whatever follows it. The
 * transaction must execute them next, in this order. Where a query fails, PostgreSQL refuses what follows it; a COMMIT becomes
 * a rollback, and says so.
 */
export function follow<Row>(query: CompiledQuery<Row>, next: CompiledQuery): CompiledQuery<Row> {
  const parameters = [...query.parameters];
  followers.set(parameters, next);
  return { ...query, parameters };
}

type Query = Pick<CompiledQuery, 'sql' | 'parameters'>;

/** A query, and what is to be sent behind it. */
function withFollowers(query: Query): readonly Query[] {
  const next = followers.get(query.parameters);
  return next === undefined ? [query] : [query, ...withFollowers(next)];
}

/** What Kysely ends a transaction by. */
export const COMMIT = CompiledQuery.raw('commit');

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

/** A query that was sent, and its answer. */
interface Sent {
  readonly text: string;
  readonly answer: Promise<unknown>;
}

class CheckedClient implements PostgresPoolClient {
  readonly #client: pg.PoolClient;
  readonly #primary: Primary;
  #lost = false;
  #warned = false;
  /** What begins a transaction; it leaves with the first query. */
  #begin: string | undefined;
  /** What was sent behind the last query, and is still to be asked for, in order. */
  #ahead: readonly Sent[] = [];

  constructor(client: pg.PoolClient, primary: Primary) {
    this.#client = client;
    this.#primary = primary;
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
    if (text.startsWith('start transaction')) {
      this.#begin = text;
      return done('START TRANSACTION');
    }
    const [ahead, ...behind] = this.#ahead;
    if (text === 'rollback') return this.#rollBack();
    if (ahead === undefined) return this.#send(text, values);
    if (ahead.text !== text) throw new TypeError(`what was to follow is not what came: ${text}`);
    this.#ahead = behind;
    return ahead.answer;
  }

  release(): void {
    this.#client.release(this.#lost || !this.#primary.isCurrent(this.#client));
  }

  async #send(text: string, values: readonly unknown[]): Promise<unknown> {
    const begin = this.#begin;
    this.#begin = undefined;
    const queries = withFollowers({ sql: text, parameters: values });
    const ends = queries.some(({ sql }) => sql === 'commit');
    const run = ({ sql, parameters }: Query): Sent => {
      const answer = ends ? this.#runToCommit(sql, parameters) : this.#run(sql, parameters);
      answer.catch(() => {}); // where a query before it fails, nobody asks for this one
      return { text: sql, answer };
    };
    const begun = begin === undefined ? undefined : run({ sql: begin, parameters: [] });
    const [first, ...behind] = queries.map(run);
    this.#ahead = behind;
    const [result] = await Promise.all([first?.answer, begun?.answer]);
    return result;
  }

  /** Kysely rolls back whatever failed. A COMMIT that was sent already has done it. */
  async #rollBack(): Promise<unknown> {
    const begun = this.#begin === undefined;
    this.#begin = undefined;
    const ahead = this.#ahead;
    this.#ahead = [];
    await Promise.allSettled(ahead.map(({ answer }) => answer));
    // A lost connection has nothing to roll back, and the first error is the one to see.
    return this.#lost || !begun ? done('ROLLBACK') : this.#run('rollback', []);
  }

  /** Runs COMMIT, or what is sent together with it. */
  async #runToCommit(text: string, values: readonly unknown[]): Promise<unknown> {
    this.#warned = false;
    try {
      const result = await this.#run(text, values);
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
      const query = { text, values: [...values], ...(name === undefined ? {} : { name }) };
      const result = await this.#client.query(query);
      this.#primary.answered();
      return result;
    } catch (error) {
      if (!isConnectionLoss(error)) throw error;
      if (isReadOnly(error)) this.#primary.readOnlyOn(this.#client);
      this.#lost = true;
      throw new ConnectionLostError('the connection was lost', { cause: error });
    }
  }
}

/** The answer to what was not sent. */
async function done(command: string): Promise<unknown> {
  return { command, rowCount: 0, rows: [] };
}
