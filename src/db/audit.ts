import { type Kysely, sql, type Transaction as Trx } from 'kysely';
import type { AuditEvent, AuditFields } from '../core/audit.ts';
import { canonicalText } from '../core/chain.ts';
import type { RecordedChange } from '../core/update-account.ts';
import type { Uuid } from '../core/values/ids.ts';
import type { DB } from './tables.ts';

/** Identifies an audit event: its hash is unique. */
export interface AuditPlace {
  readonly number: bigint;
  readonly hash: Buffer;
}

/**
 * Appends to the ledger's audit log and returns the place of the event. Locks the end of the log until the transaction ends, so it
 * must be the transaction's last write. `actor`: the caller; null: the caller has no credential.
 */
export async function insertAuditEvent(
  trx: Trx<DB>,
  ledgerId: Uuid,
  { action, subjectType, subject, before, after, attempt, salt }: AuditEvent,
  requestId: string,
  actor: Uuid | null = null,
): Promise<AuditPlace> {
  // The columns that the service may set. A trigger sets the others.
  const { rows } = await sql<AuditPlace>`
    insert into audit_events
      (ledger_id, actor, action, subject_type, subject, before, after, idempotency_key, request, salt, request_id)
    values (${ledgerId}, ${actor}, ${action}, ${subjectType}, ${subject}, ${fieldsText(before)}, ${fieldsText(after)},
      ${attempt?.idempotencyKey ?? null}, ${attempt?.request ?? null}, ${salt}, ${requestId})
    returning number, hash`.execute(trx);
  const [place] = rows;
  if (place === undefined) throw new TypeError('an insert returns its row');
  return place;
}

function fieldsText(fields: AuditFields | null): string | null {
  return fields === null ? null : canonicalText(fields);
}

/** Returns the change that is recorded under an idempotency key of the account; undefined if there is none. */
export async function findRecordedChange(
  db: Kysely<DB>,
  ledgerId: Uuid,
  accountId: Uuid,
  idempotencyKey: string,
): Promise<RecordedChange | undefined> {
  const row = await db
    .selectFrom('audit_events')
    .select(['action', 'request', 'salt'])
    .where('subject', '=', accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .where('ledger_id', '=', ledgerId)
    .executeTakeFirst();
  return row === undefined || row.request === null ? undefined : { ...row, request: row.request };
}

/** Whether the log contains one of these events. */
export async function hasAuditEvent(
  db: Kysely<DB>,
  ledgerId: Uuid,
  places: readonly AuditPlace[],
): Promise<boolean> {
  if (places.length === 0) return false;
  const numbers = places.map(({ number }) => number);
  const rows = await db
    .selectFrom('audit_events')
    .select(['number', 'hash'])
    .where(sql<boolean>`number = any(${numbers}::bigint[])`)
    .where('ledger_id', '=', ledgerId)
    .execute();
  return rows.some(({ number, hash }) =>
    places.some((place) => place.number === number && place.hash.equals(hash)),
  );
}
