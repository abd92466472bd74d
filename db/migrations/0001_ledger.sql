-- The books: tables and keys. Amounts are minor units, signed with credits positive; totals have room for any number of them.
-- numeric takes NaN: where a number is not compared with a sum, a check refuses it.
-- Every unique key ends in ledger_id: with it first, a planner that saw a table while it was empty finds all keys equally
-- good, keeps the wrong one in prepared statements, and scans the ledger. There are no foreign keys between rows: their
-- checks would wait for the accounts' locks, and the triggers of 0002 demand more than they could.

create table ledgers (
  id uuid primary key,
  name text collate "C" not null unique,
  -- No effectiveAt before it; moves forward only.
  closed_before timestamptz,
  -- The head of the chain: the number and the hash of the last block.
  block bigint not null default 0,
  head bytea not null default '',
  created_at timestamptz not null default clock_timestamp()
) with (fillfactor = 20);

-- Registered currencies. Those of ISO 4217 are constants of the program and never stand here.
create table currencies (
  code text collate "C" not null check (code ~ '^[A-Z][A-Z0-9]{2,11}$'),
  ledger_id uuid not null,
  exponent smallint not null check (exponent between 0 and 30),
  created_at timestamptz not null default clock_timestamp(),
  primary key (code, ledger_id)
);

create table accounts (
  id uuid not null,
  ledger_id uuid not null,
  owner text collate "C" not null check (octet_length(owner) between 1 and 255),
  kind text collate "C" not null default 'STANDARD' check (kind in ('STANDARD', 'EXTERNAL')),
  external_id text collate "C" check (octet_length(external_id) between 1 and 255),
  currency text collate "C" not null check (currency ~ '^[A-Z][A-Z0-9]{2,11}$'),
  -- The normal side: 1 CREDIT, -1 DEBIT, so that side * posted is the balance.
  side smallint not null check (side in (-1, 1)),
  status text collate "C" not null default 'OPEN' check (status in ('OPEN', 'FROZEN', 'CLOSED')),
  posted numeric(38, 0) not null default 0,
  pending_debits numeric(38, 0) not null default 0,
  pending_credits numeric(38, 0) not null default 0,
  total_debits numeric(60, 0) not null default 0,
  -- Limits on the normal side; null: none.
  min_balance numeric(38, 0),
  max_balance numeric(38, 0),
  -- The version at which these limits were set: every later entry keeps them.
  limits_version bigint not null default 0,
  version bigint not null default 0,
  last_at timestamptz not null default 'epoch',
  metadata jsonb,
  creation_key text collate "C" check (octet_length(creation_key) between 1 and 255),
  creation_digest bytea,
  created_at timestamptz not null default clock_timestamp(),
  primary key (id, ledger_id),
  constraint accounts_within_min check (
    min_balance is null
    or side * posted - case side when 1 then pending_debits else pending_credits end >= min_balance),
  constraint accounts_within_max check (
    max_balance is null
    or side * posted + case side when 1 then pending_credits else pending_debits end <= max_balance),
  constraint accounts_limits_are_numbers check (min_balance <> 'NaN' and max_balance <> 'NaN'),
  constraint accounts_pending_not_negative check (pending_debits >= 0 and pending_credits >= 0),
  constraint accounts_closed_empty check (
    status <> 'CLOSED' or (posted = 0 and pending_debits = 0 and pending_credits = 0)),
  constraint accounts_external check (
    kind = 'STANDARD'
    or (owner = 'external' and side = -1 and status = 'OPEN' and external_id is null and creation_key is null
      and min_balance is null and max_balance is null))
) with (fillfactor = 50);
create unique index accounts_external_id on accounts (external_id, ledger_id) where external_id is not null;
create unique index accounts_creation_key on accounts (owner, creation_key, ledger_id) where creation_key is not null;
create unique index accounts_external_currency on accounts (currency, ledger_id) where kind = 'EXTERNAL';

-- Every answer that a key gives forever: posted transactions and recorded refusals.
create table transactions (
  id uuid not null,
  ledger_id uuid not null,
  type text collate "C" not null check (
    type in ('DEPOSIT', 'WITHDRAWAL', 'TRANSFER', 'JOURNAL', 'REVERSAL', 'HOLD', 'CAPTURE', 'RELEASE')),
  entry_count smallint not null check (entry_count >= 0),
  -- Whose idempotency key it is. A null key: the ledger's own act.
  account_id uuid not null,
  idempotency_key text collate "C" check (octet_length(idempotency_key) between 1 and 255),
  -- The request's digest: 16 bytes that decide, and 4 a field that name the difference.
  request bytea check (octet_length(request) >= 16),
  external_id text collate "C" check (octet_length(external_id) between 1 and 255),
  -- POSTED, or the refusal's code with its facts, a flat object of texts.
  outcome text collate "C" not null,
  facts jsonb,
  hold_id uuid,
  reverses uuid,
  -- null: created_at
  effective_at timestamptz,
  created_at timestamptz not null,
  description text,
  metadata jsonb,
  salt bytea,
  -- The salted digests of texts that were erased, in their place.
  description_digest bytea,
  metadata_digest bytea,
  digest bytea not null check (octet_length(digest) = 32),
  primary key (id, ledger_id),
  unique (account_id, idempotency_key, ledger_id),
  -- Times that a program can write and read again: of the years 1 to 9999, and no infinity.
  constraint transactions_readable_times check (
    effective_at between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'),
  constraint transactions_posted_moves check ((outcome = 'POSTED') = (entry_count > 0)),
  constraint transactions_declined_says_why check ((outcome = 'POSTED') = (facts is null)),
  constraint transactions_key_has_request check ((idempotency_key is null) = (request is null))
);
create unique index transactions_external_id on transactions (external_id, ledger_id)
  where external_id is not null and outcome = 'POSTED';
create index transactions_reverses on transactions (reverses) where reverses is not null;
create index transactions_hold on transactions (hold_id, id) where hold_id is not null;

create table entries (
  account_id uuid not null,
  version bigint not null,
  ledger_id uuid not null,
  transaction_id uuid not null,
  line smallint not null check (line > 0),
  type text collate "C" not null,
  currency text collate "C" not null,
  -- RELEASE is every entry that ends a PENDING one.
  layer text collate "C" not null check (layer in ('POSTED', 'PENDING', 'RELEASE')),
  amount numeric(38, 0) not null check (amount <> 0),
  posted_after numeric(38, 0) not null,
  pending_debits_after numeric(38, 0) not null,
  pending_credits_after numeric(38, 0) not null,
  total_debits_after numeric(60, 0) not null,
  description text,
  description_digest bytea,
  -- Only where it differs from created_at.
  effective_at timestamptz,
  created_at timestamptz not null,
  primary key (account_id, version, ledger_id),
  unique (transaction_id, line, ledger_id),
  constraint entries_sums_are_numbers check (
    posted_after <> 'NaN' and pending_debits_after <> 'NaN' and pending_credits_after <> 'NaN' and total_debits_after <> 'NaN')
);
create index entries_displaced on entries (account_id, effective_at) where effective_at is not null;

-- Consecutive ranges of transactions, numbered and chained in the order of their commits.
create table blocks (
  number bigint not null,
  ledger_id uuid not null,
  first_id uuid not null,
  last_id uuid not null,
  size integer not null,
  root bytea not null,
  hash bytea not null,
  -- Of the hash's composition.
  format smallint not null default 1,
  created_at timestamptz not null,
  primary key (number, ledger_id),
  unique (last_id, ledger_id)
);

-- Reserved money. A hold's id is that of the transaction that placed it.
create table holds (
  id uuid not null,
  ledger_id uuid not null,
  from_account_id uuid not null,
  to_account_id uuid not null,
  currency text collate "C" not null,
  amount numeric(38, 0) not null check (amount > 0 and amount <> 'NaN'),
  captured numeric(38, 0) not null default 0,
  status text collate "C" not null default 'OPEN' check (status in ('OPEN', 'CAPTURED', 'VOIDED', 'EXPIRED')),
  expires_at timestamptz,
  created_at timestamptz not null,
  primary key (id, ledger_id),
  constraint holds_readable_times check (
    created_at between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00'
    and (expires_at between '0001-01-01 00:00:00+00' and '9999-12-31 23:59:59.999999+00') is not false),
  constraint holds_captured_within check (captured between 0 and amount)
) with (fillfactor = 80);

insert into ledgers (id, name) values (gen_random_uuid(), 'main');
