-- A minimal transfer in PL/pgSQL on the same columns: locks both accounts by id, looks up the key, updates both accounts and inserts
-- three rows. Returns the transaction's id; for a key that was used before, the first transaction's id.
create function transfer(payer uuid, payee uuid, minor numeric, key text, request bytea, digest bytea) returns uuid
  language plpgsql
as $$
declare
  ledger constant uuid := '00000000-0000-7000-8000-000000000000';
  txn uuid;
  at timestamptz;
  locked integer;
  payer_posted numeric;
  payer_debits numeric;
  payer_version bigint;
  payee_posted numeric;
  payee_debits numeric;
  payee_version bigint;
begin
  perform from accounts a where a.id in (payer, payee) and a.ledger_id = ledger order by a.id for update;
  get diagnostics locked = row_count;
  if locked <> 2 then
    raise 'the accounts do not exist';
  end if;

  select t.id into txn from transactions t where t.account_id = payer and t.idempotency_key = key and t.ledger_id = ledger;
  if found then
    return txn;
  end if;

  txn := uuidv7();
  at := clock_timestamp();
  update accounts a set posted = a.posted - minor, total_debits = a.total_debits + minor, version = a.version + 1, last_at = at
    where a.id = payer and a.ledger_id = ledger
    returning a.posted, a.total_debits, a.version into payer_posted, payer_debits, payer_version;
  update accounts a set posted = a.posted + minor, version = a.version + 1, last_at = at
    where a.id = payee and a.ledger_id = ledger
    returning a.posted, a.total_debits, a.version into payee_posted, payee_debits, payee_version;
  insert into transactions (id, ledger_id, type, entry_count, account_id, idempotency_key, request, outcome, created_at, digest)
    values (txn, ledger, 'TRANSFER', 2, payer, key, request, 'POSTED', at, digest);
  insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
      pending_debits_after, pending_credits_after, total_debits_after, created_at)
    values
      (payer, payer_version, ledger, txn, 1, 'TRANSFER', 'USD', 'POSTED', -minor, payer_posted, 0, 0, payer_debits, at),
      (payee, payee_version, ledger, txn, 2, 'TRANSFER', 'USD', 'POSTED', minor, payee_posted, 0, 0, payee_debits, at);
  return txn;
end $$;
