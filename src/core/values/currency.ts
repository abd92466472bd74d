import * as published from 'dinero.js/bigint/currencies';

/** A unit of account. An amount of it is a whole number of its minor units, `10 ** -exponent` each. */
export interface Currency {
  readonly code: string;
  readonly exponent: number;
}

/**
 * The digits where ISO 4217 differs from the published list, which counts the subunit in use: the ouguiya and the
 * ariary are divided by five, and ISO gives both of them two digits.
 */
const MENDED: Readonly<Record<string, number>> = { MGA: 2, MRU: 2 };

/** The currencies of ISO 4217 that have a minor unit, by code. They need no registration and cannot be registered. */
export const ISO_4217: ReadonlyMap<string, Currency> = new Map(
  Object.values(published).map(({ code, exponent }) => [
    code,
    Object.freeze({ code, exponent: MENDED[code] ?? Number(exponent) }),
  ]),
);
