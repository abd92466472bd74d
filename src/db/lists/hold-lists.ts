import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { type HoldFilter, isUnfiltered } from '../../core/filters.ts';
import type { Hold } from '../../core/hold.ts';
import type { Transaction } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findHolds, listHolds } from '../holds.ts';
import { findTransactions } from '../journal/transactions.ts';
import { directionOf, type KeysetRange, type Listed, reversed } from '../keyset.ts';
import { holdsOwn, touchesOwn } from '../own.ts';
import type { Database } from '../postgres/database.ts';
import { findKeys, MAX_ROWS, type OrderedSource, type Sources } from './finding.ts';
import { and, idsWithin, isWithin } from './finding-conditions.ts';

type CurrencyOf = (code: string) => Currency;

/**
 * Returns a page of the matching holds by id, which is the order in which they were placed. `owner`: only of those that touch an
 * account of this owner. Then the filter must name one.
 */
export async function listMatchingHolds(
  db: Database,
  ledgerId: Uuid,
  filter: HoldFilter,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Listed<Uuid, Hold>> {
  if (owner !== null && filter.accountId === undefined) throw new TypeError(NEEDS_ACCOUNT);
  if (isUnfiltered(filter)) {
    return { rows: await listHolds(db, ledgerId, range, currencyOf), stoppedAt: undefined };
  }
  const { keys, stoppedAt } = await findKeys(db, holdSources(ledgerId, filter, range, owner), range);
  const found = await findHolds(db, ledgerId, keys, currencyOf, owner);
  const holds = new Map(found.map((hold) => [hold.id, hold]));
  return { rows: keys.flatMap((key) => holds.get(key) ?? []), stoppedAt };
}

const NEEDS_ACCOUNT = 'the holds of an owner are listed by account: there is no index of all of them';

/** Returns where to look for matching holds: among all or those of the account and, for open holds, by expiresAt. */
function holdSources(
  ledgerId: Uuid,
  filter: HoldFilter,
  range: KeysetRange<Uuid>,
  owner: string | null,
): Sources {
  const { accountId, status, expiresAt } = filter;
  const id = sql.ref('h.id');
  const within = idsWithin(id, range);
  const expires = isWithin(sql`h.expires_at`, expiresAt);
  const matches = sql<SqlBool>`h.ledger_id = ${ledgerId} and ${within} and ${and(
    status === undefined ? undefined : sql`h.status = ${status}`,
    accountId === undefined ? undefined : sql`${accountId}::uuid in (h.from_account_id, h.to_account_id)`,
    expires,
    owner === null ? undefined : holdsOwn('h', { owner, ledgerId }),
  )}`;
  const from =
    accountId === undefined || accountId === null
      ? sql`holds h where ${within}`
      : holdsOfAccount(accountId, range);
  return {
    ordered: () => ({ key: id, order: id, matches, from }),
    displaced: undefined,
    sets:
      status === 'OPEN' && expires !== undefined
        ? [{ key: id, matches, table: 'holds', where: sql`h.status = 'OPEN' and ${expires}`, index: 'btree' }]
        : [],
  };
}

/**
 * Merges the holds from the account with those to it. Both indexes are in the order of the list, and neither is read beyond the
 * limit of an ordered scan. No hold is from an account to itself.
 */
function holdsOfAccount(accountId: Uuid, range: KeysetRange<Uuid>): RawBuilder<unknown> {
  const side = (column: 'h.from_account_id' | 'h.to_account_id') => sql`
    (select h.* from holds h where ${sql.ref(column)} = ${accountId} and ${idsWithin(sql.ref('h.id'), range)}
    order by h.id ${sql.raw(directionOf(range))} limit ${sql.lit(MAX_ROWS)})`;
  return sql`(${side('h.from_account_id')} union all ${side('h.to_account_id')}) h`;
}

/**
 * Returns a page of the posted transactions of a hold, oldest first: the one that placed it, and those that captured or released
 * it. The index also contains any number of declined attempts. `owner`: as in `findTransactions`.
 */
export async function listHoldTransactions(
  db: Database,
  ledgerId: Uuid,
  holdId: Uuid,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Listed<Uuid, Transaction>> {
  const oldestFirst = reversed(range);
  const id = sql.ref('t.id');
  const own = owner === null ? sql`` : sql` and ${touchesOwn(id, { owner, ledgerId })}`;
  const ordered = (): OrderedSource => ({
    key: id,
    order: id,
    matches: sql<SqlBool>`t.ledger_id = ${ledgerId} and t.outcome = 'POSTED'${own}`,
    from: sql`transactions t where t.hold_id = ${holdId} and ${idsWithin(id, oldestFirst)}`,
  });
  const { keys, stoppedAt } = await findKeys(db, { ordered, displaced: undefined, sets: [] }, oldestFirst);
  const found = await findTransactions(db, ledgerId, keys, currencyOf, owner);
  const transactions = new Map(found.map((transaction) => [transaction.id, transaction]));
  return { rows: keys.flatMap((key) => transactions.get(key) ?? []), stoppedAt };
}
