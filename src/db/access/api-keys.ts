import { type Kysely, type RawBuilder, type SqlBool, sql, type Transaction as Trx } from 'kysely';
import type { ApiKey } from '../../core/access/api-key.ts';
import { prefixOfKey } from '../../core/access/key-text.ts';
import type { ActorKind, Scope } from '../../core/access/viewer.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { formatInstant, type Instant } from '../../core/values/instant.ts';
import { directionOf, type KeysetRange, withinRange } from '../keyset.ts';
import { constraintOf } from '../postgres/pg-errors.ts';
import type { DB } from '../tables.ts';

/** A key to insert. `secret`: the digest of the secret. */
export interface KeyRow
  extends Pick<ApiKey, 'id' | 'name' | 'scopes' | 'owner' | 'expiresAt' | 'requestsPerSecond'> {
  readonly ledgerId: Uuid | null;
  readonly secret: Buffer;
}

/** A key, with the digest of its secret. */
export interface SecretKey {
  readonly key: ApiKey;
  readonly secret: Buffer;
}

/** Whether an error says that a key that is not revoked has the same name and the same ledger. */
export function isNameTaken(error: unknown): boolean {
  return constraintOf(error) === 'api_keys_name';
}

/** Inserts a key. The database adds its actor, and records that callers need credentials. */
export async function insertKey(trx: Trx<DB>, key: KeyRow): Promise<void> {
  const expiresAt = key.expiresAt === null ? null : formatInstant(key.expiresAt);
  // The columns that the service may set. A trigger sets the actor.
  await sql`
    insert into api_keys (id, name, scopes, owner, ledger_id, secret, requests_per_second, expires_at)
    values (${key.id}, ${key.name}, ${key.scopes}, ${key.owner}, ${key.ledgerId}, ${key.secret}, ${key.requestsPerSecond},
      ${expiresAt})`.execute(trx);
}

/** Returns a key with the digest of its secret. */
export async function findSecretKey(db: Kysely<DB>, id: Uuid): Promise<SecretKey | undefined> {
  const row = await keys(db).select('k.secret').where('k.id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : { key: toKey(row), secret: row.secret };
}

/** Returns the existing keys with these ids. `only`: the ledger whose keys may be found; undefined: any. */
export async function findKeys(
  db: Kysely<DB>,
  ids: readonly Uuid[],
  only: Uuid | undefined,
): Promise<ApiKey[]> {
  const rows = await keys(db).where(sql<SqlBool>`k.id = any(${ids}::uuid[])`).where(ofLedger(only)).execute();
  return rows.map(toKey);
}

/** Returns the existing keys of a ledger whose bearers are these actors. */
export async function findKeysOf(db: Kysely<DB>, actors: readonly Uuid[], ledgerId: Uuid): Promise<ApiKey[]> {
  const rows = await keys(db)
    .where(sql<SqlBool>`k.actor = any(${actors}::uuid[])`)
    .where('k.ledger_id', '=', ledgerId)
    .execute();
  return rows.map(toKey);
}

/** Lists keys by id, newest first. `only`: see `findKeys`. */
export async function listKeys(
  db: Kysely<DB>,
  only: Uuid | undefined,
  range: KeysetRange<Uuid>,
): Promise<ApiKey[]> {
  const rows = await keys(db)
    .where(withinRange('k.id', range))
    .where(ofLedger(only))
    .orderBy('k.id', directionOf(range))
    .limit(range.limit)
    .execute();
  return rows.map(toKey);
}

/** Locks a key until the transaction ends, and returns its revocation. `only`: see `findKeys`. */
export async function lockKey(
  trx: Trx<DB>,
  id: Uuid,
  only: Uuid | undefined,
): Promise<{ readonly ledgerId: Uuid | null; readonly revokedAt: Instant | null } | undefined> {
  return trx
    .selectFrom('api_keys as k')
    .select(['k.ledger_id as ledgerId', 'k.revoked_at as revokedAt'])
    .where('k.id', '=', id)
    .where(ofLedger(only))
    .forUpdate()
    .executeTakeFirst();
}

/**
 * Returns whether the key of an actor is neither revoked nor expired. Locks it until the transaction ends, so that it is not revoked
 * meanwhile.
 */
export async function isValidActor(trx: Trx<DB>, actor: Uuid): Promise<boolean> {
  const row = await trx
    .selectFrom('api_keys')
    .select('id')
    .where('actor', '=', actor)
    .where('revoked_at', 'is', null)
    .where(sql<SqlBool>`(expires_at > clock_timestamp()) is not false`)
    .forShare()
    .executeTakeFirst();
  return row !== undefined;
}

/** Revokes a locked key that is not revoked, and returns the time. */
export async function revokeKey(trx: Trx<DB>, id: Uuid): Promise<Instant> {
  const { revokedAt } = await trx
    .updateTable('api_keys')
    .set({ revoked_at: sql<string>`clock_timestamp()` })
    .where('id', '=', id)
    .where('revoked_at', 'is', null)
    .returning('revoked_at as revokedAt')
    .executeTakeFirstOrThrow();
  if (revokedAt === null) throw new TypeError('a revoked key has the time of its revocation');
  return revokedAt;
}

/** Records that a key was used, unless a use in the last minute is recorded. */
export async function recordKeyUse(db: Kysely<DB>, id: Uuid): Promise<void> {
  await db
    .updateTable('api_keys')
    .set({ last_used_at: sql<string>`clock_timestamp()` })
    .where('id', '=', id)
    .where(sql<SqlBool>`(last_used_at > clock_timestamp() - interval '1 minute') is not true`)
    .execute();
}

/** Returns whether a key was ever created. */
export async function wasKeyEverCreated(db: Kysely<DB>): Promise<boolean> {
  const { keyed_at } = await db.selectFrom('access_state').select('keyed_at').executeTakeFirstOrThrow();
  return keyed_at !== null;
}

function ofLedger(only: Uuid | undefined): RawBuilder<SqlBool> {
  return only === undefined ? sql`true` : sql`k.ledger_id = ${only}`;
}

function keys(db: Kysely<DB>) {
  return db
    .selectFrom('api_keys as k')
    .innerJoin('actors as a', 'a.id', 'k.actor')
    .leftJoin('ledgers as l', 'l.id', 'k.ledger_id')
    .select([
      'k.id',
      'k.name',
      'k.scopes',
      'k.owner',
      'k.requests_per_second as requestsPerSecond',
      'k.created_at as createdAt',
      'k.expires_at as expiresAt',
      'k.last_used_at as lastUsedAt',
      'k.revoked_at as revokedAt',
      'k.ledger_id as ledgerId',
      'l.name as ledgerName',
      'a.id as actorId',
      'a.kind as actorKind',
      'a.name as actorName',
    ]);
}
type Row = Awaited<ReturnType<ReturnType<typeof keys>['execute']>>[number];

function toKey(row: Row): ApiKey {
  // The checks of the table allow only these values.
  const actor = { id: row.actorId, kind: row.actorKind as ActorKind, name: row.actorName };
  return {
    id: row.id,
    actor,
    name: row.name,
    prefix: prefixOfKey(row.id),
    scopes: row.scopes as Scope[],
    owner: row.owner,
    ledger: row.ledgerId === null ? null : { id: row.ledgerId, name: row.ledgerName ?? '' },
    requestsPerSecond: row.requestsPerSecond,
    createdAt: row.createdAt,
    expiresAt: row.expiresAt,
    lastUsedAt: row.lastUsedAt,
    revokedAt: row.revokedAt,
  };
}
