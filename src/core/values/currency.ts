import * as published from 'dinero.js/bigint/currencies';

/** A currency. Amounts are whole numbers of its minor unit, which is `10 ** -exponent` of the currency. */
export interface Currency {
  readonly code: string;
  readonly exponent: number;
}

/**
 * Corrections of the published list, which counts the subunit in use: the ouguiya and the ariary are divided by five, but ISO 4217
 * gives both of them two digits.
 */
const CORRECTIONS: Readonly<Record<string, number>> = { MGA: 2, MRU: 2 };

/** The currencies of ISO 4217 that have a minor unit, by code. They are built in and cannot be registered. */
export const ISO_4217: ReadonlyMap<string, Currency> = new Map(
  Object.values(published).map(({ code, exponent }) => [
    code,
    Object.freeze({ code, exponent: CORRECTIONS[code] ?? Number(exponent) }),
  ]),
);
