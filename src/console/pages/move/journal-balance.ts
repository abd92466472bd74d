import { fromMinor, toMinor } from '../../../client/index.ts';
import { readAmount } from '../../data/amount-text.ts';

/** A row of a journal, as a person types it. */
export interface JournalRow {
  readonly account: string;
  readonly side: Side;
  readonly amount: string;
  readonly description: string;
}

export type Side = 'DEBIT' | 'CREDIT';

/** The sums of the rows in one currency, as exact text. */
export interface JournalBalance {
  readonly currency: string;
  readonly debits: string;
  readonly credits: string;
  /** The side and the amount that both sums lack to be equal. Undefined: they are equal. */
  readonly missing?: { readonly side: Side; readonly amount: string };
}

interface Facts {
  readonly accounts: ReadonlyMap<string, { readonly currency: string }>;
  readonly exponents: ReadonlyMap<string, number>;
}

/** Returns the sums of each currency, in the order of their first rows. Rows without a known account or a valid amount do not count. */
export function balancesOf(
  rows: readonly JournalRow[],
  { accounts, exponents }: Facts,
): readonly JournalBalance[] {
  const sums = new Map<string, { debits: bigint; credits: bigint }>();
  for (const { account, side, amount } of rows) {
    const currency = accounts.get(account.trim())?.currency;
    const exponent = exponents.get(currency ?? '');
    if (currency === undefined || exponent === undefined) continue;
    const sum = sums.get(currency) ?? { debits: 0n, credits: 0n };
    const read = readAmount(amount, currency, exponent);
    const minor = 'amount' in read ? toMinor(read.amount, exponent) : 0n;
    if (side === 'DEBIT') sum.debits += minor;
    else sum.credits += minor;
    sums.set(currency, sum);
  }
  return [...sums].map(([currency, { debits, credits }]) => {
    const exponent = exponents.get(currency) ?? 0;
    const texts = { currency, debits: fromMinor(debits, exponent), credits: fromMinor(credits, exponent) };
    if (debits === credits) return texts;
    const isShortOfCredits = debits > credits;
    const amount = fromMinor(isShortOfCredits ? debits - credits : credits - debits, exponent);
    return { ...texts, missing: { side: isShortOfCredits ? 'CREDIT' : 'DEBIT', amount } };
  });
}

/** Returns the places, from 1, of the rows that have an amount and no known account. Their amounts are in no sum. */
export function uncounted(
  rows: readonly JournalRow[],
  { accounts }: Pick<Facts, 'accounts'>,
): readonly number[] {
  return rows.flatMap(({ account, amount }, place) =>
    amount.trim() !== '' && !accounts.has(account.trim()) ? [place + 1] : [],
  );
}

/**
 * Returns the rows with what one currency lacks in the last row, or in a new one if the last row has an amount or an account in another
 * currency.
 */
export function fillLastRow(
  rows: readonly JournalRow[],
  { currency, missing }: JournalBalance,
  { accounts }: Pick<Facts, 'accounts'>,
): readonly JournalRow[] {
  if (missing === undefined) return rows;
  const last = rows.at(-1);
  const lastCurrency = accounts.get(last?.account.trim() ?? '')?.currency ?? currency;
  if (last === undefined || last.amount.trim() !== '' || lastCurrency !== currency) {
    return [...rows, { account: '', description: '', ...missing }];
  }
  return [...rows.slice(0, -1), { ...last, ...missing }];
}
