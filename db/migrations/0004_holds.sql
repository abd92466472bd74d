-- What expires next, and the holds of an account in order.
create index holds_expiry on holds (expires_at) where status = 'OPEN' and expires_at is not null;
create index holds_from on holds (from_account_id, id);
create index holds_to on holds (to_account_id, id);
