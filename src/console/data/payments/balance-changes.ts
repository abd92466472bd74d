import { fromMinor, toMinor } from '../../../client/index.ts';

interface Money {
  readonly amount: string;
  readonly currency: string;
}

/** An entry that an operation would record. */
export interface PreviewedEntry {
  readonly account: { readonly id: string };
  readonly side: 'DEBIT' | 'CREDIT';
  readonly layer: 'POSTED' | 'PENDING';
  readonly amount: Money;
  readonly balanceAfter: Money;
  readonly heldAfter: Money;
}

interface KnownAccount {
  readonly normalSide: 'DEBIT' | 'CREDIT';
  readonly held: Money;
  readonly minBalance: Money | null;
}

/** The changes that an operation would make to one account. The values before are undefined while the account is not read. */
export interface BalanceChange {
  readonly id: string;
  readonly before: Money | undefined;
  readonly after: Money;
  readonly heldBefore: Money | undefined;
  readonly heldAfter: Money;
}

/**
 * Returns the changes of a preview, one for each account, in the order of their first entries. The balance before is computed from the
 * entries, because a balance that is read at another moment may differ.
 */
export function changesOf(
  entries: readonly PreviewedEntry[],
  accounts: ReadonlyMap<string, KnownAccount>,
): readonly BalanceChange[] {
  const changes = new Map<string, BalanceChange>();
  for (const entry of entries) {
    const { id } = entry.account;
    const known = accounts.get(id);
    const first = changes.get(id) ?? {
      id,
      before: known === undefined ? undefined : balanceBefore(entry, known),
      heldBefore: known?.held,
    };
    changes.set(id, { ...first, after: entry.balanceAfter, heldAfter: entry.heldAfter });
  }
  return [...changes.values()];
}

/** Returns what an account could still pay: its balance, without what is held and what must stay. Undefined: it has no lower limit. */
export function availableOf(balance: Money, held: Money, minBalance: Money | null): Money | undefined {
  if (minBalance === null) return undefined;
  const exponent = balance.amount.split('.')[1]?.length ?? 0;
  const [has, reserved, least] = [balance, held, minBalance].map(({ amount }) => toMinor(amount, exponent));
  return {
    amount: fromMinor((has ?? 0n) - (reserved ?? 0n) - (least ?? 0n), exponent),
    currency: balance.currency,
  };
}

function balanceBefore(
  { side, layer, amount, balanceAfter }: PreviewedEntry,
  { normalSide }: KnownAccount,
): Money {
  if (layer === 'PENDING') return balanceAfter;
  // The ledger writes amounts with all decimals of the currency.
  const exponent = amount.amount.split('.')[1]?.length ?? 0;
  const change = toMinor(amount.amount, exponent);
  const after = toMinor(balanceAfter.amount, exponent);
  const before = side === normalSide ? after - change : after + change;
  return { amount: fromMinor(before, exponent), currency: balanceAfter.currency };
}
