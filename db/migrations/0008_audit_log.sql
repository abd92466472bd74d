-- The audit log: every change that is not a posting, written by the transaction that makes it. Append-only, numbered without a gap
-- in each ledger, and chained:
--
-- hash = SHA-256('tls.audit.v1' ‖ previous hash ‖ number in 8 bytes, big-endian ‖ row)
--
-- `row` is RFC 8785: an object with the members action, actor, after, before, createdAt, idempotencyKey, ledgerId, request,
-- requestId, subject and subjectType, each a text or null. Ids are as PostgreSQL shows them, `request` is lower-case
-- hexadecimal, createdAt is in UTC with microseconds. The salt is not in it, so that it can be erased later and the chain holds.

-- The end of each ledger's log. It is locked last of all, by the trigger that appends.
create table audit_heads (
  ledger_id uuid primary key,
  number bigint not null default 0,
  hash bytea not null default '',
  last_at timestamptz not null default 'epoch'
) with (fillfactor = 20);
insert into audit_heads (ledger_id) select id from ledgers;

create table audit_events (
  number bigint not null,
  ledger_id uuid not null,
  -- The caller; null: unauthenticated.
  actor uuid,
  -- The mutation's field.
  action text collate "C" not null check (octet_length(action) between 1 and 255),
  -- The changed object: the uuid of an account or a ledger, the code of a currency.
  subject_type text collate "C" not null check (octet_length(subject_type) between 1 and 255),
  subject text collate "C" not null check (octet_length(subject) between 1 and 255),
  -- JSON objects of the fields that changed, as the API shows them. Metadata is SHA-256(salt ‖ its RFC 8785), hexadecimal.
  -- Both are null where nothing changed: then the row only keeps the key.
  before text collate "C" check (jsonb_typeof(before::jsonb) = 'object'),
  after text collate "C" check (jsonb_typeof(after::jsonb) = 'object'),
  idempotency_key text collate "C" check (octet_length(idempotency_key) between 1 and 255),
  -- The request's digest: 16 bytes that decide, and 4 a field that name the difference.
  request bytea check (octet_length(request) >= 16),
  -- Only where metadata was given.
  salt bytea check (octet_length(salt) = 16),
  request_id text collate "C" not null check (octet_length(request_id) between 1 and 255),
  previous_hash bytea not null,
  hash bytea not null,
  created_at timestamptz not null,
  primary key (number, ledger_id),
  constraint audit_events_key_has_request check ((idempotency_key is null) = (request is null))
);
create unique index audit_events_key on audit_events (subject, idempotency_key, ledger_id) where idempotency_key is not null;

-- The row's place in the chain, under the lock of the head. It moves on only behind a row that was inserted: `on conflict do
-- nothing` fires this function and inserts nothing.
create function chain_audit_event() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  head record;
begin
  if tg_relid <> 'public.audit_events'::regclass or tg_op <> 'INSERT' then
    raise 'not the audit log' using errcode = '42501';
  end if;
  select h.number, h.hash, h.last_at into head from public.audit_heads h where h.ledger_id = new.ledger_id for update;
  if not found then
    raise 'there is no such ledger' using errcode = '23514', constraint = 'audit_events_ledger';
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

-- Of several rows in one statement all but the first would take its number: they are refused.
create function advance_audit_head() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_relid <> 'public.audit_events'::regclass or tg_op <> 'INSERT' then
    raise 'not the audit log' using errcode = '42501';
  end if;
  update public.audit_heads h set number = new.number, hash = new.hash, last_at = new.created_at
    where h.ledger_id = new.ledger_id and h.number = new.number - 1 and h.hash = new.previous_hash;
  if not found then
    raise 'an audit event that does not follow the last one' using errcode = '23514', constraint = 'audit_events_in_order';
  end if;
  return null;
end $$;

create function begin_audit_log() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_relid <> 'public.ledgers'::regclass or tg_op <> 'INSERT' then
    raise 'not the ledgers' using errcode = '42501';
  end if;
  insert into public.audit_heads (ledger_id) values (new.id);
  return null;
end $$;

create function keep_audit_log() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise 'the audit log is append-only' using errcode = '42501';
end $$;

create trigger chain before insert on audit_events for each row execute function chain_audit_event();
create trigger advance after insert on audit_events for each row execute function advance_audit_head();
create trigger keep before update or delete or truncate on audit_events for each statement execute function keep_audit_log();
create trigger begin_audit_log after insert on ledgers for each row execute function begin_audit_log();

revoke execute on function chain_audit_event(), advance_audit_head(), begin_audit_log(), keep_audit_log() from public;
grant select on audit_heads, audit_events to tls_app;
grant insert (ledger_id, actor, action, subject_type, subject, before, after, idempotency_key, request, salt, request_id)
  on audit_events to tls_app;
