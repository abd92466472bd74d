/**
 * The journal: posted transactions by block, then by their place in the block. This order is final: no transaction is ever posted
 * before a place that a reader has reached.
 *
 * A reader in READ COMMITTED sees blocks 1 to n without a gap, and each one whole:
 * - One database transaction writes a block and its transactions, so a snapshot sees all of them or none.
 * - The same transaction takes the block's number from the ledger's row and updates that row, so it keeps the row locked until it
 *   ends. Block n + 1 can take the lock only afterwards.
 * - PostgreSQL makes a commit visible before it releases the locks. Therefore block n + 1 becomes visible after block n, and a
 *   snapshot that contains it contains block n too.
 * Blocks never change, so pages may be read in different snapshots. Times and ids do not have this order: they are assigned before
 * the commit, and a later commit may have an earlier id.
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
  /** The end of the page: after its last row, or after the declined outcomes that follow that row. */
  readonly end: JournalPlace;
  /** Whether the journal had outcomes after `end` when the page was read. */
  readonly hasMore: boolean;
}

/**
 * Returns at most `size` posted transactions after a place, or from the beginning; undefined if the journal does not contain the
 * place. Reads at most 10,000 outcomes.
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
  if (last === undefined) throw new TypeError(`the ledger ${ledgerId} does not exist`);
  const end = placeOf(last, last.size - Math.max(0, last.looked - MAX_ROWS));
  return { rows: listed, end, hasMore: end.block < last.head || end.outcomes < last.size };
}

const NO_HASH = Buffer.alloc(0);

/** A block, or the place before the first block. */
interface BlockRow {
  readonly block: bigint;
  readonly hash: Buffer | null;
  readonly first_id: Uuid | null;
  readonly size: number;
  /** The number of outcomes that have been read at the end of this block. */
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
 * Reads block after block by the key (number, ledger), and in each block its range of ids, until `limit` posted transactions are
 * found. The recursion allows the planner no other plan, whatever its statistics are. The range of a block contains transactions
 * of its own ledger only, so it needs no condition on the ledger.
 * Returns one row per posted transaction, one for the block in which the page begins, and one for the last block that was read.
 */
function journalQuery(ledgerId: Uuid, { block, outcomes }: JournalPlace, limit: number) {
  // The first step reads the block of the place again, to compare its hash and to read the rest of it.
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

/** Returns the id at a number of places after a block's first id. The last 20 bits of a block's ids are a counter. */
function idInBlock(firstId: string, places: string) {
  const id = sql.ref(firstId);
  return sql<Uuid>`(left(${id}::text, 31)
    || lpad(to_hex(('x' || right(${id}::text, 5))::bit(20)::int4 + ${sql.ref(places)}), 5, '0'))::uuid`;
}
