import { type SqlBool, sql } from 'kysely';
import { type HistoryFilter, isUnfiltered } from '../../core/filters.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { type EntryLine, findEntries, listEntries } from '../journal/entries.ts';
import { type KeysetRange, type Listed, withinRange } from '../keyset.ts';
import { isOwnAccount } from '../own.ts';
import type { Database } from '../postgres/database.ts';
import { findKeys, type Sources } from './finding.ts';
import { type AccountPlace, and, isWithin, versionsWithin } from './finding-conditions.ts';

type CurrencyOf = (code: string) => Currency;

/** Returns a page of an account's matching entries by version. `owner`: none if the account does not belong to this owner. */
export async function listMatchingEntries(
  db: Database,
  ledgerId: Uuid,
  accountId: Uuid,
  filter: HistoryFilter,
  range: KeysetRange<bigint>,
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Listed<bigint, EntryLine>> {
  if (isUnfiltered(filter)) {
    const rows = await listEntries(db, ledgerId, accountId, range, currencyOf, owner);
    return { rows, stoppedAt: undefined };
  }
  const sources = entrySources({ accountId, ledgerId }, filter, range, owner);
  const { keys, stoppedAt } = await findKeys(db, sources, range);
  const places = keys.map((version) => ({ accountId, version }));
  const entries = new Map(
    (await findEntries(db, ledgerId, places, currencyOf, owner)).map((entry) => [entry.version, entry]),
  );
  return { rows: keys.flatMap((key) => entries.get(key) ?? []), stoppedAt };
}

/** Returns where to look for an account's matching entries: in order of versions, and among the displaced. */
function entrySources(
  account: AccountPlace,
  filter: HistoryFilter,
  range: KeysetRange<bigint>,
  owner: string | null,
): Sources {
  const { createdAt, effectiveAt, types, side, layer } = filter;
  const version = sql.ref('e.version');
  const { accountId, ledgerId } = account;
  const own =
    owner === null ? sql`` : sql` and ${isOwnAccount(sql`${accountId}::uuid`, { owner, ledgerId })}`;
  const ofAccount = sql`e.account_id = ${accountId} and e.ledger_id = ${ledgerId}${own}`;
  const matches = sql<SqlBool>`${withinRange('e.version', range)} and ${and(
    isWithin(sql`e.created_at`, createdAt),
    isWithin(sql`coalesce(e.effective_at, e.created_at)`, effectiveAt),
    types === undefined ? undefined : sql`e.type = any(${types}::text[])`,
    side === undefined ? undefined : sql`(e.amount > 0) = ${side === 'CREDIT'}::boolean`,
    layer === undefined ? undefined : sql`(e.layer = 'POSTED') = ${layer === 'POSTED'}::boolean`,
  )}`;
  return {
    ordered: (narrow) => ({
      key: version,
      order: version,
      matches,
      from: sql`entries e where ${ofAccount} and ${withinRange('e.version', range)}
        and ${versionsWithin(version, account, createdAt, narrow ? effectiveAt : undefined)}`,
    }),
    displaced:
      effectiveAt === undefined
        ? undefined
        : {
            key: version,
            matches,
            table: 'entries',
            where: sql`${ofAccount} and ${isWithin(sql`e.effective_at`, effectiveAt)}`,
            index: 'btree',
          },
    sets: [],
  };
}
