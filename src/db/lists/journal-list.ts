/**
 * The journal, as programs follow it: posted transactions by block, then by their place in the block. This order is final:
 * nothing is ever posted before a place that somebody has read.
 *
 * A reader in READ COMMITTED sees blocks 1 to n without a gap, and each one whole:
 * - A block and its transactions are written by one database transaction, so that one snapshot sees all of them or none.
 * - Its number is one above that in the ledger's row, which the same transaction updates, so that it keeps the row locked until
 *   it has ended. Block n + 1 can take the lock only then.
 * - PostgreSQL makes a commit visible before it releases the locks. Block n + 1 therefore becomes visible after block n, and a
 *   snapshot that has it has block n too.
 * Blocks never change, so that one page's snapshot may be older or newer than another's. Times and ids do not have this order:
 * they are taken before the commit, and a later commit may have an earlier id.
 */
import { type Kysely, sql } from 'kysely';
import type { Transaction } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import { countInBlock, type Uuid } from '../../core/values/ids.ts';
import { type JournalPlace, journalMark } from '../../core/values/journal-place.ts';
import { type TransactionRow, transactionColumns, withEntries } from '../journal/transactions.ts';
import type { DB } from '../tables.ts';
import { MAX_ROWS } from './finding.ts';

/** A part of the journal, in its order. */
export interface JournalPage {
  readonly rows: readonly { readonly transaction: Transaction; readonly place: JournalPlace }[];
  /** How far was read: after the last row, or after the declined outcomes that follow it. */
  readonly end: JournalPlace;
  /** Whether the journal went on after `end` when it was read. */
  readonly hasMore: boolean;
}

/**
 * At most `size` posted transactions after a place, or from the beginning; at most 10,000 outcomes are looked at. Undefined:
 * the place is not in these books.
 */
export async function listJournal(
  db: Kysely<DB>,
  ledgerId: Uuid,
  after: JournalPlace | undefined,
  size: number,
  currencyOf: (code: string) => Currency,
): Promise<JournalPage | undefined> {
  const beginning: JournalPlace = { block: 0n, outcomes: 0, mark: journalMark(ledgerId, NO_HASH) };
  const start = after ?? beginning;
  const { rows } = await journalQuery(ledgerId, start, size + 1).execute(db);
  const placeOf = (row: BlockRow, outcomes: number): JournalPlace => ({
    block: row.block,
    outcomes,
    mark: journalMark(ledgerId, row.hash ?? NO_HASH),
  });
  const first = rows.find(({ block }) => block === start.block);
  const found = start.block === 0n ? beginning : first && placeOf(first, first.size);
  if (found === undefined || found.mark !== start.mark || start.outcomes > found.outcomes) return undefined;

  const posted = rows.filter(isPosted);
  const page = posted.slice(0, size);
  const transactions = await withEntries(db, ledgerId, page, currencyOf);
  const byId = new Map(transactions.map((transaction) => [transaction.id, transaction]));
  const listed = page.flatMap((row) => {
    const transaction = byId.get(row.id);
    const outcomes = countInBlock(row.id) - countInBlock(row.first_id) + 1;
    return transaction === undefined ? [] : [{ transaction, place: placeOf(row, outcomes) }];
  });

  if (posted.length > size) return { rows: listed, end: listed.at(-1)?.place ?? start, hasMore: true };
  const last = rows.at(-1);
  if (last === undefined) throw new TypeError('there is no such ledger');
  const end = placeOf(last, last.size - Math.max(0, last.looked - MAX_ROWS));
  return { rows: listed, end, hasMore: end.block < last.head || end.outcomes < last.size };
}

const NO_HASH = Buffer.alloc(0);

/** A block, or the place before the first one that the page begins with. */
interface BlockRow {
  readonly block: bigint;
  readonly hash: Buffer | null;
  readonly first_id: Uuid | null;
  readonly size: number;
  /** How many outcomes the page would have looked at after this block if it read all of it. */
  readonly looked: number;
  /** The ledger's last block. */
  readonly head: bigint;
}
interface PostedRow extends BlockRow, TransactionRow {
  readonly first_id: Uuid;
}
type JournalRow = PostedRow | (BlockRow & { readonly id: null });

function isPosted(row: JournalRow): row is PostedRow {
  return row.id !== null;
}

/**
 * Walks from block to block by the key (number, ledger), in each along its range of ids, until `limit` posted transactions are
 * found. The recursion leaves the planner no other way to the blocks, whatever it believes of the tables. A block's range
 * has transactions of its own ledger alone, so that no condition on the ledger is needed.
 * Answers one row per posted transaction, the row of the block that the page begins in, and that of the last block read.
 */
function journalQuery(ledgerId: Uuid, { block, outcomes }: JournalPlace, limit: number) {
  // The first step reads the block of the place itself, to compare its hash and to read the rest of it.
  const before = block === 0n ? 0n : block - 1n;
  return sql<JournalRow>`
    with recursive walk (block, hash, first_id, size, looked, found, posted) as (
      select ${before}::int8, null::bytea, null::uuid, 0, 0, 0, null::transactions[]
      union all
      select b.number, b.hash, b.first_id, b.size, w.looked + b.size - b.skipped, w.found + cardinality(p.posted), p.posted
      from walk w
      cross join lateral (
        select b.number, b.hash, b.first_id, b.last_id, b.size, case b.number when ${block}::int8 then ${outcomes}::int4 else 0 end as skipped
        from blocks b where b.number = w.block + 1 and b.ledger_id = ${ledgerId} offset 0) b
      cross join lateral (
        select array(
          select read.t from (
            select t, t.id, t.outcome from transactions t
            where b.skipped < b.size and t.id between ${idInBlock('b.first_id', 'b.skipped')} and b.last_id
            order by t.id limit ${sql.lit(MAX_ROWS)} - w.looked) read
          where read.outcome = 'POSTED' order by read.id limit ${limit}::int4 - w.found) as posted offset 0) p
      where w.looked < ${sql.lit(MAX_ROWS)} and w.found < ${limit}::int4)
    select w.block, w.hash, w.first_id, w.size, w.looked, (select block from ledgers where id = ${ledgerId}) as head, ${transactionColumns('t')}
    from walk w left join lateral unnest(w.posted) t on true
    where t.id is not null or w.block in (${block}::int8, (select max(block) from walk))
    order by w.block, t.id`;
}

/** The id that comes so many places after a block's first: ids of a block differ in their last 20 bits, and count there. */
function idInBlock(firstId: string, places: string) {
  const id = sql.ref(firstId);
  return sql<Uuid>`(left(${id}::text, 31)
    || lpad(to_hex(('x' || right(${id}::text, 5))::bit(20)::int4 + ${sql.ref(places)}), 5, '0'))::uuid`;
}
