import { describe, expect, test } from 'vitest';
import type { Book } from '../../../src/core/decide/book.ts';
import { fromRecordedFacts } from '../../../src/core/decide/recording.ts';
import type { ConditionInput } from '../../../src/core/decide/request.ts';
import type { Outcome } from '../../../src/core/transaction.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { formatMinor, MAX_MINOR } from '../../../src/core/values/money.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  codesOf,
  DAVE,
  decideAll,
  EXTERNAL,
  externalAccount,
  journal,
  type MutableAccount,
  placeHold,
  type Request,
  transfer,
  USD,
} from '../../support/decide-fixtures.ts';

type Changes = Partial<MutableAccount>;

/** alice has 100.00 and version 3; carol, who does not move, 30.00 of which 10.00 are held, and version 7. */
function newBook(carol: Changes = {}, alice: Changes = {}): Book {
  return bookOn([
    account(ALICE, { posted: 10_000n, version: 3n, ...alice }),
    account(BOB),
    account(CAROL, { posted: 3000n, pendingDebits: 1000n, version: 7n, ...carol }),
    externalAccount({ posted: -500n }),
  ]);
}

const of = (id: string, bounds: Omit<ConditionInput, 'accountId'>): ConditionInput => ({
  accountId: formatId('account', id),
  ...bounds,
});
const usd = (minor: bigint) => ({ minor, currency: USD });

/** 20.00 from alice to bob, by whatever kind has conditions. */
const KINDS: readonly (readonly [string, (conditions: readonly ConditionInput[]) => Request])[] = [
  ['transfer', (conditions) => transfer(ALICE, BOB, '20', { conditions })],
  ['hold', (conditions) => placeHold(ALICE, BOB, '20', { conditions })],
  [
    'journal',
    (conditions) =>
      journal(
        [
          [ALICE, 'DEBIT', '20'],
          [BOB, 'CREDIT', '20'],
        ],
        { conditions },
      ),
  ],
];

describe.each(KINDS)('the conditions of a %s', (_kind, request) => {
  test.each<[string, ConditionInput, Changes, object | null]>([
    ['its version', of(CAROL, { expectedVersion: 7n }), {}, null],
    ['another version', of(CAROL, { expectedVersion: 8n }), {}, { condition: 'EXPECTED_VERSION' }],
    ['an earlier version', of(CAROL, { expectedVersion: 6n }), {}, { condition: 'EXPECTED_VERSION' }],
    ['at least what it has', of(CAROL, { balanceAtLeast: '30' }), {}, null],
    ['at least more', of(CAROL, { balanceAtLeast: '30.01' }), {}, { condition: 'BALANCE_AT_LEAST' }],
    ['at most what it has', of(CAROL, { balanceAtMost: '30.00' }), {}, null],
    ['at most less', of(CAROL, { balanceAtMost: '29.99' }), {}, { condition: 'BALANCE_AT_MOST' }],
    ['available what is', of(CAROL, { availableAtLeast: '20' }), {}, null],
    ['available more', of(CAROL, { availableAtLeast: '20.01' }), {}, { condition: 'AVAILABLE_AT_LEAST' }],
    ['available above its minimum', of(CAROL, { availableAtLeast: '5' }), { minBalance: 1500n }, null],
    [
      'available more above its minimum',
      of(CAROL, { availableAtLeast: '5.01' }),
      { minBalance: 1500n },
      { condition: 'AVAILABLE_AT_LEAST', actualAvailable: usd(500n) },
    ],
    [
      'available whatever, where it has no minimum',
      of(CAROL, { availableAtLeast: formatMinor(MAX_MINOR, USD) }),
      { minBalance: null },
      null,
    ],
    ['a range that it is in', of(CAROL, { balanceAtLeast: '29', balanceAtMost: '31' }), {}, null],
    [
      'two bounds, of which one is not met',
      of(CAROL, { balanceAtLeast: '29', balanceAtMost: '29.50' }),
      {},
      { condition: 'BALANCE_AT_MOST' },
    ],
    [
      'all four, of which none is met',
      of(CAROL, {
        expectedVersion: 0n,
        balanceAtLeast: '31',
        balanceAtMost: '29',
        availableAtLeast: '31',
      }),
      {},
      { condition: 'EXPECTED_VERSION' },
    ],
    [
      'a balance below zero',
      of(CAROL, { balanceAtMost: '-0.01' }),
      {},
      { condition: 'BALANCE_AT_MOST', actualBalance: usd(3000n) },
    ],
    [
      'a balance on its normal side',
      of(CAROL, { balanceAtLeast: '30', balanceAtMost: '30' }),
      { normalSide: 'DEBIT', posted: -3000n, pendingDebits: 0n, pendingCredits: 1000n },
      null,
    ],
    [
      'what is available on its normal side',
      of(CAROL, { availableAtLeast: '20.01' }),
      { normalSide: 'DEBIT', posted: -3000n, pendingDebits: 0n, pendingCredits: 1000n },
      { condition: 'AVAILABLE_AT_LEAST', actualBalance: usd(3000n), actualAvailable: usd(2000n) },
    ],
    ['its balance though it is frozen', of(CAROL, { balanceAtLeast: '30' }), { status: 'FROZEN' }, null],
    ['its version though it is closed', of(CAROL, { expectedVersion: 7n }), { status: 'CLOSED' }, null],
    [
      'more than a closed one has',
      of(CAROL, { balanceAtLeast: '31' }),
      { status: 'CLOSED' },
      { condition: 'BALANCE_AT_LEAST' },
    ],
  ])('ask of an account that does not move %s', (_, condition, carol, facts) => {
    const book = newBook(carol);
    const before = book.accounts.get(CAROL);
    const [outcome] = decideAll(book, request([condition]));
    expect(outcome).toMatchObject(
      facts === null
        ? { code: 'POSTED' }
        : {
            code: 'CONDITION_FAILED',
            recorded: true,
            facts: { account: CAROL, actualBalance: usd(3000n), actualVersion: 7n, ...facts },
          },
    );
    expect(book.accounts.get(CAROL)).toEqual(before);
    expect(book.recordings).toHaveLength(1);
  });

  test('ask the external account too', () => {
    expect(codesOf(decideAll(newBook(), request([of(EXTERNAL, { balanceAtLeast: '5' })])))).toEqual([
      'POSTED',
    ]);
    expect(decideAll(newBook(), request([of(EXTERNAL, { balanceAtLeast: '5.01' })]))).toMatchObject([
      {
        code: 'CONDITION_FAILED',
        facts: { account: EXTERNAL, actualBalance: usd(500n), actualAvailable: null },
      },
    ]);
  });

  test('are answered in their order', () => {
    const [outcome] = decideAll(
      newBook(),
      request([
        of(CAROL, { balanceAtLeast: '30' }),
        of(BOB, { expectedVersion: 5n }),
        of(CAROL, { balanceAtLeast: '31' }),
      ]),
    );
    expect(outcome).toMatchObject({ code: 'CONDITION_FAILED', facts: { account: BOB } });
  });

  test('may be several of one account', () => {
    const both = [of(CAROL, { balanceAtLeast: '30' }), of(CAROL, { balanceAtMost: '30' })];
    expect(codesOf(decideAll(newBook(), request(both)))).toEqual(['POSTED']);
  });

  test('of an account that is not there are answered as it was given', () => {
    const [outcome] = decideAll(newBook(), request([of(DAVE, { expectedVersion: 0n })]));
    expect(outcome).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      recorded: false,
      facts: { accountId: formatId('account', DAVE) },
    });
  });

  test.each(['balanceAtLeast', 'balanceAtMost', 'availableAtLeast'] as const)(
    'have %s in the scale of the account’s currency',
    (name) => {
      const conditions = [of(ALICE, { balanceAtLeast: '0' }), of(CAROL, { [name]: '-1.000' })];
      expect(decideAll(newBook(), request(conditions))).toMatchObject([
        { code: 'INVALID_AMOUNT', recorded: false, facts: { field: `conditions[1].${name}` } },
      ]);
    },
  );
});

describe('a condition on an account that moves', () => {
  test.each<[string, ConditionInput, object | null]>([
    ['the version that it is found at', of(ALICE, { expectedVersion: 3n }), null],
    [
      'the version that it is left at',
      of(ALICE, { expectedVersion: 4n }),
      { actualVersion: 3n, actualBalance: usd(10_000n) },
    ],
    ['the balance that it is left with', of(ALICE, { balanceAtLeast: '80', balanceAtMost: '80' }), null],
    ['more than that', of(ALICE, { balanceAtLeast: '80.01' }), { actualBalance: usd(8000n) }],
    ['less than that', of(ALICE, { balanceAtMost: '79.99' }), { actualBalance: usd(8000n) }],
    ['what is left available', of(ALICE, { availableAtLeast: '80' }), null],
    ['more available than that', of(ALICE, { availableAtLeast: '80.01' }), { actualAvailable: usd(8000n) }],
    ['of the payee what it gets', of(BOB, { balanceAtLeast: '20' }), null],
    ['of the payee no more than it gets', of(BOB, { balanceAtMost: '19.99' }), { actualBalance: usd(2000n) }],
  ])('asks of a transfer %s', (_, condition, facts) => {
    const [outcome] = decideAll(newBook(), transfer(ALICE, BOB, '20', { conditions: [condition] }));
    expect(outcome).toMatchObject(facts === null ? { code: 'POSTED' } : { code: 'CONDITION_FAILED', facts });
  });

  test.each<[string, ConditionInput, object | null]>([
    [
      'the posted balance, which does not move',
      of(ALICE, { balanceAtLeast: '100', balanceAtMost: '100' }),
      null,
    ],
    ['what is left available', of(ALICE, { availableAtLeast: '80' }), null],
    [
      'more available than that',
      of(ALICE, { availableAtLeast: '80.01' }),
      { actualAvailable: usd(8000n), actualBalance: usd(10_000n) },
    ],
    [
      'of the payee what is available without it',
      of(BOB, { availableAtLeast: '0.01' }),
      { actualAvailable: usd(0n) },
    ],
  ])('asks of a hold %s', (_, condition, facts) => {
    const [outcome] = decideAll(newBook(), placeHold(ALICE, BOB, '20', { conditions: [condition] }));
    expect(outcome).toMatchObject(facts === null ? { code: 'POSTED' } : { code: 'CONDITION_FAILED', facts });
  });

  test('asks of a journal what all its entries leave together', () => {
    const request = (balanceAtMost: string) =>
      journal(
        [
          [ALICE, 'DEBIT', '20'],
          [ALICE, 'CREDIT', '5'],
          [BOB, 'CREDIT', '15'],
        ],
        { conditions: [of(ALICE, { expectedVersion: 3n, balanceAtMost })] },
      );
    expect(codesOf(decideAll(newBook(), request('85')))).toEqual(['POSTED']);
    expect(decideAll(newBook(), request('84.99'))).toMatchObject([
      { code: 'CONDITION_FAILED', facts: { condition: 'BALANCE_AT_MOST', actualBalance: usd(8500n) } },
    ]);
  });

  test('is answered before its funds are', () => {
    const more = { conditions: [of(ALICE, { balanceAtLeast: '0' })] };
    expect(decideAll(newBook(), transfer(ALICE, BOB, '120', more))).toMatchObject([
      { code: 'CONDITION_FAILED', facts: { actualBalance: usd(-2000n) } },
    ]);
  });

  test('is met once where each posting changes the version', () => {
    const conditions = [of(ALICE, { expectedVersion: 3n })];
    const outcomes = decideAll(
      newBook(),
      transfer(ALICE, BOB, '1', { conditions }),
      transfer(ALICE, BOB, '1', { conditions }),
    );
    expect(codesOf(outcomes)).toEqual(['POSTED', 'CONDITION_FAILED']);
    expect(outcomes[1]).toMatchObject({ facts: { condition: 'EXPECTED_VERSION', actualVersion: 4n } });
  });
});

test('a condition that failed is read again from its recorded facts as it was answered', () => {
  const book = newBook({}, { minBalance: null });
  const outcomes: Outcome[] = decideAll(
    book,
    transfer(ALICE, BOB, '1', { conditions: [of(CAROL, { balanceAtLeast: '31' })] }),
    transfer(ALICE, BOB, '1', { conditions: [of(ALICE, { expectedVersion: 1n })] }),
  );
  expect(outcomes).toMatchObject([
    { facts: { actualAvailable: usd(2000n) } },
    { facts: { actualAvailable: null } },
  ]);
  const again = book.recordings.flatMap(({ outcome, facts }) =>
    outcome === 'POSTED' || facts === null ? [] : [fromRecordedFacts(outcome, facts, () => USD)],
  );
  expect(again).toEqual(outcomes);
});
