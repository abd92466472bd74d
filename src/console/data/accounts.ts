import { queryOptions } from '@tanstack/react-query';
import type { AccountFilter, HistoryFilter, LedgerClient } from '../../client/index.ts';
import {
  AccountBalancesDocument,
  type AccountBalancesQuery,
  AccountChangesDocument,
  AccountDetailsDocument,
  type AccountDetailsFragment,
  AccountHistoryDocument,
  type AccountHistoryQuery,
  AccountHoldsDocument,
  AccountListDocument,
  type AccountRowFragment,
} from './generated.ts';
import { type Place, pageQuery, READ, rangeOf } from './pages.ts';

export type Account = AccountDetailsFragment;
export type AccountRow = AccountRowFragment;
/** An entry of an account, with the transaction that it belongs to. */
export type HistoryEntry = NonNullable<AccountHistoryQuery['account']>['history']['nodes'][number];
/** The balance of an account after one of its posted entries. */
export type BalanceAfter = NonNullable<AccountBalancesQuery['account']>['history']['nodes'][number];

/** Returns the accounts that match a filter, newest first. */
export function accountsQuery(client: LedgerClient, filter: AccountFilter, place: Place, rows?: number) {
  const variables = { filter, ...rangeOf(place, rows) };
  return pageQuery(client, 'accounts', AccountListDocument, variables, ({ accounts }) => accounts);
}

/** Returns an account by its id or by `ext:` and its externalId; null if there is none. */
export function accountQuery(client: LedgerClient, id: string) {
  return queryOptions({
    queryKey: ['account', id],
    queryFn: async ({ signal }): Promise<Account | null> =>
      (await client.request(AccountDetailsDocument, { id }, { ...READ, signal })).account ?? null,
  });
}

/** Returns the entries of an account, newest first, with the transactions that they belong to. */
export function historyQuery(
  client: LedgerClient,
  id: string,
  filter: HistoryFilter,
  place: Place,
  rows?: number,
) {
  const variables = { id, filter, ...rangeOf(place, rows) };
  return pageQuery(client, 'history', AccountHistoryDocument, variables, ({ account }) => account?.history);
}

/** Returns the balances after the last posted entries of an account, newest first. They stay the same as long as its version does. */
export function balancesQuery(client: LedgerClient, { id, version }: Pick<Account, 'id' | 'version'>) {
  const variables = { id, ...rangeOf({}, PLOTTED) };
  return queryOptions({
    ...pageQuery(
      client,
      `balances at ${version}`,
      AccountBalancesDocument,
      variables,
      ({ account }) => account?.history,
    ),
    refetchInterval: false,
    staleTime: Number.POSITIVE_INFINITY,
  });
}

/** The most entries of one page. */
const PLOTTED = 100;

/** Returns the open holds of an account, or all, newest first. */
export function accountHoldsQuery(
  client: LedgerClient,
  id: string,
  status: 'OPEN' | null,
  place: Place,
  rows?: number,
) {
  const variables = { id, status, ...rangeOf(place, rows) };
  return pageQuery(client, 'account holds', AccountHoldsDocument, variables, ({ account }) => account?.holds);
}

/** Returns the changes of an account with their actors, newest first. */
export function changesQuery(client: LedgerClient, id: string, place: Place, rows?: number) {
  const variables = { id, ...rangeOf(place, rows) };
  return pageQuery(client, 'changes', AccountChangesDocument, variables, ({ account }) => account?.changes);
}
