import { type QueryExecutorProvider, sql } from 'kysely';
import type pg from 'pg';

/** The server that was reached must not be used as it is. The message says why, and what to do. */
export class UnfitServerError extends Error {
  override readonly name = 'UnfitServerError';
}

export interface PrimaryOptions {
  /** Called when `examine` finds that the server can lose the books: once for each problem. */
  readonly onUnfit?: (error: Error) => void;
  /** Called with each attempt to connect that fails, also where the server that was reached must not be used. */
  readonly onUnreachable?: (error: unknown) => void;
  /** Called with each answer of the server. */
  readonly onAnswered?: () => void;
  /** true: durability is neither checked nor set. For data that may be lost in a crash. */
  readonly allowUnsafeDurability?: boolean;
}

/** What a server says of itself. */
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
 * With `off`, the server answers COMMIT before it is on disk. `local` and `remote_write` are on disk, and say how far the operator
 * waits for standbys: they stay, and so does `remote_apply`. The value is set for the session, so that no reload lowers it.
 */
const SET_SYNCHRONOUS_COMMIT = `set_config('synchronous_commit',
  case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end, false)`;

/**
 * The server that takes writes, as seen by the connection pools that share it. Each new connection is examined before it is used.
 * When a server is found to be read-only, as after a failover, the connections that were made before are not used again: they
 * may lead to a server that is a standby now.
 */
export class Primary {
  readonly #options: PrimaryOptions;
  /** Raised when the server is read-only. Connections of an earlier term are dropped. */
  #term = 0;
  readonly #terms = new WeakMap<pg.ClientBase, number>();
  /** The last problem that was reported, until a connection is good again. */
  #reported: string | undefined;

  constructor(options: PrimaryOptions = {}) {
    this.#options = options;
  }

  /** Examines a new connection, and has its commits be on disk before they are answered. Throws `UnfitServerError`. */
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

  /** Examines the server again, by any connection. Throws `UnfitServerError`; if it is read-only, all connections are dropped. */
  async examine(db: QueryExecutorProvider): Promise<void> {
    const { rows } = await sql.raw<ServerState>(STATE).execute(db);
    const isReadOnly = rows[0]?.read_only === true;
    if (isReadOnly) this.#term += 1;
    const problem = this.#problemOf(rows);
    if (problem === undefined) return;
    const error = new UnfitServerError(problem);
    // A read-only server is reported by the next attempt to connect.
    if (!isReadOnly && problem !== this.#reported) this.#options.onUnfit?.(error);
    this.#reported = problem;
    throw error;
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

  /** Call it when a connection could not be made. */
  unreachable(error: unknown): void {
    this.#options.onUnreachable?.(error);
  }

  /** Call it with each answer. */
  answered(): void {
    this.#options.onAnswered?.();
  }

  #problemOf([state]: readonly ServerState[]): string | undefined {
    if (state === undefined) throw new TypeError('a server has a state');
    return (
      whyReadOnly(state) ?? (this.#options.allowUnsafeDurability === true ? undefined : whyUnsafe(state))
    );
  }
}

function whyReadOnly({ is_standby, read_only }: ServerState): string | undefined {
  if (is_standby) {
    return 'The database is a standby, which takes no writes. Connect to the primary, or promote this server.';
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
    `The database server can lose or damage the books in a crash: ${off.join(', and ')}. ` +
    'Turn it on by ALTER SYSTEM and reload the server, or set ALLOW_UNSAFE_DURABILITY=1 if the books may be lost.'
  );
}
