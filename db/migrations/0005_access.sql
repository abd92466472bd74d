-- API keys, the actors that changes are attributed to, and the creation of ledgers by the service. See 0002 for the rules of the
-- functions.

-- Returns the id of an actor: a UUIDv8 of the first 16 bytes of SHA-256('tls.actor.v1' ‖ row), where `row` is the JSON object in
-- the form of RFC 8785 with the members issuer, kind and subject. The books name actors by this id, so that changing the row of
-- an actor cannot attribute a change to someone else.
create function actor_id(kind text, issuer text, subject text) returns uuid language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  digest bytea := sha256('tls.actor.v1'::bytea || convert_to(
    '{"issuer":' || coalesce(to_json(issuer)::text, 'null')
    || ',"kind":' || to_json(kind)
    || ',"subject":' || to_json(subject) || '}', 'UTF8'));
begin
  digest := set_byte(digest, 6, (get_byte(digest, 6) & 15) | 128);
  digest := set_byte(digest, 8, (get_byte(digest, 8) & 63) | 128);
  return encode(substr(digest, 1, 16), 'hex')::uuid;
end $$;

-- Callers who proved who they are. Append-only.
create table actors (
  id uuid primary key,
  kind text collate "C" not null check (kind in ('API_KEY', 'TOKEN', 'CLI')),
  -- The issuer of a token. Null for other kinds.
  issuer text collate "C" check (octet_length(issuer) between 1 and 255),
  -- The UUID of an API key, or the subject of a token.
  subject text collate "C" not null check (octet_length(subject) between 1 and 255),
  name text collate "C" not null check (octet_length(name) between 1 and 255),
  created_at timestamptz not null default clock_timestamp(),
  constraint actors_issuer_of_token check ((kind = 'TOKEN') = (issuer is not null)),
  constraint actors_id_is_digest check (id = actor_id(kind, issuer, subject))
);

-- Only expiry and revocation end a key: no key is deleted or changed.
create table api_keys (
  id uuid primary key,
  actor uuid not null,
  name text collate "C" not null check (octet_length(name) between 1 and 255),
  scopes text[] collate "C" not null,
  -- Null: all ledgers.
  ledger_id uuid,
  -- Restricts the key to the accounts of this owner. The service has no privilege to set it.
  owner text collate "C" check (octet_length(owner) between 1 and 255),
  -- The SHA-256 of the secret. The secret itself is not stored. It has 256 random bits, so that the digest needs no salt.
  secret bytea not null check (octet_length(secret) = 32),
  requests_per_second integer check (requests_per_second between 1 and 1000000),
  created_at timestamptz not null default clock_timestamp(),
  expires_at timestamptz,
  last_used_at timestamptz,
  revoked_at timestamptz,
  -- The number of elements equals the number of different scopes: there are no other elements, and none is repeated.
  constraint api_keys_scopes check (
    (array_ndims(scopes) = 1 and array_position(scopes, null) is null
      and cardinality(scopes) = ('READ' = any (scopes))::int + ('POST' = any (scopes))::int
        + ('MANAGE' = any (scopes))::int + ('ADMIN' = any (scopes))::int) is true),
  constraint api_keys_readable_times check (
    (expires_at between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00') is not false)
);
create unique index api_keys_name on api_keys (name, ledger_id) nulls not distinct where revoked_at is null;
create index api_keys_ledger on api_keys (ledger_id, id);

-- One row. keyed_at: when the first API key was created. From then on, for good, callers need credentials.
create table access_state (
  only_row boolean primary key default true check (only_row),
  keyed_at timestamptz
);
insert into access_state default values;

create function complete_api_key() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_relid <> 'public.api_keys'::regclass or tg_op <> 'INSERT' then
    raise 'complete_api_key is a trigger for INSERT into api_keys only' using errcode = '42501';
  end if;
  if not exists (select from public.ledgers l where l.id = new.ledger_id) and new.ledger_id is not null then
    raise 'ledger % does not exist', new.ledger_id using errcode = '23514', constraint = 'api_keys_ledger_exists';
  end if;
  new.actor := public.actor_id('API_KEY', null, new.id::text);
  return new;
end $$;

-- Runs after the insert: `on conflict do nothing` calls a trigger before it even where nothing is inserted.
create function admit_api_key() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if tg_relid <> 'public.api_keys'::regclass or tg_op <> 'INSERT' then
    raise 'admit_api_key is a trigger for INSERT into api_keys only' using errcode = '42501';
  end if;
  insert into public.actors (id, kind, subject, name) values (new.actor, 'API_KEY', new.id::text, new.name);
  update public.access_state set keyed_at = clock_timestamp() where keyed_at is null;
  return null;
end $$;

-- A revocation gets the time of the database's clock.
create function keep_api_key() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if to_jsonb(new) - '{last_used_at,revoked_at}'::text[] <> to_jsonb(old) - '{last_used_at,revoked_at}'::text[] then
    raise 'an API key cannot be changed' using errcode = '23514', constraint = 'api_keys_fixed';
  end if;
  if old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at then
    raise 'an API key is revoked for good' using errcode = '23514', constraint = 'api_keys_revoked_for_good';
  end if;
  if new.revoked_at is distinct from old.revoked_at then
    new.revoked_at := clock_timestamp();
  end if;
  if new.last_used_at is distinct from old.last_used_at
    and (new.last_used_at between coalesce(old.last_used_at, '-infinity') and clock_timestamp()) is not true
  then
    raise 'last_used_at only moves forward, up to the present' using errcode = '23514', constraint = 'api_keys_used_forward';
  end if;
  return new;
end $$;

create function keep_access_state() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if old.keyed_at is not null or new.keyed_at is null then
    raise 'keyed_at is set once, for good' using errcode = '23514', constraint = 'access_state_keyed_for_good';
  end if;
  return new;
end $$;

-- Ledgers that exist keep their names.
create function check_ledger_name() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  if new.name !~ '^[a-z0-9][a-z0-9._-]{0,62}$' then
    raise 'a ledger name has 1 to 63 characters of a-z, 0-9, "-", "_" and ".", and begins with a letter or digit'
      using errcode = '23514', constraint = 'ledgers_name_form';
  end if;
  return new;
end $$;

create trigger keep before update or delete or truncate on actors for each statement execute function refuse_change();
create trigger complete before insert on api_keys for each row execute function complete_api_key();
create trigger admit after insert on api_keys for each row execute function admit_api_key();
create trigger keep before update on api_keys for each row execute function keep_api_key();
create trigger keep_all before delete or truncate on api_keys for each statement execute function refuse_change();
create trigger keep before update on access_state for each row execute function keep_access_state();
create trigger keep_all before delete or truncate on access_state for each statement execute function refuse_change();
create trigger name_form before insert on ledgers for each row execute function check_ledger_name();

-- The actor of changes that are made by the command line.
insert into actors (id, kind, subject, name)
  values (actor_id('CLI', null, 'command line'), 'CLI', 'command line', 'command line');

-- No other role may read the digests of the secrets.
grant select on actors, api_keys, access_state to tls_app;
grant insert (id, name, scopes, ledger_id, secret, requests_per_second, expires_at) on api_keys to tls_app;
grant update (last_used_at, revoked_at) on api_keys to tls_app;
grant insert (id, name) on ledgers to tls_app;
