import { describe, expect, test } from 'vitest';
import { readAmount, readLimit, withDecimals } from '../../../src/console/data/amount-text.ts';

test.each([
  ['12.5', '12.5'],
  [' 12.50 ', '12.50'],
  ['0.01', '0.01'],
  ['007', '007'],
  ['90071992547409931234567890.12', '90071992547409931234567890.12'],
])('the amount %j is read as the exact text %j', (typed, amount) => {
  expect(readAmount(typed, 'EUR', 2)).toEqual({ amount });
});

describe('a mistake is named at once:', () => {
  test.each([
    ['12,50', 'Write a point before the decimals, and no commas'],
    ['1,250.00', 'Write a point before the decimals, and no commas'],
    ['1 250', 'Write the amount without spaces.'],
    ['-5', 'Write the amount without a sign'],
    ['−5', 'Write the amount without a sign'],
    ['+5', 'Write the amount without a sign'],
    ['12€', '“€” is not a digit.'],
    ['1e3', '“e” is not a digit.'],
    ['٣', '“٣” is not a digit.'],
    ['1.2.3', 'Write one point, before the decimals.'],
    ['.5', 'Write a digit before the point: 0.5'],
    ['12.345', 'EUR has at most 2 decimals. The amount has 3.'],
  ])('%j', (typed, problem) => {
    const read = readAmount(typed, 'EUR', 2);
    expect(read).toMatchObject({ isIncomplete: false });
    expect('problem' in read ? read.problem : '').toContain(problem);
  });
});

test.each(['', ' ', '12.', '0', '0.0'])(
  '%j is incomplete, because more characters may correct it',
  (typed) => {
    expect(readAmount(typed, 'EUR', 2)).toMatchObject({ isIncomplete: true });
  },
);

test('a currency without decimals says so', () => {
  expect(readAmount('5.5', 'JPY', 0)).toMatchObject({ problem: 'JPY has no decimals. The amount has 1.' });
});

test('the ledger checks the decimals of a currency that is not known yet', () => {
  expect(readAmount('12.3456789')).toEqual({ amount: '12.3456789' });
});

test.each([
  ['-500', '-500'],
  [' −0.50 ', '-0.50'],
  ['0', '0'],
  ['12.5', '12.5'],
])('the limit %j is read as the exact text %j', (typed, amount) => {
  expect(readLimit(typed, 'EUR', 2)).toEqual({ amount });
});

test.each(['-', '--5', '+5', '- 5', '-1,000', '-0.001'])('the limit %j is a mistake', (typed) => {
  expect(readLimit(typed, 'EUR', 2)).toHaveProperty('problem');
});

test('an amount is shown with all decimals of its currency', () => {
  expect(withDecimals('12.5', 2)).toBe('12.50');
  expect(withDecimals('12', 0)).toBe('12');
  expect(withDecimals('12.5', undefined)).toBe('12.5');
});
