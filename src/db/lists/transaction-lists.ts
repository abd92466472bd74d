import { type RawBuilder, type SqlBool, sql } from 'kysely';
import { isUnfiltered, type TransactionFilter } from '../../core/filters.ts';
import type { Transaction } from '../../core/transaction.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findTransactions, listTransactions } from '../journal/transactions.ts';
import type { KeysetRange, Listed } from '../keyset.ts';
import type { Database } from '../postgres/database.ts';
import { findKeys, type SetSource, type Sources } from './finding.ts';
import {
  type AccountPlace,
  and,
  firstVersion,
  idsWithin,
  isWithin,
  versionsWithin,
} from './finding-conditions.ts';

type CurrencyOf = (code: string) => Currency;

/** Returns a page of the matching posted transactions by id, which is the order of their creation. */
export async function listMatchingTransactions(
  db: Database,
  ledgerId: Uuid,
  filter: TransactionFilter,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
): Promise<Listed<Uuid, Transaction>> {
  if (isUnfiltered(filter)) {
    return { rows: await listTransactions(db, ledgerId, range, currencyOf), stoppedAt: undefined };
  }
  const { keys, stoppedAt } = await findKeys(db, transactionSources(ledgerId, filter, range), range);
  const transactions = new Map(
    (await findTransactions(db, ledgerId, keys, currencyOf)).map((found) => [found.id, found]),
  );
  return { rows: keys.flatMap((key) => transactions.get(key) ?? []), stoppedAt };
}

/**
 * Returns where to look for matching transactions: among all or by the account's entries, among the displaced, or by their
 * metadata.
 */
function transactionSources(ledgerId: Uuid, filter: TransactionFilter, range: KeysetRange<Uuid>): Sources {
  const { accountId, metadata } = filter;
  const sources =
    accountId === undefined || accountId === null
      ? allSources(ledgerId, filter, range)
      : accountEntrySources({ accountId, ledgerId }, filter, range);
  if (metadata === undefined) return { ...sources, sets: [] };
  const withMetadata: SetSource = {
    key: sql`t.id`,
    matches: transactionMatches(ledgerId, filter, range),
    table: 'transactions',
    where: sql`t.metadata @> ${JSON.stringify(metadata)}::jsonb`,
    index: 'gin',
  };
  return { ...sources, sets: [withMetadata] };
}

function allSources(
  ledgerId: Uuid,
  filter: TransactionFilter,
  range: KeysetRange<Uuid>,
): Omit<Sources, 'sets'> {
  const { createdAt, effectiveAt } = filter;
  const id = sql.ref('t.id');
  const matches = transactionMatches(ledgerId, filter, range);
  return {
    ordered: (narrow) => ({
      key: id,
      order: id,
      matches,
      from: sql`transactions t where ${idsWithin(id, range, createdAt, narrow ? effectiveAt : undefined)}`,
    }),
    displaced:
      effectiveAt === undefined
        ? undefined
        : {
            key: id,
            matches,
            table: 'transactions',
            where: sql`${isWithin(sql`t.effective_at`, effectiveAt)}`,
            index: 'btree',
          },
  };
}

/** An account's entries are in the order of their transactions. A transaction may have several. */
function accountEntrySources(
  account: AccountPlace,
  filter: TransactionFilter,
  range: KeysetRange<Uuid>,
): Omit<Sources, 'sets'> {
  const { createdAt, effectiveAt, types, metadata } = filter;
  const { after, before } = range;
  const key = sql.ref('e.transaction_id');
  const version = sql.ref('e.version');
  const ofAccount = sql`e.account_id = ${account.accountId} and e.ledger_id = ${account.ledgerId}`;
  const matches = sql<SqlBool>`${idsWithin(key, range, createdAt)} and ${and(
    isWithin(sql`coalesce(e.effective_at, e.created_at)`, effectiveAt),
    types === undefined ? undefined : sql`e.type = any(${types}::text[])`,
    metadata === undefined
      ? undefined
      : sql`(select t.metadata @> ${JSON.stringify(metadata)}::jsonb from transactions t
          where t.id = e.transaction_id and t.ledger_id = e.ledger_id)`,
  )}`;
  const versions = and(
    after === undefined ? undefined : sql`${version} < ${firstVersion(account, '>=', after)}`,
    before === undefined ? undefined : sql`${version} >= ${firstVersion(account, '>', before)}`,
  );
  return {
    ordered: (narrow) => ({
      key,
      order: version,
      matches,
      from: sql`entries e where ${ofAccount} and ${versions}
        and ${versionsWithin(version, account, createdAt, narrow ? effectiveAt : undefined)}`,
    }),
    displaced:
      effectiveAt === undefined
        ? undefined
        : {
            key,
            matches,
            table: 'entries',
            where: sql`${ofAccount} and ${isWithin(sql`e.effective_at`, effectiveAt)}`,
            index: 'btree',
          },
  };
}

/** Returns the condition of the whole filter, on a row of `transactions t`. */
function transactionMatches(
  ledgerId: Uuid,
  { createdAt, effectiveAt, types, accountId, metadata }: TransactionFilter,
  range: KeysetRange<Uuid>,
): RawBuilder<SqlBool> {
  return sql<SqlBool>`t.ledger_id = ${ledgerId} and t.outcome = 'POSTED' and ${and(
    idsWithin(sql`t.id`, range, createdAt),
    isWithin(sql`coalesce(t.effective_at, t.created_at)`, effectiveAt),
    types === undefined ? undefined : sql`t.type = any(${types}::text[])`,
    metadata === undefined ? undefined : sql`t.metadata @> ${JSON.stringify(metadata)}::jsonb`,
    accountId === undefined
      ? undefined
      : // Reads the few entries of the transaction, not the many of the account.
        sql`(select true from entries e
          where e.transaction_id = t.id and (e.account_id = ${accountId}) is true limit 1)`,
  )}`;
}
