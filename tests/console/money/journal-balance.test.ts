import { expect, test } from 'vitest';
import {
  balancesOf,
  fillLastRow,
  type JournalRow,
  uncounted,
} from '../../../src/console/pages/move/journal-balance.ts';

const facts = {
  accounts: new Map([
    ['acct_eur', { currency: 'EUR' }],
    ['ext:fees', { currency: 'EUR' }],
    ['acct_jpy', { currency: 'JPY' }],
  ]),
  exponents: new Map([
    ['EUR', 2],
    ['JPY', 0],
  ]),
};

function row(account: string, side: 'DEBIT' | 'CREDIT', amount: string): JournalRow {
  return { account, side, amount, description: '' };
}

test('the missing amount is exact, also beyond the digits of a number', () => {
  const rows = [
    row('acct_eur', 'DEBIT', '90071992547409931.01'),
    row('ext:fees', 'CREDIT', '90071992547409929.5'),
    row('acct_jpy', 'CREDIT', '7'),
  ];
  expect(balancesOf(rows, facts)).toEqual([
    {
      currency: 'EUR',
      debits: '90071992547409931.01',
      credits: '90071992547409929.50',
      missing: { side: 'CREDIT', amount: '1.51' },
    },
    { currency: 'JPY', debits: '0', credits: '7', missing: { side: 'DEBIT', amount: '7' } },
  ]);
});

test('three tenths are equal to one tenth and two tenths', () => {
  const rows = [
    row('acct_eur', 'DEBIT', '0.1'),
    row('acct_eur', 'DEBIT', '0.2'),
    row('ext:fees', 'CREDIT', '0.3'),
  ];
  expect(balancesOf(rows, facts)).toEqual([{ currency: 'EUR', debits: '0.30', credits: '0.30' }]);
});

test('rows without a known account or a valid amount do not count', () => {
  const rows = [row('alice', 'DEBIT', '5'), row('acct_eur', 'DEBIT', '1,5'), row('ext:fees', 'CREDIT', '2')];
  expect(balancesOf(rows, facts)).toMatchObject([{ debits: '0.00', credits: '2.00' }]);
  expect(uncounted([...rows, row('', 'DEBIT', ''), row(' ', 'DEBIT', '1')], facts)).toEqual([1, 5]);
});

test('the missing amount fills the last row, and its side', () => {
  const rows = [row('acct_eur', 'DEBIT', '5'), row('ext:fees', 'DEBIT', '')];
  const [balance] = balancesOf(rows, facts);
  expect(balance && fillLastRow(rows, balance, facts)).toEqual([rows[0], row('ext:fees', 'CREDIT', '5.00')]);
});

test.each([
  ['has an amount', row('ext:fees', 'CREDIT', '2')],
  ['is in another currency', row('acct_jpy', 'CREDIT', '')],
])('the missing amount fills a new row if the last one %s', (_, last) => {
  const rows = [row('acct_eur', 'DEBIT', '5'), last];
  const balance = balancesOf(rows, facts).find(({ currency }) => currency === 'EUR');
  expect(balance && fillLastRow(rows, balance, facts)).toEqual([
    ...rows,
    row('', 'CREDIT', balance?.missing?.amount ?? ''),
  ]);
});
