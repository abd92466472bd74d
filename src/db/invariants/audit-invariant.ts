/** Recomputes the chain of the audit log from its rows: a second implementation of the format that the migration defines. */
import { type RawBuilder, sql } from 'kysely';
import type { Check } from './chain-invariant.ts';

type Sql = RawBuilder<unknown>;

const jsonText = (value: Sql): Sql => sql`coalesce(to_json(${value})::text, 'null')`;

/** The fields of an event by their names, in the order of RFC 8785. */
const MEMBERS: readonly (readonly [name: string, value: Sql])[] = [
  ['action', sql`e.action`],
  ['actor', sql`e.actor`],
  ['after', sql`e.after`],
  ['before', sql`e.before`],
  ['createdAt', sql`to_char(e.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`],
  ['idempotencyKey', sql`e.idempotency_key`],
  ['ledgerId', sql`e.ledger_id`],
  ['request', sql`encode(e.request, 'hex')`],
  ['requestId', sql`e.request_id`],
  ['subject', sql`e.subject`],
  ['subjectType', sql`e.subject_type`],
];
const rowText = sql.join(
  MEMBERS.map(([name, value], place) => {
    const start = `${place === 0 ? '{' : ','}"${name}":`;
    return sql`${sql.lit(start)} || ${jsonText(value)}`;
  }),
  sql` || `,
);

/** I9 for the audit log. Each event is compared with the stored hash before it, so that each fault is reported once. */
export const auditChainHolds: Check = sql`
  with chained as materialized (
    select e.*, row_number() over by_number as due, coalesce(lag(e.hash) over by_number, '') as due_previous,
      lead(e.number) over by_number is null as is_last,
      sha256('tls.audit.v1'::bytea || e.previous_hash || int8send(e.number) || convert_to(${rowText} || '}', 'UTF8')) as computed
    from audit_events e
    window by_number as (partition by e.ledger_id order by e.number)),
  ends as materialized (
    select ledger_id, number, hash from chained where is_last)

  select format('Audit event %s of ledger %s is in the place of event %s.', number, ledger_id, due) as violation
  from chained
  where number <> due

  union all
  select format('Audit event %s of ledger %s does not name the hash of the event before it.', number, ledger_id)
  from chained
  where previous_hash is distinct from due_previous

  union all
  select format('Audit event %s of ledger %s has the hash %s, but its row has %s.', number, ledger_id, encode(hash, 'hex'),
    encode(computed, 'hex'))
  from chained
  where hash is distinct from computed

  union all
  select format('Ledger %s: its audit log ends at event %s with the hash %s, but its last event is %s with the hash %s.',
    coalesce(l.id, h.ledger_id, n.ledger_id), h.number, encode(h.hash, 'hex'), n.number, encode(n.hash, 'hex'))
  from ledgers l
  full join audit_heads h on h.ledger_id = l.id
  full join ends n on n.ledger_id = h.ledger_id
  where l.id is null or (h.number, h.hash) is distinct from (coalesce(n.number, 0), coalesce(n.hash, ''))`;
