import pg from 'pg';

/** Returns the SQLSTATE of PostgreSQL's error; undefined for other errors. */
export function sqlStateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined;
}

/** Returns the name of the violated constraint; undefined for other errors. */
export function constraintOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.constraint : undefined;
}

/** Whether a write was rejected because the server or the session is read-only: it may be a standby. */
export function isReadOnly(error: unknown): boolean {
  return sqlStateOf(error) === '25006';
}

/**
 * Whether the connection is lost or must not be used again. Every error that PostgreSQL did not return counts as a loss: a closed
 * socket, a refused connection, a timeout. A result that this program cannot parse is not: it is a fault of the program.
 */
export function isConnectionLoss(error: unknown): boolean {
  if (error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError) return false;
  const state = sqlStateOf(error);
  if (state === undefined || isReadOnly(error)) return true;
  // 08: connection exception; 57P: the server starts, shuts down or ended the session; 25P03: idle for too long.
  return state.startsWith('08') || state.startsWith('57P') || state === '25P03';
}
