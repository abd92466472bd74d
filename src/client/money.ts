/** Exact decimal text: `'4'`, `'4.00'`, `'-12.5'`. */
const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * Converts an amount to minor units: `toMinor('4.00', 2)` is `400n`. `exponent` is the currency's number of decimals, 0 to 30.
 * Never rounds.
 *
 * @throws RangeError if the text is no decimal number, or has more decimals than the currency.
 */
export function toMinor(amount: string, exponent: number): bigint {
  const [, sign = '', whole, decimals = ''] = DECIMAL.exec(amount) ?? [];
  if (whole === undefined)
    throw new RangeError(`${JSON.stringify(amount)} is no decimal number; write it as "12.34"`);
  if (decimals.length > exponent) {
    throw new RangeError(`${amount} has ${decimals.length} decimals, and its currency has ${exponent}`);
  }
  const minor = BigInt(whole + decimals.padEnd(exponent, '0'));
  return sign === '' ? minor : -minor;
}

/** Converts minor units to an amount with all decimals of the currency: `fromMinor(400n, 2)` is `'4.00'`. */
export function fromMinor(minor: bigint, exponent: number): string {
  const sign = minor < 0n ? '-' : '';
  const digits = `${minor < 0n ? -minor : minor}`.padStart(exponent + 1, '0');
  if (exponent === 0) return sign + digits;
  const point = digits.length - exponent;
  return `${sign}${digits.slice(0, point)}.${digits.slice(point)}`;
}
