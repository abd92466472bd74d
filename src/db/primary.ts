import { type QueryExecutorProvider, sql } from 'kysely';
import type pg from 'pg';

/** The server that was reached must not be used as it is. The message says why, and what to do. */
export class UnfitServerError extends Error {
  override readonly name = 'UnfitServerError';
}

/** What a server says of itself. */
interface ServerState {
  readonly is_standby: boolean;
  readonly read_only: boolean;
}

const STATE = `select pg_is_in_recovery() as is_standby, current_setting('transaction_read_only') = 'on' as read_only`;

/**
 * The server that takes writes, as seen by the connection pools that share it. Each new connection is examined before it is used.
 * When a server is found to be read-only, as after a failover, the connections that were made before are not used again: they
 * may lead to a server that is a standby now.
 */
export class Primary {
  readonly #onUnfit: (error: Error) => void;
  /** Raised when the server is read-only. Connections of an earlier term are dropped. */
  #term = 0;
  readonly #terms = new WeakMap<pg.ClientBase, number>();
  /** The last problem that was reported, until a connection is good again. */
  #reported: string | undefined;

  /** `onUnfit` is called once for each problem, however many connections meet it. */
  constructor(onUnfit: (error: Error) => void = () => {}) {
    this.#onUnfit = onUnfit;
  }

  /** Examines a new connection. Throws `UnfitServerError`. */
  async admit(client: pg.ClientBase): Promise<void> {
    this.#terms.set(client, this.#term);
    const { rows } = await client.query<ServerState>(STATE);
    this.#judge(rows);
    this.#reported = undefined;
  }

  /** Examines the server again, by any connection. Throws `UnfitServerError`; if it is read-only, all connections are dropped. */
  async examine(db: QueryExecutorProvider): Promise<void> {
    const { rows } = await sql.raw<ServerState>(STATE).execute(db);
    try {
      this.#judge(rows);
    } catch (error) {
      this.#term += 1;
      throw error;
    }
  }

  /** Whether a connection may be used, for all that is known. */
  isCurrent(client: pg.ClientBase): boolean {
    return this.#terms.get(client) === this.#term;
  }

  /** Called when a connection turned out to be read-only. */
  readOnlyOn(client: pg.ClientBase): void {
    // Connections that were made since then are not affected.
    if (this.isCurrent(client)) this.#term += 1;
  }

  #judge([state]: readonly ServerState[]): void {
    const problem = state === undefined ? undefined : problemOf(state);
    if (problem === undefined) return;
    const error = new UnfitServerError(problem);
    if (problem !== this.#reported) this.#onUnfit(error);
    this.#reported = problem;
    throw error;
  }
}

function problemOf({ is_standby, read_only }: ServerState): string | undefined {
  if (is_standby)
    return 'The database is a standby, which takes no writes. Connect to the primary, or promote this server.';
  if (read_only) {
    return (
      'The database is read-only for this login: default_transaction_read_only is on. ' +
      'Connect to the primary, or turn that setting off.'
    );
  }
  return undefined;
}
