-- Run once per database by an administrator: creates the roles of the cluster and sets their privileges in this database.
--
-- tls_owner owns the tables and functions of the ledger. The service acts as tls_app only. Neither role can log in: make the login
-- that migrates a member of tls_owner, and the login of the service a member of tls_app.
-- A migration does all of this by itself if its login has the privileges. Otherwise:
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
        null;  -- A concurrent process created it.
      end;
    end if;
  end loop;
  -- A program would use a temporary table, or a table of another user, instead of the ledger's table of the same name.
  execute format('revoke temporary on database %I from public', current_database());
  revoke create on schema public from public;
  grant create, usage on schema public to tls_owner;
end $$;
