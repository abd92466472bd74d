import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Decimal,
  formatMinor,
  formatMoney,
  MAX_MINOR,
  parseAmount,
  parseDecimal,
  shortestDecimal,
  toMinor,
} from '../../src/core/values/money.ts';
import { Malformed } from '../../src/core/values/text.ts';

const USD = { code: 'USD', exponent: 2 };
const JPY = { code: 'JPY', exponent: 0 };
const BHD = { code: 'BHD', exponent: 3 };
const ETH = { code: 'ETH', exponent: 18 };
const FINE = { code: 'FINE', exponent: 30 };

/** Returns the minor units of an amount's text. */
function minorOf(text: string, currency: typeof USD): bigint | Malformed {
  const amount = parseDecimal(text, { signed: true });
  return amount instanceof Malformed ? amount : toMinor(amount, currency);
}

describe('the text of an amount', () => {
  test.each([
    ['0.01', USD, 1n],
    ['20', USD, 2000n],
    ['20.0', USD, 2000n],
    ['20.00', USD, 2000n],
    ['007.50', USD, 750n],
    ['-1.50', USD, -150n],
    ['-0', USD, 0n],
    ['1500', JPY, 1500n],
    ['0.001', BHD, 1n],
    ['0.000000000000000001', ETH, 1n],
    ['0.000000000000000000000000000001', FINE, 1n],
    ['99999999.999999999999999999999999999999', FINE, MAX_MINOR],
    // Values that a double or an int8 cannot represent.
    ['90071992547409.93', USD, 2n ** 53n + 1n],
    ['92233720368547758.08', USD, 2n ** 63n],
    ['99999999999999999999999999999999999999', JPY, MAX_MINOR],
    ['-999999999999999999999999999999999999.99', USD, -MAX_MINOR],
    ['000000000000000000000000000000000000000001', JPY, 1n],
  ])('%s is exact in %o', (text, currency, minor) => {
    expect(minorOf(text, currency)).toBe(minor);
  });

  test.each([
    ['1.5', JPY, 'must have no decimals in JPY, but has 1'],
    ['1.0', JPY, 'must have no decimals in JPY, but has 1'],
    ['1.000', USD, 'must have at most 2 decimals in USD, but has 3'],
    ['0.0001', BHD, 'must have at most 3 decimals in BHD, but has 4'],
    ['0.0000000000000000001', ETH, 'must have at most 18 decimals in ETH, but has 19'],
    ['0.0000000000000000000000000000001', FINE, 'must have at most 30 decimals in FINE, but has 31'],
    ['100000000000000000000000000000000000000', JPY, 'must have at most 38 digits in minor units of JPY'],
    ['1000000000000000000000000000000000000', USD, 'must have at most 38 digits in minor units of USD'],
    ['-1000000000000000000000000000000000000.00', USD, 'must have at most 38 digits in minor units of USD'],
    ['100000000', FINE, 'must have at most 38 digits in minor units of FINE'],
  ])('%s is not rounded into %o but refused', (text, currency, problem) => {
    expect(minorOf(text, currency)).toEqual(new Malformed(problem));
  });

  test.each([
    ...[
      '',
      ' ',
      '1e400',
      '1E2',
      'NaN',
      'Infinity',
      '-Infinity',
      '0x10',
      '0b1',
      '0o7',
      ' 1 ',
      '1 ',
      '\t1',
      '1\n',
    ],
    ...[
      '+1',
      '1.',
      '.5',
      '-.5',
      '-',
      '.',
      '--1',
      '1-',
      '1.2.3',
      '1,000',
      '1_000',
      '1.5e0',
      '$1',
      '1 USD',
      'null',
    ],
    // Digits of other scripts, and a character that only looks like a minus sign.
    ...['١٢', '１２', '−1', '1\u200b', '½'],
  ])('%j is no decimal text', (text) => {
    expect(parseDecimal(text, { signed: true })).toBeInstanceOf(Malformed);
  });

  test('a text of 80 characters is accepted, one of 81 is refused', () => {
    expect(parseDecimal('0'.repeat(79).concat('1'), { signed: false })).toEqual({
      coefficient: 1n,
      scale: 0,
    });
    expect(parseDecimal('0'.repeat(80).concat('1'), { signed: false })).toEqual(
      new Malformed('must have at most 80 characters, but has 81'),
    );
  });

  test.each(['0', '0.00', '000'])('%s is refused as an amount that moves', (text) => {
    expect(parseAmount(text)).toEqual(new Malformed('must be above zero'));
  });

  test.each(['-1', '-0', '-0.01'])('%s is refused because of its sign', (text) => {
    expect(parseAmount(text)).toEqual(new Malformed('must not have a sign'));
  });
});

describe('an amount as text', () => {
  test.each([
    [1234n, USD, '12.34'],
    [-5n, USD, '-0.05'],
    [0n, USD, '0.00'],
    [0n, JPY, '0'],
    [-7n, JPY, '-7'],
    [1n, ETH, '0.000000000000000001'],
    [MAX_MINOR, FINE, '99999999.999999999999999999999999999999'],
    [2n ** 63n, JPY, '9223372036854775808'],
  ])('%s in %o is %s, in full scale', (minor, currency, text) => {
    expect(formatMinor(minor, currency)).toBe(text);
  });

  test('a message shows it with its currency', () => {
    expect(formatMoney({ minor: -5n, currency: USD })).toBe('-0.05 USD');
  });

  test.each([
    ['20', '20'],
    ['20.0', '20'],
    ['20.00', '20'],
    ['020.50', '20.5'],
    ['0.00', '0'],
    ['100', '100'],
    ['-1.10', '-1.1'],
  ])('%s is shortest as %s', (text, shortest) => {
    expect(shortestDecimal(parseDecimal(text, { signed: true }) as Decimal)).toBe(shortest);
  });
});

describe('for every amount', () => {
  const currencies = fc.record({ code: fc.constant('ANY'), exponent: fc.integer({ min: 0, max: 30 }) });
  const minors = fc.bigInt({ min: -MAX_MINOR, max: MAX_MINOR });

  test('the text is read back unchanged', () => {
    fc.assert(
      fc.property(minors, currencies, (minor, currency) => {
        expect(minorOf(formatMinor(minor, currency), currency)).toBe(minor);
      }),
    );
  });

  test('equal amounts have the same shortest text', () => {
    fc.assert(
      fc.property(
        fc.bigInt({ min: 0n, max: 10n ** 30n }),
        fc.nat(20),
        fc.nat(20),
        (coefficient, scale, zeros) => {
          const padded = { coefficient: coefficient * 10n ** BigInt(zeros), scale: scale + zeros };
          expect(shortestDecimal(padded)).toBe(shortestDecimal({ coefficient, scale }));
        },
      ),
    );
  });

  test('the shortest text has the same value, and no shorter text has it', () => {
    fc.assert(
      fc.property(minors, currencies, (minor, currency) => {
        const shortest = shortestDecimal({ coefficient: minor, scale: currency.exponent });
        expect(minorOf(shortest, currency)).toBe(minor);
        expect(shortest).not.toMatch(/\.\d*0$|\.$/);
      }),
    );
  });

  test('one decimal more than the currency has is refused, even a zero', () => {
    fc.assert(
      fc.property(fc.nat(), currencies, fc.integer({ min: 0, max: 9 }), (whole, currency, digit) => {
        const text = `${whole}.${'0'.repeat(currency.exponent)}${digit}`;
        expect(minorOf(text, currency)).toBeInstanceOf(Malformed);
      }),
    );
  });

  test('only decimal text is accepted, not the other forms of JavaScript numbers', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'0123456789.-+eExX _,'), maxLength: 12 }), (text) => {
        const read = parseDecimal(text, { signed: true });
        expect(!(read instanceof Malformed)).toBe(/^-?[0-9]+(\.[0-9]+)?$/.test(text));
      }),
    );
  });
});
