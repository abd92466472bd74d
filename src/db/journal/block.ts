/** Writes a block: the transactions, entries and holds of a batch, in one statement. */
import { type CompiledQuery, type RawBuilder, sql } from 'kysely';
import { merkleRoot } from '../../core/chain.ts';
import type { Book } from '../../core/decide/book.ts';
import type { Recording } from '../../core/decide/recording.ts';
import type { Hold } from '../../core/hold.ts';
import type { Entry } from '../../core/transaction.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { formatInstant, type Instant } from '../../core/values/instant.ts';
import { preparedQuery } from '../postgres/prepared-query.ts';
import { type NamedValues, RowArrays } from './row-arrays.ts';

/** A large block is written in turns: each column of it is one. */
const MAX_ENTRIES_AT_ONCE = 5000;

/**
 * Returns the statements that write a block; none if nothing is recorded. The database's triggers move the accounts and append
 * the block with the Merkle root that the statement sets. No statement sees rows that it inserts: if the batch places a hold and
 * also captures or ends it, a second statement updates that hold. Yields between the columns of a large block.
 */
export function* blockOf(
  ledgerId: Uuid,
  { createdAt, recordings, changedHolds }: Pick<Book, 'createdAt' | 'recordings' | 'changedHolds'>,
): Generator<void, CompiledQuery[]> {
  if (recordings.length === 0) return [];
  const lines = recordings.flatMap((recording) =>
    recording.entries.map((entry, place): Line => ({ recording, entry, line: place + 1 })),
  );
  // A hold has the id of the transaction that placed it.
  const posted = new Set(recordings.map(({ id }) => id));
  const holds = [...changedHolds.values()];
  const placed = holds.filter(({ id }) => posted.has(id));
  const changed = holds.filter(({ id }) => !posted.has(id));
  const changedAtOnce = placed.filter(({ status, captured }) => status !== 'OPEN' || captured > 0n);

  const values: Record<string, unknown> = {
    root: merkleRoot(recordings.map(({ digest }) => digest)).toString('hex'),
    ledgerId,
    createdAt: formatInstant(createdAt),
  };
  for (const column of columnsOf(recordings, lines, placed, changed)) {
    Object.assign(values, column);
    if (lines.length > MAX_ENTRIES_AT_ONCE) yield;
  }
  const block = blockQuery(values);
  if (changedAtOnce.length === 0) return [block];
  return [block, holdsQuery(Object.assign({ ledgerId }, ...HOLD_CHANGES.values(changedAtOnce)))];
}

/** The values of the block's columns, one column after the other. */
function* columnsOf(
  recordings: readonly Recording[],
  lines: readonly Line[],
  placed: readonly Hold[],
  changed: readonly Hold[],
): Generator<NamedValues> {
  yield* TRANSACTIONS.values(recordings);
  yield* PLACED_HOLDS.values(placed);
  yield* HOLD_CHANGES.values(changed);
  yield* ENTRIES.values(lines);
}

interface Line {
  readonly recording: Recording;
  readonly entry: Entry;
  readonly line: number;
}

const TRANSACTIONS = new RowArrays<Recording>('transactions', [
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
  { name: 'actor', type: 'uuid', value: ({ actor }) => actor },
  { name: 'description', type: 'text', value: ({ description }) => description },
  { name: 'metadata', type: 'jsonb', value: ({ metadata }) => metadata },
  { name: 'entry_texts', type: 'bytea', value: ({ entryTexts }) => entryTexts },
  { name: 'salt', type: 'bytea', value: ({ salt }) => salt },
  { name: 'digest', type: 'bytea', value: ({ digest }) => digest },
]);

/** Holds that the block places: they are open, and nothing is captured. */
const PLACED_HOLDS = new RowArrays<Hold>('placed holds', [
  { name: 'id', type: 'uuid', value: ({ id }) => id },
  { name: 'from_account_id', type: 'uuid', value: ({ fromAccountId }) => fromAccountId },
  { name: 'to_account_id', type: 'uuid', value: ({ toAccountId }) => toAccountId },
  { name: 'currency', type: 'text', value: ({ currency }) => currency.code },
  { name: 'amount', type: 'numeric', value: ({ amount }) => amount },
  { name: 'expires_at', type: 'timestamptz', value: ({ expiresAt }) => expiresAt },
]);

/** Changes of recorded holds. */
const HOLD_CHANGES = new RowArrays<Hold>('changed holds', [
  { name: 'id', type: 'uuid', value: ({ id }) => id },
  { name: 'captured', type: 'numeric', value: ({ captured }) => captured },
  { name: 'status', type: 'text', value: ({ status }) => status },
]);

const ENTRIES = new RowArrays<Line>('entries', [
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
]);

/** An entry repeats effectiveAt only if it differs from createdAt. */
function displacedAt({ effectiveAt, createdAt }: Recording): Instant | null {
  return effectiveAt === createdAt ? null : effectiveAt;
}

// PostgreSQL does not run a WITH query that nothing reads: hence the join of the transactions with the root. The insertion of
// the entries is the main query. Its trigger fires first, so that the ledger's row is locked last.
const blockQuery = preparedQuery<NamedValues, never>(
  (_, value) => sql`
    with root as materialized (select set_config('tls.root', ${value['root']}, true)),
    posted as (
      insert into transactions (ledger_id, created_at, ${TRANSACTIONS.names})
      select ${value['ledgerId']}::uuid, ${value['createdAt']}::timestamptz, ${TRANSACTIONS.select(value)}
      from ${TRANSACTIONS.from(value)}, root),
    placed as (
      insert into holds (ledger_id, created_at, ${PLACED_HOLDS.names})
      select ${value['ledgerId']}::uuid, ${value['createdAt']}::timestamptz, ${PLACED_HOLDS.select(value)}
      from ${PLACED_HOLDS.from(value)}),
    changed as (${updateHolds(value)})
    insert into entries (ledger_id, created_at, ${ENTRIES.names})
    select ${value['ledgerId']}::uuid, ${value['createdAt']}::timestamptz, ${ENTRIES.select(value)}
    from ${ENTRIES.from(value)}`,
);

const holdsQuery = preparedQuery<NamedValues, never>((_, value) => updateHolds(value));

/**
 * Updates holds. The condition is a range of the primary key, so that the planner has one choice: a look-up by the key for each
 * row of u. With an equality, a plan that was made while the table was empty reads all holds of the ledger for each row.
 */
function updateHolds(value: NamedValues): RawBuilder<never> {
  const ledgerId = sql`${value['ledgerId']}::uuid`;
  return sql`
    update holds h set captured = u.captured, status = u.status
    from ${HOLD_CHANGES.from(value)}
    where (h.id, h.ledger_id) between (u.id, ${ledgerId}) and (u.id, ${ledgerId})`;
}
