/**
 * The statements of a batch. What depends on the locked accounts is read in a statement of its own: in read committed
 * each statement has one snapshot, and a subquery beside FOR UPDATE would still see what stood before the wait.
 */
import { CompiledQuery, sql, type Transaction as Trx } from 'kysely';
import type { AccountState } from '../../core/account.ts';
import { merkleRoot } from '../../core/chain.ts';
import type { Book } from '../../core/decide/book.ts';
import type { Recording } from '../../core/decide/recording.ts';
import type { Hold } from '../../core/hold.ts';
import type { Entry } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { formatInstant, type Instant } from '../../core/values/instant.ts';
import { accountStateOf, STATE_COLUMNS } from '../accounts.ts';
import { mapRows } from '../currency-rows.ts';
import { binaryArray, type Elements } from '../postgres/binary-array.ts';
import { prepare } from '../postgres/checked-pool.ts';
import { fixedQuery } from '../postgres/compile.ts';
import { COMMIT, pipeline } from '../postgres/pipeline.ts';
import type { Accounts, DB } from '../tables.ts';

type CurrencyOf = (code: string) => Currency;

/** What a batch names. */
export interface Naming {
  readonly accounts: readonly Uuid[];
  /** Pairs of a key account and a key of it. */
  readonly keys: readonly (readonly [account: Uuid, key: string])[];
  readonly externalIds: readonly string[];
}

/** What a batch finds of what it names, with its accounts locked. */
export interface Findings {
  readonly accounts: Map<Uuid, AccountState>;
  /** The transactions that the batch's keys have already. */
  readonly recorded: readonly Uuid[];
  /** The externalIds that are taken, and by which transaction. */
  readonly externalIds: Map<string, Uuid>;
  readonly closedBefore: Instant | null;
  /** The database's clock. */
  readonly clock: Instant;
}

/**
 * Locks accounts, lowest id first, and reads their state; then, in a statement and a snapshot of its own, what stands beside
 * them. Nothing that can change filters the locked rows: one that changed while the lock was waited for would be lost silently.
 */
export async function lockAndFind(
  trx: Trx<DB>,
  ledgerId: Uuid,
  { accounts: ids, keys, externalIds }: Naming,
  currencyOf: CurrencyOf,
): Promise<Findings> {
  const beside = besideQuery(
    keys.map(([account]) => account),
    keys.map(([, key]) => key),
    externalIds,
    ledgerId,
  );
  const [locked, [row]] = await pipeline(trx, [lockQuery(ids, ledgerId), beside]);
  if (row === undefined) throw new TypeError(`there is no ledger ${ledgerId}`);
  return {
    accounts: new Map(mapRows(locked, (each) => [each.id, accountStateOf(each, currencyOf)])),
    recorded: row.recorded,
    externalIds: new Map(row.taken),
    closedBefore: row.closed_before,
    clock: row.clock,
  };
}

const lockQuery = fixedQuery((db, ids: readonly Uuid[], ledgerId: Uuid) =>
  db
    .selectFrom('accounts')
    .select(STATE_COLUMNS)
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('ledger_id', '=', ledgerId)
    .orderBy('id')
    .forUpdate(),
);

/**
 * Writes a block that was decided on `expected` account states: locks the accounts, lowest id first, compares every value that
 * the decision used, inserts and commits, all in one flight. Answers the database's clock behind the locks. Where an account
 * differs, or `createdAt` lies more than a second before that clock, it fails with SQLSTATE 40001 and nothing is done.
 */
export async function writeExpected(
  trx: Trx<DB>,
  ledgerId: Uuid,
  expected: readonly AccountState[],
  createdAt: Instant,
  block: CompiledQuery,
): Promise<Instant> {
  const sorted = expected.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const ids = sorted.map(({ id }) => id);
  const values = EXPECTED_COLUMNS.map((column) => arrayOf(column, sorted));
  const lock = lockExpectedQuery(...values, formatInstant(createdAt), ids, ledgerId);
  const [[row]] = await pipeline(trx, [lock, block, COMMIT]);
  if (row === undefined) throw new TypeError('an aggregate has a row');
  return row.clock;
}

/** Every value of an account that `decide` uses and that can change. */
const EXPECTED_COLUMNS: readonly (Column<AccountState> & { readonly name: keyof Accounts })[] = [
  { name: 'version', type: 'int8', value: ({ version }) => version },
  { name: 'last_at', type: 'timestamptz', value: ({ lastAt }) => lastAt },
  { name: 'status', type: 'text', value: ({ status }) => status },
  { name: 'posted', type: 'numeric', value: ({ posted }) => posted },
  { name: 'pending_debits', type: 'numeric', value: ({ pendingDebits }) => pendingDebits },
  { name: 'pending_credits', type: 'numeric', value: ({ pendingCredits }) => pendingCredits },
  { name: 'total_debits', type: 'numeric', value: ({ totalDebits }) => totalDebits },
  { name: 'min_balance', type: 'numeric', value: ({ minBalance }) => minBalance },
  { name: 'max_balance', type: 'numeric', value: ({ maxBalance }) => maxBalance },
];

/**
 * The locked rows come in the order of their ids, as the expected values do, so that a missing row makes the arrays differ too.
 * The outer query sees each row as it is behind its lock.
 */
const lockExpectedQuery = fixedQuery((db, ...values: unknown[]) => {
  const [createdAt, ids, ledgerId] = values.slice(EXPECTED_COLUMNS.length);
  const unchanged = EXPECTED_COLUMNS.map(
    ({ name, type }, place) => sql`array_agg(${sql.ref(name)}) = ${values[place]}::${sql.raw(type)}[]`,
  );
  return db
    .selectFrom((from) =>
      from
        .selectFrom('accounts')
        .select(EXPECTED_COLUMNS.map(({ name }) => name))
        .where(sql<boolean>`id = any(${ids}::uuid[])`)
        .where('ledger_id', '=', sql<Uuid>`${ledgerId}`)
        .orderBy('id')
        .forUpdate()
        .as('locked'),
    )
    .select(
      sql<Instant>`require_unchanged(${sql.join(unchanged, sql` and `)}, ${createdAt}::timestamptz)`.as(
        'clock',
      ),
    );
}, EXPECTED_COLUMNS.length + 3);

interface BesideRow {
  readonly clock: Instant;
  readonly closed_before: Instant | null;
  readonly recorded: Uuid[];
  readonly taken: [externalId: string, transactionId: Uuid][];
}

// `offset 0` keeps each look-up an index probe of its own, whatever the planner believes of the array's size.
const besideQuery = fixedQuery(
  (
    _,
    accounts: readonly Uuid[],
    keys: readonly string[],
    externalIds: readonly string[],
    ledgerId: Uuid,
  ) => sql<BesideRow>`
    with asked as materialized (
      select ${accounts}::uuid[] as accounts, ${keys}::text[] as keys, ${externalIds}::text[] as external_ids, ${ledgerId}::uuid as ledger_id)
    select
      clock_timestamp() as clock,
      l.closed_before,
      array(
        select t.id::text from unnest(asked.accounts, asked.keys) as k (account_id, idempotency_key)
        cross join lateral (
          select t.id from transactions t
          where t.account_id = k.account_id and t.idempotency_key = k.idempotency_key and t.ledger_id = asked.ledger_id
          offset 0) t
      ) as recorded,
      array(
        select array[e.external_id, t.id::text] from unnest(asked.external_ids) as e (external_id)
        cross join lateral (
          select t.id from transactions t
          where t.external_id = e.external_id and t.ledger_id = asked.ledger_id and t.outcome = 'POSTED'
          offset 0) t
      ) as taken
    from asked join ledgers l on l.id = asked.ledger_id`,
);

/**
 * What writes a block: its transactions, their entries and what becomes of holds in one statement. The triggers move the
 * accounts and append the block, over the root that the statement hands them. A second statement follows where the block also
 * ends, or captures of, what it places: no statement sees the rows that it inserts. No statement where nothing is recorded.
 * It yields now and then, so that others can have a turn while the thousands of rows of a large batch are written.
 */
export function* blockOf(
  ledgerId: Uuid,
  { createdAt, recordings, changedHolds }: Pick<Book, 'createdAt' | 'recordings' | 'changedHolds'>,
): Generator<void, CompiledQuery[]> {
  if (recordings.length === 0) return [];
  const root = merkleRoot(recordings.map(({ digest }) => digest));
  const lines = recordings.flatMap((recording) =>
    recording.entries.map((entry, place): Line => ({ recording, entry, line: place + 1 })),
  );
  // A hold's id is that of the transaction that placed it.
  const posted = new Set(recordings.map(({ id }) => id));
  const holds = [...changedHolds.values()];
  const placed = holds.filter(({ id }) => posted.has(id));
  const changed = holds.filter(({ id }) => !posted.has(id));
  const movedOn = placed.filter(({ status, captured }) => status !== 'OPEN' || captured > 0n);
  const parameters: unknown[] = [root.toString('hex'), ledgerId, formatInstant(createdAt)];
  for (const write of [
    ...TRANSACTION_COLUMNS.map((column) => () => parametersOf(column, recordings)),
    ...HOLD_COLUMNS.map((column) => () => parametersOf(column, placed)),
    ...HOLD_CHANGES.map((column) => () => parametersOf(column, changed)),
    ...ENTRY_COLUMNS.map((column) => () => parametersOf(column, lines)),
  ]) {
    if (lines.length > WRITTEN_AT_ONCE) yield;
    parameters.push(...write());
  }
  const block = { ...blockQuery, parameters };
  if (movedOn.length === 0) return [block];
  const changes = HOLD_CHANGES.flatMap((column) => parametersOf(column, movedOn));
  return [block, { ...holdsQuery, parameters: [ledgerId, ...changes] }];
}

/** Entries of a block that is written without a pause. */
const WRITTEN_AT_ONCE = 5000;

interface Line {
  readonly recording: Recording;
  readonly entry: Entry;
  readonly line: number;
}

/** A column that is written, the type of its array, and its value in a row. */
type Column<Row> = {
  readonly [T in keyof Elements]: {
    readonly name: string;
    readonly type: T;
    readonly value: (row: Row) => Elements[T] | null;
    /** Never null, and in most batches the same in all rows: then it is sent once. */
    readonly repeats?: true;
  };
}[keyof Elements];

function arrayOf<Row, T extends keyof Elements>(
  { type, value }: Column<Row> & { readonly type: T; readonly value: (row: Row) => Elements[T] | null },
  rows: readonly Row[],
): Buffer {
  return binaryArray(type, rows.map(value));
}

/** A column's values: an array, and of a column that repeats, the one value behind it where all are the same. */
function parametersOf<Row, T extends keyof Elements>(
  {
    type,
    value,
    repeats,
  }: Column<Row> & { readonly type: T; readonly value: (row: Row) => Elements[T] | null },
  rows: readonly Row[],
): readonly unknown[] {
  const values = rows.map(value);
  const [first = null] = values;
  const areSame = (repeats || first === null) && values.every((each) => each === first);
  // What a shorter array lacks, unnest fills up with nulls.
  const array = binaryArray(type, areSame ? [] : values);
  return repeats ? [array, areSame && first !== null ? `${first}` : null] : [array];
}

const TRANSACTION_COLUMNS: readonly Column<Recording>[] = [
  { name: 'id', type: 'uuid', value: ({ id }) => id },
  { name: 'type', type: 'text', repeats: true, value: ({ type }) => type },
  { name: 'entry_count', type: 'int2', repeats: true, value: ({ entries }) => entries.length },
  { name: 'account_id', type: 'uuid', value: ({ keyAccountId }) => keyAccountId },
  { name: 'idempotency_key', type: 'text', value: ({ idempotencyKey }) => idempotencyKey },
  { name: 'request', type: 'bytea', value: ({ request }) => request },
  { name: 'external_id', type: 'text', value: ({ externalId }) => externalId },
  { name: 'outcome', type: 'text', repeats: true, value: ({ outcome }) => outcome },
  { name: 'facts', type: 'jsonb', value: ({ facts }) => facts },
  { name: 'hold_id', type: 'uuid', value: ({ holdId }) => holdId },
  { name: 'reverses', type: 'uuid', value: ({ reverses }) => reverses },
  { name: 'effective_at', type: 'timestamptz', value: ({ effectiveAt }) => effectiveAt },
  { name: 'description', type: 'text', value: ({ description }) => description },
  { name: 'metadata', type: 'jsonb', value: ({ metadata }) => metadata },
  { name: 'entry_texts', type: 'bytea', value: ({ entryTexts }) => entryTexts },
  { name: 'salt', type: 'bytea', value: ({ salt }) => salt },
  { name: 'digest', type: 'bytea', value: ({ digest }) => digest },
];

/** Of holds that the block places: open, and nothing captured. */
const HOLD_COLUMNS: readonly Column<Hold>[] = [
  { name: 'id', type: 'uuid', value: ({ id }) => id },
  { name: 'from_account_id', type: 'uuid', value: ({ fromAccountId }) => fromAccountId },
  { name: 'to_account_id', type: 'uuid', value: ({ toAccountId }) => toAccountId },
  { name: 'currency', type: 'text', value: ({ currency }) => currency.code },
  { name: 'amount', type: 'numeric', value: ({ amount }) => amount },
  { name: 'expires_at', type: 'timestamptz', value: ({ expiresAt }) => expiresAt },
];

/** Of holds that are there. */
const HOLD_CHANGES: readonly Column<Hold>[] = [
  { name: 'id', type: 'uuid', value: ({ id }) => id },
  { name: 'captured', type: 'numeric', value: ({ captured }) => captured },
  { name: 'status', type: 'text', value: ({ status }) => status },
];

const ENTRY_COLUMNS: readonly Column<Line>[] = [
  { name: 'account_id', type: 'uuid', value: ({ entry }) => entry.accountId },
  { name: 'version', type: 'int8', value: ({ entry }) => entry.version },
  { name: 'transaction_id', type: 'uuid', value: ({ recording }) => recording.id },
  { name: 'line', type: 'int2', value: ({ line }) => line },
  { name: 'type', type: 'text', repeats: true, value: ({ recording }) => recording.type },
  { name: 'currency', type: 'text', repeats: true, value: ({ entry }) => entry.currency.code },
  { name: 'layer', type: 'text', repeats: true, value: ({ entry }) => entry.layer },
  { name: 'amount', type: 'numeric', value: ({ entry }) => entry.amount },
  { name: 'posted_after', type: 'numeric', value: ({ entry }) => entry.postedAfter },
  {
    name: 'pending_debits_after',
    type: 'numeric',
    repeats: true,
    value: ({ entry }) => entry.pendingDebitsAfter,
  },
  {
    name: 'pending_credits_after',
    type: 'numeric',
    repeats: true,
    value: ({ entry }) => entry.pendingCreditsAfter,
  },
  { name: 'total_debits_after', type: 'numeric', value: ({ entry }) => entry.totalDebitsAfter },
  { name: 'description', type: 'text', value: ({ entry }) => entry.description },
  { name: 'effective_at', type: 'timestamptz', value: ({ recording }) => displacedAt(recording) },
];

/** An entry's effectiveAt stands with it only where it differs from createdAt. */
function displacedAt({ effectiveAt, createdAt }: Recording): Instant | null {
  return effectiveAt === createdAt ? null : effectiveAt;
}

// A WITH that nothing reads never runs: hence the join of the transactions with their root. The entries are the main part,
// whose trigger fires first, so that the ledger's row is locked last.
const FIRST_HOLD = 4 + countParameters(TRANSACTION_COLUMNS);
const FIRST_CHANGE = FIRST_HOLD + countParameters(HOLD_COLUMNS);
const FIRST_ENTRY = FIRST_CHANGE + countParameters(HOLD_CHANGES);
const blockQuery = prepare(
  CompiledQuery.raw(`
    with root as materialized (select set_config('tls.root', $1, true)),
    posted as (
      insert into transactions (ledger_id, created_at, ${names(TRANSACTION_COLUMNS)})
      select $2::uuid, $3::timestamptz, ${values(TRANSACTION_COLUMNS, 4)}
      from ${rowsOf(TRANSACTION_COLUMNS, 4)}, root),
    placed as (
      insert into holds (ledger_id, created_at, ${names(HOLD_COLUMNS)})
      select $2::uuid, $3::timestamptz, ${values(HOLD_COLUMNS, FIRST_HOLD)}
      from ${rowsOf(HOLD_COLUMNS, FIRST_HOLD)}),
    changed as (
      update holds h set captured = u.captured, status = u.status
      from ${rowsOf(HOLD_CHANGES, FIRST_CHANGE)}
      where ${isHold('$2')})
    insert into entries (ledger_id, created_at, ${names(ENTRY_COLUMNS)})
    select $2::uuid, $3::timestamptz, ${values(ENTRY_COLUMNS, FIRST_ENTRY)}
    from ${rowsOf(ENTRY_COLUMNS, FIRST_ENTRY)}`),
);

const holdsQuery = prepare(
  CompiledQuery.raw(`
    update holds h set captured = u.captured, status = u.status
    from ${rowsOf(HOLD_CHANGES, 2)}
    where ${isHold('$1')}`),
);

function names(columns: readonly { readonly name: string }[]): string {
  return columns.map(({ name }) => name).join(', ');
}

/**
 * Whether h is the hold of u. Written as a range of the key, it leaves the planner one way: a probe of the primary key for each u.
 * By equality it may walk through all holds of the ledger for each, if it knows the table as it was when empty.
 */
function isHold(ledgerId: string): string {
  return `(h.id, h.ledger_id) between (u.id, ${ledgerId}::uuid) and (u.id, ${ledgerId}::uuid)`;
}

/** The rows of columns whose parameters begin at `first`. */
function rowsOf<Row>(columns: readonly Column<Row>[], first: number): string {
  const arrays = numbered(columns, first).map(({ type, array }) => `$${array}::${type}[]`);
  return `unnest(${arrays.join(', ')}) as u (${names(columns)})`;
}

function values<Row>(columns: readonly Column<Row>[], first: number): string {
  return numbered(columns, first)
    .map(({ name, type, repeats, array }) => (repeats ? `coalesce(${name}, $${array + 1}::${type})` : name))
    .join(', ');
}

function numbered<Row>(columns: readonly Column<Row>[], first: number) {
  return columns.map((column, place) => ({
    ...column,
    array: first + countParameters(columns.slice(0, place)),
  }));
}

function countParameters<Row>(columns: readonly Column<Row>[]): number {
  return columns.reduce((sum, { repeats }) => sum + (repeats ? 2 : 1), 0);
}
