import { expect, test } from 'vitest';
import { differenceOf } from '../../../src/console/data/overview.ts';

const EUR = (amount: string) => ({ amount, currency: 'EUR' });

test.each([
  ['316879.92', '316879.92', null],
  ['0', '0.00', null],
  ['90071992547409.93', '90071992547409.92', '0.01'],
  ['5', '12', '-7'],
] as const)('debits of %s and credits of %s differ by %s', (debits, credits, difference) => {
  const line = { currency: 'EUR', debits: EUR(debits), credits: EUR(credits) };
  expect(differenceOf(line)).toEqual(difference === null ? null : EUR(difference));
});
