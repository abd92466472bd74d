import pg from 'pg';

/** The database cannot be used as it is. The message says why, and what to do. */
export class DatabaseNotReadyError extends Error {
  override readonly name = 'DatabaseNotReadyError';
}

/** The variable of the environment that has a connection string. */
export type UrlVariable = 'DATABASE_URL' | 'DATABASE_MIGRATION_URL';

/**
 * Connects to the database that a variable names, for the work at the start. The caller ends the client. Throws
 * `DatabaseNotReadyError`, whose message has no part of the connection string but its host, port and database.
 */
export async function connectAtStart(url: string, variable: UrlVariable): Promise<pg.Client> {
  const client = parse(url, variable);
  // An error that ends the connection is also that of the query under way.
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
        `Check ${variable}, and that the server runs.`,
      { cause: error },
    );
  }
}

function parse(url: string, variable: UrlVariable): pg.Client {
  try {
    return new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000 });
  } catch (error) {
    throw new DatabaseNotReadyError(
      `${variable} cannot be read as a connection string: ${(error as Error).message}. ` +
        'Percent-encode special characters of the user and the password.',
    );
  }
}

/** Node tries each address of a name, and puts the errors into one without a message. */
function messageOf(error: unknown): string {
  const { message } = (error instanceof AggregateError ? error.errors[0] : error) as Error;
  return message;
}

/** Throws `DatabaseNotReadyError` where tables without a schema's name would not be found in, or not be made in, `public`. */
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
    `The books are in the schema public, and the search_path of the login ${login} of ${variable} is ` +
      `${path === '' ? 'empty' : path}. Let an administrator run: ` +
      `alter role ${login} in database ${database} set search_path = public; ` +
      `and see that ${variable} sets no other in its options, and that the schema exists.`,
  );
}
