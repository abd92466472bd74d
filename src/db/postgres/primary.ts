import { type QueryExecutorProvider, sql } from 'kysely';
import type pg from 'pg';

/** The server must not be used in its present state. The message says why, and what to do. */
export class UnfitServerError extends Error {
  override readonly name = 'UnfitServerError';
}

export interface PrimaryOptions {
  /** Called when `examine` finds that the server can lose data: once per problem. */
  readonly onUnfit?: (error: Error) => void;
  /** Called for each failed attempt to connect, also if the server must not be used. */
  readonly onUnreachable?: (error: unknown) => void;
  /** Called for each result that the server returns. */
  readonly onAnswered?: () => void;
  /** If true, durability is neither checked nor set. For data that may be lost in a crash. */
  readonly allowUnsafeDurability?: boolean;
}

/** The settings of a server that decide whether it may be used. */
interface ServerState {
  readonly is_standby: boolean;
  readonly read_only: boolean;
  readonly fsync: string;
  readonly full_page_writes: string;
}

const STATE = `select pg_is_in_recovery() as is_standby,
  current_setting('transaction_read_only') = 'on' as read_only,
  current_setting('fsync') as fsync, current_setting('full_page_writes') as full_page_writes`;

/**
 * Replaces `off`, with which COMMIT returns before it is on disk. The other values all wait for the disk, and express how far the
 * operator waits for standbys: they are kept. The value is set for the session, so that no reload of the configuration lowers it.
 */
const SET_SYNCHRONOUS_COMMIT = `set_config('synchronous_commit',
  case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)`;

/**
 * The server that accepts writes. Connection pools share it. Each connection is examined before its first use. If the server turns
 * out to be read-only, as after a failover, all earlier connections are dropped: they may lead to a server that became a standby.
 */
export class Primary {
  readonly #options: PrimaryOptions;
  /** Incremented when the server is read-only. Connections of an earlier term are dropped. */
  #term = 0;
  readonly #terms = new WeakMap<pg.ClientBase, number>();
  /** The last problem that was reported, until a connection is admitted. */
  #reported: string | undefined;

  constructor(options: PrimaryOptions = {}) {
    this.#options = options;
  }

  /** Examines a connection before its first use, and makes its COMMITs wait for the disk. Throws `UnfitServerError`. */
  async admit(client: pg.ClientBase): Promise<void> {
    this.#terms.set(client, this.#term);
    const { rows } = await client.query<ServerState>(
      this.#options.allowUnsafeDurability === true ? STATE : `${STATE}, ${SET_SYNCHRONOUS_COMMIT}`,
    );
    const problem = this.#problemOf(rows);
    if (problem !== undefined) throw new UnfitServerError(problem);
    this.#reported = undefined;
    this.answered();
  }

  /** Examines the server on any connection. Throws `UnfitServerError`. If it is read-only, all connections are dropped. */
  async examine(db: QueryExecutorProvider): Promise<void> {
    const { rows } = await sql.raw<ServerState>(STATE).execute(db);
    const isReadOnly = rows[0]?.read_only === true;
    if (isReadOnly) this.#term += 1;
    const problem = this.#problemOf(rows);
    if (problem === undefined) return;
    const error = new UnfitServerError(problem);
    // The next attempt to connect reports a read-only server.
    if (!isReadOnly && problem !== this.#reported) this.#options.onUnfit?.(error);
    this.#reported = problem;
    throw error;
  }

  /** Whether a connection may be used: no read-only server was found since it was made. */
  isCurrent(client: pg.ClientBase): boolean {
    return this.#terms.get(client) === this.#term;
  }

  /** Drops the connections of the term, because this one turned out to be read-only. */
  readOnlyOn(client: pg.ClientBase): void {
    // Connections of a later term stay.
    if (this.isCurrent(client)) this.#term += 1;
  }

  /** Reports a failed attempt to connect. */
  unreachable(error: unknown): void {
    this.#options.onUnreachable?.(error);
  }

  /** Reports that the server returned a result. */
  answered(): void {
    this.#options.onAnswered?.();
  }

  #problemOf([state]: readonly ServerState[]): string | undefined {
    if (state === undefined) throw new TypeError('the query of the server state returned no row');
    return (
      whyReadOnly(state) ?? (this.#options.allowUnsafeDurability === true ? undefined : whyUnsafe(state))
    );
  }
}

function whyReadOnly({ is_standby, read_only }: ServerState): string | undefined {
  if (is_standby) {
    return 'The database is a standby and rejects writes. Connect to the primary, or promote this server.';
  }
  if (!read_only) return undefined;
  return (
    'The database is read-only for this login: default_transaction_read_only is on. ' +
    'Connect to the primary, or turn that setting off.'
  );
}

function whyUnsafe({ fsync, full_page_writes }: ServerState): string | undefined {
  const off = Object.entries({ fsync, full_page_writes }).flatMap(([name, value]) =>
    value === 'on' ? [] : `${name} is ${value}`,
  );
  if (off.length === 0) return undefined;
  return (
    `The database server can lose or damage data in a crash: ${off.join(', and ')}. ` +
    'Turn it on with ALTER SYSTEM and reload the server, or set ALLOW_UNSAFE_DURABILITY=1 if the data may be lost.'
  );
}
