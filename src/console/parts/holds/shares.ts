import { fromMinor, toMinor } from '../../../client/index.ts';
import type { Hold } from '../../data/transactions.ts';

export interface Part {
  readonly name: 'Captured' | 'Remaining' | 'Released';
  readonly money: Hold['amount'];
  /** Its share of the amount, in thousandths, for a picture. */
  readonly share: number;
}

/** Returns how the reserved amount of a hold is divided. Amounts are exact, and their sum is the reserved one. */
export function partsOf({
  amount,
  captured,
  remaining,
}: Pick<Hold, 'amount' | 'captured' | 'remaining'>): readonly Part[] {
  // Answers have all decimals of the currency.
  const exponent = amount.amount.split('.')[1]?.length ?? 0;
  const [all, done, rest] = [amount, captured, remaining].map((money) => toMinor(money.amount, exponent)) as [
    bigint,
    bigint,
    bigint,
  ];
  const part = (name: Part['name'], minor: bigint): Part => ({
    name,
    money: { amount: fromMinor(minor, exponent), currency: amount.currency },
    share: all === 0n ? 0 : Number((minor * 1000n) / all),
  });
  return [part('Captured', done), part('Remaining', rest), part('Released', all - done - rest)];
}
