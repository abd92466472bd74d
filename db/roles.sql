-- The cluster's roles. tls_owner owns the ledger's tables and functions; tls_app is what the service may be, and nothing
-- else. Neither can log in: a login for migrations is made a member of tls_owner, the service's login one of tls_app.
-- Migrating makes them where the login may; elsewhere an administrator runs this file once:
--   psql -f db/roles.sql
--   create role my_service login password '…' in role tls_app;
--   create role my_migrator login password '…' in role tls_owner;
do $$
declare name text;
begin
  foreach name in array array['tls_owner', 'tls_app'] loop
    if not exists (select from pg_catalog.pg_roles where rolname = name) then
      begin
        execute format('create role %I nologin', name);
      exception when duplicate_object or unique_violation then
        null;  -- another process made it in this moment
      end;
    end if;
  end loop;
end $$;
