import { describe, expect, test } from 'vitest';
import { availableOf, changesOf } from '../../../src/console/data/payments/balance-changes.ts';
import type { MoveFacts } from '../../../src/console/pages/move/read-fields.ts';
import { readMove } from '../../../src/console/pages/move/read-move.ts';
import { initialValues, type MoveKind, type MoveValues } from '../../../src/console/pages/move/values.ts';

const eur = { currency: 'EUR', externalId: null, kind: 'STANDARD', owner: 'Alice' } as const;
const facts: MoveFacts = {
  exponents: new Map([['EUR', 2]]),
  accounts: new Map([
    ['acct_1', eur],
    ['ext:bob', eur],
  ]),
  isRestricted: false,
  now: new Date('2026-03-01T00:00:00Z'),
};
const read = (kind: MoveKind, values: Partial<MoveValues>, more: Partial<MoveFacts> = {}) =>
  readMove(kind, { ...initialValues(kind, new URLSearchParams()), ...values }, { ...facts, ...more });
const parties = { from: ' acct_1 ', to: 'ext:bob', amount: '12.5' };

test.each([
  ['deposit', { accountId: 'ext:bob', amount: '12.5' }, 'deposit'],
  ['withdraw', { accountId: 'acct_1', amount: '12.5' }, 'withdraw'],
  ['transfer', { fromAccountId: 'acct_1', toAccountId: 'ext:bob', amount: '12.5' }, 'transfer'],
  ['hold', { fromAccountId: 'acct_1', toAccountId: 'ext:bob', amount: '12.5' }, 'placeHold'],
] as const)('a %s sends the typed text of its amount', (kind, input, name) => {
  expect(read(kind, parties)).toEqual({
    problems: {},
    operation: { [name]: input },
    amount: '12.50',
    currency: 'EUR',
  });
});

test('a capture takes all that remains, or a part of it', () => {
  const hold = { hold: 'hold_1' };
  expect(read('capture', hold).operation).toEqual({ captureHold: { holdId: 'hold_1', final: true } });
  const part = { ...hold, isWhole: false, isFinal: false, amount: '3' };
  expect(read('capture', part, { holdCurrency: 'EUR' })).toMatchObject({
    operation: { captureHold: { holdId: 'hold_1', final: false, amount: '3' } },
    amount: '3.00',
  });
});

test('a void has no external id and no effective date', () => {
  const values = {
    hold: 'ext:order-1',
    externalId: 'x',
    effectiveAt: '2026-01-01T10:00',
    description: 'Late',
  };
  expect(read('void', values).operation).toEqual({
    voidHold: { holdId: 'ext:order-1', description: 'Late' },
  });
});

test('a journal keeps the order of its rows, and its key belongs to the account of the first row', () => {
  const rows = [
    { account: 'acct_1', side: 'DEBIT', amount: '5', description: ' Fee ' },
    { account: 'ext:bob', side: 'CREDIT', amount: '5.00', description: '' },
  ] as const;
  const entries = [
    { accountId: 'acct_1', side: 'DEBIT', amount: '5', description: 'Fee' },
    { accountId: 'ext:bob', side: 'CREDIT', amount: '5.00' },
  ];
  expect(read('journal', { rows }).operation).toEqual({ post: { keyAccountId: 'acct_1', entries } });
  expect(read('journal', { rows, keyAccount: 'ext:bob' }).operation).toMatchObject({
    post: { keyAccountId: 'ext:bob' },
  });
  // The account of the key was removed from the rows.
  expect(read('journal', { rows, keyAccount: 'acct_9' }).operation).toMatchObject({
    post: { keyAccountId: 'acct_1' },
  });
});

test('a journal with unequal sums, one row, or more than 100 rows is not sent', () => {
  const one = { account: 'acct_1', side: 'DEBIT', amount: '5', description: '' } as const;
  const other = { ...one, account: 'ext:bob', side: 'CREDIT' } as const;
  const problemOf = (rows: MoveValues['rows']) => read('journal', { rows }).problems['rows']?.problem;
  expect(problemOf([one, { ...other, amount: '4' }])).toBe('The debits and the credits are not equal: EUR.');
  expect(problemOf([one])).toBe('A journal has at least 2 rows. Add another one.');
  expect(problemOf(Array.from({ length: 51 }, () => [one, other]).flat())).toContain('at most 100 rows');
  expect(problemOf(Array.from({ length: 50 }, () => [one, other]).flat())).toBeUndefined();
});

test('a name without ext: is no account', () => {
  const { operation, problems } = read('transfer', { ...parties, to: 'bob' });
  expect(operation).toBeUndefined();
  expect(Object.keys(problems)).toEqual(['to']);
});

describe('the expiry of a hold', () => {
  const at = (days: number) => {
    const instant = new Date(facts.now.getTime() + days * 86_400_000);
    const local = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
    return local.toISOString().slice(0, 16);
  };
  const problemOf = (expiresAt: string, isRestricted: boolean) =>
    read('hold', { ...parties, expiresAt }, { isRestricted }).problems['expiresAt']?.problem;

  test('is optional, and in the future', () => {
    expect(problemOf('', false)).toBeUndefined();
    expect(problemOf(at(30), false)).toBeUndefined();
    expect(problemOf(at(-1), false)).toBe('Enter an instant in the future.');
  });

  test('of a restricted viewer is at most 7 days from now', () => {
    expect(problemOf('', true)).toBe('Enter when the hold expires, at most 7 days from now.');
    expect(problemOf(at(7), true)).toBeUndefined();
    expect(problemOf(at(8), true)).toBe('Enter an instant at most 7 days from now.');
  });
});

test('a link fills the form', () => {
  const link = new URLSearchParams({ account: 'acct_1', amount: '5', hold: 'hold_1' });
  expect(initialValues('deposit', link)).toMatchObject({ from: '', to: 'acct_1', amount: '5' });
  expect(initialValues('withdraw', link)).toMatchObject({ from: 'acct_1', to: '', amount: '5' });
  expect(initialValues('capture', link)).toMatchObject({ hold: 'hold_1', amount: '5', isWhole: false });
  const journal = initialValues(
    'journal',
    new URLSearchParams({ from: 'acct_1', to: 'acct_2', amount: '5' }),
  );
  expect(journal.rows).toMatchObject([
    { account: 'acct_1', side: 'DEBIT', amount: '5' },
    { account: 'acct_2', side: 'CREDIT', amount: '5' },
  ]);
});

test('the balance before is computed from the entries, for each account once', () => {
  const money = (amount: string) => ({ amount, currency: 'EUR' });
  const entry = (id: string, side: 'DEBIT' | 'CREDIT', amount: string, after: string) => ({
    account: { id },
    side,
    layer: 'POSTED' as const,
    amount: money(amount),
    balanceAfter: money(after),
    heldAfter: money('0.00'),
  });
  const accounts = new Map([
    ['a', { normalSide: 'CREDIT', held: money('0.00'), minBalance: money('0.00') }],
    ['b', { normalSide: 'DEBIT', held: money('0.00'), minBalance: null }],
  ] as const);
  const entries = [
    entry('a', 'DEBIT', '1.50', '8.50'),
    entry('a', 'DEBIT', '0.50', '8.00'),
    entry('b', 'CREDIT', '2.00', '-1.00'),
  ];
  expect(changesOf(entries, accounts)).toMatchObject([
    { id: 'a', before: money('10.00'), after: money('8.00') },
    { id: 'b', before: money('1.00'), after: money('-1.00') },
  ]);
  expect(changesOf(entries, new Map())).toMatchObject([{ before: undefined }, { before: undefined }]);
});

test('available is the balance without what is held and what must stay, exactly; without a lower limit there is none', () => {
  const money = (amount: string) => ({ amount, currency: 'EUR' });
  expect(availableOf(money('90071992547409.93'), money('0.92'), money('-10.00'))).toEqual(
    money('90071992547419.01'),
  );
  expect(availableOf(money('5.00'), money('1.00'), money('4.50'))).toEqual(money('-0.50'));
  expect(availableOf(money('5.00'), money('1.00'), null)).toBeUndefined();
});
