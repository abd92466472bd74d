import fc from 'fast-check';
import { expect, it } from 'vitest';
import { fromMinor, toMinor } from '../../src/client/index.ts';

it('an amount converted to minor units and back is the same amount with all decimals', () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n }),
      fc.integer({ min: 0, max: 30 }),
      (minor, exponent) => {
        expect(toMinor(fromMinor(minor, exponent), exponent)).toBe(minor);
      },
    ),
  );
});

it.each([
  ['4', 2, 400n],
  ['4.0', 2, 400n],
  ['-12.34', 2, -1234n],
  ['0.000000000000000001', 18, 1n],
  ['7', 0, 7n],
])('%s with %i decimals is %s minor units', (amount, exponent, minor) => {
  expect(toMinor(amount, exponent)).toBe(minor);
});

it.each(['4.005', '1e3', '', '.5', '5.', ' 4', '４', 'NaN', '+4'])(
  '%j is rejected, not rounded',
  (amount) => {
    expect(() => toMinor(amount, 2)).toThrow(RangeError);
  },
);

it.each([
  [400n, 2, '4.00'],
  [-5n, 2, '-0.05'],
  [7n, 0, '7'],
  [0n, 3, '0.000'],
])('%s minor units with %i decimals are %s', (minor, exponent, amount) => {
  expect(fromMinor(minor, exponent)).toBe(amount);
});
