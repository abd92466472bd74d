import { type Kysely, type Selectable, sql } from 'kysely';
import { ownPart } from '../../core/access/own-part.ts';
import { canonicalText } from '../../core/chain.ts';
import { attemptKey } from '../../core/decide/book.ts';
import { fromRecordedFacts, type Recorded } from '../../core/decide/recording.ts';
import type { RecordedCode } from '../../core/errors.ts';
import type { Entry, Outcome, Transaction, TransactionType } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Metadata } from '../../core/values/text.ts';
import { mapRows } from '../currency-rows.ts';
import { directionOf, inLedger, type KeysetRange, withinRange } from '../keyset.ts';
import { isOwnAccount, touchesOwn } from '../own.ts';
import type { DB, Entries, Transactions } from '../tables.ts';
import { ENTRY_COLUMNS, type EntryRow, entryReader, SIDE } from './entries.ts';

type CurrencyOf = (code: string) => Currency;

/**
 * Returns posted transactions by id, in any order, each with its entries. `owner`: only those that touch an account of this owner,
 * as `ownPart` shows them.
 */
export async function findTransactions(
  db: Kysely<DB>,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Transaction[]> {
  if (ids.length === 0) return [];
  const query = db
    .selectFrom('transactions')
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('ledger_id', '=', ledgerId)
    .where('outcome', '=', 'POSTED');
  const rows = await (owner === null
    ? query
    : query.where(touchesOwn(sql.ref('transactions.id'), { owner, ledgerId }))
  ).execute();
  return withEntries(db, ledgerId, rows, currencyOf, owner);
}

/** Names a page of the posted transactions that reverse another one, oldest first. */
export interface ReversalsPage {
  readonly original: Uuid;
  readonly range: KeysetRange<Uuid>;
}

/** Returns several pages of the same size and direction by one query, in the given order. `owner`: as in `findTransactions`. */
export async function findReversals(
  db: Kysely<DB>,
  ledgerId: Uuid,
  pages: readonly ReversalsPage[],
  { limit, inverted }: Pick<KeysetRange<Uuid>, 'limit' | 'inverted'>,
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Transaction[][]> {
  const own = owner === null ? sql`` : sql` and ${touchesOwn(sql`t.id`, { owner, ledgerId })}`;
  const { rows } = await sql<TransactionRow & { readonly reverses: Uuid; readonly place: string }>`
    select ${transactionColumns('t')}, given.place
    from unnest(
      ${pages.map(({ original }) => original)}::uuid[],
      ${pages.map(({ range }) => range.after ?? null)}::uuid[],
      ${pages.map(({ range }) => range.before ?? null)}::uuid[]
    ) with ordinality as given (original, after, before, place)
    cross join lateral (
      select t.* from transactions t
      where t.reverses = given.original and (t.ledger_id = ${ledgerId}) is true and t.outcome = 'POSTED'${own}
        and (given.after is null or t.id > given.after) and (given.before is null or t.id < given.before)
      order by t.id ${sql.raw(inverted ? 'desc' : 'asc')} limit ${limit}) t
    order by given.place, t.id ${sql.raw(inverted ? 'desc' : 'asc')}`.execute(db);
  const transactions = await withEntries(db, ledgerId, rows, currencyOf, owner);
  const found = pages.map((): Transaction[] => []);
  for (const [at, { place }] of rows.entries()) {
    const transaction = transactions[at];
    if (transaction !== undefined) found[Number(place) - 1]?.push(transaction);
  }
  return found;
}

/** Returns a page of posted transactions by id, which is the order of their creation. */
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

/** Returns the ids of posted transactions by their externalIds. `owner`: only of those that touch an account of this owner. */
export async function findTransactionIds(
  db: Kysely<DB>,
  ledgerId: Uuid,
  externalIds: readonly string[],
  owner: string | null = null,
): Promise<Map<string, Uuid>> {
  const own = owner === null ? sql`` : sql` and ${touchesOwn(sql`t.id`, { owner, ledgerId })}`;
  const { rows } = await sql<{ external_id: string; id: Uuid }>`
    select t.external_id, t.id from unnest(${externalIds}::text[]) as given (external_id)
    cross join lateral (
      select t.external_id, t.id from transactions t
      where t.external_id = given.external_id and t.ledger_id = ${ledgerId} and t.outcome = 'POSTED'${own} offset 0) t`.execute(
    db,
  );
  return new Map(rows.map((row) => [row.external_id, row.id]));
}

/**
 * Returns the id of the transaction, posted or declined, that is recorded under an account's idempotency key. `owner`: none if the
 * account does not belong to this owner.
 */
export async function findAttemptId(
  db: Kysely<DB>,
  ledgerId: Uuid,
  accountId: Uuid,
  idempotencyKey: string,
  owner: string | null = null,
): Promise<Uuid | undefined> {
  const query = db
    .selectFrom('transactions')
    .select('id')
    .where('account_id', '=', accountId)
    .where('idempotency_key', '=', idempotencyKey)
    .where('ledger_id', '=', ledgerId);
  const row = await (owner === null
    ? query
    : query.where(isOwnAccount(sql.ref('transactions.account_id'), { owner, ledgerId }))
  ).executeTakeFirst();
  return row?.id;
}

/** Returns the recorded outcomes of these ids, posted or declined, as replays. The keys of the map are those of `attemptKey`. */
export async function findRecorded(
  db: Kysely<DB>,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: CurrencyOf,
): Promise<Map<string, Recorded>> {
  // Most batches contain no replay.
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
  'actor',
  'description',
  'metadata',
] as const;
/** The columns of a `Transaction`. Reading the other columns would take a third of the time of a page. */
export type TransactionRow = Pick<Selectable<Transactions>, (typeof TRANSACTION_COLUMNS)[number]>;
export const transactionColumns = (table: string) =>
  sql.join(TRANSACTION_COLUMNS.map((column) => sql.ref(`${table}.${column}`)));

/**
 * Returns the transactions of rows, in their order. One query reads the entries of all. `owner`: as `ownPart` shows them to a caller
 * that is restricted to this owner.
 */
export async function withEntries(
  db: Kysely<DB>,
  ledgerId: Uuid,
  rows: readonly TransactionRow[],
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Transaction[]> {
  if (rows.length === 0) return [];
  const own = owner === null ? sql`` : sql` and ${isOwnAccount(sql`e.account_id`, { owner, ledgerId })}`;
  const ids = rows.map(({ id }) => id);
  const { rows: entries } = await sql<EntryRow & Pick<Selectable<Entries>, 'transaction_id'>>`
    select ${ENTRY_COLUMNS}, e.transaction_id, ${SIDE} from unnest(${ids}::uuid[]) as given (id)
    cross join lateral (
      select e.* from entries e where e.transaction_id = given.id and e.ledger_id = ${ledgerId}${own} offset 0) e
    order by e.line`.execute(db);
  const toEntry = entryReader(entries, currencyOf);
  const byTransaction = Map.groupBy(entries, ({ transaction_id }) => transaction_id);
  const transactions = mapRows(rows, (row) =>
    transactionOf(row, mapRows(byTransaction.get(row.id) ?? [], toEntry)),
  );
  if (owner === null) return transactions;
  const ownIds = new Set(entries.map(({ account_id }) => account_id));
  return transactions.map((transaction) =>
    ownPart({ owner }, transaction, (accountId) => ownIds.has(accountId)),
  );
}

function transactionOf(row: TransactionRow, entries: readonly Entry[]): Transaction {
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
    actor: row.actor,
    description: row.description,
    metadata: row.metadata as Metadata | null,
    entries,
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
  // Without its salt, the digest cannot be compared.
  return salt === null ? 'ERASED' : { salt, digest: entry_texts };
}
