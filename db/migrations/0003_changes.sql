-- The triggers that protect everything else: accounts, holds, periods, currencies and the audit log. See 0002 for the rules of
-- the functions.

create function keep_account() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status = 'CLOSED' and new.status <> 'CLOSED' then
    raise 'a closed account cannot be reopened' using errcode = '23514', constraint = 'accounts_closed_for_good';
  end if;
  if old.external_id is not null and new.external_id is distinct from old.external_id then
    raise 'an external id cannot be changed' using errcode = '23514', constraint = 'accounts_external_id_once';
  end if;
  return new;
end $$;

create function keep_hold() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.status <> 'OPEN' or new.captured < old.captured then
    raise 'a hold that has ended cannot change, and its captured amount cannot decrease'
      using errcode = '23514', constraint = 'holds_forward';
  end if;
  return new;
end $$;

-- Lets a period close only at an instant at least 5 seconds ago: closing it then never rejects a concurrent posting without an
-- effective_at, which counts from its created_at.
create function close_period_forward() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.closed_before is null and old.closed_before is not null
    or new.closed_before not between coalesce(old.closed_before, '0001-01-01 00:00:00+00')
      and clock_timestamp() - interval '5 seconds'
  then
    raise 'closed_before only moves forward, to an instant at least 5 seconds ago'
      using errcode = '23514', constraint = 'ledgers_closed_forward';
  end if;
  return new;
end $$;

create function require_registered_currencies() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
declare unknown text;
begin
  select n.currency into unknown from new_accounts n
    where not exists (select from public.iso_currencies i where i.code = n.currency) and
        not exists (select from public.currencies c where c.code = n.currency and c.ledger_id = n.ledger_id)
    limit 1;
  if found then
    raise 'currency % does not exist', unknown using errcode = '23514', constraint = 'accounts_currency_exists';
  end if;
  return null;
end $$;

create function refuse_iso_currencies() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if exists (select from public.iso_currencies i where i.code = new.code) then
    raise 'currency % is built in', new.code using errcode = '23514', constraint = 'currencies_not_iso';
  end if;
  return new;
end $$;

create trigger keep before update of external_id, status, min_balance, max_balance on accounts for each row execute function keep_account();
create trigger currency_exists after insert on accounts
  referencing new table as new_accounts for each statement execute function require_registered_currencies();
create trigger not_iso before insert on currencies for each row execute function refuse_iso_currencies();
create trigger close_period_forward before update of closed_before on ledgers for each row execute function close_period_forward();
create trigger keep_hold before update on holds for each row execute function keep_hold();

-- Completes an event with its number, time and hash, while it holds the lock of the log's head. The head itself advances after the
-- insert: `on conflict do nothing` calls this function even where it inserts nothing.
create function chain_audit_event() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  head record;
begin
  if tg_relid <> 'public.audit_events'::regclass or tg_op <> 'INSERT' then
    raise 'chain_audit_event is a trigger for INSERT into audit_events only' using errcode = '42501';
  end if;
  select h.number, h.hash, h.last_at into head from public.audit_heads h where h.ledger_id = new.ledger_id for update;
  if not found then
    raise 'ledger % does not exist', new.ledger_id using errcode = '23514', constraint = 'audit_events_ledger';
  end if;
  new.number := head.number + 1;
  new.previous_hash := head.hash;
  new.created_at := greatest(clock_timestamp(), head.last_at);
  new.hash := sha256('tls.audit.v1'::bytea || new.previous_hash || int8send(new.number) || convert_to(
    '{"action":' || to_json(new.action)
    || ',"actor":' || coalesce(to_json(new.actor)::text, 'null')
    || ',"after":' || coalesce(to_json(new.after)::text, 'null')
    || ',"before":' || coalesce(to_json(new.before)::text, 'null')
    || ',"createdAt":"' || to_char(new.created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    || '","idempotencyKey":' || coalesce(to_json(new.idempotency_key)::text, 'null')
    || ',"ledgerId":' || to_json(new.ledger_id)
    || ',"request":' || coalesce(to_json(encode(new.request, 'hex'))::text, 'null')
    || ',"requestId":' || to_json(new.request_id)
    || ',"subject":' || to_json(new.subject)
    || ',"subjectType":' || to_json(new.subject_type) || '}', 'UTF8'));
  return new;
end $$;

-- Advances the head of the log. Of several events in one statement only the first can: all have the same number.
create function advance_audit_head() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_relid <> 'public.audit_events'::regclass or tg_op <> 'INSERT' then
    raise 'advance_audit_head is a trigger for INSERT into audit_events only' using errcode = '42501';
  end if;
  update public.audit_heads h set number = new.number, hash = new.hash, last_at = new.created_at
    where h.ledger_id = new.ledger_id and h.number = new.number - 1 and h.hash = new.previous_hash;
  if not found then
    raise 'the audit event does not follow the last one; insert one event per statement' using errcode = '23514', constraint = 'audit_events_in_order';
  end if;
  return null;
end $$;

create function begin_audit_log() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_relid <> 'public.ledgers'::regclass or tg_op <> 'INSERT' then
    raise 'begin_audit_log is a trigger for INSERT into ledgers only' using errcode = '42501';
  end if;
  insert into public.audit_heads (ledger_id) values (new.id);
  return null;
end $$;

create trigger chain before insert on audit_events for each row execute function chain_audit_event();
create trigger advance after insert on audit_events for each row execute function advance_audit_head();
create trigger keep before update or delete or truncate on audit_events for each statement execute function refuse_change();
create trigger begin_audit_log after insert on ledgers for each row execute function begin_audit_log();

-- The default ledger. It is inserted after the trigger exists, which creates its audit log.
insert into ledgers (id, name) values (gen_random_uuid(), 'main');
