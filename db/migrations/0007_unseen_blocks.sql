-- Frozen accounts move by what ends a hold, and by nothing else: here too, and no longer by the service's word alone.
--
-- A block may be decided unseen, before its accounts are locked, on what the service left there. What it then writes is
-- refused where anything else stands there: versions, sums, times and states are compared, keys and externalIds are unique,
-- and the closed period is looked at. An account's limits are compared with what the block leaves, but not between two of its
-- entries: a transaction that says that it is unseen (`tls.unseen`) is refused on an account whose limits were set since its
-- last entry. It is refused too where it waited so long for its locks that it would be dated more than a second before them.

-- Whole and balanced transactions that continue their accounts: the one way in which an account moves.
create or replace function move_accounts() returns trigger language plpgsql security definer
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
  unseen boolean := current_setting('tls.unseen', true) = 'on';
begin
  if tg_relid <> 'public.entries'::regclass or tg_op <> 'INSERT' then
    raise 'not the entries' using errcode = '42501';
  end if;
  select n.ledger_id, n.created_at, n.transaction_id,
      (select m.transaction_id from new_entries m order by m.transaction_id desc limit 1)
    into ledger, at, first_id, last_id from new_entries n order by n.transaction_id limit 1;
  if not found then return null; end if;
  if unseen and at < clock_timestamp() - interval '1 second' then
    raise 'unseen entries that come too late' using errcode = '23514', constraint = 'entries_unseen_in_time';
  end if;

  -- Every posted transaction of the range, and no other, has exactly its lines in this statement: each line is one of its
  -- transaction's, none comes twice (a unique key), and there are as many as the transactions have together. The lines of
  -- one currency and layer sum to zero.
  with t as materialized (
    select p.id, p.ledger_id, p.entry_count, p.type, p.created_at, p.effective_at
    from public.transactions p where p.id between first_id and last_id and p.outcome = 'POSTED'),
  fitting as (
    select count(n.line) as lines, count(*) filter (where n.layer <> 'POSTED') as reserved,
      count(*) filter (where (n.line <= t.entry_count and n.type = t.type
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

  -- A created_at from the future would keep its accounts from moving until then. It is right only behind what the accounts
  -- or the period say, as after a clock that was set back.
  if at > clock_timestamp() then
    select count(*) into wrong from public.accounts a
      where a.id = any (select n.account_id from new_entries n) and a.last_at + interval '1 microsecond' >= at;
    if wrong = 0 and not exists (select from public.ledgers l where l.id = ledger and l.closed_before >= at) then
      raise 'entries from the future' using errcode = '23514', constraint = 'entries_not_from_the_future';
    end if;
  end if;

  -- One pass an account: its first entry continues its version, its last one agrees with its sums. An account with entries
  -- of two currencies makes two groups, of which one at most can continue it.
  with g as (
    select n.account_id, n.currency, min(n.version) as first_version, max(n.version) as last_version, count(*) as lines,
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
      and (a.status = 'OPEN' or (a.status = 'FROZEN'
        and not exists (select from new_entries n where n.account_id = a.id and n.type <> 'RELEASE')))
      and (unseen is not true or a.limits_version < a.version)
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
