import pg from 'pg';

/** The SQLSTATE of an error that PostgreSQL answered; undefined where something else went wrong. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** The name of the constraint that refused; undefined where none did. */
export function constraintOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/**
 * Whether the connection is gone or not to be used any more. Whatever is not an answer of PostgreSQL's is a loss: a closed
 * socket, a refused connection, an answer that did not come in time. An answer that this program cannot read is its own fault.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return false;
  const state = sqlStateOf(error);
  // 08: connection exceptions; 57P: the server shuts down or ended the session; 25P03: it was idle for too long.
  return state === undefined || state.startsWith('08') || state.startsWith('57P') || state === '25P03';
}
