import type { Currency } from './currency.ts';
import { Malformed } from './text.ts';

/** An amount of a currency, in its minor units. */
export interface Money {
  readonly minor: bigint;
  readonly currency: Currency;
}

/** Exact decimal text as it was given: `coefficient * 10 ** -scale`. */
export interface Decimal {
  readonly coefficient: bigint;
  readonly scale: number;
}

/** No amount and no balance is further from zero: 38 digits of minor units, what `numeric(38,0)` holds. */
export const MAX_MINOR = 10n ** 38n - 1n;

/** Longer than any amount that a currency can have: 38 digits, a point and a sign, with some zeros to spare. */
const MAX_DECIMAL_LENGTH = 80;

/** Reads exact decimal text: digits, optionally a point and digits, and a minus sign where `signed`. */
export function parseDecimal(text: string, { signed }: { readonly signed: boolean }): Decimal | Malformed {
  if (text.length > MAX_DECIMAL_LENGTH) {
    return new Malformed(`must have at most ${MAX_DECIMAL_LENGTH} characters, and has ${text.length}`);
  }
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
  if (match === null) {
    return new Malformed('must be decimal text such as "12.34": digits, optionally a point and digits');
  }
  const [, sign, whole = '', fraction = ''] = match;
  if (sign === '-' && !signed) return new Malformed('must not have a sign');
  const magnitude = BigInt(whole + fraction);
  return { coefficient: sign === '-' ? -magnitude : magnitude, scale: fraction.length };
}

/** Reads the text of an amount that moves: exact decimal text above zero. */
export function parseAmount(text: string): Decimal | Malformed {
  const amount = parseDecimal(text, { signed: false });
  if (amount instanceof Malformed || amount.coefficient > 0n) return amount;
  return new Malformed('must be above zero');
}

/**
 * The minor units of an amount in its currency. Nothing is rounded: more decimals than the currency has, even zeros, are
 * refused, and so is what 38 digits of minor units cannot hold.
 */
export function toMinor(amount: Decimal, currency: Currency): bigint | Malformed {
  const { code, exponent } = currency;
  if (amount.scale > exponent) {
    const allowed = exponent === 0 ? 'no decimals' : `at most ${exponent} decimals`;
    return new Malformed(`must have ${allowed} in ${code}, and has ${amount.scale}`);
  }
  const minor = amount.coefficient * 10n ** BigInt(exponent - amount.scale);
  if (minor > MAX_MINOR || minor < -MAX_MINOR) {
    return new Malformed(`must have at most 38 digits in ${code}'s minor units`);
  }
  return minor;
}

/** Decimal text with the currency's full scale: 1234n of USD is "12.34". */
export function formatMinor(minor: bigint, { exponent }: Currency): string {
  const digits = (minor < 0n ? -minor : minor).toString().padStart(exponent + 1, '0');
  const point = digits.length - exponent;
  const text = exponent === 0 ? digits : `${digits.slice(0, point)}.${digits.slice(point)}`;
  return minor < 0n ? `-${text}` : text;
}

/** The amount as a message shows it: "12.34 USD". */
export function formatMoney({ minor, currency }: Money): string {
  return `${formatMinor(minor, currency)} ${currency.code}`;
}

/** The one shortest text of equal amounts: 20, 20.0 and 20.00 are all "20". */
export function shortestDecimal({ coefficient, scale }: Decimal): string {
  const text = formatMinor(coefficient, { code: '', exponent: scale });
  return scale === 0 ? text : text.replace(/\.?0+$/, '');
}
