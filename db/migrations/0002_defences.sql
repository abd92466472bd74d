-- How the database defends the books, also against the service's own login.
-- Only an INSERT of entries moves accounts, and only an INSERT of transactions appends a block: by the triggers below, which
-- run as the tables' owner. What the service may do beside that stands in the grants at the end.
--
-- The write is one statement, with the transactions' INSERT in a WITH and the entries' INSERT as its main part. The main
-- part's trigger fires first, so that the ledger's row is locked last of all and for the shortest time.
--
-- Functions: search_path is pinned and ends in pg_temp, so that no temporary object shadows another; tg_relid is tested, so
-- that the function does nothing when it hangs on another table; planner settings are pinned, since a cached plan must serve
-- one row and a thousand. Reads of a range of ids have no `ledger_id =` beside it: on a table that was analyzed while empty it
-- makes every key that ends in ledger_id look right. Sets are compared by FULL JOIN behind MATERIALIZED: under a WHERE it would
-- silently become an inner join.

-- Whole and balanced transactions that continue their accounts: the one way in which an account moves.
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
  mixed bigint;
  moved bigint;
  wanted bigint;
begin
  if tg_relid <> 'public.entries'::regclass or tg_op <> 'INSERT' then
    raise 'not the entries' using errcode = '42501';
  end if;
  select n.ledger_id, n.created_at, n.transaction_id into ledger, at, first_id from new_entries n order by n.transaction_id limit 1;
  if not found then return null; end if;
  select n.transaction_id into last_id from new_entries n order by n.transaction_id desc limit 1;

  -- Every posted transaction of the range, and no other, has exactly its lines in this statement.
  select
    count(*) filter (where g.lines is distinct from t.entry_count::bigint
      or g.first_line <> 1 or g.last_line <> g.lines or not g.together
      or g.lowest_type <> t.type or g.highest_type <> t.type
      or t.ledger_id <> ledger or t.created_at <> at
      or case when t.effective_at is null or t.effective_at = at then g.displaced <> 0
           else g.displaced <> g.lines or g.earliest <> t.effective_at or g.latest <> t.effective_at end
      or (g.total <> 0 and not g.mixed)),
    count(*) filter (where g.mixed)
    into wrong, mixed
    from (
      select n.transaction_id, count(*) as lines, min(n.line) as first_line, max(n.line) as last_line, sum(n.amount) as total,
        bool_and(n.ledger_id = ledger and n.created_at = at) as together,
        min(n.type) as lowest_type, max(n.type) as highest_type,
        count(n.effective_at) as displaced, min(n.effective_at) as earliest, max(n.effective_at) as latest,
        min(n.currency) <> max(n.currency) or min(n.layer) <> max(n.layer) as mixed
      from new_entries n group by n.transaction_id) g
    full join (
      select p.id, p.ledger_id, p.entry_count, p.type, p.created_at, p.effective_at
      from public.transactions p where p.id between first_id and last_id and p.outcome = 'POSTED') t
    on t.id = g.transaction_id;
  -- Of several currencies or layers each one sums to zero.
  if mixed > 0 and wrong = 0 then
    select count(*) into wrong from (
      select from new_entries n group by n.transaction_id, n.currency, n.layer having sum(n.amount) <> 0) unbalanced;
  end if;
  if wrong > 0 then
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

  -- One pass an account: its first entry continues its version, its last one agrees with its sums.
  with g as (
    select n.account_id, min(n.version) as first_version, max(n.version) as last_version, count(*) as lines,
      min(n.currency) as lowest_currency, max(n.currency) as highest_currency,
      coalesce(sum(case when n.layer = 'POSTED' then n.amount end), 0) as posted,
      coalesce(sum(case when n.layer = 'POSTED' and n.amount < 0 then -n.amount end), 0) as debits,
      coalesce(sum(case when n.layer = 'PENDING' and n.amount < 0 or n.layer = 'RELEASE' and n.amount > 0 then -n.amount end), 0)
        as pending_debits,
      coalesce(sum(case when n.layer = 'PENDING' and n.amount > 0 or n.layer = 'RELEASE' and n.amount < 0 then n.amount end), 0)
        as pending_credits
    from new_entries n group by n.account_id),
  e as materialized (
    select g.*, n.posted_after, n.pending_debits_after, n.pending_credits_after, n.total_debits_after
    from g full join new_entries n on n.account_id = g.account_id and n.version = g.last_version
    where coalesce(g.lines, 0) > 0 order by g.account_id),
  u as (
    update public.accounts a
    set posted = e.posted_after, pending_debits = e.pending_debits_after, pending_credits = e.pending_credits_after,
      total_debits = e.total_debits_after, version = e.last_version, last_at = at
    from e
    where a.id = e.account_id and a.ledger_id = ledger and a.status <> 'CLOSED' and a.last_at < at
      and a.version = e.first_version - 1 and e.last_version - e.first_version + 1 = e.lines
      and a.currency = e.lowest_currency and e.lowest_currency = e.highest_currency
      and a.posted + e.posted = e.posted_after and a.total_debits + e.debits = e.total_debits_after
      and a.pending_debits + e.pending_debits = e.pending_debits_after
      and a.pending_credits + e.pending_credits = e.pending_credits_after
    returning 1)
  select (select count(*) from g), (select count(*) from u) into wanted, moved;
  if moved <> wanted then
    raise 'entries that do not continue their accounts' using errcode = '23514', constraint = 'entries_continue';
  end if;
  return null;
end $$;

-- A consecutive range of ids with all its entries becomes the next block: the one way in which the chain grows.
create function append_block() returns trigger language plpgsql security definer
  set search_path = pg_catalog, pg_temp
  set enable_seqscan = off set enable_bitmapscan = off set plan_cache_mode = force_generic_plan set jit = off
as $$
declare
  ledger uuid;
  at timestamptz;
  first_id uuid;
  last_id uuid;
  batch record;
  lines bigint;
  micros bigint;
  root bytea := decode(nullif(current_setting('tls.root', true), ''), 'hex');
begin
  if tg_relid <> 'public.transactions'::regclass or tg_op <> 'INSERT' then
    raise 'not the transactions' using errcode = '42501';
  end if;
  select n.ledger_id, n.created_at, n.id into ledger, at, first_id from new_transactions n order by n.id limit 1;
  if not found then return null; end if;
  select n.id into last_id from new_transactions n order by n.id desc limit 1;

  select count(*)::int as size, sum(n.entry_count) as lines,
      bool_and(n.ledger_id = ledger and n.created_at = at) as together,
      min(coalesce(n.effective_at, n.created_at)) as effective_from
    into batch from new_transactions n;
  -- UUIDv7 of createdAt (RFC 9562, method 3) that share all but the last 20 bits, which count. Between such ids no other
  -- transaction can lie, so that counting the range's entries proves that none of them lacks any.
  micros := extract(epoch from at) * 1000000;
  if not batch.together or left(first_id::text, 31) <> left(last_id::text, 31)
    or ('x' || right(last_id::text, 5))::bit(20)::int - ('x' || right(first_id::text, 5))::bit(20)::int + 1 <> batch.size
    or substr(uuid_send(first_id), 1, 8) <> int8send(micros / 1000 << 16 | 28672 | micros % 1000 * 4096 / 1000)
  then
    raise 'transactions that are not one range of ids' using errcode = '23514', constraint = 'transactions_one_range';
  end if;
  select count(*) filter (where e.ledger_id = ledger) into lines
    from public.entries e where e.transaction_id between first_id and last_id;
  if lines <> batch.lines then
    raise 'a transaction without its entries' using errcode = '23514', constraint = 'transactions_whole';
  end if;
  -- Repeatable reads rely on it: what is recorded as of a time stands in the books a minute later at the latest.
  if at < clock_timestamp() - interval '60 seconds' then
    raise 'a block that comes too late' using errcode = '23514', constraint = 'blocks_in_time';
  end if;
  -- move_accounts has looked at the time of a block with entries. Refusals come from the future only behind a clock that was
  -- set back; then an account or the period does too.
  if at > clock_timestamp() and batch.lines = 0
    and not exists (select from public.accounts a where a.ledger_id = ledger and a.last_at + interval '1 microsecond' >= at)
    and not exists (select from public.ledgers l where l.id = ledger and l.closed_before >= at)
  then
    raise 'a block from the future' using errcode = '23514', constraint = 'blocks_not_from_the_future';
  end if;
  if root is null or octet_length(root) <> 32 then
    raise 'a block without a root' using errcode = '23514', constraint = 'blocks_root';
  end if;
  perform set_config('tls.root', '', true);  -- a root serves one block

  with head as (
    update public.ledgers l
    set block = l.block + 1,
      head = sha256('tls.block.v1'::bytea || l.head || int8send(l.block + 1) || int4send(batch.size) || root)
    where l.id = ledger and (l.closed_before is null or l.closed_before <= batch.effective_from)
    returning l.block, l.head)
  insert into public.blocks (number, ledger_id, first_id, last_id, size, root, hash, created_at)
    select h.block, ledger, first_id, last_id, batch.size, root, h.head, at from head h;
  if not found then
    raise 'the period is closed, or there is no such ledger' using errcode = '23514', constraint = 'period_open';
  end if;
  return null;
end $$;

create function refuse_change() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise 'the journal is append-only: post another transaction instead' using errcode = '42501';
end $$;

create function keep_account() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status = 'CLOSED' and new.status <> 'CLOSED' then
    raise 'a closed account stays closed' using errcode = '23514', constraint = 'accounts_closed_for_good';
  end if;
  if old.external_id is not null and new.external_id is distinct from old.external_id then
    raise 'an external id is given once' using errcode = '23514', constraint = 'accounts_external_id_once';
  end if;
  if (new.min_balance, new.max_balance) is distinct from (old.min_balance, old.max_balance) then
    new.limits_version := old.version;
  end if;
  return new;
end $$;

create function close_period_forward() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.closed_before is null and old.closed_before is not null
    or new.closed_before not between coalesce(old.closed_before, '0001-01-01 00:00:00+00') and clock_timestamp()
  then
    raise 'a period is closed up to now at most, and never opened again'
      using errcode = '23514', constraint = 'ledgers_closed_forward';
  end if;
  return new;
end $$;

-- Holds end once, and are captured upwards.
create function keep_hold() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status <> 'OPEN' or new.captured < old.captured then
    raise 'an ended hold stays ended, and what is captured stays captured'
      using errcode = '23514', constraint = 'holds_forward';
  end if;
  return new;
end $$;

create trigger move_accounts after insert on entries
  referencing new table as new_entries for each statement execute function move_accounts();
create trigger append_block after insert on transactions
  referencing new table as new_transactions for each statement execute function append_block();
create trigger keep before update or delete or truncate on transactions for each statement execute function refuse_change();
create trigger keep before update or delete or truncate on entries for each statement execute function refuse_change();
create trigger keep before update or delete or truncate on blocks for each statement execute function refuse_change();
create trigger keep before update of external_id, status, min_balance, max_balance on accounts for each row execute function keep_account();
create trigger close_period_forward before update of closed_before on ledgers for each row execute function close_period_forward();
create trigger keep_hold before update on holds for each row execute function keep_hold();

revoke execute on all functions in schema public from public;
-- Of what later migrations add, too.
alter default privileges revoke execute on functions from public;
grant usage on schema public to tls_app;
grant select on all tables in schema public to tls_app;
grant insert on transactions, entries to tls_app;
grant insert (id, ledger_id, owner, kind, external_id, currency, side, min_balance, max_balance, metadata, creation_key,
  creation_digest) on accounts to tls_app;
grant update (status, min_balance, max_balance, metadata, external_id) on accounts to tls_app;
grant insert (code, ledger_id, exponent) on currencies to tls_app;
grant insert (id, ledger_id, from_account_id, to_account_id, currency, amount, expires_at, created_at) on holds to tls_app;
grant update (captured, status) on holds to tls_app;
grant update (closed_before) on ledgers to tls_app;
