import { type Kysely, sql } from 'kysely';
import type { Original } from '../../core/decide/book.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import type { DB } from '../tables.ts';
import { findTransactions } from './transactions.ts';

/** Returns posted transactions by id, in any order, each with the amount of it that is reversed. */
export async function findOriginals(
  db: Kysely<DB>,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: (code: string) => Currency,
): Promise<Original[]> {
  if (ids.length === 0) return [];
  const transactions = await findTransactions(db, ledgerId, ids, currencyOf);
  const { rows } = await sql<{ id: Uuid; reversed: bigint }>`
    select given.id, r.reversed from unnest(${ids}::uuid[]) as given (id)
    cross join lateral (
      select sum(abs(e.amount)) as reversed from transactions t
      join entries e on e.transaction_id = t.id and e.line = 1 and e.ledger_id = t.ledger_id
      where t.reverses = given.id and t.ledger_id = ${ledgerId} and t.outcome = 'POSTED' offset 0) r
    where r.reversed is not null`.execute(db);
  const reversed = new Map(rows.map((row) => [row.id, row.reversed]));
  return transactions.map((transaction) => ({
    transaction,
    reversed: reversed.get(transaction.id) ?? 0n,
  }));
}
