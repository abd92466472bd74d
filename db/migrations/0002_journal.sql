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
  moved bigint;
  wanted bigint;
begin
  if tg_relid <> 'public.entries'::regclass or tg_op <> 'INSERT' then
    raise 'not the entries' using errcode = '42501';
  end if;
  select n.ledger_id, n.created_at, n.transaction_id,
      (select m.transaction_id from new_entries m order by m.transaction_id desc limit 1)
    into ledger, at, first_id, last_id from new_entries n order by n.transaction_id limit 1;
  if not found then return null; end if;

  -- Every posted transaction of the range, and no other, has exactly its lines in this statement: each line is one of its
  -- transaction's, none comes twice (a unique key), and there are as many as the transactions have together. The lines of
  -- one currency and layer sum to zero. The type says how many lines there are, and in which layers.
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
    raise 'entries that are not balanced, or not the whole of their transactions'
      using errcode = '23514', constraint = 'entries_whole';
  end if;

  -- A created_at from the future would keep its accounts from moving until then. It is right only after the clock was set
  -- back, where an account of the batch or the period is ahead of the clock. An account that only a condition names has no
  -- entries: then all accounts are searched.
  if at > clock_timestamp() then
    select count(*) into wrong from public.accounts a
      where a.id = any (select n.account_id from new_entries n) and a.last_at + interval '1 microsecond' >= at;
    if wrong = 0 and not exists (select from public.ledgers l where l.id = ledger and l.closed_before >= at)
      and not exists (select from public.accounts a where a.ledger_id = ledger and a.last_at + interval '1 microsecond' >= at)
    then
      raise 'entries from the future' using errcode = '23514', constraint = 'entries_not_from_the_future';
    end if;
  end if;

  -- One pass an account: its first entry continues its version, its last one agrees with its sums. An account with entries
  -- of two currencies makes two groups, of which one at most can continue it. Deposits come from the external account,
  -- withdrawals go to it, and it takes part in no hold: outer_lines counts lines as the external account has them, inner_lines as
  -- the other one has.
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
    raise 'entries that do not continue their accounts' using errcode = '23514', constraint = 'entries_continue';
  end if;
  return null;
end $$;

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
    raise 'not the transactions' using errcode = '42501';
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

  -- UUIDv7 of createdAt (RFC 9562, method 3) that share all but the last 20 bits, which count. Between such ids no other
  -- transaction can lie, so that counting the range's entries proves that none of them lacks any.
  micros := extract(epoch from at) * 1000000;
  if not batch.together or left(batch.first_id::text, 31) <> left(batch.last_id::text, 31)
    or ('x' || right(batch.last_id::text, 5))::bit(20)::int - ('x' || right(batch.first_id::text, 5))::bit(20)::int + 1 <> batch.size
    or substr(uuid_send(batch.first_id), 1, 8) <> int8send(micros / 1000 << 16 | 28672 | micros % 1000 * 4096 / 1000)
  then
    raise 'transactions that are not one range of ids' using errcode = '23514', constraint = 'transactions_one_range';
  end if;
  if batch.lines <> batch.demanded then
    raise 'a transaction without its entries' using errcode = '23514', constraint = 'transactions_whole';
  end if;
  -- Repeatable reads rely on it: what is recorded as of a time stands in the books a minute later at the latest.
  if at < clock_timestamp() - interval '60 seconds' then
    raise 'a block that comes too late' using errcode = '23514', constraint = 'blocks_in_time';
  end if;
  -- move_accounts has looked at the time of a block with entries. Refusals come from the future only behind a clock that was
  -- set back; then an account or the period does too.
  if at > clock_timestamp() and batch.lines = 0 then
    if not exists (
        select from public.accounts a where a.ledger_id = batch.ledger_id and a.last_at + interval '1 microsecond' >= at)
      and not exists (select from public.ledgers l where l.id = batch.ledger_id and l.closed_before >= at)
    then
      raise 'a block from the future' using errcode = '23514', constraint = 'blocks_not_from_the_future';
    end if;
  end if;
  if root is null or octet_length(root) <> 32 then
    raise 'a block without a root' using errcode = '23514', constraint = 'blocks_root';
  end if;
  spent := set_config('tls.root', '', true);  -- a root serves one block

  with head as (
    update public.ledgers l
    set block = l.block + 1,
      head = sha256('tls.block.v1'::bytea || l.head || int8send(l.block + 1) || int4send(batch.size) || root)
    where l.id = batch.ledger_id and (l.closed_before is null or l.closed_before <= batch.effective_from)
    returning l.block, l.head)
  insert into public.blocks (number, ledger_id, first_id, last_id, size, root, hash, created_at)
    select h.block, batch.ledger_id, batch.first_id, batch.last_id, batch.size, root, h.head, at from head h;
  if not found then
    raise 'the period is closed, or there is no such ledger' using errcode = '23514', constraint = 'period_open';
  end if;
  return null;
end $$;

create function refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise 'the journal is append-only: post another transaction instead' using errcode = '42501';
end $$;

create function require_unchanged(unchanged boolean, created_at timestamptz) returns timestamptz language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare clock timestamptz := clock_timestamp();
begin
  if unchanged is not true then
    raise 'an account has changed' using errcode = '40001', constraint = 'accounts_unchanged';
  end if;
  if created_at not between clock - interval '1 second' and clock then
    raise 'not of the last second' using errcode = '40001', constraint = 'locks_in_time';
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
