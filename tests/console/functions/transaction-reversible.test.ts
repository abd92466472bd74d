import { expect, test } from 'vitest';
import type { TransactionDetails } from '../../../src/console/data/transactions.ts';
import { partProblem, remainingOf } from '../../../src/console/pages/transaction/reversible.ts';

const eur = (amount: string) => ({ amount, currency: 'EUR' });

function original(type: TransactionDetails['type'], amount: string | null, posted: number, pending = 0) {
  const entry = (layer: 'POSTED' | 'PENDING') => ({ layer }) as TransactionDetails['entries'][number];
  return {
    type,
    amount: amount === null ? null : eur(amount),
    entries: [
      ...Array.from({ length: posted }, () => entry('POSTED')),
      ...Array.from({ length: pending }, () => entry('PENDING')),
    ],
  };
}

test('what remains of two entries is exact, beyond what a number holds', () => {
  const transfer = original('TRANSFER', '90071992547409.93', 2);
  expect(remainingOf(transfer, [eur('0.01'), eur('0.01')])).toEqual({
    kind: 'amount',
    money: eur('90071992547409.91'),
  });
});

test('nothing remains once the reversals have the whole amount', () => {
  expect(remainingOf(original('DEPOSIT', '10.00', 2), [eur('4.00'), eur('6.00')])).toEqual({
    kind: 'nothing',
  });
});

test('pending entries do not count: a capture is reversed in part', () => {
  expect(remainingOf(original('CAPTURE', '10.00', 2, 2), [])).toEqual({
    kind: 'amount',
    money: eur('10.00'),
  });
});

test('three entries are reversed wholly, once', () => {
  const journal = original('JOURNAL', '10.00', 3);
  expect(remainingOf(journal, [])).toEqual({ kind: 'whole' });
  expect(remainingOf(journal, [eur('10.00')])).toEqual({ kind: 'nothing' });
});

test('several currencies are reversed wholly', () => {
  expect(remainingOf(original('JOURNAL', null, 4), [])).toEqual({ kind: 'whole' });
  expect(remainingOf(original('JOURNAL', null, 4), [null])).toEqual({ kind: 'nothing' });
});

test.each(['HOLD', 'RELEASE', 'REVERSAL'] as const)('a %s is never reversed', (type) => {
  expect(remainingOf(original(type, '10.00', 2), [])).toEqual({ kind: 'never' });
});

test.each([
  ['', 'Enter the amount'],
  ['1,50', '1,50 is no amount in EUR'],
  ['1.505', 'at most 2 decimals'],
  ['0.00', 'above zero'],
  ['-1', 'above zero'],
  ['10.01', 'Only 10.00 EUR remain'],
])('the part %j is not sent', (text, problem) => {
  expect(partProblem(text, eur('10.00'))).toContain(problem);
});

test.each(['0.01', '10', '10.00'])('the part %s is sent', (text) => {
  expect(partProblem(text, eur('10.00'))).toBeUndefined();
});
