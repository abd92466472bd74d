-- Writes a thousand transfers of 1 between random accounts in one statement, with the rows that the ledger writes, without any
-- check or lookup. $1, $2: the first number and the count of the accounts; $3: the prefix of their ids; $4: the ledger;
-- $5, $6: the digests of a request and of a transaction.
-- The lines of an account are counted and summed once, for its own row and for its entries.
with
transfers as materialized (
  select uuidv7() as id, gen_random_uuid()::text as key, at, ($3::text || payer)::uuid as payer,
    ($3::text || $1::bigint + (payer - $1::bigint + 1 + floor(random() * ($2::int - 1))::int) % $2::int)::uuid as payee
  from (select clock_timestamp() as at offset 0) clock,
    (select $1::bigint + floor(random() * $2::int)::int as payer from generate_series(1, 1000) offset 0) payers),
lines as materialized (
  select l.*, row_number() over upto as nth, sum(amount) over upto as moved, sum(debit) over upto as debits,
    lead(1) over upto is null as last
  from (
    select id, at, 1::smallint as line, payer as account_id, -1 as amount, 1 as debit from transfers
    union all
    select id, at, 2::smallint, payee, 1, 0 from transfers) l
  window upto as (partition by account_id order by id rows unbounded preceding)),
moved as (
  update accounts a
  set posted = a.posted + l.moved, total_debits = a.total_debits + l.debits, version = a.version + l.nth, last_at = l.at
  from lines l
  where l.last and a.id = l.account_id and a.ledger_id = $4::uuid
  returning a.id, old.posted, old.total_debits, old.version),
posted as (
  insert into transactions (id, ledger_id, type, entry_count, account_id, idempotency_key, request, outcome, created_at, digest)
  select id, $4::uuid, 'TRANSFER', 2, payer, key, $5::bytea, 'POSTED', at, $6::bytea from transfers),
block as (
  -- Several backends write blocks at once, so the numbers are not consecutive.
  insert into blocks (number, ledger_id, first_id, last_id, size, root, hash, created_at)
  select ('x' || right(last.id::text, 12))::bit(48)::bigint, $4::uuid, first.id, last.id, 1000, $6::bytea, $6::bytea, last.at
  from (select * from transfers order by id limit 1) first, (select * from transfers order by id desc limit 1) last)
insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
  pending_debits_after, pending_credits_after, total_debits_after, created_at)
select l.account_id, m.version + l.nth, $4::uuid, l.id, l.line, 'TRANSFER', 'USD', 'POSTED', l.amount, m.posted + l.moved,
  0, 0, m.total_debits + l.debits, l.at
from lines l join moved m on m.id = l.account_id;
