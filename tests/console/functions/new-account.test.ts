import { describe, expect, test } from 'vitest';
import { EMPTY, problemsOf, toInput } from '../../../src/console/parts/accounts/new-account.ts';

const EXPONENTS = new Map([
  ['EUR', 2],
  ['JPY', 0],
]);
const ALICE = { ...EMPTY, owner: ' Alice ', currency: ' eur ' };

describe('the values of a new account', () => {
  test('an owner and a currency are enough; the ledger has defaults for the rest', () => {
    expect(problemsOf(ALICE, EXPONENTS)).toEqual({});
    expect(toInput(ALICE)).toEqual({ owner: 'Alice', currency: 'EUR', normalSide: 'CREDIT' });
  });

  test('limits are exact amounts, or no limit', () => {
    const limited = {
      ...ALICE,
      lowest: 'unlimited',
      highest: 'amount',
      highestAmount: ' 90071992547409.93 ',
      lowestAmount: 'ignored',
    } as const;
    expect(problemsOf(limited, EXPONENTS)).toEqual({});
    expect(toInput(limited)).toMatchObject({
      minBalance: { unlimited: true },
      maxBalance: { amount: '90071992547409.93' },
    });
  });

  test('an external id and metadata are sent where they are given', () => {
    const named = { ...ALICE, externalId: ' alice ', metadata: [['plan', 'gold']] } as const;
    expect(toInput(named)).toMatchObject({ externalId: 'alice', metadata: { plan: 'gold' } });
  });

  test('what is missing is named at its field', () => {
    expect(Object.keys(problemsOf({ ...EMPTY, metadata: [['', 'gold']] }, EXPONENTS))).toEqual([
      'owner',
      'currency',
      'metadata',
    ]);
  });

  test.each([
    ['EUR', '-500.001', 'EUR has at most 2 decimals.'],
    ['JPY', '-500.5', 'JPY has no decimals.'],
    ['EUR', '', 'Enter an amount.'],
    ['EUR', '1,000', 'no commas'],
    ['XYZ', 'much', '“m” is not a digit.'],
  ])('in %s, the lowest amount “%s” is a problem', (currency, lowestAmount, problem) => {
    const values = { ...ALICE, currency, lowest: 'amount', lowestAmount } as const;
    expect(problemsOf(values, EXPONENTS).lowestAmount).toContain(problem);
  });

  test('an amount in a currency that the page does not know yet is left to the ledger', () => {
    const values = { ...ALICE, currency: 'XYZ', lowest: 'amount', lowestAmount: '-0.12345' } as const;
    expect(problemsOf(values, EXPONENTS)).toEqual({});
  });
});
