import published from 'currency-codes';
import { describe, expect, test } from 'vitest';
import { ISO_4217 } from '../../src/core/values/currency.ts';

const theirs = new Map(published.data.map(({ code, digits }) => [code, digits]));

/** Codes that only the other list has, with the reason. */
const LACKING = {
  ANG: 'it was withdrawn for XCG',
  CUC: 'it was withdrawn in 2021',
  XAG: 'a metal has no minor unit',
  XAU: 'a metal has no minor unit',
  XPD: 'a metal has no minor unit',
  XPT: 'a metal has no minor unit',
  XBA: 'a unit of bond markets has no minor unit',
  XBB: 'a unit of bond markets has no minor unit',
  XBC: 'a unit of bond markets has no minor unit',
  XBD: 'a unit of bond markets has no minor unit',
  XDR: 'a unit of account of a fund has no minor unit',
  XSU: 'a unit of account of a fund has no minor unit',
  XUA: 'a unit of account of a fund has no minor unit',
  XTS: 'it is for tests',
  XXX: 'it says that there is no currency',
};

describe('the currencies of ISO 4217', () => {
  test('have the digits of another publication of the standard', () => {
    const shared = [...ISO_4217.values()].filter(({ code }) => theirs.has(code));
    expect(shared.length).toBeGreaterThan(150);
    expect(Object.fromEntries(shared.map(({ code, exponent }) => [code, exponent]))).toEqual(
      Object.fromEntries(shared.map(({ code }) => [code, theirs.get(code)])),
    );
  });

  // Codes that are newer than the other list.
  test.each([
    ['XCG', 'the Caribbean guilder, in place of ANG since 2025'],
    ['XAD', 'the Arab accounting dinar'],
  ])('have %s, %s', (code) => {
    expect(ISO_4217.get(code)).toEqual({ code, exponent: 2 });
    expect(theirs.has(code)).toBe(false);
  });

  test.each(Object.entries(LACKING))('lack %s: %s', (code) => {
    expect(theirs.has(code)).toBe(true);
    expect(ISO_4217.has(code)).toBe(false);
  });

  test('do not differ from the other publication otherwise', () => {
    const both = [...new Set([...ISO_4217.keys(), ...theirs.keys()])];
    expect(both.filter((code) => ISO_4217.has(code) !== theirs.has(code)).sort()).toEqual(
      [...Object.keys(LACKING), 'XAD', 'XCG'].sort(),
    );
  });

  test.each([
    ['USD', 2],
    ['JPY', 0],
    ['BHD', 3],
    ['CLF', 4],
    ['UYW', 4],
    ['MGA', 2],
    ['MRU', 2],
    ['ISK', 0],
  ])('%s has %i', (code, exponent) => {
    expect(ISO_4217.get(code)).toEqual({ code, exponent });
  });

  test('have codes of three letters and whole exponents, and are immutable', () => {
    for (const [code, currency] of ISO_4217) {
      expect(code).toMatch(/^[A-Z]{3}$/);
      expect(currency).toEqual({ code, exponent: expect.any(Number) });
      expect([0, 2, 3, 4]).toContain(currency.exponent);
      expect(Object.isFrozen(currency)).toBe(true);
    }
  });
});
