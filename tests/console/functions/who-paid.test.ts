import { describe, expect, test } from 'vitest';
import type { TransactionRow } from '../../../src/console/data/transactions.ts';
import { whoPaid } from '../../../src/console/data/who-paid.ts';

type Given = Pick<TransactionRow, 'type' | 'entries' | 'parties'>;
type Leg = readonly [account: string, side: 'DEBIT' | 'CREDIT', amount: string, layer?: 'POSTED' | 'PENDING'];

/** Returns a transaction of entries in one currency. `parties` are the accounts, also those whose entries the viewer does not see. */
function given(legs: readonly Leg[], parties = [...new Set(legs.map(([account]) => account))]): Given {
  const at = '2026-03-01T10:00:00.000000Z';
  return {
    type: 'TRANSFER',
    entries: legs.map(([account, side, amount, layer = 'POSTED'], index) => ({
      id: `ent_${index}`,
      account: { id: account },
      side,
      layer,
      amount: { amount, currency: 'EUR' },
      balanceAfter: { amount: '0.00', currency: 'EUR' },
      heldAfter: { amount: '0.00', currency: 'EUR' },
      version: `${index}`,
      description: null,
      effectiveAt: at,
      createdAt: at,
    })),
    parties: parties.map((account) => ({
      accountId: account,
      externalId: null,
      owner: account,
      currency: 'EUR',
      normalSide: 'CREDIT',
      kind: 'STANDARD',
    })),
  };
}

function sidesOf(transaction: Given) {
  const { from, to } = whoPaid(transaction);
  return { from: from.map(({ owner }) => owner), to: to.map(({ owner }) => owner) };
}

describe('who paid whom', () => {
  test('the debited account paid the credited one', () => {
    const transfer = given([
      ['Alice', 'DEBIT', '10.00'],
      ['Shop', 'CREDIT', '10.00'],
    ]);
    expect(sidesOf(transfer)).toEqual({ from: ['Alice'], to: ['Shop'] });
    expect(whoPaid(transfer).effect).toBe('PAID');
  });

  test('several accounts of a side are in the order of their first entries', () => {
    const journal = given([
      ['Shop', 'CREDIT', '9.50'],
      ['Alice', 'DEBIT', '6.00'],
      ['Fees', 'CREDIT', '0.50'],
      ['Bob', 'DEBIT', '4.00'],
    ]);
    expect(sidesOf(journal)).toEqual({ from: ['Alice', 'Bob'], to: ['Shop', 'Fees'] });
  });

  test('entries of one account are summed exactly', () => {
    const journal = given([
      ['Shop', 'CREDIT', '90071992547409.93'],
      ['Shop', 'DEBIT', '90071992547409.92'],
      ['Alice', 'DEBIT', '0.01'],
    ]);
    expect(sidesOf(journal)).toEqual({ from: ['Alice'], to: ['Shop'] });
  });

  test('an account that gave as much as it received is on neither side', () => {
    const journal = given([
      ['Alice', 'DEBIT', '5'],
      ['Clearing', 'CREDIT', '5'],
      ['Clearing', 'DEBIT', '5'],
      ['Shop', 'CREDIT', '5'],
    ]);
    expect(sidesOf(journal)).toEqual({ from: ['Alice'], to: ['Shop'] });
  });

  test('a hold reserves the money of the account that will pay', () => {
    const hold = given([
      ['Alice', 'DEBIT', '20.00', 'PENDING'],
      ['Shop', 'CREDIT', '20.00', 'PENDING'],
    ]);
    expect(sidesOf(hold)).toEqual({ from: ['Alice'], to: ['Shop'] });
    expect(whoPaid({ ...hold, type: 'HOLD' }).effect).toBe('RESERVED');
  });

  test('a release gives reserved money back to the account that would have paid', () => {
    const release = given([
      ['Alice', 'CREDIT', '20.00', 'PENDING'],
      ['Shop', 'DEBIT', '20.00', 'PENDING'],
    ]);
    expect(sidesOf(release)).toEqual({ from: ['Shop'], to: ['Alice'] });
    expect(whoPaid({ ...release, type: 'RELEASE' }).effect).toBe('RELEASED');
  });

  test('a capture is what it posts, although it also ends the reservation', () => {
    const capture = given([
      ['Alice', 'CREDIT', '20.00', 'PENDING'],
      ['Shop', 'DEBIT', '20.00', 'PENDING'],
      ['Alice', 'DEBIT', '15.00'],
      ['Shop', 'CREDIT', '15.00'],
    ]);
    expect(sidesOf(capture)).toEqual({ from: ['Alice'], to: ['Shop'] });
  });

  test.each([
    ['DEBIT', { from: ['Alice'], to: ['Shop'] }],
    ['CREDIT', { from: ['Shop'], to: ['Alice'] }],
  ] as const)(
    'the entries of others are not seen: an own %s has the others as its other side',
    (side, sides) => {
      expect(sidesOf(given([['Alice', side, '3.00']], ['Alice', 'Shop']))).toEqual(sides);
    },
  );
});
