-- What a transaction of each type moves, the currencies that there are, and compare-and-set for optimistic batches.
--
-- A batch may be decided on account states that the service remembers, before their rows are locked. The statement that locks
-- them compares every value that the decision used and calls require_unchanged. The limits of an account are part of that
-- comparison, so that accounts need no record of when their limits were set.

alter table accounts drop column limits_version;

-- The salted digest of the entries' descriptions (a JSON array), where any has one: a second request is compared with it.
alter table transactions add column entry_texts bytea check (octet_length(entry_texts) = 32);

-- The currencies of ISO 4217 that have a minor unit, as src/core/currency.ts has them. They need no registration.
create table iso_currencies (
  code text collate "C" primary key,
  exponent smallint not null
);
insert into iso_currencies (code, exponent) values
  ('AED', 2), ('AFN', 2), ('ALL', 2), ('AMD', 2), ('AOA', 2), ('ARS', 2), ('AUD', 2), ('AWG', 2), ('AZN', 2),
  ('BAM', 2), ('BBD', 2), ('BDT', 2), ('BGN', 2), ('BHD', 3), ('BIF', 0), ('BMD', 2), ('BND', 2), ('BOB', 2),
  ('BOV', 2), ('BRL', 2), ('BSD', 2), ('BTN', 2), ('BWP', 2), ('BYN', 2), ('BZD', 2), ('CAD', 2), ('CDF', 2),
  ('CHE', 2), ('CHF', 2), ('CHW', 2), ('CLF', 4), ('CLP', 0), ('CNY', 2), ('COP', 2), ('COU', 2), ('CRC', 2),
  ('CUP', 2), ('CVE', 2), ('CZK', 2), ('DJF', 0), ('DKK', 2), ('DOP', 2), ('DZD', 2), ('EGP', 2), ('ERN', 2),
  ('ETB', 2), ('EUR', 2), ('FJD', 2), ('FKP', 2), ('GBP', 2), ('GEL', 2), ('GHS', 2), ('GIP', 2), ('GMD', 2),
  ('GNF', 0), ('GTQ', 2), ('GYD', 2), ('HKD', 2), ('HNL', 2), ('HTG', 2), ('HUF', 2), ('IDR', 2), ('ILS', 2),
  ('INR', 2), ('IQD', 3), ('IRR', 2), ('ISK', 0), ('JMD', 2), ('JOD', 3), ('JPY', 0), ('KES', 2), ('KGS', 2),
  ('KHR', 2), ('KMF', 0), ('KPW', 2), ('KRW', 0), ('KWD', 3), ('KYD', 2), ('KZT', 2), ('LAK', 2), ('LBP', 2),
  ('LKR', 2), ('LRD', 2), ('LSL', 2), ('LYD', 3), ('MAD', 2), ('MDL', 2), ('MGA', 2), ('MKD', 2), ('MMK', 2),
  ('MNT', 2), ('MOP', 2), ('MRU', 2), ('MUR', 2), ('MVR', 2), ('MWK', 2), ('MXN', 2), ('MXV', 2), ('MYR', 2),
  ('MZN', 2), ('NAD', 2), ('NGN', 2), ('NIO', 2), ('NOK', 2), ('NPR', 2), ('NZD', 2), ('OMR', 3), ('PAB', 2),
  ('PEN', 2), ('PGK', 2), ('PHP', 2), ('PKR', 2), ('PLN', 2), ('PYG', 0), ('QAR', 2), ('RON', 2), ('RSD', 2),
  ('RUB', 2), ('RWF', 0), ('SAR', 2), ('SBD', 2), ('SCR', 2), ('SDG', 2), ('SEK', 2), ('SGD', 2), ('SHP', 2),
  ('SLE', 2), ('SOS', 2), ('SRD', 2), ('SSP', 2), ('STN', 2), ('SVC', 2), ('SYP', 2), ('SZL', 2), ('THB', 2),
  ('TJS', 2), ('TMT', 2), ('TND', 3), ('TOP', 2), ('TRY', 2), ('TTD', 2), ('TWD', 2), ('TZS', 2), ('UAH', 2),
  ('UGX', 0), ('USD', 2), ('USN', 2), ('UYI', 0), ('UYU', 2), ('UYW', 4), ('UZS', 2), ('VED', 2), ('VES', 2),
  ('VND', 0), ('VUV', 0), ('WST', 2), ('XAD', 2), ('XAF', 0), ('XCD', 2), ('XCG', 2), ('XOF', 0), ('XPF', 0),
  ('YER', 2), ('ZAR', 2), ('ZMW', 2), ('ZWG', 2);

create function require_registered_currencies() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare unknown text;
begin
  select n.currency into unknown from new_accounts n
    where not exists (select from public.iso_currencies i where i.code = n.currency)
      and not exists (select from public.currencies c where c.code = n.currency and c.ledger_id = n.ledger_id)
    limit 1;
  if found then
    raise 'there is no currency %', unknown using errcode = '23514', constraint = 'accounts_currency_exists';
  end if;
  return null;
end $$;

create function refuse_iso_currencies() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from public.iso_currencies i where i.code = new.code) then
    raise '% is a currency of ISO 4217', new.code using errcode = '23514', constraint = 'currencies_not_iso';
  end if;
  return new;
end $$;

create trigger currency_exists after insert on accounts
  referencing new table as new_accounts for each statement execute function require_registered_currencies();
create trigger not_iso before insert on currencies for each row execute function refuse_iso_currencies();

create or replace function keep_account() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status = 'CLOSED' and new.status <> 'CLOSED' then
    raise 'a closed account stays closed' using errcode = '23514', constraint = 'accounts_closed_for_good';
  end if;
  if old.external_id is not null and new.external_id is distinct from old.external_id then
    raise 'an external id is given once' using errcode = '23514', constraint = 'accounts_external_id_once';
  end if;
  return new;
end $$;

-- Ends an optimistic batch whose accounts, now locked, differ from the states on which it was decided, or whose created_at does
-- not lie within the last second: it waited too long for its locks, or the service's idea of the clock is ahead. Otherwise
-- answers the clock.
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

revoke execute on all functions in schema public from public;
grant execute on function require_unchanged(boolean, timestamptz) to tls_app;
grant select on iso_currencies to tls_app;
