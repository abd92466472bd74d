-- What an administrator prepares, once a database: the cluster's roles, and what they may in this database.
-- tls_owner owns the ledger's tables and functions; tls_app is what the service may be, and nothing else. Neither can log in:
-- the login that migrates is made a member of tls_owner, the service's login one of tls_app. Migrating does all this by itself
-- where its login may; elsewhere:
--   psql -d books -f db/roles.sql
--   psql -d books -c "create role my_migrator login password '…' in role tls_owner"
--   psql -d books -c "create role my_service login password '…' in role tls_app"
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
  -- A temporary table, or one of somebody else's, could stand where a program expects one of the ledger's.
  execute format('revoke temporary on database %I from public', current_database());
  revoke create on schema public from public;
  grant create, usage on schema public to tls_owner;
end $$;
