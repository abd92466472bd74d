/**
 * Finding the keys of a filtered page, sparse and old ones as fast as fresh ones. A match is looked for in three ways, each
 * of which reads at most 10,000 rows; whichever finds the page, or the end of the list, answers. In all of them every row is
 * tested by the whole filter, so that only speed depends on the way.
 * 1. The walk: in the list's own order, along an index that is in it: ids, an owner's accounts, an account's versions. Times of
 *    recording are ranges of it. It finds dense matches at once, and walks a sparse index to its end.
 * 2. The displaced, where effectiveAt is asked: almost all rows count when they were recorded, so that its range is one of the
 *    walk too; the others come by an index of their own, sorted by something else. They are read whole, and merged.
 * 3. The sets: what an index has without any order (metadata, the beginning of an externalId). Where a short walk has not
 *    filled the page, they are read whole and sorted. A set of more than 10,000 is given up: then matches are not sparse, and
 *    the walk goes its full length.
 * A walk that has read 10,000 rows answers what it has found and the place where it stopped, from which the next page goes on.
 *
 * The planner knows nothing of these bounds. In a table that was analyzed while empty, or for a value that is common but not
 * where a scan begins, it may take the whole table for cheaper. So these transactions scan no table, and make bitmaps only
 * where a set's index makes nothing else. Conditions that only thin out stand in the select list, where no index serves them,
 * and look at other tables by scalar subqueries, which are never turned into joins.
 */
import { type RawBuilder, type SqlBool, sql, type Transaction as Trx } from 'kysely';
import { directionOf, type KeysetRange } from '../keyset.ts';
import type { Database } from '../postgres/database.ts';
import type { DB } from '../tables.ts';

/** Rows that each way reads at most. */
export const MAX_ROWS = 10_000;
/** How far the walk goes before the sets are looked at. */
const TRIAL_ROWS = 1000;

/** Rows of which some may match. */
interface Source {
  readonly key: RawBuilder<unknown>;
  /** The whole filter. */
  readonly matches: RawBuilder<SqlBool>;
}
/** In the order of the list. */
export interface WalkSource extends Source {
  /** FROM and WHERE, with the bounds of the walk. */
  readonly from: RawBuilder<unknown>;
  /** What the index is ordered by, in the order of the keys. Neighbours may share a key: such rows are one match. */
  readonly order: RawBuilder<unknown>;
}
/** In no order. The table has its first letter for an alias; a GIN index only makes bitmaps. */
export interface SetSource extends Source {
  readonly table: 'accounts' | 'transactions' | 'entries' | 'holds';
  readonly where: RawBuilder<unknown>;
  readonly index: 'btree' | 'gin';
}

/** Where the matches of a filter can be. */
export interface Places {
  /** `narrow`: the displaced are known, so that the walk may keep to the range that effectiveAt is in createdAt. */
  readonly walk: (narrow: boolean) => WalkSource;
  /** Those in the range of effectiveAt that are not in the same range of createdAt. */
  readonly displaced: SetSource | undefined;
  /** Each has all matches. */
  readonly sets: readonly SetSource[];
}

/** What was found, in the direction in which the range is read. */
export interface Found<Key> {
  readonly keys: readonly Key[];
  /** See `Listed`. */
  readonly stoppedAt: Key | undefined;
}

/** The keys of the matches in a range, at most its limit. */
export function findKeys<Key extends string | bigint>(
  db: Database,
  { walk, displaced, sets }: Places,
  range: KeysetRange<Key>,
): Promise<Found<Key>> {
  // One snapshot for all ways: what one leaves out the other has.
  const transaction = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return transaction.execute(async (trx) => {
    await sql`
      select set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
        set_config('max_parallel_workers_per_gather', '0', true), set_config('jit', 'off', true)`.execute(
      trx,
    );
    const apart = displaced === undefined ? undefined : await readSet(trx, displaced, range);
    const source = walk(apart !== undefined);
    const walkOn = async (most: number) =>
      merge(await readWalk(trx, source, range, most), apart ?? [], range);

    if (sets.length === 0) return walkOn(MAX_ROWS);
    const trial = await walkOn(TRIAL_ROWS);
    if (trial.stoppedAt === undefined || trial.keys.length >= range.limit) return trial;
    for (const set of sets) {
      const keys = await readSet(trx, set, range);
      if (keys !== undefined) return { keys, stoppedAt: undefined };
    }
    return walkOn(MAX_ROWS);
  });
}

/** Ends where the range is full. The last row that may be read is answered in any case: there the walk has stopped. */
function walkQuery<Key>(
  { key, order, matches, from }: WalkSource,
  range: KeysetRange<Key>,
  most: number,
): RawBuilder<{ key: Key; matches: boolean; place: bigint }> {
  const direction = sql.raw(directionOf(range));
  return sql`
    select key, fits and is_new as matches, place from (
      select key, at, fits, row_number() over way as place, key is distinct from lag(key) over way as is_new
      from (
        select ${key} as key, ${order} as at, (${matches}) is true as fits from ${from}
        order by at ${direction} limit ${sql.lit(most)}) read
      window way as (order by at ${direction})) walk
    where fits and is_new or place = ${sql.lit(most)} order by at ${direction} limit ${sql.lit(range.limit)}`;
}

/** Says in each row, and there is one at least, how many there are in the set; one that is too large is not looked through. */
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

async function readWalk<Key>(
  trx: Trx<DB>,
  source: WalkSource,
  range: KeysetRange<Key>,
  most: number,
): Promise<Found<Key>> {
  const { rows } = await walkQuery(source, range, most).execute(trx);
  const last = rows.at(-1);
  return {
    keys: rows.filter(({ matches }) => matches).map(({ key }) => key),
    stoppedAt: last?.place === BigInt(most) ? last.key : undefined,
  };
}

/** undefined: the set is too large. */
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

/** Both together, as far as the walk went. */
function merge<Key extends string | bigint>(
  { keys, stoppedAt }: Found<Key>,
  apart: readonly Key[],
  { limit, inverted }: KeysetRange<Key>,
): Found<Key> {
  const isBefore = (a: Key, b: Key) => (inverted ? a < b : a > b);
  const reached = apart.filter((key) => stoppedAt === undefined || !isBefore(stoppedAt, key));
  const all = [...new Set([...keys, ...reached])].sort((a, b) => (isBefore(a, b) ? -1 : 1));
  return { keys: all.slice(0, limit), stoppedAt };
}
