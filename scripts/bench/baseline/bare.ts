import { readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Uuid } from '../../../src/core/values/ids.ts';

/** The ledger of all bare rows. */
export const LEDGER: Uuid = '00000000-0000-7000-8000-000000000000';

/** The digests in every bare transaction: constants as long as the ledger's own. */
export const REQUEST = Buffer.alloc(36, 0x5a);
export const DIGEST = Buffer.alloc(32, 0xa5);

/** A bare account's id is this prefix and a number from ACCOUNTS_FROM on, so that all numbers have 12 digits. */
export const ACCOUNT_PREFIX = '00000000-0000-7000-8000-';
export const ACCOUNTS_FROM = 100_000_000_000;

/** Returns the id of a bare account by its position, from 0. */
export function bareAccount(place: number): Uuid {
  return ACCOUNT_PREFIX + (ACCOUNTS_FROM + place);
}

/**
 * Creates the ledger's tables with their keys but without their checks, triggers and chain, and fills in accounts. The login of
 * `url` owns them.
 */
export async function prepareBareTables(url: string, accounts: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(
      await readFile(new URL('../../../db/migrations/0001_tables.sql', import.meta.url), 'utf8'),
    );
    await client.query(`do $$ declare c record; begin
      for c in select conrelid::regclass as relation, conname from pg_constraint
        where contype = 'c' and connamespace = 'public'::regnamespace and conrelid <> 0
      loop execute format('alter table %s drop constraint %I', c.relation, c.conname); end loop; end $$`);
    await client.query(
      `insert into accounts (id, ledger_id, owner, currency, side)
        select ($1 || ($2::bigint + place))::uuid, $3, 'bench', 'USD', 1 from generate_series(0, $4::bigint - 1) as places (place)`,
      [ACCOUNT_PREFIX, ACCOUNTS_FROM, LEDGER, accounts],
    );
    await client.query(await readFile(new URL('function.sql', import.meta.url), 'utf8'));
    await client.query('vacuum analyze');
  } finally {
    await client.end();
  }
}
