/**
 * I11: replays the audit log. Each change begins with the value that the change before it left, and the last one left the value that
 * the tables have. See creation-invariant.ts for fields of accounts that were never changed.
 */
import { type RawBuilder, sql } from 'kysely';
import { changesByField, shownAmount } from './audited-changes.ts';
import { type Check, canonicalText } from './chain-invariant.ts';

type Sql = RawBuilder<unknown>;

/** An instant as the log has it. to_char returns null for an infinite one, which no event has. */
const instantText = (column: string): Sql => sql`
  case when isfinite(${sql.ref(column)}) then to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    else ${sql.ref(column)}::text end`;

const BASE_32 = '0123456789abcdefghjkmnpqrstvwxyz';
/** The public id of a ledger: 130 bits, of which the first two are zero, in 26 digits. */
const ledgerId = (column: string): Sql => sql`
  case when ${sql.ref(column)} is not null then 'ldg_' || (
    select string_agg(substr(${sql.lit(BASE_32)}, 1 + substring(
      B'00' || ('x' || replace(${sql.ref(column)}::text, '-', ''))::bit(128) from 5 * place + 1 for 5)::bit(5)::int4, 1), '' order by place)
    from generate_series(0, 25) place) end`;

const mainId = sql`(select m.id from ledgers m where m.name = 'main')`;

/** The fields of the tables in the form of the log, each with the ledger in whose log its changes are. Metadata is not digested yet. */
const present = sql`
  select a.ledger_id, 'ACCOUNT' as subject_type, a.id::text as subject, 'status' as field, a.status as value, true as is_known,
    'OPEN' as initial
  from accounts a

  union all
  -- Only of accounts that were changed, and of the external account of a currency, which is created without these.
  select a.ledger_id, 'ACCOUNT', a.id::text, f.field, f.value, a.kind = 'EXTERNAL', null
  from (
    select a.*, coalesce(i.exponent, c.exponent) as exponent
    from accounts a
    left join iso_currencies i on i.code = a.currency
    left join currencies c on c.code = a.currency and c.ledger_id = a.ledger_id
    where a.kind = 'EXTERNAL' or (a.id::text, a.ledger_id) in (
      select subject, ledger_id from changes where subject_type = 'ACCOUNT')) a
  cross join lateral (values
    ('externalId', a.external_id),
    ('minBalance', ${shownAmount('a.min_balance', 'a.exponent')}),
    ('maxBalance', ${shownAmount('a.max_balance', 'a.exponent')}),
    ('metadata', ${canonicalText('a.metadata')})) f (field, value)

  union all
  select c.ledger_id, 'CURRENCY', c.code, 'exponent', c.exponent::text, true, null
  from currencies c

  union all
  select l.id, 'LEDGER', l.id::text, 'closedBefore', ${instantText('l.closed_before')}, true, null
  from ledgers l

  union all
  select ${mainId}, 'LEDGER', l.id::text, 'name', l.name, true, null
  from ledgers l
  where l.name <> 'main'

  union all
  select coalesce(k.ledger_id, ${mainId}), 'API_KEY', k.id::text, f.field, f.value, true, null
  from api_keys k
  cross join lateral (values
    ('name', k.name),
    ('scopes', array_to_string(k.scopes, ' ')),
    ('ledger', ${ledgerId('k.ledger_id')}),
    ('owner', k.owner),
    ('expiresAt', ${instantText('k.expires_at')}),
    ('requestsPerSecond', k.requests_per_second::text),
    ('secretDigest', encode(sha256(k.secret), 'hex')),
    ('revokedAt', ${instantText('k.revoked_at')})) f (field, value)`;

const label = (subjectType: string): Sql => sql`
  case ${sql.ref(subjectType)} when 'ACCOUNT' then 'Account' when 'CURRENCY' then 'Currency' when 'LEDGER' then 'Ledger' else 'API key' end`;
const quoted = (column: string): Sql => sql`coalesce(to_json(${sql.ref(column)})::text, 'null')`;

export const logLeadsToTables: Check = sql`
  with changes as materialized (${changesByField}),
  present as materialized (${present}),
  compared as (
    select p.ledger_id, p.subject_type, p.subject, p.field, p.is_known, c.number,
      case when c.number is null then p.initial else c.after end as due,
      -- Metadata is compared by its digest. Where the salt was erased, only its presence is compared.
      case when p.field <> 'metadata' or p.value is null then p.value
        when c.after is null then 'not empty'
        when c.salt is null then c.after
        else encode(sha256(c.salt || convert_to(p.value, 'UTF8')), 'hex') end as value
    from present p
    left join changes c on c.is_last and c.ledger_id = p.ledger_id and c.subject_type = p.subject_type
      and c.subject = p.subject and c.field = p.field)

  select format('%s %s of ledger %s has the %s %s, but %s.', ${label('subject_type')}, subject, ledger_id, field, ${quoted('value')},
    case when number is null then format('the audit log never changed it from %s', ${quoted('due')})
      else format('audit event %s left it at %s', number, ${quoted('due')}) end) as violation
  from compared
  where (number is not null or is_known) and value is distinct from due

  union all
  select format('Audit event %s of ledger %s changes the %s of %s %s from %s, but %s.', number, ledger_id, field,
    ${label('subject_type')}, subject, ${quoted('before')},
    case when earlier is null then format('it was %s', ${quoted('due')})
      else format('audit event %s left it at %s', earlier, ${quoted('due')}) end)
  from changes
  where (earlier is not null or is_known) and case field
    -- Each event has a salt of its own, so that the digests of two events differ.
    when 'metadata' then (before is null) <> (due is null)
    else before is distinct from due end

  union all
  select format('Audit event %s of ledger %s changes the %s of %s %s, which does not exist or belongs to another log.', c.number,
    c.ledger_id, c.field, ${label('c.subject_type')}, c.subject)
  from changes c
  left join present p on p.ledger_id = c.ledger_id and p.subject_type = c.subject_type and p.subject = c.subject and p.field = c.field
  where c.is_last and p.subject is null`;
