import { queryOptions } from '@tanstack/react-query';
import { fromMinor, type LedgerClient, type TrialBalanceLine, toMinor } from '../../client/index.ts';
import { OpenHoldsDocument } from './generated.ts';
import { READ } from './pages.ts';

/** The trial balance reads all accounts of the ledger, so that it is read less often than the rest of a page. */
const TRIAL_BALANCE_MS = 20_000;

/** Returns the sums of all accounts, one line for each currency. */
export function trialBalanceQuery(client: LedgerClient) {
  return queryOptions({
    queryKey: ['trial balance'],
    queryFn: ({ signal }) => client.trialBalance(undefined, { ...READ, signal }),
    refetchInterval: TRIAL_BALANCE_MS,
    staleTime: TRIAL_BALANCE_MS / 2,
  });
}

/** Returns the last block of the journal. */
export function headQuery(client: LedgerClient) {
  return queryOptions({
    queryKey: ['head'],
    queryFn: ({ signal }) => client.head({ ...READ, signal }),
  });
}

/** More open holds are not counted. */
const MOST_HOLDS = 100;

/** Returns the number of open holds as text: exact up to 100, "100+" above. */
export function openHoldsQuery(client: LedgerClient) {
  return queryOptions({
    queryKey: ['open holds'],
    queryFn: async ({ signal }): Promise<string> => {
      const { holds } = await client.request(OpenHoldsDocument, { most: MOST_HOLDS }, { ...READ, signal });
      return holds.pageInfo.hasNextPage ? `${MOST_HOLDS}+` : `${holds.nodes.length}`;
    },
  });
}

/** Returns the number of accounts of owners: without the external account, which each currency has. */
export function accountsIn({ accounts }: Pick<TrialBalanceLine, 'accounts'>): number {
  return accounts - 1;
}

type Sums = Pick<TrialBalanceLine, 'currency' | 'debits' | 'credits'>;

/** Returns by how much the debits exceed the credits, exactly; null if they are equal. */
export function differenceOf({ currency, debits, credits }: Sums) {
  const decimals = Math.max(decimalsOf(debits.amount), decimalsOf(credits.amount));
  const difference = toMinor(debits.amount, decimals) - toMinor(credits.amount, decimals);
  return difference === 0n ? null : { amount: fromMinor(difference, decimals), currency };
}

function decimalsOf(amount: string): number {
  return amount.split('.')[1]?.length ?? 0;
}
