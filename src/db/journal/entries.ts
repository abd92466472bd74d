import { type Kysely, type Selectable, sql } from 'kysely';
import type { Side } from '../../core/account.ts';
import type { Entry, Layer } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { Instant } from '../../core/values/instant.ts';
import { mapRows } from '../currency-rows.ts';
import { directionOf, type KeysetRange, withinRange } from '../keyset.ts';
import { isOwnAccount } from '../own.ts';
import type { DB, Entries } from '../tables.ts';

type CurrencyOf = (code: string) => Currency;

/** An entry with the fields of its transaction that an account's history shows. */
export interface EntryLine extends Entry {
  readonly transactionId: Uuid;
  readonly effectiveAt: Instant | null;
  readonly createdAt: Instant;
}

export interface EntryPlace {
  readonly accountId: Uuid;
  readonly version: bigint;
}

/** Returns a page of an account's entries by version. `owner`: none if the account does not belong to this owner. */
export async function listEntries(
  db: Kysely<DB>,
  ledgerId: Uuid,
  accountId: Uuid,
  range: KeysetRange<bigint>,
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<EntryLine[]> {
  const query = entriesQuery(db, ledgerId, accountId, range);
  const rows = await (owner === null
    ? query
    : query.where(isOwnAccount(sql`${accountId}::uuid`, { owner, ledgerId }))
  ).execute();
  return entryLinesOf(rows, currencyOf);
}

/** Reads only the rows of the page, however long the history is. */
export function entriesQuery(db: Kysely<DB>, ledgerId: Uuid, accountId: Uuid, range: KeysetRange<bigint>) {
  return (
    db
      .selectFrom('entries as e')
      .selectAll('e')
      // One look-up: it does not depend on the row.
      .select((from) =>
        from
          .selectFrom('accounts as a')
          .select('a.side')
          .where('a.id', '=', accountId)
          .where('a.ledger_id', '=', ledgerId)
          .as('side'),
      )
      .where('account_id', '=', accountId)
      .where('ledger_id', '=', ledgerId)
      .where(withinRange('version', range))
      .orderBy('version', directionOf(range))
      .limit(range.limit)
  );
}

/** Returns entries by account and version, in any order. Entries that the ledger or the `owner` does not have are missing. */
export async function findEntries(
  db: Kysely<DB>,
  ledgerId: Uuid,
  places: readonly EntryPlace[],
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<EntryLine[]> {
  const query = db
    .selectFrom('entries as e')
    .innerJoin(
      sql<{ account_id: Uuid; version: bigint }>`unnest(
        ${places.map(({ accountId }) => accountId)}::uuid[], ${places.map(({ version }) => version)}::int8[]
      )`.as<'place'>(sql`place (account_id, version)`),
      (join) => join.onRef('place.account_id', '=', 'e.account_id').onRef('place.version', '=', 'e.version'),
    )
    .selectAll('e')
    .select(SIDE)
    .where('e.ledger_id', '=', ledgerId);
  const rows = await (owner === null
    ? query
    : query.where(isOwnAccount(sql.ref('e.account_id'), { owner, ledgerId }))
  ).execute();
  return entryLinesOf(rows, currencyOf);
}

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
/** The columns of an `Entry`. */
export const ENTRY_COLUMNS = sql.join(ENTRY_COLUMN_NAMES.map((column) => sql.ref(`e.${column}`)));
/** A row of an entry. `side` is explained at SIDE. */
export type EntryRow = Pick<Selectable<Entries>, (typeof ENTRY_COLUMN_NAMES)[number]> & {
  readonly side: number | null;
};

/**
 * The normal side of the entry's account in one row per account, null in the account's other rows: the query looks up each
 * account once, under any plan.
 */
export const SIDE = sql<number | null>`
  case when row_number() over (partition by e.account_id) = 1
    then (select a.side from accounts a where a.id = e.account_id and a.ledger_id = e.ledger_id) end`.as(
  'side',
);

/** Returns a function that maps rows of one query to entries. */
export function entryReader(rows: readonly EntryRow[], currencyOf: CurrencyOf): (row: EntryRow) => Entry {
  const sides = new Map<Uuid, Side>();
  for (const { account_id, side } of rows) {
    if (side !== null) sides.set(account_id, side === 1 ? 'CREDIT' : 'DEBIT');
  }
  return (row) => {
    const normalSide = sides.get(row.account_id);
    if (normalSide === undefined)
      throw new TypeError(`the account ${row.account_id} of an entry does not exist`);
    return {
      accountId: row.account_id,
      version: row.version,
      currency: currencyOf(row.currency),
      normalSide,
      layer: row.layer as Layer,
      amount: row.amount,
      postedAfter: row.posted_after,
      pendingDebitsAfter: row.pending_debits_after,
      pendingCreditsAfter: row.pending_credits_after,
      totalDebitsAfter: row.total_debits_after,
      description: row.description,
    };
  };
}

function entryLinesOf(
  rows: readonly (Selectable<Entries> & { readonly side: number | null })[],
  currencyOf: CurrencyOf,
): EntryLine[] {
  const toEntry = entryReader(rows, currencyOf);
  return mapRows(rows, (row) => ({
    ...toEntry(row),
    transactionId: row.transaction_id,
    effectiveAt: row.effective_at,
    createdAt: row.created_at,
  }));
}
