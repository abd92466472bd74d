import { expect, test } from 'vitest';
import { turnedRangeOf, turnPage } from '../../../src/console/data/pages.ts';
import { partsOf } from '../../../src/console/parts/holds/shares.ts';
import { timeLeft } from '../../../src/console/parts/holds/time-left.ts';

const eur = (amount: string) => ({ amount, currency: 'EUR' });

test('captured, remaining and released amounts are exact and sum up to the reserved one', () => {
  const hold = { amount: eur('90071992547409.93'), captured: eur('0.01'), remaining: eur('0.00') };
  expect(partsOf(hold).map(({ name, money }) => [name, money.amount])).toEqual([
    ['Captured', '0.01'],
    ['Remaining', '0.00'],
    ['Released', '90071992547409.92'],
  ]);
});

test('shares are thousandths of the reserved amount', () => {
  const hold = { amount: eur('40.00'), captured: eur('10.00'), remaining: eur('30.00') };
  expect(partsOf(hold).map(({ share }) => share)).toEqual([250, 750, 0]);
});

test.each([
  ['2026-01-04T00:00:00Z', '3 days'],
  ['2026-01-07T23:59:59Z', '6 days 23 hours'],
  ['2026-01-02T00:30:00Z', '1 day'],
  ['2026-01-01T05:59:00Z', '5 hours 59 minutes'],
  ['2026-01-01T00:01:01Z', '1 minute 1 second'],
  ['2026-01-01T00:00:09Z', '9 seconds'],
  ['2026-01-01T00:00:00.900Z', 'less than a second'],
])('until %s it is: %s', (instant, words) => {
  expect(timeLeft(instant, Date.parse('2026-01-01T00:00:00Z'))).toBe(words);
});

test('a list that is oldest first is read from its end, and shown newest first', () => {
  expect(turnedRangeOf({}, 10)).toEqual({ first: null, after: null, last: 10, before: null });
  expect(turnedRangeOf({ after: 'x' }, 10)).toEqual({ first: null, after: null, last: 10, before: 'x' });
  expect(turnedRangeOf({ before: 'x' }, 10)).toEqual({ first: 10, after: 'x', last: null, before: null });
  const pageInfo = { hasNextPage: false, hasPreviousPage: true, startCursor: 'old', endCursor: 'new' };
  expect(turnPage({ nodes: [1, 2], pageInfo })).toEqual({
    nodes: [2, 1],
    pageInfo: { hasNextPage: true, hasPreviousPage: false, startCursor: 'new', endCursor: 'old' },
  });
});
