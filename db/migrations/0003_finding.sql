-- Finding: the indexes that the lists' filters walk, beside the keys; see src/db/finding.ts.
-- A posting pays for none of them, unless it has metadata or an effectiveAt of its own: they are partial, or on columns of
-- accounts that no posting changes, so that its update of the account stays HOT. An id is unique by itself: none of these
-- keys needs a ledger_id.

-- An owner's accounts, in the order in which they were made.
create index accounts_owner on accounts (owner, id);
-- What has all of these keys with these values. Without a list of its own of what is still to be put in (fastupdate): emptying
-- it would fall to some batch, all at once.
create index accounts_metadata on accounts using gin (metadata jsonb_path_ops)
  with (fastupdate = off) where metadata is not null;
create index transactions_metadata on transactions using gin (metadata jsonb_path_ops)
  with (fastupdate = off) where metadata is not null;
-- What counts at another time than that of its recording; all others are in the order of their ids. Of one account it is
-- entries_displaced.
create index transactions_displaced on transactions (effective_at, id) where effective_at is not null;
