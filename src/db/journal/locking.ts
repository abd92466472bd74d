/**
 * Locks a batch's accounts. Everything else that depends on them is read by a later statement: in read committed each statement
 * has its own snapshot, and a subquery of the locking statement would see the state from before the wait for the locks.
 */
import { type CompiledQuery, sql, type Transaction as Trx } from 'kysely';
import type { AccountState } from '../../core/account.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { formatInstant, type Instant } from '../../core/values/instant.ts';
import { accountStateOf, STATE_COLUMNS } from '../accounts.ts';
import { mapRows } from '../currency-rows.ts';
import { COMMIT, pipeline } from '../postgres/pipeline.ts';
import { preparedQuery } from '../postgres/prepared-query.ts';
import type { Accounts, DB } from '../tables.ts';
import { arrayOf, type Column, type NamedValues } from './row-arrays.ts';

type CurrencyOf = (code: string) => Currency;

/** The accounts, keys and externalIds that a batch names. */
export interface BatchNames {
  readonly accounts: readonly Uuid[];
  /** Pairs of an account and one of its idempotency keys. */
  readonly keys: readonly (readonly [account: Uuid, key: string])[];
  readonly externalIds: readonly string[];
}

/** The state of a batch's accounts and names, read under the locks. */
export interface LockedState {
  /** Locked. Accounts that do not exist are missing. */
  readonly accounts: Map<Uuid, AccountState>;
  /** The transactions that are recorded under the batch's keys. */
  readonly recorded: readonly Uuid[];
  /** The externalIds that are taken, with the transactions that have them. */
  readonly externalIds: Map<string, Uuid>;
  readonly closedBefore: Instant | null;
  /** The database's clock. */
  readonly clock: Instant;
}

/**
 * Locks accounts, lowest id first, and returns their states; then reads the rest of the state. The locking statement filters
 * by nothing that can change: a row that changed during the wait for its lock would be missing from the result.
 */
export async function lockAndFind(
  trx: Trx<DB>,
  ledgerId: Uuid,
  { accounts: ids, keys, externalIds }: BatchNames,
  currencyOf: CurrencyOf,
): Promise<LockedState> {
  const [locked, [row]] = await pipeline(trx, [
    lockQuery({ ids, ledgerId }),
    findQuery({
      keyAccounts: keys.map(([account]) => account),
      keys: keys.map(([, key]) => key),
      externalIds,
      ledgerId,
    }),
  ]);
  if (row === undefined) throw new TypeError(`the ledger ${ledgerId} does not exist`);
  return {
    accounts: new Map(mapRows(locked, (each) => [each.id, accountStateOf(each, currencyOf)])),
    recorded: row.recorded,
    externalIds: new Map(row.taken),
    closedBefore: row.closed_before,
    clock: row.clock,
  };
}

const lockQuery = preparedQuery((db, value: { readonly ids: readonly Uuid[]; readonly ledgerId: Uuid }) =>
  db
    .selectFrom('accounts')
    .select(STATE_COLUMNS)
    .where(sql<boolean>`id = any(${value.ids}::uuid[])`)
    .where('ledger_id', '=', value.ledgerId)
    .orderBy('id')
    .forUpdate(),
);

interface FoundRow {
  readonly clock: Instant;
  readonly closed_before: Instant | null;
  readonly recorded: Uuid[];
  readonly taken: [externalId: string, transactionId: Uuid][];
}

interface FindValues {
  readonly keyAccounts: readonly Uuid[];
  readonly keys: readonly string[];
  readonly externalIds: readonly string[];
  readonly ledgerId: Uuid;
}

// `offset 0` makes each look-up a probe of the index, for any array size that the planner expects.
const findQuery = preparedQuery(
  (_, value: FindValues) => sql<FoundRow>`
    with named as materialized (
      select ${value.keyAccounts}::uuid[] as accounts, ${value.keys}::text[] as keys,
        ${value.externalIds}::text[] as external_ids, ${value.ledgerId}::uuid as ledger_id)
    select
      clock_timestamp() as clock,
      l.closed_before,
      array(
        select t.id::text from unnest(named.accounts, named.keys) as k (account_id, idempotency_key)
        cross join lateral (
          select t.id from transactions t
          where t.account_id = k.account_id and t.idempotency_key = k.idempotency_key and t.ledger_id = named.ledger_id
          offset 0) t
      ) as recorded,
      array(
        select array[e.external_id, t.id::text] from unnest(named.external_ids) as e (external_id)
        cross join lateral (
          select t.id from transactions t
          where t.external_id = e.external_id and t.ledger_id = named.ledger_id and t.outcome = 'POSTED'
          offset 0) t
      ) as taken
    from named join ledgers l on l.id = named.ledger_id`,
);

/**
 * Posts a block that was decided on predicted account states: locks the accounts, lowest id first, compares every value that the
 * decision used, inserts the block and commits, in one round trip. Returns the database's clock, read after the locks. If an
 * account differs, or `createdAt` is not within the second before that clock, it fails with SQLSTATE 40001 and writes nothing.
 */
export async function writeExpected(
  trx: Trx<DB>,
  ledgerId: Uuid,
  expected: readonly AccountState[],
  createdAt: Instant,
  block: CompiledQuery,
): Promise<Instant> {
  const sorted = expected.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  const lock = lockExpectedQuery({
    ...Object.fromEntries(EXPECTED_COLUMNS.map((column) => [column.name, arrayOf(column, sorted)])),
    ids: sorted.map(({ id }) => id),
    ledgerId,
    createdAt: formatInstant(createdAt),
  });
  const [[row]] = await pipeline(trx, [lock, block, COMMIT]);
  if (row === undefined) throw new TypeError('an aggregate returns a row');
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
 * The locked rows are in the order of their ids, like the expected values: a missing row makes the arrays differ too. The outer
 * query sees each row as it is once it is locked.
 */
const lockExpectedQuery = preparedQuery((db, value: NamedValues) => {
  const unchanged = EXPECTED_COLUMNS.map(
    ({ name, type }) => sql`array_agg(${sql.ref(name)}) = ${value[name]}::${sql.raw(type)}[]`,
  );
  return db
    .selectFrom((from) =>
      from
        .selectFrom('accounts')
        .select(EXPECTED_COLUMNS.map(({ name }) => name))
        .where(sql<boolean>`id = any(${value['ids']}::uuid[])`)
        .where('ledger_id', '=', sql<Uuid>`${value['ledgerId']}`)
        .orderBy('id')
        .forUpdate()
        .as('locked'),
    )
    .select(
      sql<Instant>`require_unchanged(${sql.join(unchanged, sql` and `)}, ${value['createdAt']}::timestamptz)`.as(
        'clock',
      ),
    );
});
