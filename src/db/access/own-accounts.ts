import { type Kysely, sql } from 'kysely';
import type { Uuid } from '../../core/values/ids.ts';
import type { DB } from '../tables.ts';

/** Names of accounts: ids and externalIds. */
export interface AccountNames {
  readonly ids: readonly Uuid[];
  readonly externalIds: readonly string[];
}

/** An account and the id or externalId by which it was found. */
export interface NamedAccount {
  readonly by: 'id' | 'externalId';
  readonly name: string;
  readonly id: Uuid;
}

/**
 * Finds the accounts of an owner by their names. An account of another owner is not found, in the same statement as one that does not
 * exist. Neither is an external account.
 */
export async function findOwnAccounts(
  db: Kysely<DB>,
  ledgerId: Uuid,
  owner: string,
  { ids, externalIds }: AccountNames,
): Promise<NamedAccount[]> {
  const { rows } = await sql<NamedAccount>`
    select 'id' as by, a.id::text as name, a.id from unnest(${ids}::uuid[]) as given (id)
    cross join lateral (
      select a.id from accounts a
      where a.id = given.id and a.owner = ${owner} and a.kind = 'STANDARD' and a.ledger_id = ${ledgerId} offset 0) a
    union all
    select 'externalId', a.external_id, a.id from unnest(${externalIds}::text[]) as given (external_id)
    cross join lateral (
      select a.external_id, a.id from accounts a
      where a.external_id = given.external_id and a.owner = ${owner} and a.kind = 'STANDARD'
        and a.ledger_id = ${ledgerId} offset 0) a`.execute(db);
  return rows;
}
