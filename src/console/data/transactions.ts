import { queryOptions } from '@tanstack/react-query';
import type { HoldFilter, LedgerClient, TransactionFilter } from '../../client/index.ts';
import {
  FoundDocument,
  type FoundQuery,
  HoldDetailsDocument,
  HoldListDocument,
  type HoldRowFragment,
  HoldTransactionsDocument,
  type PartyFieldsFragment,
  TransactionDetailsDocument,
  type TransactionDetailsQuery,
  TransactionListDocument,
  TransactionReversalsDocument,
  type TransactionReversalsQuery,
  type TransactionRowFragment,
} from './generated.ts';
import { type Place, pageQuery, READ, rangeOf, turnedRangeOf, turnPage } from './pages.ts';

export type TransactionRow = TransactionRowFragment;
export type TransactionDetails = NonNullable<TransactionDetailsQuery['transaction']>;
export type Entry = TransactionRow['entries'][number];
export type Party = PartyFieldsFragment;
export type Hold = HoldRowFragment;
export type Reversal = NonNullable<TransactionReversalsQuery['transaction']>['reversals']['nodes'][number];

/** The most rows that the API returns at once. */
const MOST_ROWS = 100;

/** Returns the transactions that match a filter, newest first. */
export function transactionsQuery(
  client: LedgerClient,
  filter: TransactionFilter,
  place: Place,
  rows?: number,
) {
  const variables = { filter, ...rangeOf(place, rows) };
  return pageQuery(
    client,
    'transactions',
    TransactionListDocument,
    variables,
    ({ transactions }) => transactions,
  );
}

/** Returns a transaction by its id or by `ext:` and its externalId; null if there is none. */
export function transactionQuery(client: LedgerClient, id: string) {
  return queryOptions({
    queryKey: ['transaction', id],
    queryFn: async ({ signal }): Promise<TransactionDetails | null> =>
      (await client.request(TransactionDetailsDocument, { id }, { ...READ, signal })).transaction ?? null,
  });
}

/** Returns the reversals of a transaction, newest first. */
export function reversalsQuery(client: LedgerClient, id: string, place: Place, rows?: number) {
  const variables = { id, ...turnedRangeOf(place, rows) };
  return pageQuery(client, 'reversals', TransactionReversalsDocument, variables, ({ transaction }) =>
    transaction == null ? undefined : turnPage(transaction.reversals),
  );
}

/** Returns the amounts of all reversals of a transaction. An amount is null where a reversal has several currencies. */
export function reversedQuery(client: LedgerClient, id: string) {
  return queryOptions({
    queryKey: ['reversed', id],
    queryFn: async ({ signal }): Promise<readonly TransactionRow['amount'][]> => {
      const amounts: TransactionRow['amount'][] = [];
      let place: Place | undefined = {};
      while (place !== undefined) {
        const found: TransactionReversalsQuery = await client.request(
          TransactionReversalsDocument,
          { id, ...rangeOf(place, MOST_ROWS) },
          { ...READ, signal },
        );
        if (found.transaction === null) break;
        const { nodes, pageInfo } = found.transaction.reversals;
        amounts.push(...nodes.map(({ amount }) => amount));
        place = pageInfo.hasNextPage ? { after: pageInfo.endCursor ?? undefined } : undefined;
      }
      return amounts;
    },
  });
}

/** Returns the holds that match a filter, newest first. */
export function holdsQuery(client: LedgerClient, filter: HoldFilter, place: Place, rows?: number) {
  const variables = { filter, ...rangeOf(place, rows) };
  return pageQuery(client, 'holds', HoldListDocument, variables, ({ holds }) => holds);
}

/** Returns a hold by its id or by `ext:` and the externalId of its placement; null if there is none. */
export function holdQuery(client: LedgerClient, id: string) {
  return queryOptions({
    queryKey: ['hold', id],
    queryFn: async ({ signal }): Promise<Hold | null> =>
      (await client.request(HoldDetailsDocument, { id }, { ...READ, signal })).hold ?? null,
  });
}

/** Returns the transactions of a hold, newest first: its placement, its captures and its release. */
export function holdTransactionsQuery(client: LedgerClient, id: string, place: Place, rows?: number) {
  const variables = { id, ...turnedRangeOf(place, rows) };
  return pageQuery(client, 'hold transactions', HoldTransactionsDocument, variables, ({ hold }) =>
    hold == null ? undefined : turnPage(hold.transactions),
  );
}

/** Returns the account, the transaction and the hold that have an id, or `ext:` and an externalId. */
export function find(client: LedgerClient, id: string, signal?: AbortSignal): Promise<FoundQuery> {
  return client.request(FoundDocument, { id }, signal === undefined ? READ : { ...READ, signal });
}
