/** The changes in the audit log by field, for the checks that compare them with the tables. */
import { type RawBuilder, sql } from 'kysely';

type Sql = RawBuilder<unknown>;

/** The exact decimal text of an amount in minor units, with all decimals of the currency. */
export const shownAmount = (minor: string, exponent: string): Sql =>
  sql`(('1e-' || ${sql.ref(exponent)})::numeric * ${sql.ref(minor)})::text`;

/**
 * The fields that the log covers. `is_known`: every object of the type begins with the value `initial`. The other fields are set by
 * the request that creates an account, which is not in the log.
 */
const FIELDS = sql`(values
  ('ACCOUNT', 'status', true, 'OPEN'),
  ('ACCOUNT', 'externalId', false, null),
  ('ACCOUNT', 'minBalance', false, null),
  ('ACCOUNT', 'maxBalance', false, null),
  ('ACCOUNT', 'metadata', false, null),
  ('CURRENCY', 'exponent', true, null),
  ('LEDGER', 'name', true, null),
  ('LEDGER', 'closedBefore', true, null),
  ('API_KEY', 'name', true, null),
  ('API_KEY', 'scopes', true, null),
  ('API_KEY', 'ledger', true, null),
  ('API_KEY', 'owner', true, null),
  ('API_KEY', 'expiresAt', true, null),
  ('API_KEY', 'requestsPerSecond', true, null),
  ('API_KEY', 'secretDigest', true, null),
  ('API_KEY', 'revokedAt', true, null))`;

/**
 * The changes of each field of each object, in the order of the log. `earlier`: the event before it that changed the same field, and
 * `due`: the value that it left. Without one, the initial value.
 */
export const changesByField = sql`
  select c.*,
    lag(c.number) over history as earlier,
    case when lag(c.number) over history is null then c.initial else lag(c.after) over history end as due,
    lead(c.number) over history is null as is_last
  from (
    select e.number, e.ledger_id, e.subject_type, e.subject, e.salt, f.field, f.is_known, f.initial,
      e.before::jsonb ->> f.field as before, e.after::jsonb ->> f.field as after
    from audit_events e join ${FIELDS} f (subject_type, field, is_known, initial) on f.subject_type = e.subject_type
    where e.before::jsonb ? f.field or e.after::jsonb ? f.field) c
  window history as (partition by c.ledger_id, c.subject_type, c.subject, c.field order by c.number)`;
