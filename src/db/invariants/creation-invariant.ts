/**
 * I11 for the creation of accounts, which is not in the audit log: recomputes the digest of the request that created an account from
 * its row, with the values that the log gives for fields that were changed later. This is a second implementation of `digestRequest`
 * in src/core/decide/command.ts. Accounts without a digest are skipped.
 */
import { crc32 } from 'node:zlib';
import { type RawBuilder, sql } from 'kysely';
import { changesByField, shownAmount } from './audited-changes.ts';
import { type Check, canonicalText } from './chain-invariant.ts';

type Sql = RawBuilder<unknown>;

/** The fields of the request in their order, with their columns below. */
const FIELDS = [
  ['owner', 'c.owner'],
  ['currency', 'c.currency'],
  ['externalId', 'c.external_id'],
  ['normalSide', 'c.normal_side'],
  ['minBalance', 'c.min_balance'],
  ['maxBalance', 'c.max_balance'],
] as const;

const pair = (name: string, value: Sql): Sql =>
  sql`${sql.lit(`["${name}",`)} || to_json(${value})::text || ']'`;

/** The digest of all fields, 16 bytes. `concat_ws` leaves out absent fields, which are null. */
const digestWith = (metadata: Sql): Sql => {
  const pairs = [...FIELDS.map(([name, column]) => pair(name, sql.ref(column))), pair('metadata', metadata)];
  return sql`substr(sha256(convert_to('["ACCOUNT",[' || concat_ws(',', ${sql.join(pairs)}) || ']]', 'UTF8')), 1, 16)`;
};

/** Absent metadata and empty metadata are different requests for equal accounts. */
const EMPTY = '{}';

/** A limit as it enters the digest: the shortest decimal text. */
const limitText = (text: Sql): Sql => sql`
  coalesce(case when ${text} ~ '^-?[0-9]{1,60}([.][0-9]{1,30})?$' then trim_scale((${text})::numeric)::text else ${text} end, 'unlimited')`;

/** The value at the creation: that before the first change, or else the present one. */
const original = (field: string, value: Sql): Sql =>
  sql`case when f.fields ? ${sql.lit(field)} then f.fields ->> ${sql.lit(field)} else ${value} end`;

const CRC_TABLE = Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc >>> 0;
});
const CRC_OF_EMPTY = crc32(EMPTY);

/** Longer values are not compared by their CRC-32, which takes a step for each byte. The digest of all fields covers them. */
const MAX_CRC_BYTES = 4096;

/** The CRC-32 of a text; zero if it is null. */
const crcOf = (bytes: string): Sql => sql`coalesce((
  with recursive steps (place, crc) as (
    select 0, 4294967295::int8 where ${sql.ref(bytes)} is not null
    union all
    select place + 1, (${sql.lit(`{${CRC_TABLE.join(',')}}`)}::int8[])[((crc # get_byte(${sql.ref(bytes)}, place)) & 255) + 1] # (crc >> 8)
    from steps
    where place < octet_length(${sql.ref(bytes)}))
  select crc # 4294967295 from steps order by place desc limit 1), 0)`;

export const accountsAreAsCreated: Check = sql`
  with changes as materialized (${changesByField}),
  first_changes as materialized (
    select ledger_id, subject, jsonb_object_agg(field, before) as fields
    from changes
    where subject_type = 'ACCOUNT' and earlier is null
    group by ledger_id, subject),
  created as materialized (
    select a.id, a.ledger_id, a.owner, a.currency, case a.side when 1 then 'CREDIT' else 'DEBIT' end as normal_side,
      ${original('externalId', sql`a.external_id`)} as external_id,
      ${limitText(original('minBalance', shownAmount('a.min_balance', 'a.exponent')))} as min_balance,
      ${limitText(original('maxBalance', shownAmount('a.max_balance', 'a.exponent')))} as max_balance,
      ${original('metadata', canonicalText('a.metadata'))} as metadata,
      -- The log has only a digest of the metadata that was replaced.
      f.fields ->> 'metadata' is not null as is_metadata_lost,
      coalesce(f.fields, '{}') as changed,
      a.creation_digest
    from (
      select a.*, coalesce(i.exponent, c.exponent) as exponent
      from accounts a
      left join iso_currencies i on i.code = a.currency
      left join currencies c on c.code = a.currency and c.ledger_id = a.ledger_id
      where a.creation_digest is not null) a
    left join first_changes f on f.subject = a.id::text and f.ledger_id = a.ledger_id),
  -- Fields are compared one by one only where the whole digest differs or cannot be recomputed.
  suspects as materialized (
    select c.*
    from created c
    where c.is_metadata_lost or substr(c.creation_digest, 1, 16) <> ${digestWith(sql`c.metadata`)}
      and (c.metadata is not null or substr(c.creation_digest, 1, 16) <> ${digestWith(sql`${sql.lit(EMPTY)}::text`)})),
  compared as materialized (
    select c.id, c.ledger_id, c.is_metadata_lost, c.changed, f.field,
      case when octet_length(f.bytes) > ${sql.lit(MAX_CRC_BYTES)} then true
        else f.crc = ${crcOf('f.bytes')} or f.field = 'metadata' and f.bytes is null and f.crc = ${sql.lit(CRC_OF_EMPTY)} end as is_equal
    from suspects c
    cross join lateral (
      select g.field, convert_to(g.value, 'UTF8') as bytes,
        ('x' || encode(substr(c.creation_digest, 17 + 4 * g.place, 4), 'hex'))::bit(32)::int8 as crc
      from (values
        ${sql.join(FIELDS.map(([name, column], place) => sql`(${sql.lit(name)}, ${sql.lit(place)}, ${sql.ref(column)})`))},
        ('metadata', ${sql.lit(FIELDS.length)}, c.metadata)) g (field, place, value)
      where g.field <> 'metadata' or not c.is_metadata_lost) f)

  select case when changed ? field
      then format('The audit log changes the %s of account %s of ledger %s from a value that it was not created with.', field, id, ledger_id)
      else format('Account %s of ledger %s was created with another %s, and the audit log never changed it.', id, ledger_id, field) end
    as violation
  from compared
  where not is_equal

  union all
  select format('Account %s of ledger %s was not created as its row and the audit log say.', id, ledger_id)
  from compared
  where not is_metadata_lost
  group by id, ledger_id
  having bool_and(is_equal)`;
