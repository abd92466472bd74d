import { expect, test } from 'vitest';
import { metadataMistake, readFilter } from '../../../src/console/pages/transactions/filter.ts';

test('an address becomes a filter', () => {
  const address = new URLSearchParams({
    types: 'TRANSFER,NONSENSE,DEPOSIT',
    account: ' ext:alice ',
    metadata: 'order=42, channel=web',
    'effective-from': '2026-01-01T00:00:00.000Z',
    'recorded-before': '2026-02-01T00:00:00+01:00',
  });
  expect(readFilter(address)).toEqual({
    types: ['DEPOSIT', 'TRANSFER'],
    accountId: 'ext:alice',
    metadata: { order: '42', channel: 'web' },
    effectiveAt: { from: '2026-01-01T00:00:00.000Z' },
    createdAt: { to: '2026-01-31T23:00:00.000Z' },
  });
});

test('an address without conditions, or with unreadable ones, is no filter', () => {
  expect(readFilter(new URLSearchParams('types=&account=&effective-from=soon&after=x'))).toEqual({});
});

test('metadata without a value is a mistake', () => {
  expect(metadataMistake('order')).toContain('order=42');
  expect([metadataMistake(''), metadataMistake('order=')]).toEqual([undefined, undefined]);
});
