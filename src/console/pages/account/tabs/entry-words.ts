import { formatAmount } from '../../../data/amounts.ts';

interface SignedEntry {
  readonly side: 'CREDIT' | 'DEBIT';
  readonly layer: 'PENDING' | 'POSTED';
  readonly amount: { readonly amount: string };
  readonly transaction: { readonly type: string };
}

/** Returns the amount of an entry as its account sees it: with a plus where the entry is on the normal side of the account. */
export function signedAmount(entry: Pick<SignedEntry, 'side' | 'amount'>, normalSide: string): string {
  const sign = entry.side === normalSide ? '+' : '\u2212';
  return `${sign}${formatAmount(entry.amount.amount)}`;
}

/** Returns what an entry did to its account: it changed the balance, or reserved money or released it. */
export function effectOf({ side, layer, transaction }: Omit<SignedEntry, 'amount'>, normalSide: string) {
  if (layer === 'POSTED') return 'Posted';
  if (transaction.type !== 'HOLD') return 'Pending: released';
  return side === normalSide ? 'Pending: incoming' : 'Pending: held';
}
