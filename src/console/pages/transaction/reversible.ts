import { fromMinor, toMinor } from '../../../client/index.ts';
import type { TransactionDetails } from '../../data/transactions.ts';

interface Money {
  readonly amount: string;
  readonly currency: string;
}

/** The part of a transaction that can still be reversed. */
export type Remaining =
  /** Transactions of this type are not reversed. */
  | { readonly kind: 'never' }
  /** It is reversed wholly. */
  | { readonly kind: 'nothing' }
  /** It has more than two entries: it is reversed wholly or not at all. */
  | { readonly kind: 'whole' }
  /** It has two entries: all that remains is reversed, or a part of it. */
  | { readonly kind: 'amount'; readonly money: Money };

const REVERSIBLE: readonly TransactionDetails['type'][] = [
  'DEPOSIT',
  'WITHDRAWAL',
  'TRANSFER',
  'JOURNAL',
  'CAPTURE',
];

/** Returns whether transactions of a type can be reversed. */
export function isReversible({ type }: Pick<TransactionDetails, 'type'>): boolean {
  return REVERSIBLE.includes(type);
}

/** Returns what remains to reverse of a transaction, from the amounts of all its reversals. Amounts are exact. */
export function remainingOf(
  transaction: Pick<TransactionDetails, 'type' | 'entries' | 'amount'>,
  reversed: readonly (Money | null)[],
): Remaining {
  const { entries, amount } = transaction;
  if (!isReversible(transaction)) return { kind: 'never' };
  const posted = entries.filter(({ layer }) => layer === 'POSTED');
  if (posted.length !== 2 || amount === null) {
    return reversed.length === 0 ? { kind: 'whole' } : { kind: 'nothing' };
  }
  // Answers have all decimals of the currency.
  const exponent = amount.amount.split('.')[1]?.length ?? 0;
  const minor = reversed.reduce(
    (rest, part) => (part === null ? rest : rest - toMinor(part.amount, exponent)),
    toMinor(amount.amount, exponent),
  );
  if (minor <= 0n) return { kind: 'nothing' };
  return { kind: 'amount', money: { amount: fromMinor(minor, exponent), currency: amount.currency } };
}

/** Returns what is wrong with the amount of a partial reversal, and what to do; undefined if it can be sent. */
export function partProblem(text: string, remaining: Money): string | undefined {
  const exponent = remaining.amount.split('.')[1]?.length ?? 0;
  if (text === '') return 'Enter the amount to reverse.';
  let minor: bigint;
  try {
    minor = toMinor(text, exponent);
  } catch {
    return `${text} is no amount in ${remaining.currency}. Write it with a point and at most ${exponent} decimals.`;
  }
  if (minor <= 0n) return 'Enter an amount above zero.';
  if (minor > toMinor(remaining.amount, exponent)) {
    return `Only ${remaining.amount} ${remaining.currency} remain to reverse. Enter that or less.`;
  }
  return undefined;
}
