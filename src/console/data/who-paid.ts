import { toMinor } from '../../client/index.ts';
import type { Party, TransactionRow } from './transactions.ts';

export interface WhoPaid {
  /** Whether money moved, or was reserved or released without changing a balance. */
  readonly effect: 'PAID' | 'RESERVED' | 'RELEASED';
  /** The accounts that gave money. */
  readonly from: readonly Party[];
  /** The accounts that received it. */
  readonly to: readonly Party[];
}

/**
 * Returns the two sides of a transaction, each in the order of its first entries: accounts that it debits gave, and accounts that it
 * credits received, as in a transfer. Entries of one account are summed. Reserved money counts only where no balance changed.
 *
 * A viewer restricted to an owner sees the entries of own accounts alone. The other parties are then the other side.
 */
export function whoPaid({
  type,
  entries,
  parties,
}: Pick<TransactionRow, 'type' | 'entries' | 'parties'>): WhoPaid {
  const posted = entries.filter(({ layer }) => layer === 'POSTED');
  const counted = posted.length > 0 ? posted : entries;
  const own = new Set(entries.map(({ account }) => account.id));
  const ofOthers = parties.filter(({ accountId }) => !own.has(accountId));
  const signOf = (id: string) => {
    const ofAccount = counted.filter(({ account }) => account.id === id);
    // All amounts of an account have the decimals of its currency.
    const decimals = Math.max(0, ...ofAccount.map(({ amount }) => amount.amount.split('.')[1]?.length ?? 0));
    return ofAccount.reduce((sum, { side, amount }) => {
      const minor = toMinor(amount.amount, decimals);
      return side === 'DEBIT' ? sum + minor : sum - minor;
    }, 0n);
  };
  const from = parties.filter(({ accountId }) => signOf(accountId) > 0n);
  const to = parties.filter(({ accountId }) => signOf(accountId) < 0n);
  const effect = posted.length > 0 ? 'PAID' : type === 'HOLD' ? 'RESERVED' : 'RELEASED';
  if (from.length === 0) return { effect, from: ofOthers, to };
  return { effect, from, to: to.length === 0 ? ofOthers : to };
}
