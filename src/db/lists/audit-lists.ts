import { type Kysely, type RawBuilder, type SqlBool, sql } from 'kysely';
import type { AuditSubjectType, RecordedEvent } from '../../core/audit.ts';
import type { AuditFilter } from '../../core/filters.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { formatInstant, type Instant } from '../../core/values/instant.ts';
import { directionOf, type KeysetRange } from '../keyset.ts';
import type { DB } from '../tables.ts';
import { and } from './finding-conditions.ts';

/** Returns the existing events of a ledger's log with these numbers, in any order. */
export async function findAuditEvents(
  db: Kysely<DB>,
  ledgerId: Uuid,
  numbers: readonly bigint[],
): Promise<RecordedEvent[]> {
  const { rows } = await sql<EventRow>`
    select ${columns} from audit_events e where e.number = any(${numbers}::int8[]) and e.ledger_id = ${ledgerId}`.execute(
    db,
  );
  return rows.map(toEvent);
}

/**
 * Returns a page of the matching events by number. Each condition is a range of an index: of the events of one subject, actor or
 * action by number, or of all numbers. The events of a log are in the order of createdAt, so that a range of it is a range of numbers.
 */
export async function listAuditEvents(
  db: Kysely<DB>,
  ledgerId: Uuid,
  filter: AuditFilter,
  range: KeysetRange<bigint>,
): Promise<RecordedEvent[]> {
  const { createdAt: { from, to } = {} } = filter;
  const { after, before } = range;
  // Inclusive bounds of the numbers. Null is ignored.
  const lowest = sql`greatest(1, ${before}::int8 + 1, ${firstNumber(ledgerId, from)})`;
  const highest = sql`least(
    (select h.number from audit_heads h where h.ledger_id = ${ledgerId}), ${after}::int8 - 1, ${firstNumber(ledgerId, to)} - 1)`;
  const direction = sql.raw(directionOf(range));
  const condition = conditionOf(filter);
  const { rows } = await (condition === undefined
    ? sql<EventRow>`
      with bounds as materialized (select ${lowest} as lowest, ${highest} as highest)
      select ${columns} from bounds b
      cross join lateral ${numbersWithin(range)} n (number)
      cross join lateral (
        select * from audit_events e where e.number = n.number and e.ledger_id = ${ledgerId} offset 0) e
      order by e.number ${direction}`
    : sql<EventRow>`
      select ${columns} from audit_events e
      where ${condition} and e.ledger_id = ${ledgerId} and e.number between (select ${lowest}) and (select ${highest})
      order by e.number ${direction} limit ${range.limit}`
  ).execute(db);
  return rows.map(toEvent);
}

/** The numbers of a page of all events. A log has no gap, so that no index of the events of a ledger is needed. */
function numbersWithin({ limit, inverted }: KeysetRange<bigint>): RawBuilder<unknown> {
  return inverted
    ? sql`generate_series(b.lowest, least(b.highest, b.lowest + ${limit}::int8 - 1))`
    : sql`generate_series(greatest(b.lowest, b.highest - ${limit}::int8 + 1), b.highest)`;
}

function conditionOf({ actor, action, subject }: AuditFilter): RawBuilder<SqlBool> | undefined {
  const conditions = [
    actor === undefined ? undefined : sql`e.actor = ${actor}`,
    action === undefined ? undefined : sql`e.action = ${action}`,
    subject === undefined ? undefined : sql`e.subject = ${subject}`,
  ];
  return conditions.every((condition) => condition === undefined) ? undefined : and(...conditions);
}

/**
 * Returns a scalar subquery: the number of the log's first event of an instant or later, or the next number if there is none. It
 * bisects the numbers, along which createdAt does not decrease, and is evaluated once.
 */
function firstNumber(ledgerId: Uuid, instant: Instant | undefined): RawBuilder<bigint | null> {
  if (instant === undefined) return sql`null::int8`;
  return sql`(
    with recursive bisection (low, high) as (
      select 1::int8, coalesce((select h.number from audit_heads h where h.ledger_id = ${ledgerId}), 0) + 1
      union all
      select case when m.is_found then b.low else m.number + 1 end, case when m.is_found then m.number else b.high end
      from bisection b cross join lateral (
        select e.number, e.created_at >= ${formatInstant(instant)}::timestamptz as is_found
        from audit_events e where e.number = (b.low + b.high) / 2 and e.ledger_id = ${ledgerId} offset 0) m
      where b.low < b.high)
    select max(low) from bisection)`;
}

const columns = sql`
  e.ledger_id, e.number, e.actor, e.action, e.subject_type, e.subject, e.before, e.after, e.request_id, e.created_at`;

interface EventRow {
  readonly ledger_id: Uuid;
  readonly number: bigint;
  readonly actor: Uuid | null;
  readonly action: string;
  readonly subject_type: string;
  readonly subject: string;
  readonly before: string | null;
  readonly after: string | null;
  readonly request_id: string;
  readonly created_at: Instant;
}

function toEvent(row: EventRow): RecordedEvent {
  return {
    ledgerId: row.ledger_id,
    number: row.number,
    actor: row.actor,
    action: row.action,
    subjectType: row.subject_type as AuditSubjectType,
    subject: row.subject,
    before: row.before,
    after: row.after,
    requestId: row.request_id,
    createdAt: row.created_at,
  };
}
