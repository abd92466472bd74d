import { type InferResult, type Kysely, sql, type Transaction as Trx } from 'kysely';
import type { Currency } from '../core/values/currency.ts';
import type { Uuid } from '../core/values/ids.ts';
import { formatInstant, type Instant } from '../core/values/instant.ts';
import { type JournalPlace, journalMark } from '../core/values/journal-place.ts';
import { directionOf, type KeysetRange, withinRange } from './keyset.ts';
import type { DB } from './tables.ts';

/** A ledger and the head of its chain. */
export interface LedgerRow {
  readonly id: Uuid;
  readonly name: string;
  readonly closedBefore: Instant | null;
  readonly createdAt: Instant;
  readonly head: BlockHead;
}

/** The last block, and the end of the journal. */
export interface BlockHead {
  readonly number: bigint;
  readonly hash: Buffer;
  readonly end: JournalPlace;
  readonly createdAt: Instant;
}

/** Returns the ledger of a name, with its last block. A ledger without blocks has an empty head. */
export async function findLedger(db: Kysely<DB>, name: string): Promise<LedgerRow | undefined> {
  const row = await ledgersWithHeads(db).where('l.name', '=', name).executeTakeFirst();
  return row === undefined ? undefined : toLedgerRow(row);
}

/** Lists ledgers by id, newest first. `only`: the id of the only ledger that may be listed. */
export async function listLedgers(
  db: Kysely<DB>,
  only: Uuid | undefined,
  range: KeysetRange<Uuid>,
): Promise<LedgerRow[]> {
  const rows = await ledgersWithHeads(db)
    .where(withinRange('l.id', range))
    .$if(only !== undefined, (query) => query.where('l.id', '=', only ?? ''))
    .orderBy('l.id', directionOf(range))
    .limit(range.limit)
    .execute();
  return rows.map(toLedgerRow);
}

function ledgersWithHeads(db: Kysely<DB>) {
  return db
    .selectFrom('ledgers as l')
    .leftJoin('blocks as b', (join) =>
      join.onRef('b.number', '=', 'l.block').onRef('b.ledger_id', '=', 'l.id'),
    )
    .select([
      'l.id',
      'l.name',
      'l.closed_before',
      'l.created_at',
      'l.block',
      'l.head',
      'b.size',
      'b.created_at as block_at',
    ]);
}

function toLedgerRow(row: InferResult<ReturnType<typeof ledgersWithHeads>>[number]): LedgerRow {
  return {
    id: row.id,
    name: row.name,
    closedBefore: row.closed_before,
    createdAt: row.created_at,
    head: {
      number: row.block,
      hash: row.head,
      end: { block: row.block, outcomes: row.size ?? 0, mark: journalMark(row.id, row.head) },
      createdAt: row.block_at ?? row.created_at,
    },
  };
}

/** Returns the id of the ledger of a name. Fails if there is none. */
export async function getLedgerId(db: Kysely<DB>, name: string): Promise<Uuid> {
  const { id } = await db
    .selectFrom('ledgers')
    .select('id')
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return id;
}

/** Inserts a ledger. Returns false and changes nothing if the name is taken. */
export async function insertLedger(trx: Trx<DB>, id: Uuid, name: string): Promise<boolean> {
  const { numInsertedOrUpdatedRows = 0n } = await trx
    .insertInto('ledgers')
    .values({ id, name })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .executeTakeFirst();
  return numInsertedOrUpdatedRows > 0n;
}

/** Returns the id and the name of the ledger that has one of them. */
export async function identifyLedger(
  db: Kysely<DB>,
  by: { readonly id: Uuid } | { readonly name: string },
): Promise<Pick<LedgerRow, 'id' | 'name'> | undefined> {
  const ledgers = db.selectFrom('ledgers').select(['id', 'name']);
  const found = 'id' in by ? ledgers.where('id', '=', by.id) : ledgers.where('name', '=', by.name);
  return found.executeTakeFirst();
}

/** Returns the end of the ledger's closed period, and the time of the database's clock. */
export async function findPresent(
  db: Kysely<DB>,
  ledgerId: Uuid,
): Promise<{ readonly closedBefore: Instant | null; readonly clock: Instant }> {
  return db
    .selectFrom('ledgers')
    .select(['closed_before as closedBefore', sql<Instant>`clock_timestamp()`.as('clock')])
    .where('id', '=', ledgerId)
    .executeTakeFirstOrThrow();
}

/**
 * Closes the ledger's period before an instant, by compare-and-set: returns false and changes nothing if it is not closed before
 * `from`. Locks the ledger's row, for which every batch waits: COMMIT must follow at once.
 */
export async function closePeriod(
  trx: Trx<DB>,
  ledgerId: Uuid,
  from: Instant | null,
  before: Instant,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('ledgers')
    .set({ closed_before: formatInstant(before) })
    .where('id', '=', ledgerId)
    .where(sql<boolean>`closed_before is not distinct from ${from === null ? null : formatInstant(from)}`)
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Registers a currency and returns its creation time; undefined if its code is registered. */
export async function insertCurrency(
  trx: Trx<DB>,
  ledgerId: Uuid,
  { code, exponent }: Currency,
): Promise<Instant | undefined> {
  const row = await trx
    .insertInto('currencies')
    .values({ code, exponent, ledger_id: ledgerId })
    .onConflict((conflict) => conflict.doNothing())
    .returning('created_at')
    .executeTakeFirst();
  return row?.created_at;
}

/** A currency that is registered in a ledger. */
export interface RegisteredCurrency extends Currency {
  readonly createdAt: Instant;
}

/** Returns the ledger's registered currencies by code. */
export async function findRegisteredCurrencies(
  db: Kysely<DB>,
  ledgerId: Uuid,
  codes: readonly string[],
): Promise<RegisteredCurrency[]> {
  return db
    .selectFrom('currencies')
    .select(['code', 'exponent', 'created_at as createdAt'])
    .where(sql<boolean>`code = any(${codes}::text[])`)
    .where('ledger_id', '=', ledgerId)
    .execute();
}

/** Returns all of the ledger's registered currencies. */
export async function listRegisteredCurrencies(db: Kysely<DB>, ledgerId: Uuid): Promise<Currency[]> {
  return db.selectFrom('currencies').select(['code', 'exponent']).where('ledger_id', '=', ledgerId).execute();
}

/** Returns the codes of the currencies in which the ledger has accounts. */
export async function findUsedCurrencies(db: Kysely<DB>, ledgerId: Uuid): Promise<string[]> {
  const rows = await db
    .selectFrom('accounts')
    .select('currency')
    .where('ledger_id', '=', ledgerId)
    .where('kind', '=', 'EXTERNAL')
    .execute();
  return rows.map(({ currency }) => currency);
}
