import { describe, expect, test } from 'vitest';
import type { Book, BookState, Original } from '../../../src/core/decide/book.ts';
import { fromRecordedFacts } from '../../../src/core/decide/recording.ts';
import type { Outcome, Transaction } from '../../../src/core/transaction.ts';
import type { Uuid } from '../../../src/core/values/ids.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  CLOCK,
  capture,
  codesOf,
  DAVE,
  decideAll,
  deposit,
  EUR,
  EXTERNAL,
  externalAccount,
  journal,
  type Line,
  type MutableAccount,
  placeHold,
  type Request,
  reverse,
  transfer,
  USD,
  voidHold,
  withdraw,
} from '../../support/decide-fixtures.ts';

type Changes = Partial<MutableAccount>;

/** alice has 100.00; dave's currency is EUR. */
function newBook(state: Partial<BookState> = {}, alice: Changes = {}, bob: Changes = {}): Book {
  return bookOn(
    [
      account(ALICE, { posted: 10_000n, ...alice }),
      account(BOB, bob),
      account(CAROL),
      account(DAVE, { currency: EUR, minBalance: null }),
      externalAccount(),
    ],
    state,
  );
}

function postedIn(book: Book, ...requests: readonly Request[]): Transaction {
  const outcome = decideAll(book, ...requests).at(-1);
  if (outcome?.code !== 'POSTED') throw new TypeError(`not posted: ${outcome?.code}`);
  return outcome.transaction;
}
const linesOf = ({ entries }: Pick<Transaction, 'entries'>) =>
  entries.map(({ accountId, layer, amount }) => [accountId, layer, amount]);
const balances = (book: Book) => [ALICE, BOB, CAROL].map((id) => book.accounts.get(id)?.posted);
const usd = (minor: bigint) => ({ minor, currency: USD });

/** A book of another batch, which finds a transaction and how much of it was reversed. */
function bookAfter(original: Transaction, reversed: bigint, alice: Changes = {}, bob: Changes = {}): Book {
  const found: Original = { transaction: original, reversed };
  return newBook({ originals: new Map([[original.id, found]]) }, alice, bob);
}
const RENT = postedIn(newBook({ random: 1 }), transfer(ALICE, BOB, '20'));

describe('a reversal', () => {
  test.each<[string, (book: Book) => Transaction, (Uuid | bigint)[][]]>([
    [
      'a transfer',
      (book) => postedIn(book, transfer(ALICE, BOB, '20')),
      [
        [ALICE, 2000n],
        [BOB, -2000n],
      ],
    ],
    [
      'a deposit',
      (book) => postedIn(book, deposit(BOB, '20')),
      [
        [EXTERNAL, 2000n],
        [BOB, -2000n],
      ],
    ],
    [
      'a withdrawal',
      (book) => postedIn(book, withdraw(ALICE, '20')),
      [
        [ALICE, 2000n],
        [EXTERNAL, -2000n],
      ],
    ],
    [
      'a journal',
      (book) =>
        postedIn(
          book,
          journal([
            [BOB, 'CREDIT', '15'],
            [ALICE, 'DEBIT', '20'],
            [CAROL, 'CREDIT', '5'],
          ]),
        ),
      [
        [BOB, -1500n],
        [ALICE, 2000n],
        [CAROL, -500n],
      ],
    ],
    [
      'a capture',
      (book) => postedIn(book, placeHold(ALICE, BOB, '50'), capture(book.idAt(0), { amount: '20' })),
      [
        [ALICE, 2000n],
        [BOB, -2000n],
      ],
    ],
  ])('of %s swaps its posted entries, in their order', (_, make, lines) => {
    const book = newBook();
    const original = make(book);
    const before = new Map(book.accounts);
    const reversal = postedIn(book, reverse(original.id, { description: 'returned' }));
    expect(reversal).toMatchObject({
      type: 'REVERSAL',
      keyAccountId: original.keyAccountId,
      reverses: original.id,
      holdId: null,
      description: 'returned',
    });
    expect(linesOf(reversal)).toEqual(lines.map(([id, amount]) => [id, 'POSTED', amount]));
    for (const [id, amount] of lines as [Uuid, bigint][]) {
      expect(book.accounts.get(id)?.posted).toBe((before.get(id)?.posted ?? 0n) + amount);
    }
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
    expect(book.recordings.at(-1)).toMatchObject({ reverses: original.id, outcome: 'POSTED' });
  });

  test('says what each account has afterwards, and goes on with its versions and totals', () => {
    const book = newBook();
    const original = postedIn(book, transfer(ALICE, BOB, '20'));
    expect(postedIn(book, reverse(original.id)).entries).toMatchObject([
      { accountId: ALICE, version: 2n, amount: 2000n, postedAfter: 10_000n, totalDebitsAfter: 2000n },
      { accountId: BOB, version: 2n, amount: -2000n, postedAfter: 0n, totalDebitsAfter: 2000n },
    ]);
  });

  test('in parts goes up to the whole, each seeing what those before it left', () => {
    const book = newBook();
    const { id } = postedIn(book, transfer(ALICE, BOB, '20'));
    const outcomes = decideAll(
      book,
      reverse(id, { amount: '20.01' }),
      reverse(id, { amount: '5' }),
      reverse(id, { amount: '15.01' }),
      reverse(id, { amount: '14.99' }),
      reverse(id),
      reverse(id, { amount: '0.01' }),
      reverse(id),
    );
    expect(codesOf(outcomes)).toEqual([
      'REVERSAL_AMOUNT_EXCEEDED',
      'POSTED',
      'REVERSAL_AMOUNT_EXCEEDED',
      'POSTED',
      'POSTED',
      'ALREADY_REVERSED',
      'ALREADY_REVERSED',
    ]);
    expect(outcomes[0]).toMatchObject({ facts: { remaining: usd(2000n), requested: usd(2001n) } });
    expect(outcomes[2]).toMatchObject({ facts: { remaining: usd(1500n), requested: usd(1501n) } });
    expect(outcomes[5]).toMatchObject({ facts: { transaction: id } });
    const amounts = outcomes.map((outcome) =>
      outcome.code === 'POSTED' ? outcome.transaction.entries[0]?.amount : null,
    );
    expect(amounts).toEqual([null, 500n, null, 1499n, 1n, null, null]);
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
  });

  test.each<[string, bigint, string | null, string, bigint | object]>([
    ['all, where nothing is', 0n, null, 'POSTED', 2000n],
    ['the whole by its amount', 0n, '20.00', 'POSTED', 2000n],
    ['a part', 0n, '0.01', 'POSTED', 1n],
    ['all that is left', 1999n, null, 'POSTED', 1n],
    ['what is left, by its amount', 500n, '15', 'POSTED', 1500n],
    [
      'more than is left',
      500n,
      '15.01',
      'REVERSAL_AMOUNT_EXCEEDED',
      { remaining: usd(1500n), requested: usd(1501n) },
    ],
    ['more than there was', 0n, '20.01', 'REVERSAL_AMOUNT_EXCEEDED', { remaining: usd(2000n) }],
    ['what is reversed whole', 2000n, null, 'ALREADY_REVERSED', { transaction: RENT.id }],
    ['a part of what is reversed whole', 2000n, '0.01', 'ALREADY_REVERSED', { transaction: RENT.id }],
  ])('of %s is answered by what other batches reversed', (_, reversed, amount, code, what) => {
    const book = bookAfter(RENT, reversed, {}, { posted: 2000n });
    const [outcome] = decideAll(book, reverse(RENT.id, { amount }));
    if (typeof what === 'bigint') {
      expect(outcome).toMatchObject({
        code,
        transaction: { entries: [{ amount: what }, { amount: -what }] },
      });
      expect(book.originals.get(RENT.id)?.reversed).toBe(reversed + what);
    } else {
      expect(outcome).toMatchObject({ code, recorded: true, facts: what });
      expect(book.originals.get(RENT.id)?.reversed).toBe(reversed);
    }
  });

  test('does nothing twice in a batch', () => {
    const book = bookAfter(RENT, 0n, {}, { posted: 5000n });
    const outcomes = decideAll(book, reverse(RENT.id), reverse(RENT.id));
    expect(codesOf(outcomes)).toEqual(['POSTED', 'ALREADY_REVERSED']);
    expect(balances(book)).toEqual([12_000n, 3000n, 0n]);
    expect(book.recordings[1]).toMatchObject({ outcome: 'ALREADY_REVERSED', reverses: RENT.id, entries: [] });
  });

  test('that was declined can be tried again with another key', () => {
    const book = newBook();
    const { id } = postedIn(book, transfer(ALICE, BOB, '20'));
    const outcomes = decideAll(
      book,
      transfer(BOB, CAROL, '0.01'),
      reverse(id, { idempotencyKey: 'first' }),
      transfer(CAROL, BOB, '0.01'),
      reverse(id, { idempotencyKey: 'first' }),
      reverse(id, { idempotencyKey: 'second' }),
    );
    expect(codesOf(outcomes)).toEqual([
      'POSTED',
      'INSUFFICIENT_FUNDS',
      'POSTED',
      'INSUFFICIENT_FUNDS',
      'POSTED',
    ]);
    expect(outcomes[3]).toEqual({ ...outcomes[1], replayed: true });
  });

  test('of a reversal is none', () => {
    const book = newBook();
    const { id } = postedIn(book, transfer(ALICE, BOB, '20'));
    const reversal = postedIn(book, reverse(id, { amount: '5' }));
    const [outcome] = decideAll(book, reverse(reversal.id));
    expect(outcome).toMatchObject({
      code: 'NOT_REVERSIBLE',
      recorded: false,
      facts: { transaction: reversal.id },
    });
    // What was reversed in part is not what its reversal counts as.
    expect(codesOf(decideAll(book, reverse(id, { amount: '15' })))).toEqual(['POSTED']);
  });

  test.each<[string, (book: Book) => Transaction]>([
    ['a hold', (book) => postedIn(book, placeHold(ALICE, BOB, '20'))],
    ['a void', (book) => postedIn(book, placeHold(ALICE, BOB, '20'), voidHold(book.idAt(0)))],
  ])('of %s is none', (_, make) => {
    const book = newBook();
    const { id } = make(book);
    for (const amount of [null, '20']) {
      const [outcome] = decideAll(book, reverse(id, { amount }));
      expect(outcome).toMatchObject({ code: 'NOT_REVERSIBLE', facts: { transaction: id } });
    }
  });

  test('shares the keys of the original’s key account', () => {
    const book = newBook();
    const key = { idempotencyKey: 'one' };
    const { id } = postedIn(book, transfer(ALICE, BOB, '20'));
    const outcomes = decideAll(
      book,
      reverse(id, key),
      reverse(id, key),
      reverse(id, { ...key, amount: '1' }),
      transfer(ALICE, BOB, '1', key),
    );
    expect(codesOf(outcomes)).toEqual(['POSTED', 'POSTED', 'IDEMPOTENCY_CONFLICT', 'IDEMPOTENCY_CONFLICT']);
    expect(outcomes[1]).toEqual({ ...outcomes[0], replayed: true });
    expect(outcomes[2]).toMatchObject({ facts: { differingFields: ['amount'] } });
  });
});

describe('a reversal of more than two entries', () => {
  const SPLIT: readonly Line[] = [
    [ALICE, 'DEBIT', '20'],
    [BOB, 'CREDIT', '15'],
    [CAROL, 'CREDIT', '5'],
  ];

  test('is of the whole, once', () => {
    const book = newBook();
    const { id } = postedIn(book, journal(SPLIT));
    expect(codesOf(decideAll(book, reverse(id), reverse(id)))).toEqual(['POSTED', 'ALREADY_REVERSED']);
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
  });

  test.each(['1', '20', '35', '1000'])('is of no part: %s', (amount) => {
    const book = newBook();
    const { id } = postedIn(book, journal(SPLIT));
    const [outcome] = decideAll(book, reverse(id, { amount }));
    expect(outcome).toMatchObject({ code: 'NOT_REVERSIBLE', facts: { transaction: id } });
    expect(book.recordings).toHaveLength(1);
  });

  test('that name one account twice swaps each of them', () => {
    const book = newBook();
    const { id } = postedIn(
      book,
      journal([
        [ALICE, 'DEBIT', '20'],
        [ALICE, 'CREDIT', '5'],
        [BOB, 'CREDIT', '15'],
      ]),
    );
    expect(linesOf(postedIn(book, reverse(id)))).toEqual([
      [ALICE, 'POSTED', 2000n],
      [ALICE, 'POSTED', -500n],
      [BOB, 'POSTED', -1500n],
    ]);
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
  });

  test('of several currencies returns each, and has no part in any', () => {
    const book = newBook();
    const { id } = postedIn(
      book,
      journal([
        [ALICE, 'DEBIT', '20'],
        [BOB, 'CREDIT', '20'],
        [DAVE, 'DEBIT', '18'],
        [DAVE, 'CREDIT', '18'],
      ]),
    );
    expect(codesOf(decideAll(book, reverse(id, { amount: '20' }), reverse(id)))).toEqual([
      'NOT_REVERSIBLE',
      'POSTED',
    ]);
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
    expect(book.accounts.get(DAVE)?.posted).toBe(0n);
  });
});

describe('a journal of two entries is reversed in parts like a transfer', () => {
  test('whichever is first', () => {
    const book = newBook();
    const { id } = postedIn(
      book,
      journal([
        [BOB, 'CREDIT', '20'],
        [ALICE, 'DEBIT', '20'],
      ]),
    );
    expect(linesOf(postedIn(book, reverse(id, { amount: '7' })))).toEqual([
      [BOB, 'POSTED', -700n],
      [ALICE, 'POSTED', 700n],
    ]);
    expect(codesOf(decideAll(book, reverse(id, { amount: '13.01' }), reverse(id)))).toEqual([
      'REVERSAL_AMOUNT_EXCEEDED',
      'POSTED',
    ]);
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
  });
});

describe('the accounts of a reversal', () => {
  test.each<[string, Changes, Changes, string, object]>([
    [
      'must have what they give back',
      {},
      { posted: 1999n },
      'INSUFFICIENT_FUNDS',
      { account: BOB, available: usd(1999n), requested: usd(2000n) },
    ],
    [
      'must not have it held',
      {},
      { posted: 2000n, pendingDebits: 1n },
      'INSUFFICIENT_FUNDS',
      { account: BOB, available: usd(1999n), requested: usd(2000n) },
    ],
    [
      'must have room for it',
      { maxBalance: 11_999n },
      { posted: 2000n },
      'BALANCE_LIMIT_EXCEEDED',
      { account: ALICE, limit: usd(11_999n), resulting: usd(12_000n) },
    ],
    ['may be closed no more', { status: 'CLOSED' }, { posted: 2000n }, 'ACCOUNT_CLOSED', { account: ALICE }],
    ['may be frozen neither', {}, { posted: 2000n, status: 'FROZEN' }, 'ACCOUNT_FROZEN', { account: BOB }],
  ])('%s', (_, alice, bob, code, facts) => {
    const book = bookAfter(RENT, 0n, alice, bob);
    const [outcome] = decideAll(book, reverse(RENT.id));
    expect(outcome).toMatchObject({ code, recorded: true, facts });
    expect(book.originals.get(RENT.id)?.reversed).toBe(0n);
  });
});

describe('the amount of a reversal', () => {
  test.each<[string, (book: Book) => Transaction]>([
    ['a transfer', (book) => postedIn(book, transfer(ALICE, BOB, '20'))],
    [
      'a reversal, which has none',
      (book) => postedIn(book, reverse(postedIn(book, transfer(ALICE, BOB, '20')).id)),
    ],
    ['a hold, which has none', (book) => postedIn(book, placeHold(ALICE, BOB, '20'))],
  ])('of %s is read in its currency first', (_, make) => {
    const book = newBook();
    const { id } = make(book);
    const [outcome] = decideAll(book, reverse(id, { amount: '1.000' }));
    expect(outcome).toMatchObject({
      code: 'INVALID_AMOUNT',
      facts: { field: 'amount', problem: 'must have at most 2 decimals in USD, and has 3' },
    });
  });
});

test('a reversal counts in its own time, and not before a closed period', () => {
  const state = { originals: new Map([[RENT.id, { transaction: RENT, reversed: 0n }]]), closedBefore: CLOCK };
  const book = newBook(state, {}, { posted: 2000n });
  const outcomes = decideAll(
    book,
    reverse(RENT.id, { amount: '1', effectiveAt: CLOCK - 1n }),
    reverse(RENT.id, { amount: '1', effectiveAt: CLOCK }),
    reverse(RENT.id, { amount: '1' }),
  );
  expect(codesOf(outcomes)).toEqual(['PERIOD_CLOSED', 'POSTED', 'POSTED']);
});

test('what is declined about reversals is read again from its recorded facts as it was answered', () => {
  const book = bookAfter(RENT, 1500n, {}, { posted: 2000n });
  const outcomes: Outcome[] = decideAll(
    book,
    reverse(RENT.id, { amount: '5.01' }),
    reverse(RENT.id),
    reverse(RENT.id),
  );
  expect(codesOf(outcomes)).toEqual(['REVERSAL_AMOUNT_EXCEEDED', 'POSTED', 'ALREADY_REVERSED']);
  const again = book.recordings.flatMap(({ outcome, facts }) =>
    outcome === 'POSTED' || facts === null ? [] : [fromRecordedFacts(outcome, facts, () => USD)],
  );
  expect(again).toEqual([outcomes[0], outcomes[2]]);
});
