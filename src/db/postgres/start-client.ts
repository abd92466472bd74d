import pg from 'pg';

/** The database cannot be used in its present state. The message says why, and what to do. */
export class DatabaseNotReadyError extends Error {
  override readonly name = 'DatabaseNotReadyError';
}

/** The environment variable that contains a connection string. */
export type UrlVariable = 'DATABASE_URL' | 'DATABASE_MIGRATION_URL';

/**
 * Connects to the database of an environment variable, during the start. The caller ends the client. Throws
 * `DatabaseNotReadyError`. Its message contains the host, port and database of the connection string, but no credentials.
 */
export async function connectAtStart(url: string, variable: UrlVariable): Promise<pg.Client> {
  const client = parse(url, variable);
  // The running query fails with the same error. Without a listener, the process would end.
  client.on('error', () => {});
  try {
    await client.connect();
    return client;
  } catch (error) {
    const { host, port, database } = client;
    const place = `at ${host}:${port}`;
    if (error instanceof pg.DatabaseError && error.code === '3D000') {
      throw new DatabaseNotReadyError(
        `PostgreSQL ${place} has no database ${database}. ` +
          `Create it, for example with: createdb ${database}; or correct ${variable}.`,
        { cause: error },
      );
    }
    throw new DatabaseNotReadyError(
      `PostgreSQL cannot be reached ${place}, database ${database}: ${messageOf(error)}. ` +
        `Check ${variable}, and that the server is running.`,
      { cause: error },
    );
  }
}

function parse(url: string, variable: UrlVariable): pg.Client {
  try {
    return new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  } catch (error) {
    throw new DatabaseNotReadyError(
      `${variable} is not a valid connection string: ${(error as Error).message}. ` +
        'Percent-encode special characters in the user name and the password.',
    );
  }
}

/** Node tries each address of a host name, and combines the errors into one without a message. */
function messageOf(error: unknown): string {
  const { message } = (error instanceof AggregateError ? error.errors[0] : error) as Error;
  return message;
}

/** Throws `DatabaseNotReadyError` if the search_path does not find tables in `public`, or does not create them there. */
export async function demandSearchPath(
  client: pg.Client,
  variable: UrlVariable,
  use: 'find' | 'make',
): Promise<void> {
  const { rows } = await client.query<{ login: string; database: string; path: string; fits: boolean }>(
    `select quote_ident(session_user) as login, quote_ident(current_database()) as database,
      current_setting('search_path') as path,
      case when $1 = 'make' then coalesce(current_schema() = 'public', false)
        else 'public' = any (current_schemas(false)) end as fits`,
    [use],
  );
  const [row] = rows;
  if (row === undefined || row.fits) return;
  const { login, database, path } = row;
  throw new DatabaseNotReadyError(
    `The ledger uses the schema public, but the search_path of the login ${login} of ${variable} is ` +
      `${path === '' ? 'empty' : path}. As an administrator, run: ` +
      `alter role ${login} in database ${database} set search_path = public; ` +
      `and check that ${variable} sets no other search_path in its options, and that the schema exists.`,
  );
}
