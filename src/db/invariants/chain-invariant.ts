/**
 * Recomputes the journal's chain from the tables with PostgreSQL's sha256(). This is a second implementation of the format in
 * src/core/chain.ts, independent of the code that writes the chain.
 */
import { type RawBuilder, sql } from 'kysely';

/** A query that returns one sentence per violation. */
export type Check = RawBuilder<{ readonly violation: string }>;

type Sql = RawBuilder<unknown>;

const ABSENT = sql`'\\xffffffff'::bytea`;
/** The lengths of a UUID, of an instant or a version, and of a digest. */
const LENGTH_16 = sql`'\\x00000010'::bytea`;
const LENGTH_8 = sql`'\\x00000008'::bytea`;
const LENGTH_32 = sql`'\\x00000020'::bytea`;

/** One field of a leaf. `||` and strict functions return NULL for NULL, so that coalesce handles absent values. */
const uuidField = (column: string): Sql =>
  sql`coalesce(${LENGTH_16} || uuid_send(${sql.ref(column)}), ${ABSENT})`;
const int64Field = (column: string): Sql =>
  sql`coalesce(${LENGTH_8} || int8send(${sql.ref(column)}), ${ABSENT})`;
const textField = (value: Sql): Sql =>
  sql`coalesce(int4send(octet_length(${value})) || convert_to(${value}, 'UTF8'), ${ABSENT})`;
const columnField = (column: string): Sql => textField(sql.ref(column));
const amountField = (column: string): Sql => textField(sql`${sql.ref(column)}::text`);

/** µs since 1970. An infinite instant has no such number: its field is left out, so that the digest differs. */
const instantField = (column: string): Sql => sql`
  case when ${sql.ref(column)} is null then ${ABSENT}
    when isfinite(${sql.ref(column)}) then ${LENGTH_8} || int8send((extract(epoch from ${sql.ref(column)}) * 1000000)::bigint)
    else '' end`;

/** The salted digest of a text. After the text was erased, the column `kept` has it. */
const saltedField = (text: Sql, salt: string, kept: string): Sql => sql`
  case when ${text} is not null then ${LENGTH_32} || sha256(coalesce(${sql.ref(salt)}, '') || convert_to(${text}, 'UTF8'))
    else coalesce(int4send(octet_length(${sql.ref(kept)})) || ${sql.ref(kept)}, ${ABSENT}) end`;

/**
 * The RFC 8785 text of a flat object of texts. PostgreSQL escapes the same characters in the same way. RFC 8785 orders keys by
 * UTF-16 units, where the surrogates of characters above U+FFFF come before U+E000. To get that order from code points, the
 * highest character, U+10FFFF, is inserted before each character from U+E000 to U+FFFF. A U+10FFFF of the key itself gets a
 * U+0001 after it, so that it still sorts before these.
 */
export const canonicalText = (column: string): Sql => sql`
  case when jsonb_typeof(${sql.ref(column)}) = 'object' then (
    select '{' || coalesce(string_agg(to_json(pair.key)::text || ':' || pair.value::text, ',' order by
      case when octet_length(pair.key) = length(pair.key) then pair.key
        else regexp_replace(replace(pair.key, U&'\\+10FFFF', U&'\\+10FFFF\\0001'), U&'([\\E000-\\FFFF])', U&'\\+10FFFF\\\\1', 'g')
      end collate "C"), '') || '}'
    from jsonb_each(${sql.ref(column)}) pair)
  else ${sql.ref(column)}::text end`;

const joined = (fields: readonly Sql[]): Sql => sql.join(fields, sql` || `);

const entryFields = joined([
  uuidField('e.account_id'),
  columnField('e.currency'),
  int64Field('e.version'),
  columnField('e.layer'),
  amountField('e.amount'),
  amountField('e.posted_after'),
  amountField('e.pending_debits_after'),
  amountField('e.pending_credits_after'),
  amountField('e.total_debits_after'),
  saltedField(sql.ref('e.description'), 's.salt', 'e.description_digest'),
]);

const transactionFields = joined([
  textField(sql`'tls.txn.v1'`),
  uuidField('t.id'),
  columnField('t.type'),
  uuidField('t.account_id'),
  columnField('t.idempotency_key'),
  columnField('t.external_id'),
  columnField('t.outcome'),
  columnField('t.facts_text'),
  uuidField('t.hold_id'),
  uuidField('t.reverses'),
  instantField('t.effective_at'),
  instantField('t.created_at'),
  // Present only in the transaction that placed the hold.
  instantField('h.expires_at'),
  uuidField('t.actor'),
  saltedField(sql.ref('t.description'), 't.salt', 't.description_digest'),
  saltedField(sql.ref('t.metadata_text'), 't.salt', 't.metadata_digest'),
]);

/**
 * I9. Each level is recomputed from the stored values of the level below it, so that one fault is reported once: digests from
 * rows, roots from digests, hashes from roots.
 */
export const chainHolds: Check = sql`
  with recursive entry_fields as materialized (
    select e.transaction_id, e.ledger_id, string_agg(${entryFields}, '' order by e.line) as bytes
    from entries e
    left join (select id, ledger_id, salt from transactions where salt is not null) s
      on e.description is not null and s.id = e.transaction_id and s.ledger_id = e.ledger_id
    group by e.transaction_id, e.ledger_id),
  leaves as (
    select t.id, t.digest, sha256('\\x00' || ${transactionFields} || coalesce(e.bytes, '')) as computed
    from (
      select t.*, ${canonicalText('t.facts')} as facts_text, ${canonicalText('t.metadata')} as metadata_text
      from transactions t
      offset 0) t
    left join holds h on h.id = t.id and h.ledger_id = t.ledger_id
    left join entry_fields e on e.transaction_id = t.id and e.ledger_id = t.ledger_id),

  -- Blocks and transactions are merged in the order of ids: a transaction belongs to the last range that begins before it.
  ranges as materialized (
    select b.*, row_number() over by_id as range, lag(b.last_id) over by_id as before_last_id, lag(b.number) over by_id as before
    from blocks b
    window by_id as (partition by b.ledger_id order by b.first_id, b.number)),
  marks as (
    select ledger_id, first_id as id, 0 as kind, number, first_id, last_id, created_at, null::bytea as digest from blocks
    union all
    select ledger_id, id, 1, null, null, null, created_at, digest from transactions),
  ranged as (
    select m.*, count(*) filter (where m.kind = 0) over by_id as range
    from marks m
    window by_id as (partition by m.ledger_id order by m.id, m.kind, m.number rows unbounded preceding)),
  placed as materialized (
    select * from (
      select r.ledger_id, r.id, r.kind, r.digest, r.range, r.created_at,
        first_value(r.first_id) over in_range as first_id, first_value(r.last_id) over in_range as last_id,
        first_value(r.created_at) over in_range as block_created_at,
        -- Row 1 is the block itself, so that the first transaction has place 0.
        row_number() over in_range - 2 as place,
        coalesce(r.id > first_value(r.last_id) over in_range, true) as outside
      from ranged r
      window in_range as (partition by r.ledger_id, r.range order by r.id, r.kind)) r
    where r.kind = 1),
  filled as materialized (
    select ledger_id, range, count(*) as size, bool_or(id = first_id) as has_first, bool_or(id = last_id) as has_last,
      bool_and(created_at = block_created_at) as at_once
    from placed
    where not outside
    group by ledger_id, range),

  -- Neighbours are joined level by level. A last node without a partner moves up unchanged.
  tree (ledger_id, range, place, width, digest) as (
    select ledger_id, range, place, width, digest
    from (
      select ledger_id, range, place, digest, count(*) over (partition by ledger_id, range) as width
      from placed
      where not outside) leaf
    union all
    select ledger_id, range, place / 2, (width + 1) / 2,
      case when right_digest is null then digest else sha256('\\x01' || digest || right_digest) end
    from (
      select tree.*, lead(digest) over (partition by ledger_id, range order by place) as right_digest
      from tree
      where width > 1) pair
    where place % 2 = 0),
  chained as (
    select b.*, row_number() over by_number as due, coalesce(lag(b.hash) over by_number, '') as previous_hash,
      lead(b.number) over by_number is null as is_last
    from blocks b
    window by_number as (partition by b.ledger_id order by b.number)),
  heads as materialized (
    select ledger_id, number, hash from chained where is_last)

  select format('Transaction %s: its recorded digest is %s, but its rows give %s.', id, encode(digest, 'hex'), encode(computed, 'hex'))
    as violation
  from leaves
  where digest is distinct from computed

  union all
  select format('Transaction %s has a text, but no salt of 16 bytes.', t.id)
  from transactions t
  where (t.description is not null or t.metadata is not null) and octet_length(t.salt) is distinct from 16

  union all
  select format('Transaction %s belongs to no block of ledger %s.', id, ledger_id)
  from placed
  where outside

  union all
  select format('Block %s of ledger %s should have %s transactions of %s from %s to %s, but %s.', r.number, r.ledger_id,
    r.size, r.created_at, r.first_id, r.last_id,
    case when f.size is distinct from r.size then format('it has %s', coalesce(f.size, 0))
      when not f.at_once then 'some have another createdAt' else 'the first or the last is missing' end)
  from ranges r left join filled f on f.ledger_id = r.ledger_id and f.range = r.range
  where f.size is distinct from r.size or not (f.at_once and f.has_first and f.has_last)

  union all
  select format('Blocks %s and %s of ledger %s overlap.', before, number, ledger_id)
  from ranges
  where first_id <= before_last_id

  union all
  select format('Block %s of ledger %s: its recorded root is %s, but its transactions give %s.', r.number, r.ledger_id,
    encode(r.root, 'hex'), encode(t.digest, 'hex'))
  from ranges r join tree t on t.ledger_id = r.ledger_id and t.range = r.range
  where t.width = 1 and r.root <> t.digest

  union all
  select format('Ledger %s has block %s in place of block %s.', ledger_id, number, due)
  from chained
  where number <> due

  union all
  select format('Block %s of ledger %s has the unknown format %s.', number, ledger_id, format)
  from chained
  where format <> 1

  union all
  select format('Block %s of ledger %s: its hash does not match the previous hash and its number, size and root.', number, ledger_id)
  from chained
  where hash is distinct from
    sha256('tls.block.v1'::bytea || previous_hash || int8send(number) || int4send(size) || root)

  union all
  select format('Ledger %s: its head is block %s with the hash %s, but its last block is %s with the hash %s.',
    coalesce(l.id, h.ledger_id), l.block, encode(l.head, 'hex'), h.number, encode(h.hash, 'hex'))
  from ledgers l full join heads h on h.ledger_id = l.id
  where l.id is null or (l.block, l.head) is distinct from (coalesce(h.number, 0), coalesce(h.hash, ''))`;
