import { toMinor } from '../../../../client/index.ts';

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
export function limitProblem({ isUnlimited, amount }: LimitValues, exponent: number): string | undefined {
  if (isUnlimited) return undefined;
  if (amount.trim() === '') return 'Enter an amount, or choose no limit.';
  try {
    toMinor(amount.trim(), exponent);
    return undefined;
  } catch {
    const example = exponent === 0 ? '100' : `100.${'0'.repeat(exponent)}`;
    return `“${amount}” is not an amount of this currency. Write it as ${example}.`;
  }
}

/** Returns the change from a limit to valid values. */
export function limitChange(
  limit: { readonly amount: string } | null,
  { isUnlimited, amount }: LimitValues,
  exponent: number,
): LimitChange {
  if (isUnlimited) return limit === null ? undefined : { unlimited: true };
  const text = amount.trim();
  const isSame = limit !== null && toMinor(limit.amount, exponent) === toMinor(text, exponent);
  return isSame ? undefined : { amount: text };
}
