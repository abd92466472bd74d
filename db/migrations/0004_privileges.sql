-- The privileges of the service's role. Everything that is not granted here is left to the owner and to the triggers, which run
-- as the owner.

-- PostgreSQL grants EXECUTE to everyone by default. The second statement covers the functions of later migrations.
revoke execute on all functions in schema public from public;
alter default privileges revoke execute on functions from public;

grant usage on schema public to tls_app;
grant select on all tables in schema public to tls_app;
grant execute on function require_unchanged(boolean, timestamptz) to tls_app;

-- The triggers on these two tables check every row, so that the service may write all columns.
grant insert on transactions, entries to tls_app;

-- Balances, versions and block numbers have no grant: only triggers write them.
grant insert (id, ledger_id, owner, kind, external_id, currency, side, min_balance, max_balance, metadata, creation_key,
  creation_digest, actor) on accounts to tls_app;
grant update (status, min_balance, max_balance, metadata, external_id) on accounts to tls_app;
grant insert (id, ledger_id, from_account_id, to_account_id, currency, amount, expires_at, created_at) on holds to tls_app;
grant update (captured, status) on holds to tls_app;
grant insert (code, ledger_id, exponent) on currencies to tls_app;
grant update (closed_before) on ledgers to tls_app;
grant insert (ledger_id, actor, action, subject_type, subject, before, after, idempotency_key, request, salt, request_id)
  on audit_events to tls_app;
