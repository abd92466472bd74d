import type { Primary } from './primary.ts';
import { OWNER_ROLE, SERVICE_ROLE } from './roles.ts';
import { connectAtStart, DatabaseNotReadyError } from './start-client.ts';

/** The privileges of a login. */
export interface Login {
  readonly name: string;
  /** PostgreSQL's version number: 150000 is 15.0. */
  readonly serverVersion: number;
  /**
   * It can take the owner's role, or is a superuser. Then the database is protected from faults of the service only: the login
   * can switch the protections off.
   */
  readonly canOwn: boolean;
  /** It can take the application's role. */
  readonly canServe: boolean;
}

const OLDEST_VERSION = 150_000;

/**
 * Returns the privileges of a connection string's login. Throws if the server is unreachable, too old, or cannot serve as the
 * primary.
 */
export async function inspectLogin(url: string, primary: Primary): Promise<Login> {
  const client = await connectAtStart(url, 'DATABASE_URL');
  try {
    const { rows } = await client.query<{
      name: string;
      version: string;
      can_own: boolean;
      can_serve: boolean;
    }>(
      `select session_user as name, current_setting('server_version_num') as version,
        exists (select from pg_roles where rolname = session_user and rolsuper)
          or exists (select from pg_roles where rolname = $1 and pg_has_role(session_user, oid, 'member')) as can_own,
        exists (select from pg_roles where rolname = $2 and pg_has_role(session_user, oid, 'member')) as can_serve`,
      [OWNER_ROLE, SERVICE_ROLE],
    );
    const [row] = rows;
    const login = {
      name: row?.name ?? '',
      serverVersion: Number(row?.version),
      canOwn: row?.can_own === true,
      canServe: row?.can_serve === true,
    };
    if (login.serverVersion < OLDEST_VERSION) {
      throw new DatabaseNotReadyError(
        'The ledger needs PostgreSQL 15 or later. The server of DATABASE_URL is older: upgrade it, or use another one.',
      );
    }
    await primary.admit(client);
    return login;
  } finally {
    await client.end();
  }
}
