-- The tables, with their keys, checks and indexes.
--
-- The files 0001 to 0004 are the baseline. A file that was released never changes: a change of the schema is another file
-- with the next number, and it keeps all data.
--
-- Amounts are whole minor units of the currency. Inside the database a credit is positive and a debit is negative. Totals of
-- debits are wider than amounts, so that they do not overflow. The type numeric accepts NaN: a column that no sum protects
-- has a check against it.
--
-- Every unique key ends in ledger_id. If it came first, the planner would rate all keys of a table that it analyzed while the
-- table was empty as equally good. Prepared statements would then keep a plan that scans the whole ledger.
-- No row references another by a foreign key: the check of a foreign key would wait for the lock of the account, and the
-- triggers of the next files check more than foreign keys can.
--
-- The indexes on metadata, external ids, links and effective_at are partial, so that most postings write to none of them. The
-- other indexes on accounts cover only columns that no posting changes, so that the update of an account stays HOT.
-- An id is unique by itself: an index that only speeds up reads does not need ledger_id.
--
-- Keys with fillfactor 100 grow only at their right end, where free space in the filled pages would stay unused.

create table ledgers (
  id uuid primary key,
  name text collate "C" not null unique,
  -- No transaction may have an effective_at before this instant. It only moves forward.
  closed_before timestamptz,
  -- The head of the chain: number and hash of the last block.
  block bigint not null default 0,
  head bytea not null default '',
  created_at timestamptz not null default clock_timestamp()
) with (fillfactor = 20);

-- The currencies of ISO 4217 that have a minor unit, as in src/core/values/currency.ts. They are built in.
create table iso_currencies (
  code text collate "C" primary key,
  exponent smallint not null
);
insert into iso_currencies (code, exponent) values
  ('AED', 2), ('AFN', 2), ('ALL', 2), ('AMD', 2), ('AOA', 2), ('ARS', 2), ('AUD', 2), ('AWG', 2), ('AZN', 2),
  ('BAM', 2), ('BBD', 2), ('BDT', 2), ('BGN', 2), ('BHD', 3), ('BIF', 0), ('BMD', 2), ('BND', 2), ('BOB', 2),
  ('BOV', 2), ('BRL', 2), ('BSD', 2), ('BTN', 2), ('BWP', 2), ('BYN', 2), ('BZD', 2), ('CAD', 2), ('CDF', 2),
  ('CHE', 2), ('CHF', 2), ('CHW', 2), ('CLF', 4), ('CLP', 0), ('CNY', 2), ('COP', 2), ('COU', 2), ('CRC', 2),
  ('CUP', 2), ('CVE', 2), ('CZK', 2), ('DJF', 0), ('DKK', 2), ('DOP', 2), ('DZD', 2), ('EGP', 2), ('ERN', 2),
  ('ETB', 2), ('EUR', 2), ('FJD', 2), ('FKP', 2), ('GBP', 2), ('GEL', 2), ('GHS', 2), ('GIP', 2), ('GMD', 2),
  ('GNF', 0), ('GTQ', 2), ('GYD', 2), ('HKD', 2), ('HNL', 2), ('HTG', 2), ('HUF', 2), ('IDR', 2), ('ILS', 2),
  ('INR', 2), ('IQD', 3), ('IRR', 2), ('ISK', 0), ('JMD', 2), ('JOD', 3), ('JPY', 0), ('KES', 2), ('KGS', 2),
  ('KHR', 2), ('KMF', 0), ('KPW', 2), ('KRW', 0), ('KWD', 3), ('KYD', 2), ('KZT', 2), ('LAK', 2), ('LBP', 2),
  ('LKR', 2), ('LRD', 2), ('LSL', 2), ('LYD', 3), ('MAD', 2), ('MDL', 2), ('MGA', 2), ('MKD', 2), ('MMK', 2),
  ('MNT', 2), ('MOP', 2), ('MRU', 2), ('MUR', 2), ('MVR', 2), ('MWK', 2), ('MXN', 2), ('MXV', 2), ('MYR', 2),
  ('MZN', 2), ('NAD', 2), ('NGN', 2), ('NIO', 2), ('NOK', 2), ('NPR', 2), ('NZD', 2), ('OMR', 3), ('PAB', 2),
  ('PEN', 2), ('PGK', 2), ('PHP', 2), ('PKR', 2), ('PLN', 2), ('PYG', 0), ('QAR', 2), ('RON', 2), ('RSD', 2),
  ('RUB', 2), ('RWF', 0), ('SAR', 2), ('SBD', 2), ('SCR', 2), ('SDG', 2), ('SEK', 2), ('SGD', 2), ('SHP', 2),
  ('SLE', 2), ('SOS', 2), ('SRD', 2), ('SSP', 2), ('STN', 2), ('SVC', 2), ('SYP', 2), ('SZL', 2), ('THB', 2),
  ('TJS', 2), ('TMT', 2), ('TND', 3), ('TOP', 2), ('TRY', 2), ('TTD', 2), ('TWD', 2), ('TZS', 2), ('UAH', 2),
  ('UGX', 0), ('USD', 2), ('USN', 2), ('UYI', 0), ('UYU', 2), ('UYW', 4), ('UZS', 2), ('VED', 2), ('VES', 2),
  ('VND', 0), ('VUV', 0), ('WST', 2), ('XAD', 2), ('XAF', 0), ('XCD', 2), ('XCG', 2), ('XOF', 0), ('XPF', 0),
  ('YER', 2), ('ZAR', 2), ('ZMW', 2), ('ZWG', 2);

-- Currencies that a ledger registered in addition to those of ISO 4217.
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
  -- The normal side: 1 is CREDIT, -1 is DEBIT. The balance is side * posted.
  side smallint not null check (side in (-1, 1)),
  status text collate "C" not null default 'OPEN' check (status in ('OPEN', 'FROZEN', 'CLOSED')),
  posted numeric(38, 0) not null default 0,
  pending_debits numeric(38, 0) not null default 0,
  pending_credits numeric(38, 0) not null default 0,
  total_debits numeric(60, 0) not null default 0,
  -- Limits of the balance, on the normal side. Null: no limit.
  min_balance numeric(38, 0),
  max_balance numeric(38, 0),
  -- The version and the created_at of the account's last entry.
  version bigint not null default 0,
  last_at timestamptz not null default 'epoch',
  metadata jsonb,
  creation_key text collate "C" check (octet_length(creation_key) between 1 and 255),
  creation_digest bytea,
  -- The caller who created the account. Null: the service was called without credentials.
  actor uuid,
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
-- Lists the accounts of an owner in the order of their creation.
create index accounts_owner on accounts (owner, id);
-- Without fastupdate, since a full pending list would be emptied by one posting that then waits for all of it.
create index accounts_metadata on accounts using gin (metadata jsonb_path_ops)
  with (fastupdate = off) where metadata is not null;

-- The recorded outcomes: posted transactions and recorded refusals. Append-only.
create table transactions (
  id uuid not null,
  ledger_id uuid not null,
  type text collate "C" not null check (
    type in ('DEPOSIT', 'WITHDRAWAL', 'TRANSFER', 'JOURNAL', 'REVERSAL', 'HOLD', 'CAPTURE', 'RELEASE')),
  entry_count smallint not null check (entry_count >= 0),
  -- The key account. The key is null where the ledger itself acted, as when a hold expires.
  account_id uuid not null,
  idempotency_key text collate "C" check (octet_length(idempotency_key) between 1 and 255),
  -- The digest of the request: 16 bytes that decide whether another request is the same, then 4 bytes per field that tell
  -- which fields differ.
  request bytea check (octet_length(request) >= 16),
  external_id text collate "C" check (octet_length(external_id) between 1 and 255),
  -- POSTED, or the code of the refusal. The facts of a refusal are a flat object of texts.
  outcome text collate "C" not null,
  facts jsonb,
  hold_id uuid,
  reverses uuid,
  -- Null: the same as created_at.
  effective_at timestamptz,
  created_at timestamptz not null,
  -- The caller. Null: the service was called without credentials, or the ledger itself acted.
  actor uuid,
  description text,
  metadata jsonb,
  salt bytea,
  -- Salted digests that replace erased texts.
  description_digest bytea,
  metadata_digest bytea,
  -- The salted digest of all entry descriptions, as a JSON array; null where no entry has one. A repeated request is compared
  -- with it.
  entry_texts bytea check (octet_length(entry_texts) = 32),
  -- The leaf of the block's Merkle tree; src/core/chain.ts defines it.
  digest bytea not null check (octet_length(digest) = 32),
  primary key (id, ledger_id) with (fillfactor = 100),
  unique (account_id, idempotency_key, ledger_id),
  -- PostgreSQL stores years and infinities that other programs cannot read.
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
create index transactions_metadata on transactions using gin (metadata jsonb_path_ops)
  with (fastupdate = off) where metadata is not null;
-- Lists by effective time read the ids for all other transactions: their order is that of created_at.
create index transactions_displaced on transactions (effective_at, id) where effective_at is not null;

-- The debits and credits of posted transactions. Append-only.
create table entries (
  account_id uuid not null,
  version bigint not null,
  ledger_id uuid not null,
  transaction_id uuid not null,
  -- The position among the entries of the transaction, from 1.
  line smallint not null check (line > 0),
  type text collate "C" not null,
  currency text collate "C" not null,
  -- Every entry that ends a PENDING one is a RELEASE, in captures too.
  layer text collate "C" not null check (layer in ('POSTED', 'PENDING', 'RELEASE')),
  amount numeric(38, 0) not null check (amount <> 0),
  posted_after numeric(38, 0) not null,
  pending_debits_after numeric(38, 0) not null,
  pending_credits_after numeric(38, 0) not null,
  total_debits_after numeric(60, 0) not null,
  description text,
  description_digest bytea,
  -- Null: the same as created_at.
  effective_at timestamptz,
  created_at timestamptz not null,
  primary key (account_id, version, ledger_id),
  unique (transaction_id, line, ledger_id) with (fillfactor = 100),
  constraint entries_sums_are_numbers check (
    posted_after <> 'NaN' and pending_debits_after <> 'NaN' and pending_credits_after <> 'NaN' and total_debits_after <> 'NaN')
);
create index entries_displaced on entries (account_id, effective_at) where effective_at is not null;

-- Each block is a consecutive range of transactions. Blocks are numbered and chained in the order of their commits. Append-only.
create table blocks (
  number bigint not null,
  ledger_id uuid not null,
  first_id uuid not null,
  last_id uuid not null,
  size integer not null,
  root bytea not null,
  hash bytea not null,
  -- The version of the format of root and hash.
  format smallint not null default 1,
  created_at timestamptz not null,
  primary key (number, ledger_id) with (fillfactor = 100),
  unique (last_id, ledger_id) with (fillfactor = 100)
);

-- Reserved money. The id of a hold is the id of the transaction that placed it.
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
-- The sweeper reads which holds expire next.
create index holds_expiry on holds (expires_at) where status = 'OPEN' and expires_at is not null;
create index holds_from on holds (from_account_id, id);
create index holds_to on holds (to_account_id, id);

-- The audit log: one row per change of an account, a currency or a period, written by the transaction that makes the change.
-- Append-only, numbered without a gap in each ledger, and chained:
--
-- hash = SHA-256('tls.audit.v1' ‖ previous hash ‖ number in 8 bytes, big-endian ‖ row)
--
-- `row` is a JSON object in the form of RFC 8785. Its members are action, actor, after, before, createdAt, idempotencyKey,
-- ledgerId, request, requestId, subject and subjectType; each is a text or null. UUIDs are in PostgreSQL's output form,
-- `request` is lower-case hexadecimal, createdAt is in UTC with microseconds. The salt is left out: it can be erased later
-- without breaking the chain.
create table audit_events (
  number bigint not null,
  ledger_id uuid not null,
  -- The caller. Null: the service was called without credentials.
  actor uuid,
  -- The name of the mutation.
  action text collate "C" not null check (octet_length(action) between 1 and 255),
  -- The changed object: the UUID of an account or a ledger, or the code of a currency.
  subject_type text collate "C" not null check (octet_length(subject_type) between 1 and 255),
  subject text collate "C" not null check (octet_length(subject) between 1 and 255),
  -- JSON objects of the changed fields, in the form of the API. Metadata is given as the hexadecimal SHA-256(salt ‖ its
  -- RFC 8785). Both are null where a request changed nothing: then the row only records the key.
  before text collate "C" check (jsonb_typeof(before::jsonb) = 'object'),
  after text collate "C" check (jsonb_typeof(after::jsonb) = 'object'),
  idempotency_key text collate "C" check (octet_length(idempotency_key) between 1 and 255),
  -- The digest of the request, as in transactions.
  request bytea check (octet_length(request) >= 16),
  -- Null where the change has no metadata.
  salt bytea check (octet_length(salt) = 16),
  request_id text collate "C" not null check (octet_length(request_id) between 1 and 255),
  previous_hash bytea not null,
  hash bytea not null,
  created_at timestamptz not null,
  primary key (number, ledger_id),
  constraint audit_events_key_has_request check ((idempotency_key is null) = (request is null))
);
create unique index audit_events_key on audit_events (subject, idempotency_key, ledger_id) where idempotency_key is not null;

-- The end of each ledger's audit log.
create table audit_heads (
  ledger_id uuid primary key,
  number bigint not null default 0,
  hash bytea not null default '',
  last_at timestamptz not null default 'epoch'
) with (fillfactor = 20);
