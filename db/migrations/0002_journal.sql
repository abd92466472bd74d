-- The triggers that protect the journal, also from the service's own login.
--
-- An account moves only by an INSERT of entries, and a block is appended only by an INSERT of transactions. The triggers below do
-- both, as the owner of the tables. Transactions, entries and blocks are append-only.
--
-- A batch is written by one statement: the INSERT of transactions is in a WITH, the INSERT of entries is the main part. The trigger
-- of the main part fires first, so that the row of the ledger is locked last and for the shortest time.
--
-- Rules for the functions:
-- - They pin search_path, with pg_temp last, so that no temporary object hides a table or function.
-- - SECURITY DEFINER functions check tg_relid, so that they fail if they are attached to any other table.
-- - They pin planner settings: one cached plan must be good for one row and for a thousand.
-- - A range of ids is read without a condition on ledger_id. With one, a table analyzed while empty makes every key that ends in
--   ledger_id look suitable.
-- - Sets are compared by a FULL JOIN inside a MATERIALIZED part, since a WHERE clause would turn it into an inner join.
-- - They use few statements: in a small block a statement costs more than its rows. The first and the last id of an INSERT are read
--   by subqueries of one row, since min(uuid) needs PostgreSQL 18.

-- Returns whether a created_at after the clock is correct, because the clock was set back: the closed period ends then or later, or
-- an account has an entry in the microsecond before it or later.
create function clock_was_set_back(ledger uuid, at timestamptz) returns boolean language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  return exists (select from public.ledgers l where l.id = ledger and l.closed_before >= at)
    or exists (select from public.accounts a where a.ledger_id = ledger and a.last_at + interval '1 microsecond' >= at);
end $$;

-- Moves the accounts of inserted entries. Rejects entries that are unbalanced, that do not match their transactions, or that do
-- not continue their accounts.
create function move_accounts() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set enable_hashjoin = off set enable_mergejoin = off
  set enable_material = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
  ledger uuid;
  at timestamptz;
  first_id uuid;
  last_id uuid;
  wrong bigint;
  reserved bigint;
  lines bigint;
  demanded bigint;
  unbalanced bigint;
  ahead bigint;
  moved bigint;
  wanted bigint;
begin
  if tg_relid <> 'public.entries'::regclass or tg_op <> 'INSERT' then
    raise 'move_accounts is a trigger for INSERT into entries only' using errcode = '42501';
  end if;
  select n.ledger_id, n.created_at, n.transaction_id,
      (select m.transaction_id from new_entries m order by m.transaction_id desc limit 1)
    into ledger, at, first_id, last_id from new_entries n order by n.transaction_id limit 1;
  if not found then return null; end if;

  -- Every posted transaction of the range has exactly its entries in this statement, and there are no others. Each entry fits its
  -- transaction, a unique key excludes duplicates, and the number of entries (lines) is the sum of entry_count (demanded). The
  -- entries of a transaction sum to zero per currency and layer. Its type determines their layers, and their number where it is fixed.
  with t as materialized (
    select p.id, p.ledger_id, p.entry_count, p.type, p.created_at, p.effective_at, p.reverses, p.hold_id
    from public.transactions p where p.id between first_id and last_id and p.outcome = 'POSTED'),
  fitting as (
    select count(n.line) as lines, count(*) filter (where n.layer <> 'POSTED') as reserved,
      count(*) filter (where (n.line <= t.entry_count and n.type = t.type
        and case n.type
          when 'CAPTURE' then n.layer <> 'PENDING' and t.entry_count = 4 and t.hold_id is not null
          when 'HOLD' then n.layer = 'PENDING' and t.entry_count = 2
          when 'RELEASE' then n.layer = 'RELEASE' and t.entry_count = 2 and t.hold_id is not null
          when 'JOURNAL' then n.layer = 'POSTED'
          when 'REVERSAL' then n.layer = 'POSTED' and t.reverses is not null
          else n.layer = 'POSTED' and t.entry_count = 2 end
        and n.ledger_id = ledger and n.created_at = at and t.ledger_id = ledger and t.created_at = at
        and n.effective_at is not distinct from nullif(t.effective_at, at)) is not true) as wrong
    from new_entries n full join t on t.id = n.transaction_id)
  select f.lines, f.reserved, f.wrong, (select sum(t.entry_count) from t),
      (select count(*) from (
        select from new_entries n group by n.transaction_id, n.currency, n.layer having sum(n.amount) <> 0) u)
    into lines, reserved, wrong, demanded, unbalanced from fitting f;
  if wrong > 0 or unbalanced > 0 or lines is distinct from demanded then
    raise 'the entries are not balanced, or do not match their transactions'
      using errcode = '23514', constraint = 'entries_whole';
  end if;

  -- A created_at in the future would block its accounts until then. It is correct only after the clock was set back. Usually an
  -- account of the batch shows that. All accounts are searched otherwise: a condition of the batch can name an account that has no
  -- entries in it.
  if at > clock_timestamp() then
    select count(*) into ahead from public.accounts a
      where a.id = any (select n.account_id from new_entries n) and a.last_at + interval '1 microsecond' >= at;
    if not (ahead > 0 or public.clock_was_set_back(ledger, at)) then
      raise 'the created_at of the entries is in the future' using errcode = '23514', constraint = 'entries_not_from_the_future';
    end if;
  end if;

  -- One group per account: the first entry continues the version, and the last one agrees with the sums. An account with entries in
  -- two currencies has two groups, and at most one of them can continue it. outer_lines counts entries that only an external
  -- account may have: the debit of a deposit, the credit of a withdrawal. inner_lines counts entries that it may not have: the other
  -- ones of deposits and withdrawals, and those of holds.
  with g as (
    select n.account_id, n.currency, min(n.version) as first_version, max(n.version) as last_version, count(*) as lines,
      bool_and(n.type = 'RELEASE') as only_releases,
      count(*) filter (where n.type = 'DEPOSIT' and n.amount < 0 or n.type = 'WITHDRAWAL' and n.amount > 0) as outer_lines,
      count(*) filter (where n.type = 'DEPOSIT' and n.amount > 0 or n.type = 'WITHDRAWAL' and n.amount < 0
        or n.layer <> 'POSTED') as inner_lines,
      coalesce(sum(n.amount) filter (where n.layer = 'POSTED'), 0) as posted,
      coalesce(sum(n.amount) filter (where n.amount < 0 and n.layer = 'POSTED'), 0) as debits,
      coalesce(sum(n.amount) filter (where reserved > 0
        and (n.layer = 'PENDING' and n.amount < 0 or n.layer = 'RELEASE' and n.amount > 0)), 0) as pending_debits,
      coalesce(sum(n.amount) filter (where reserved > 0
        and (n.layer = 'PENDING' and n.amount > 0 or n.layer = 'RELEASE' and n.amount < 0)), 0) as pending_credits
    from new_entries n group by n.account_id, n.currency),
  e as materialized (
    select g.*, n.posted_after, n.pending_debits_after, n.pending_credits_after, n.total_debits_after
    from g full join new_entries n on n.account_id = g.account_id and n.version = g.last_version
    where coalesce(g.last_version - g.first_version + 1, 0) = coalesce(g.lines, -1) order by g.account_id),
  u as (
    update public.accounts a
    set posted = e.posted_after, pending_debits = e.pending_debits_after, pending_credits = e.pending_credits_after,
      total_debits = e.total_debits_after, version = e.last_version, last_at = at
    from e
    where a.id = e.account_id and a.ledger_id = ledger and a.last_at < at
      and (a.status = 'OPEN' or a.status = 'FROZEN' and e.only_releases)
      and case a.kind when 'EXTERNAL' then e.inner_lines = 0 else e.outer_lines = 0 end
      and a.currency = e.currency and a.version = e.first_version - 1
      and a.posted + e.posted = e.posted_after and a.total_debits - e.debits = e.total_debits_after
      and a.pending_debits - e.pending_debits = e.pending_debits_after
      and a.pending_credits + e.pending_credits = e.pending_credits_after
    returning 1)
  select (select count(*) from g), (select count(*) from u) into wanted, moved;
  if moved <> wanted then
    raise 'the entries do not continue their accounts' using errcode = '23514', constraint = 'entries_continue';
  end if;
  return null;
end $$;

-- Appends the block of inserted transactions to the chain. Rejects transactions that are not one consecutive range of ids, and
-- transactions without their entries.
create function append_block() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
  batch record;
  at timestamptz;
  micros bigint;
  spent text;
  root bytea := decode(nullif(current_setting('tls.root', true), ''), 'hex');
begin
  if tg_relid <> 'public.transactions'::regclass or tg_op <> 'INSERT' then
    raise 'append_block is a trigger for INSERT into transactions only' using errcode = '42501';
  end if;
  select f.*, s.*, (
      select count(*) filter (where e.ledger_id = f.ledger_id)
      from public.entries e where e.transaction_id between f.first_id and f.last_id) as lines
    into batch
    from (
      select n.ledger_id, n.created_at, n.id as first_id, (select m.id from new_transactions m order by m.id desc limit 1) as last_id
      from new_transactions n order by n.id limit 1) f
    cross join lateral (
      select count(*)::int as size, sum(n.entry_count) as demanded,
        bool_and(n.ledger_id = f.ledger_id and n.created_at = f.created_at) as together,
        min(coalesce(n.effective_at, n.created_at)) as effective_from
      from new_transactions n) s;
  if not found then return null; end if;
  at := batch.created_at;

  -- The ids are UUIDv7 of created_at (RFC 9562, method 3). They differ only in the last 20 bits, which are consecutive numbers. No
  -- other transaction can lie between them: the number of entries in the range proves that no transaction lacks any.
  micros := extract(epoch from at) * 1000000;
  if not batch.together or left(batch.first_id::text, 31) <> left(batch.last_id::text, 31)
    or ('x' || right(batch.last_id::text, 5))::bit(20)::int - ('x' || right(batch.first_id::text, 5))::bit(20)::int + 1 <> batch.size
    or substr(uuid_send(batch.first_id), 1, 8) <> int8send(micros / 1000 << 16 | 28672 | micros % 1000 * 4096 / 1000)
  then
    raise 'the ids are not one consecutive range for their created_at' using errcode = '23514', constraint = 'transactions_one_range';
  end if;
  if batch.lines <> batch.demanded then
    raise 'the number of entries differs from the sum of entry_count' using errcode = '23514', constraint = 'transactions_whole';
  end if;
  -- Repeatable point-in-time reads rely on this: 60 seconds after an instant, nothing is recorded before it.
  if at < clock_timestamp() - interval '60 seconds' then
    raise 'the created_at of the block is more than 60 seconds ago' using errcode = '23514', constraint = 'blocks_in_time';
  end if;
  -- For a block with entries, move_accounts has checked this: its trigger fires first.
  if at > clock_timestamp() and batch.lines = 0 then
    if not public.clock_was_set_back(batch.ledger_id, at) then
      raise 'the created_at of the block is in the future' using errcode = '23514', constraint = 'blocks_not_from_the_future';
    end if;
  end if;
  if root is null or octet_length(root) <> 32 then
    raise 'the setting tls.root is not a root of 32 bytes' using errcode = '23514', constraint = 'blocks_root';
  end if;
  spent := set_config('tls.root', '', true);  -- each block needs its own root

  with head as (
    update public.ledgers l
    set block = l.block + 1,
      head = sha256('tls.block.v1'::bytea || l.head || int8send(l.block + 1) || int4send(batch.size) || root)
    where l.id = batch.ledger_id and (l.closed_before is null or l.closed_before <= batch.effective_from)
    returning l.block, l.head)
  insert into public.blocks (number, ledger_id, first_id, last_id, size, root, hash, created_at)
    select h.block, batch.ledger_id, batch.first_id, batch.last_id, batch.size, root, h.head, at from head h;
  if not found then
    raise 'the period is closed, or the ledger does not exist' using errcode = '23514', constraint = 'period_open';
  end if;
  return null;
end $$;

-- Rejects every change of an append-only table.
create function refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise 'table % is append-only', tg_table_name using errcode = '42501';
end $$;

-- Returns the clock. Aborts an optimistic write whose locked accounts differ from the cached states that it used, or whose
-- created_at is not within the last second: it waited too long for its locks, or the service expects a later clock.
create function require_unchanged(unchanged boolean, created_at timestamptz) returns timestamptz language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare clock timestamptz := clock_timestamp();
begin
  if unchanged is not true then
    raise 'an account differs from its cached state' using errcode = '40001', constraint = 'accounts_unchanged';
  end if;
  if created_at not between clock - interval '1 second' and clock then
    raise 'created_at is not within the last second' using errcode = '40001', constraint = 'locks_in_time';
  end if;
  return clock;
end $$;

create trigger move_accounts after insert on entries
  referencing new table as new_entries for each statement execute function move_accounts();
create trigger append_block after insert on transactions
  referencing new table as new_transactions for each statement execute function append_block();
create trigger keep before update or delete or truncate on transactions for each statement execute function refuse_change();
create trigger keep before update or delete or truncate on entries for each statement execute function refuse_change();
create trigger keep before update or delete or truncate on blocks for each statement execute function refuse_change();
