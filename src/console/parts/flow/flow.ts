/** Who paid whom in a transaction, derived from its entries: an account that is debited pays, and one that is credited receives. */
import { fromMinor, toMinor } from '../../../client/index.ts';
import type { Entry, Party, TransactionRow } from '../../data/transactions.ts';

interface Money {
  readonly amount: string;
  readonly currency: string;
}

/** An account on one side of a flow. */
export interface Leg {
  /** Null: accounts of other owners, which the viewer does not see one by one. */
  readonly party: Party | null;
  readonly money: Money;
  /** The balance of the account after the transaction; for reserved money, what it holds. */
  readonly after: Money | null;
}

/** The entries of one currency and one layer. The sums of both sides are equal. */
export interface Flow {
  /** `posted` changes balances, `reserved` and `released` are pending entries, which do not. */
  readonly kind: 'posted' | 'reserved' | 'released';
  readonly currency: string;
  /** The accounts that are debited. */
  readonly from: readonly Leg[];
  /** The accounts that are credited. */
  readonly to: readonly Leg[];
}

type Exponents = ReadonlyMap<string, number>;
type Moved = Pick<TransactionRow, 'type' | 'entries' | 'parties'>;

/** With more entries than this a picture is harder to read than a table. */
const MOST_ENTRIES = 8;

/** Returns whether a picture of the entries is readable. */
export function isPictured({ entries }: Pick<TransactionRow, 'entries'>): boolean {
  return entries.length > 0 && entries.length <= MOST_ENTRIES;
}

/** Returns the flows of a transaction, those that changed balances first. */
export function flowsOf(transaction: Moved, exponents: Exponents): readonly Flow[] {
  const { type, entries } = transaction;
  const layers = [
    ['POSTED', 'posted'],
    ['PENDING', type === 'HOLD' ? 'reserved' : 'released'],
  ] as const;
  return layers.flatMap(([layer, kind]) => {
    const ofLayer = entries.filter((entry) => entry.layer === layer);
    const currencies = [...new Set(ofLayer.map(({ amount }) => amount.currency))];
    return currencies.map((currency) =>
      flowOf(
        transaction,
        kind,
        currency,
        ofLayer.filter(({ amount }) => amount.currency === currency),
        exponents,
      ),
    );
  });
}

/** Returns the sum of amounts of one currency. */
export function sumOf(amounts: readonly Money[], currency: string, exponents: Exponents): string {
  const exponent = exponentOf(amounts, currency, exponents);
  return fromMinor(
    amounts.reduce((sum, { amount }) => sum + toMinor(amount, exponent), 0n),
    exponent,
  );
}

function flowOf(
  { entries, parties }: Moved,
  kind: Flow['kind'],
  currency: string,
  own: readonly Entry[],
  exponents: Exponents,
): Flow {
  const exponent = exponentOf(
    own.map(({ amount }) => amount),
    currency,
    exponents,
  );
  const legsOf = (side: Entry['side'], showsAfter: boolean): Leg[] => {
    const ofSide = own.filter((entry) => entry.side === side);
    return [...new Set(ofSide.map(({ account }) => account.id))].map((id) => {
      const amounts = ofSide.filter(({ account }) => account.id === id).map(({ amount }) => amount);
      const last = entries.findLast(({ account }) => account.id === id);
      const after = kind === 'posted' ? last?.balanceAfter : last?.heldAfter;
      return {
        party: parties.find(({ accountId }) => accountId === id) ?? null,
        money: { amount: sumOf(amounts, currency, exponents), currency },
        after: showsAfter ? (after ?? null) : null,
      };
    });
  };
  // Only the account that pays holds reserved money.
  const from = legsOf('DEBIT', kind !== 'released');
  const to = legsOf('CREDIT', kind !== 'reserved');
  const total = (legs: readonly Leg[]) =>
    legs.reduce((sum, { money }) => sum + toMinor(money.amount, exponent), 0n);
  // A viewer restricted to an owner sees own entries alone. The books balance, so that the others have the difference.
  const missing = total(from) - total(to);
  if (missing !== 0n) {
    const hidden = parties.filter(
      (party) =>
        party.currency === currency && !entries.some(({ account }) => account.id === party.accountId),
    );
    const [only, ...more] = hidden;
    (missing > 0n ? to : from).push({
      party: only === undefined || more.length > 0 ? null : only,
      money: { amount: fromMinor(missing > 0n ? missing : -missing, exponent), currency },
      after: null,
    });
  }
  return { kind, currency, from, to };
}

/** Amounts have all decimals of their currency, also where the viewer may not read the list of currencies. */
function exponentOf(amounts: readonly Money[], currency: string, exponents: Exponents): number {
  return exponents.get(currency) ?? amounts[0]?.amount.split('.')[1]?.length ?? 0;
}
