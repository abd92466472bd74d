-- Callers restricted to an owner. Their accounts are those that have this owner, so that no account of the ledger's own may be among
-- them. See 0002 for the rules of the functions.

alter table api_keys add constraint api_keys_owner_limits
  check (owner is null or (owner <> 'external' and scopes <@ array['READ', 'POST'] collate "C"));

-- Accounts that exist keep their owners.
create function check_account_owner() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  raise 'only the external accounts of a ledger have the owner external'
    using errcode = '23514', constraint = 'accounts_owner_not_external';
end $$;

create trigger owner_not_external before insert on accounts for each row
  when (new.owner = 'external' and new.kind <> 'EXTERNAL') execute function check_account_owner();

grant insert (owner) on api_keys to tls_app;
