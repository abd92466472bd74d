import { toMinor } from '../../../../client/index.ts';
import { readLimit } from '../../../data/amount-text.ts';

/** A limit as the form has it. */
export interface LimitValues {
  readonly isUnlimited: boolean;
  readonly amount: string;
}

/** A limit as the API takes it; undefined: it stays as it is. */
export type LimitChange = { readonly amount: string } | { readonly unlimited: true } | undefined;

export function limitValues(limit: { readonly amount: string } | null): LimitValues {
  return { isUnlimited: limit === null, amount: limit?.amount ?? '' };
}

/** Returns what is wrong with a limit, and what to do; undefined if it is valid. */
export function limitProblem(
  { isUnlimited, amount }: LimitValues,
  currency: string,
  exponent: number,
): string | undefined {
  if (isUnlimited) return undefined;
  const read = readLimit(amount, currency, exponent);
  return 'problem' in read ? read.problem : undefined;
}

/** Returns the change from a limit to valid values. */
export function limitChange(
  limit: { readonly amount: string } | null,
  { isUnlimited, amount }: LimitValues,
  exponent: number,
): LimitChange {
  if (isUnlimited) return limit === null ? undefined : { unlimited: true };
  const read = readLimit(amount);
  const text = 'problem' in read ? amount : read.amount;
  const isSame = limit !== null && toMinor(limit.amount, exponent) === toMinor(text, exponent);
  return isSame ? undefined : { amount: text };
}
