import pg from 'pg';

/** The SQLSTATE of an error that PostgreSQL answered; undefined where something else went wrong. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The name of the constraint that refused; undefined where none did. */
export function constraintOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** Whether a write was refused because the server, or this session, only reads: the server is a standby, or was made read-only. */
export function isReadOnly(error: unknown): boolean {
  return sqlStateOf(error) === '25006';
}

/**
 * Whether the connection is gone or not to be used any more. Whatever is not an answer of PostgreSQL's is a loss: a closed
 * socket, a refused connection, an answer that did not come in time. An answer that this program cannot read is its own fault.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return false;
  const state = sqlStateOf(error);
  if (state === undefined || isReadOnly(error)) return true;
  // 08: connection exceptions; 57P: the server starts, shuts down or ended the session; 25P03: it was idle for too long.
  return state.startsWith('08') || state.startsWith('57P') || state === '25P03';
}
