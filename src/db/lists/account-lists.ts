import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { Account } from '../../core/account.ts';
import { type AccountFilter, isUnfiltered, restrictTo } from '../../core/filters.ts';
import type { Currency } from '../../core/values/currency.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findAccounts, listAccounts } from '../accounts.ts';
import type { KeysetRange, Listed } from '../keyset.ts';
import type { Database } from '../postgres/database.ts';
import { findKeys, type SetSource, type Sources } from './finding.ts';
import { and, idsWithin } from './finding-conditions.ts';

type CurrencyOf = (code: string) => Currency;

/** Returns a page of the matching accounts by id, which is the order of their creation. `owner`: only of this owner's. */
export async function listMatchingAccounts(
  db: Database,
  ledgerId: Uuid,
  given: AccountFilter,
  range: KeysetRange<Uuid>,
  currencyOf: CurrencyOf,
  owner: string | null = null,
): Promise<Listed<Uuid, Account>> {
  const filter = owner === null ? given : restrictTo(owner, given);
  if (filter === undefined) return { rows: [], stoppedAt: undefined };
  if (isUnfiltered(filter)) {
    return { rows: await listAccounts(db, ledgerId, range, currencyOf), stoppedAt: undefined };
  }
  const { keys, stoppedAt } = await findKeys(
    db,
    accountSources(ledgerId, filter, range, owner !== null),
    range,
  );
  const accounts = new Map(
    (await findAccounts(db, ledgerId, keys, currencyOf, owner)).map((account) => [account.id, account]),
  );
  return { rows: keys.flatMap((key) => accounts.get(key) ?? []), stoppedAt };
}

/** Returns where to look for matching accounts: among all or those of the owner, or by metadata or externalId. */
function accountSources(
  ledgerId: Uuid,
  filter: AccountFilter,
  range: KeysetRange<Uuid>,
  isRestricted: boolean,
): Sources {
  const { owner } = filter;
  const { hasMetadata, hasPrefix } = conditionsOf(filter);
  const id = sql.ref('a.id');
  const within = idsWithin(id, range);
  const matches = sql<SqlBool>`a.ledger_id = ${ledgerId} and ${within} and ${accountCondition(filter)}`;
  const ofOwner = owner === undefined ? sql`true` : sql`a.owner = ${owner}`;
  const setOf = (index: SetSource['index'], where: RawBuilder<unknown>): SetSource => {
    return { key: id, matches, table: 'accounts', where, index };
  };
  return {
    ordered: () => ({ key: id, order: id, matches, from: sql`accounts a where ${ofOwner} and ${within}` }),
    displaced: undefined,
    // Whether a set is used depends on its size, which must not tell a restricted caller about the accounts of others.
    sets: isRestricted
      ? []
      : [
          ...(hasMetadata === undefined ? [] : [setOf('gin', hasMetadata)]),
          ...(hasPrefix === undefined ? [] : [setOf('btree', hasPrefix)]),
        ],
  };
}

/** Returns the condition of the whole filter, on a row of `accounts a`. */
export function accountCondition(filter: AccountFilter): RawBuilder<SqlBool> {
  const { owner, currency, kind, status } = filter;
  const { hasMetadata, hasPrefix } = conditionsOf(filter);
  return and(
    owner === undefined ? undefined : sql`a.owner = ${owner}`,
    currency === undefined ? undefined : sql`a.currency = ${currency}`,
    kind === undefined ? undefined : sql`a.kind = ${kind}`,
    status === undefined ? undefined : sql`a.status = ${status}`,
    hasPrefix,
    hasMetadata,
  );
}

function conditionsOf({ externalIdPrefix, metadata }: AccountFilter) {
  return {
    hasPrefix: externalIdPrefix === undefined ? undefined : sql`a.external_id ^@ ${externalIdPrefix}::text`,
    hasMetadata: metadata === undefined ? undefined : sql`a.metadata @> ${JSON.stringify(metadata)}::jsonb`,
  };
}
