import type { Currency } from './currency.ts';
import { Malformed } from './text.ts';

/** An amount in minor units of a currency. */
export interface Money {
  readonly minor: bigint;
  readonly currency: Currency;
}

/** An exact decimal number with its scale: `coefficient * 10 ** -scale`. */
export interface Decimal {
  readonly coefficient: bigint;
  readonly scale: number;
}

/** The largest absolute value of amounts and balances: 38 digits of minor units, the range of `numeric(38,0)`. */
export const MAX_MINOR = 10n ** 38n - 1n;

/** Longer than any valid amount: 38 digits, a point, a sign, and some leading or trailing zeros. */
const MAX_DECIMAL_LENGTH = 80;

/** Reads exact decimal text: digits, optionally a point and more digits, and a minus sign if `signed`. */
export function parseDecimal(text: string, { signed }: { readonly signed: boolean }): Decimal | Malformed {
  if (text.length > MAX_DECIMAL_LENGTH) {
    return new Malformed(`must have at most ${MAX_DECIMAL_LENGTH} characters, but has ${text.length}`);
  }
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) {
    return new Malformed('must be decimal text such as "12.34": digits, optionally a point and more digits');
  }
  const [, sign, whole = '', fraction = ''] = match;
  if (sign === '-' && !signed) return new Malformed('must not have a sign');
  const magnitude = BigInt(whole + fraction);
  return { coefficient: sign === '-' ? -magnitude : magnitude, scale: fraction.length };
}

/** Reads an amount that moves: exact decimal text above zero. */
export function parseAmount(text: string): Decimal | Malformed {
  const amount = parseDecimal(text, { signed: false });
  if (amount instanceof Malformed || amount.coefficient > 0n) return amount;
  return new Malformed('must be above zero');
}

/**
 * Converts an amount to minor units. Nothing is rounded: an amount with more decimals than the currency has, even zeros, is
 * malformed. So is one of more than 38 digits in minor units.
 */
export function toMinor(amount: Decimal, currency: Currency): bigint | Malformed {
  const { code, exponent } = currency;
  if (amount.scale > exponent) {
    const allowed = exponent === 0 ? 'no decimals' : `at most ${exponent} decimals`;
    return new Malformed(`must have ${allowed} in ${code}, but has ${amount.scale}`);
  }
  const minor = amount.coefficient * 10n ** BigInt(exponent - amount.scale);
  if (minor > MAX_MINOR || minor < -MAX_MINOR) {
    return new Malformed(`must have at most 38 digits in minor units of ${code}`);
  }
  return minor;
}

/** Formats minor units with the currency's full scale: 1234n of USD is "12.34". */
export function formatMinor(minor: bigint, { exponent }: Currency): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  const text = exponent === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return minor < 0n ? `-${text}` : text;
}

/** Formats an amount for a message: "12.34 USD". */
export function formatMoney({ minor, currency }: Money): string {
  return `${formatMinor(minor, currency)} ${currency.code}`;
}

/** Returns the shortest decimal text, which equal amounts share: 20, 20.0 and 20.00 are all "20". */
export function shortestDecimal({ coefficient, scale }: Decimal): string {
  const text = formatMinor(coefficient, { code: '', exponent: scale });
  return scale === 0 ? text : text.replace(/\.?0+$/, '');
}
