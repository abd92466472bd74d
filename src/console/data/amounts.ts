/** Amounts as people read them. An amount is exact decimal text everywhere: it is formatted as text, never as a number. */

interface Money {
  readonly amount: string;
  readonly currency: string;
}

const formats = new Map<number, Intl.NumberFormat>();

/** Returns an amount in the number format of a locale, with all its decimals: `1234567.50` is `1,234,567.50` in English. */
export function formatAmount(amount: string, locale?: string): string {
  const decimals = amount.split('.')[1]?.length ?? 0;
  return formatOf(decimals, locale).format(amount as Intl.StringNumericLiteral);
}

/** Returns an amount with its currency's code: codes are unambiguous, while "$" is not. */
export function formatMoney({ amount, currency }: Money, locale?: string): string {
  return `${formatAmount(amount, locale)}\u00a0${currency}`;
}

export function isNegative(amount: string): boolean {
  return amount.startsWith('-') && /[1-9]/.test(amount);
}

export function isZero(amount: string): boolean {
  return !/[1-9]/.test(amount);
}

/** Returns the height of an amount in a picture, where digits beyond the pixels do not matter. Never used for text. */
export function toHeight(amount: string): number {
  return Number(amount);
}

function formatOf(decimals: number, locale: string | undefined): Intl.NumberFormat {
  if (locale !== undefined) return makeFormat(decimals, locale);
  const found = formats.get(decimals);
  if (found !== undefined) return found;
  const made = makeFormat(decimals);
  formats.set(decimals, made);
  return made;
}

function makeFormat(decimals: number, locale?: string): Intl.NumberFormat {
  return new Intl.NumberFormat(locale, { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
