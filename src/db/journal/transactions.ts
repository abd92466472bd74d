import { type Kysely, type Selectable, sql } from 'kysely';
import { canonicalText } from '../../core/chain.ts';
import { attemptKey } from '../../core/decide/book.ts';
import { fromRecordedFacts, type Recorded } from '../../core/decide/recording.ts';
import type { RecordedCode } from '../../core/errors.ts';
import type { Entry, Layer, Outcome, Transaction, TransactionType } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import type { Metadata } from '../../core/values/text.ts';
import { mapRows } from '../currency-rows.ts';
import { directionOf, inLedger, type KeysetRange, withinRange } from '../keyset.ts';
import type { DB, Entries, Transactions } from '../tables.ts';

type CurrencyOf = (code: string) => Currency;

/** An entry as a reader meets it outside of its transaction. */
export interface EntryLine extends Entry {
  readonly transactionId: Uuid;
  readonly effectiveAt: Instant | null;
  readonly createdAt: Instant;
}

export interface EntryPlace {
  readonly accountId: Uuid;
  readonly version: bigint;
}

/** Posted transactions by id, in any order, each with its entries. A declined attempt is none. */
export async function findTransactions(
  db: Kysely<DB>,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: CurrencyOf,
): Promise<Transaction[]> {
  if (ids.length === 0) return [];
  const rows = await db
    .selectFrom('transactions')
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('ledger_id', '=', ledgerId)
    .where('outcome', '=', 'POSTED')
    .execute();
  return withEntries(db, ledgerId, rows, currencyOf);
}

/** A page of the posted transactions that reverse one, oldest first. */
export interface ReversalsPage {
  readonly original: Uuid;
  readonly range: KeysetRange<Uuid>;
}

/** Reads several pages of one size and direction by one query. They come in the order in which they are given. */
export async function findReversals(
  db: Kysely<DB>,
  ledgerId: Uuid,
  pages: readonly ReversalsPage[],
  { limit, inverted }: Pick<KeysetRange<Uuid>, 'limit' | 'inverted'>,
  currencyOf: CurrencyOf,
): Promise<Transaction[][]> {
  const { rows } = await sql<TransactionRow & { readonly reverses: Uuid; readonly place: string }>`
    select ${transactionColumns('t')}, given.place
    from unnest(
      ${pages.map(({ original }) => original)}::uuid[],
      ${pages.map(({ range }) => range.after ?? null)}::uuid[],
      ${pages.map(({ range }) => range.before ?? null)}::uuid[]
    ) with ordinality as given (original, after, before, place)
    cross join lateral (
      select t.* from transactions t
      where t.reverses = given.original and (t.ledger_id = ${ledgerId}) is true and t.outcome = 'POSTED'
        and (given.after is null or t.id > given.after) and (given.before is null or t.id < given.before)
      order by t.id ${sql.raw(inverted ? 'desc' : 'asc')} limit ${limit}) t
    order by given.place, t.id ${sql.raw(inverted ? 'desc' : 'asc')}`.execute(db);
  const transactions = await withEntries(db, ledgerId, rows, currencyOf);
  const found = pages.map((): Transaction[] => []);
  for (const [at, { place }] of rows.entries()) {
    const transaction = transactions[at];
    if (transaction !== undefined) found[Number(place) - 1]?.push(transaction);
  }
  return found;
}

/** A page of posted transactions by id, which is their order in time. */
export async function listTransactions(
  db: Kysely<DB>,
  ledgerId: Uuid,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
): Promise<Transaction[]> {
  const rows = await db
    .selectFrom('transactions')
    .selectAll()
    .where(inLedger(ledgerId))
    .where('outcome', '=', 'POSTED')
    .where(withinRange('id', range))
    .orderBy('id', directionOf(range))
    .limit(range.limit)
    .execute();
  return withEntries(db, ledgerId, rows, currencyOf);
}

/** A page of an account's entries by version. */
export async function listEntries(
  db: Kysely<DB>,
  ledgerId: Uuid,
  accountId: Uuid,
  range: KeysetRange<bigint>,
  currencyOf: CurrencyOf,
): Promise<EntryLine[]> {
  const rows = await entriesQuery(db, ledgerId, accountId, range).execute();
  return mapRows(rows, (row) => entryLineOf(row, currencyOf));
}

/** Reads a page's rows and no others, however long the history is. */
export function entriesQuery(db: Kysely<DB>, ledgerId: Uuid, accountId: Uuid, range: KeysetRange<bigint>) {
  return db
    .selectFrom('entries as e')
    .selectAll('e')
    .select(SIDE)
    .where('account_id', '=', accountId)
    .where('ledger_id', '=', ledgerId)
    .where(withinRange('version', range))
    .orderBy('version', directionOf(range))
    .limit(range.limit);
}

/** One entry each by account and version, in any order; those that the ledger lacks are missing. */
export async function findEntries(
  db: Kysely<DB>,
  ledgerId: Uuid,
  places: readonly EntryPlace[],
  currencyOf: CurrencyOf,
): Promise<EntryLine[]> {
  const rows = await db
    .selectFrom('entries as e')
    .innerJoin(
      sql<{ account_id: Uuid; version: bigint }>`unnest(
        ${places.map(({ accountId }) => accountId)}::uuid[], ${places.map(({ version }) => version)}::int8[]
      )`.as<'place'>(sql`place (account_id, version)`),
      (join) => join.onRef('place.account_id', '=', 'e.account_id').onRef('place.version', '=', 'e.version'),
    )
    .selectAll('e')
    .select(SIDE)
    .where('e.ledger_id', '=', ledgerId)
    .execute();
  return mapRows(rows, (row) => entryLineOf(row, currencyOf));
}

/** The ids of the posted transactions that have these external ids. */
export async function findTransactionIds(
  db: Kysely<DB>,
  ledgerId: Uuid,
  externalIds: readonly string[],
): Promise<Map<string, Uuid>> {
  const { rows } = await sql<{ external_id: string; id: Uuid }>`
    select t.external_id, t.id from unnest(${externalIds}::text[]) as given (external_id)
    cross join lateral (
      select t.external_id, t.id from transactions t
      where t.external_id = given.external_id and t.ledger_id = ${ledgerId} and t.outcome = 'POSTED' offset 0) t`.execute(
    db,
  );
  return new Map(rows.map((row) => [row.external_id, row.id]));
}

/** The id of what an account's key recorded, posted or declined. */
export async function findAttemptId(
  db: Kysely<DB>,
  ledgerId: Uuid,
  accountId: Uuid,
  idempotencyKey: string,
): Promise<Uuid | undefined> {
  const row = await db
    .selectFrom('transactions')
    .select('id')
    .where('account_id', '=', accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .where('ledger_id', '=', ledgerId)
    .executeTakeFirst();
  return row?.id;
}

/** What was recorded under these ids, posted or declined, by the attempt's key. Its outcome is a replay. */
export async function findRecorded(
  db: Kysely<DB>,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: CurrencyOf,
): Promise<Map<string, Recorded>> {
  // Most batches repeat nothing.
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('transactions')
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('ledger_id', '=', ledgerId)
    .execute();
  const transactions = await withEntries(db, ledgerId, rows, currencyOf);
  return new Map(
    rows.flatMap((row, place): [string, Recorded][] => {
      const transaction = transactions[place];
      if (transaction === undefined || row.idempotency_key === null) return [];
      return [[attemptKey(row.account_id, row.idempotency_key), recordedOf(row, transaction, currencyOf)]];
    }),
  );
}

const TRANSACTION_COLUMNS = [
  'id',
  'type',
  'account_id',
  'idempotency_key',
  'external_id',
  'hold_id',
  'reverses',
  'effective_at',
  'created_at',
  'description',
  'metadata',
] as const;
/** What a transaction is made of, without its entries. The other columns would take a third of the time that a page takes. */
export type TransactionRow = Pick<Selectable<Transactions>, (typeof TRANSACTION_COLUMNS)[number]>;
export const transactionColumns = (table: string) =>
  sql.join(TRANSACTION_COLUMNS.map((column) => sql.ref(`${table}.${column}`)));

const ENTRY_COLUMN_NAMES = [
  'account_id',
  'version',
  'currency',
  'layer',
  'amount',
  'posted_after',
  'pending_debits_after',
  'pending_credits_after',
  'total_debits_after',
  'description',
] as const;
const ENTRY_COLUMNS = sql.join(ENTRY_COLUMN_NAMES.map((column) => sql.ref(`e.${column}`)));
/** What an entry is made of inside its transaction, with the side of its account, which no entry repeats. */
type EntryRow = Pick<Selectable<Entries>, (typeof ENTRY_COLUMN_NAMES)[number]> & { readonly side: number };

/** Looked up row by row, so that it changes nothing in how the entries themselves are found. */
const SIDE = sql<number>`(
  select a.side from accounts a where a.id = e.account_id and a.ledger_id = e.ledger_id
)`.as('side');

/** Completes transactions, in the order of their rows, by one query for all their entries. */
export async function withEntries(
  db: Kysely<DB>,
  ledgerId: Uuid,
  rows: readonly TransactionRow[],
  currencyOf: CurrencyOf,
): Promise<Transaction[]> {
  if (rows.length === 0) return [];
  const ids = rows.map(({ id }) => id);
  const { rows: entries } = await sql<EntryRow & Pick<Selectable<Entries>, 'transaction_id'>>`
    select ${ENTRY_COLUMNS}, e.transaction_id, e.side from unnest(${ids}::uuid[]) as given (id)
    cross join lateral (
      select e.*, ${SIDE} from entries e where e.transaction_id = given.id and e.ledger_id = ${ledgerId} offset 0) e
    order by e.line`.execute(db);
  const byTransaction = Map.groupBy(entries, ({ transaction_id }) => transaction_id);
  return mapRows(rows, (row) => transactionOf(row, byTransaction.get(row.id) ?? [], currencyOf));
}

function transactionOf(
  row: TransactionRow,
  entries: readonly EntryRow[],
  currencyOf: CurrencyOf,
): Transaction {
  return {
    id: row.id,
    type: row.type as TransactionType,
    keyAccountId: row.account_id,
    idempotencyKey: row.idempotency_key,
    externalId: row.external_id,
    holdId: row.hold_id,
    reverses: row.reverses,
    effectiveAt: row.effective_at,
    createdAt: row.created_at,
    description: row.description,
    metadata: row.metadata as Metadata | null,
    entries: mapRows(entries, (entry) => entryOf(entry, currencyOf)),
  };
}

function entryOf(row: EntryRow, currencyOf: CurrencyOf): Entry {
  return {
    accountId: row.account_id,
    version: row.version,
    currency: currencyOf(row.currency),
    normalSide: row.side === 1 ? 'CREDIT' : 'DEBIT',
    layer: row.layer as Layer,
    amount: row.amount,
    postedAfter: row.posted_after,
    pendingDebitsAfter: row.pending_debits_after,
    pendingCreditsAfter: row.pending_credits_after,
    totalDebitsAfter: row.total_debits_after,
    description: row.description,
  };
}

function entryLineOf(
  row: Selectable<Entries> & { readonly side: number },
  currencyOf: CurrencyOf,
): EntryLine {
  return {
    ...entryOf(row, currencyOf),
    transactionId: row.transaction_id,
    effectiveAt: row.effective_at,
    createdAt: row.created_at,
  };
}

function recordedOf(
  row: Selectable<Transactions>,
  transaction: Transaction,
  currencyOf: CurrencyOf,
): Recorded {
  const outcome: Outcome =
    row.outcome === 'POSTED'
      ? { code: 'POSTED', transaction, replayed: true }
      : {
          ...fromRecordedFacts(
            row.outcome as RecordedCode,
            row.facts as Readonly<Record<string, string>>,
            currencyOf,
          ),
          replayed: true,
        };
  const { metadata } = transaction;
  return {
    id: row.id,
    type: row.type,
    request: row.request ?? Buffer.alloc(16),
    description: row.description_digest === null ? row.description : 'ERASED',
    metadata: row.metadata_digest !== null ? 'ERASED' : metadata === null ? null : canonicalText(metadata),
    entryTexts: entryTextsOf(row),
    outcome,
  };
}

function entryTextsOf({ entry_texts, salt }: Selectable<Transactions>): Recorded['entryTexts'] {
  if (entry_texts === null) return null;
  // A digest whose salt was erased tells nothing any more.
  return salt === null ? 'ERASED' : { salt, digest: entry_texts };
}
