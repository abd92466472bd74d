import { type Kysely, sql } from 'kysely';
import type { Actor, ActorKind } from '../../core/access/viewer.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { DB } from '../tables.ts';

/** Inserts the actor of a token, unless it exists. The database sets its kind and its name, and checks its id. */
export async function insertTokenActor(
  db: Kysely<DB>,
  id: Uuid,
  issuer: string,
  subject: string,
): Promise<void> {
  // The columns that the service may set.
  await sql`insert into actors (id, issuer, subject) values (${id}, ${issuer}, ${subject}) on conflict do nothing`.execute(
    db,
  );
}

/** Returns the existing actors with these ids. */
export async function findActors(db: Kysely<DB>, ids: readonly Uuid[]): Promise<Actor[]> {
  const rows = await db
    .selectFrom('actors')
    .select(['id', 'kind', 'name'])
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .execute();
  // A check of the table allows only these kinds.
  return rows.map(({ id, kind, name }) => ({ id, kind: kind as ActorKind, name }));
}
