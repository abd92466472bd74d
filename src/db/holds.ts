import { type Kysely, type Selectable, sql } from 'kysely';
import type { Target, TargetName } from '../core/decide/command.ts';
import type { Hold, HoldStatus } from '../core/hold.ts';
import type { Currency } from '../core/values/currency.ts';
import type { Uuid } from '../core/values/ids.ts';
import { mapRows } from './currency-rows.ts';
import { directionOf, inLedger, type KeysetRange, withinRange } from './keyset.ts';
import { holdsOwn } from './own.ts';
import type { DB, Holds } from './tables.ts';

type CurrencyOf = (code: string) => Currency;

/** Returns holds by id, in any order. Missing are those of other ledgers and those that touch no account of the `owner`. */
export async function findHolds(
  db: Kysely<DB>,
  ledgerId: Uuid,
  ids: readonly Uuid[],
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Hold[]> {
  if (ids.length === 0) return [];
  const query = db
    .selectFrom('holds')
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .where('ledger_id', '=', ledgerId);
  const rows = await (owner === null ? query : query.where(holdsOwn('holds', { owner, ledgerId }))).execute();
  return mapRows(rows, (row) => holdOf(row, currencyOf));
}

/** Returns a page of holds by id, which is the order in which they were placed. */
export async function listHolds(
  db: Kysely<DB>,
  ledgerId: Uuid,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
): Promise<Hold[]> {
  const rows = await db
    .selectFrom('holds')
    .selectAll()
    .where(inLedger(ledgerId))
    .where(withinRange('id', range))
    .orderBy('id', directionOf(range))
    .limit(range.limit)
    .execute();
  return mapRows(rows, (row) => holdOf(row, currencyOf));
}

/** Returns the hold of a row. The table's constraints allow only the statuses that the cast assumes. */
function holdOf(row: Selectable<Holds>, currencyOf: CurrencyOf): Hold {
  return {
    id: row.id,
    fromAccountId: row.from_account_id,
    toAccountId: row.to_account_id,
    currency: currencyOf(row.currency),
    amount: row.amount,
    captured: row.captured,
    status: row.status as HoldStatus,
    expiresAt: row.expires_at,
    createdAt: row.created_at,
  };
}

/** Returns the immutable fields of holds or transactions by id. */
export async function findTargets(
  db: Kysely<DB>,
  ledgerId: Uuid,
  kind: TargetName['kind'],
  ids: readonly Uuid[],
): Promise<Map<Uuid, Target>> {
  const { rows } =
    kind === 'hold'
      ? await sql<TargetRow>`
          select h.id, h.from_account_id as key_account_id,
            array[h.from_account_id::text, h.to_account_id::text] as accounts
          from holds h where h.id = any(${ids}::uuid[]) and h.ledger_id = ${ledgerId}`.execute(db)
      : await sql<TargetRow>`
          select t.id, t.account_id as key_account_id, array(
            select distinct e.account_id::text from entries e
            where e.transaction_id = t.id and e.ledger_id = ${ledgerId}) as accounts
          from transactions t
          where t.id = any(${ids}::uuid[]) and t.ledger_id = ${ledgerId} and t.outcome = 'POSTED'`.execute(
          db,
        );
  return new Map(
    rows.map(({ id, key_account_id, accounts }) => [id, { id, keyAccountId: key_account_id, accounts }]),
  );
}

interface TargetRow {
  readonly id: Uuid;
  readonly key_account_id: Uuid;
  readonly accounts: Uuid[];
}

export interface ExpiredHold {
  readonly id: Uuid;
  readonly ledgerId: Uuid;
}

/** Returns open holds that have expired, the earliest first, of all ledgers except some. */
export async function findExpiredHolds(
  db: Kysely<DB>,
  except: readonly Uuid[],
  limit: number,
): Promise<ExpiredHold[]> {
  return db
    .selectFrom('holds')
    .select(['id', 'ledger_id as ledgerId'])
    .where('status', '=', 'OPEN')
    .where('expires_at', '<=', sql<bigint>`clock_timestamp()`)
    .where(sql<boolean>`ledger_id <> all(${except}::uuid[])`)
    .orderBy('expires_at')
    .limit(limit)
    .execute();
}
