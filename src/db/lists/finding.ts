/**
 * Finds the keys of a filtered page. Sparse and old matches are found as fast as recent ones. Three methods are combined, each of
 * which reads at most 10,000 rows. The first that fills the page or reaches the end of the list returns the result. All methods
 * apply the whole filter to each row, so they differ only in speed.
 * 1. The ordered scan reads an index in the order of the list: by id, an owner's accounts by id, an account's entries by version.
 *    A range of createdAt is a range of this index. It finds dense matches at once, and reads a short index to its end.
 * 2. The displaced rows have an effectiveAt that differs from createdAt. They are few: for all other rows, a range of effectiveAt
 *    is a range of createdAt, which the ordered scan covers. The displaced rows are read from an index of effectiveAt, sorted, and
 *    merged with those of the ordered scan.
 * 3. The sets are rows of an index that is not in the order of the list (metadata, prefixes of externalIds). If a short ordered
 *    scan does not fill the page, a set is read whole and sorted. A set of more than 10,000 rows is not used: then matches are not
 *    sparse, and the ordered scan continues to its limit.
 * An ordered scan that has read 10,000 rows returns the matches so far and the key at which it stopped. The next page continues
 * there.
 *
 * The planner does not know these limits. It may prefer a scan of the whole table, if the table was analyzed while empty, or if
 * the value is common but rare where the scan begins. Therefore these transactions disable sequential scans, and allow bitmap
 * scans only for GIN indexes. Conditions that only filter are in the select list, where no index serves them. They read other
 * tables by scalar subqueries, which the planner never turns into joins.
 */
import { type RawBuilder, type SqlBool, sql, type Transaction as Trx } from 'kysely';
import { directionOf, type KeysetRange } from '../keyset.ts';
import type { Database } from '../postgres/database.ts';
import type { DB } from '../tables.ts';

/** The maximum number of rows that each method reads. */
export const MAX_ROWS = 10_000;
/** The limit of the ordered scan that precedes the sets. */
const TRIAL_ROWS = 1000;

/** Rows that may match. */
interface Source {
  readonly key: RawBuilder<unknown>;
  /** The condition of the whole filter. */
  readonly matches: RawBuilder<SqlBool>;
}
/** Rows of an index in the order of the list. */
export interface OrderedSource extends Source {
  /** FROM and WHERE, with the bounds of the scan. */
  readonly from: RawBuilder<unknown>;
  /** The index's column, in the order of the keys. Adjacent rows may have the same key: they are one match. */
  readonly order: RawBuilder<unknown>;
}
/** Rows of an index in another order. The table's alias is its first letter. A GIN index allows only bitmap scans. */
export interface SetSource extends Source {
  readonly table: 'accounts' | 'transactions' | 'entries' | 'holds';
  readonly where: RawBuilder<unknown>;
  readonly index: 'btree' | 'gin';
}

/** The rows among which a filter has its matches. */
export interface Sources {
  /** If `narrow`, the displaced rows are known: the scan may apply the range of effectiveAt to createdAt. */
  readonly ordered: (narrow: boolean) => OrderedSource;
  /** The rows in the range of effectiveAt whose createdAt differs from it. */
  readonly displaced: SetSource | undefined;
  /** Each contains all matches. */
  readonly sets: readonly SetSource[];
}

/** The matches, in the order in which the range is read. */
export interface Found<Key> {
  readonly keys: readonly Key[];
  /** See `Listed`. */
  readonly stoppedAt: Key | undefined;
}

/** Returns the keys of the matches in a range, at most its limit. */
export function findKeys<Key extends string | bigint>(
  db: Database,
  { ordered, displaced, sets }: Sources,
  range: KeysetRange<Key>,
): Promise<Found<Key>> {
  // All methods read the same snapshot, so that their results complete each other.
  const transaction = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return transaction.execute(async (trx) => {
    await sql`
      select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)`.execute(
      trx,
    );
    const displacedKeys = displaced === undefined ? undefined : await readSet(trx, displaced, range);
    const source = ordered(displacedKeys !== undefined);
    const scanAndMerge = async (most: number) =>
      merge(await scanInOrder(trx, source, range, most), displacedKeys ?? [], range);

    if (sets.length === 0) return scanAndMerge(MAX_ROWS);
    const trial = await scanAndMerge(TRIAL_ROWS);
    if (trial.stoppedAt === undefined || trial.keys.length >= range.limit) return trial;
    for (const set of sets) {
      const keys = await readSet(trx, set, range);
      if (keys !== undefined) return { keys, stoppedAt: undefined };
    }
    return scanAndMerge(MAX_ROWS);
  });
}

/** Returns matches until the range is full. If the scan reaches its limit, it also returns the last row: there it stopped. */
function orderedQuery<Key>(
  { key, order, matches, from }: OrderedSource,
  range: KeysetRange<Key>,
  most: number,
): RawBuilder<{ key: Key; matches: boolean; place: bigint }> {
  const direction = sql.raw(directionOf(range));
  return sql`
    select key, fits and is_new as matches, place from (
      select key, at, fits, row_number() over in_order as place, key is distinct from lag(key) over in_order as is_new
      from (
        select ${key} as key, ${order} as at, (${matches}) is true as fits from ${from}
        order by at ${direction} limit ${sql.lit(most)}) read
      window in_order as (order by at ${direction})) scan
    where fits and is_new or place = ${sql.lit(most)} order by at ${direction} limit ${sql.lit(range.limit)}`;
}

/** Returns at least one row. Each has the size of the set. A set that is too large is not searched. */
function setQuery<Key>(
  { key, matches, table, where }: SetSource,
  range: KeysetRange<Key>,
): RawBuilder<{ size: bigint; key: Key | null }> {
  const direction = sql.raw(directionOf(range));
  const alias = sql.ref(table.slice(0, 1));
  return sql`
    with candidates as materialized (
      select ${alias}.* from ${sql.table(table)} ${alias} where ${where} limit ${sql.lit(MAX_ROWS + 1)})
    select s.size, k.key from (select count(*) as size from candidates) s
    left join lateral (
      select distinct ${key} as key from candidates ${alias} where s.size <= ${sql.lit(MAX_ROWS)} and ${matches}
      order by key ${direction} limit ${sql.lit(range.limit)}) k on true
    order by k.key ${direction}`;
}

async function scanInOrder<Key>(
  trx: Trx<DB>,
  source: OrderedSource,
  range: KeysetRange<Key>,
  most: number,
): Promise<Found<Key>> {
  const { rows } = await orderedQuery(source, range, most).execute(trx);
  const last = rows.at(-1);
  return {
    keys: rows.filter(({ matches }) => matches).map(({ key }) => key),
    stoppedAt: last?.place === BigInt(most) ? last.key : undefined,
  };
}

/** Returns undefined if the set is too large. */
async function readSet<Key>(
  trx: Trx<DB>,
  source: SetSource,
  range: KeysetRange<Key>,
): Promise<Key[] | undefined> {
  const byBitmap = async (mode: 'on' | 'off') => {
    if (source.index === 'gin') await sql`select set_config('enable_bitmapscan', ${mode}, true)`.execute(trx);
  };
  await byBitmap('on');
  const { rows } = await setQuery(source, range).execute(trx);
  await byBitmap('off');
  if ((rows[0]?.size ?? 0n) > MAX_ROWS) return undefined;
  return rows.flatMap(({ key }) => (key === null ? [] : [key]));
}

/** Merges the displaced keys into those of the ordered scan, up to the key at which it stopped. */
function merge<Key extends string | bigint>(
  { keys, stoppedAt }: Found<Key>,
  displacedKeys: readonly Key[],
  { limit, inverted }: KeysetRange<Key>,
): Found<Key> {
  const isBefore = (a: Key, b: Key) => (inverted ? a < b : a > b);
  const reached = displacedKeys.filter((key) => stoppedAt === undefined || !isBefore(stoppedAt, key));
  const all = [...new Set([...keys, ...reached])].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  return { keys: all.slice(0, limit), stoppedAt };
}
