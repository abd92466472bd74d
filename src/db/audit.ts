import { type Kysely, sql, type Transaction as Trx } from 'kysely';
import type { AuditEvent, AuditFields } from '../core/audit.ts';
import { canonicalText } from '../core/chain.ts';
import type { RecordedChange } from '../core/update-account.ts';
import type { Uuid } from '../core/values/ids.ts';
import type { DB } from './tables.ts';

/** A row of the audit log as the chain knows it: no two rows have the same hash. */
export interface AuditPlace {
  readonly number: bigint;
  readonly hash: Buffer;
}

/**
 * Appends to the ledger's audit log and answers the row's place. It locks the log's end until the transaction ends: whoever
 * writes anything else writes it before.
 */
export async function insertAuditEvent(
  trx: Trx<DB>,
  ledgerId: Uuid,
  { action, subjectType, subject, before, after, attempt, salt }: AuditEvent,
  requestId: string,
): Promise<AuditPlace> {
  // The columns that the service may give; the trigger makes the others.
  const { rows } = await sql<AuditPlace>`
    insert into audit_events
      (ledger_id, action, subject_type, subject, before, after, idempotency_key, request, salt, request_id)
    values (${ledgerId}, ${action}, ${subjectType}, ${subject}, ${fieldsText(before)}, ${fieldsText(after)},
      ${attempt?.idempotencyKey ?? null}, ${attempt?.request ?? null}, ${salt}, ${requestId})
    returning number, hash`.execute(trx);
  const [place] = rows;
  if (place === undefined) throw new TypeError('an insert answers its row');
  return place;
}

function fieldsText(fields: AuditFields | null): string | null {
  return fields === null ? null : canonicalText(fields);
}

/** What a key of the account's changes stands for; undefined where it is new. */
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

/** Whether one of these rows stands in the log, at its place. */
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
