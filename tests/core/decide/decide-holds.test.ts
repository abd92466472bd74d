import { describe, expect, test } from 'vitest';
import { availableOf, heldOf, incomingOf } from '../../../src/core/account.ts';
import type { Book, BookState } from '../../../src/core/decide/book.ts';
import { decide } from '../../../src/core/decide/decide.ts';
import { fromRecordedFacts } from '../../../src/core/decide/recording.ts';
import type { CaptureInput } from '../../../src/core/decide/request.ts';
import { type Hold, isExpired, remainingOf } from '../../../src/core/hold.ts';
import type { Entry, Outcome, Posted } from '../../../src/core/transaction.ts';
import type { Uuid } from '../../../src/core/values/ids.ts';
import { formatMinor, MAX_MINOR } from '../../../src/core/values/money.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  CLOCK,
  capture,
  codesOf,
  decideAll,
  EXTERNAL,
  expire,
  externalAccount,
  HOLD,
  type MutableAccount,
  openHold,
  placeHold,
  plannedIn,
  type Request,
  reverse,
  transfer,
  USD,
  voidHold,
} from '../../support/decide-fixtures.ts';

type Changes = Partial<MutableAccount>;

/** alice has 100.00 and version 3, bob and carol nothing. */
function newBook(state: Partial<BookState> = {}, alice: Changes = {}, bob: Changes = {}): Book {
  return bookOn(
    [
      account(ALICE, { posted: 10_000n, version: 3n, ...alice }),
      account(BOB, bob),
      account(CAROL),
      externalAccount(),
    ],
    state,
  );
}

/** The same, and an open hold of 50.00 from alice to bob. */
function heldBook(changes: Partial<Hold> = {}, alice: Changes = {}, bob: Changes = {}): Book {
  const hold = openHold(changes);
  const left = remainingOf(hold);
  return newBook(
    { holds: new Map([[HOLD, hold]]) },
    { pendingDebits: left, ...alice },
    { pendingCredits: left, ...bob },
  );
}

function sumsOf(book: Book, id: Uuid) {
  const found = book.accounts.get(id);
  if (found === undefined) throw new TypeError('the account is not in the book');
  const { posted, normalSide, version, totalDebits } = found;
  const [held, incoming] = [heldOf(normalSide, found), incomingOf(normalSide, found)];
  return { posted, held, incoming, available: availableOf(found), version, totalDebits };
}
const holdIn = (book: Book) => book.holds.get(HOLD);
function entriesOf(outcome: Outcome | undefined): readonly Entry[] {
  if (outcome?.code !== 'POSTED') throw new TypeError(`not posted: ${outcome?.code}`);
  return outcome.transaction.entries;
}
const lines = (outcome: Outcome | undefined) =>
  entriesOf(outcome).map(({ accountId, layer, amount }) => [accountId, layer, amount]);
const usd = (minor: bigint) => ({ minor, currency: USD });

describe('a hold', () => {
  test('reserves money of one account for another, and moves none', () => {
    const book = newBook();
    const [outcome] = decideAll(book, placeHold(ALICE, BOB, '60', { expiresAt: CLOCK + 5n })) as [Posted];
    expect(outcome).toMatchObject({
      code: 'POSTED',
      replayed: false,
      transaction: { id: book.idAt(0), type: 'HOLD', keyAccountId: ALICE, holdId: book.idAt(0) },
      hold: {
        id: book.idAt(0),
        fromAccountId: ALICE,
        toAccountId: BOB,
        currency: USD,
        amount: 6000n,
        captured: 0n,
        status: 'OPEN',
        expiresAt: CLOCK + 5n,
        createdAt: CLOCK,
      },
    });
    expect(outcome.transaction.entries).toMatchObject([
      {
        accountId: ALICE,
        layer: 'PENDING',
        amount: -6000n,
        version: 4n,
        postedAfter: 10_000n,
        pendingDebitsAfter: 6000n,
        pendingCreditsAfter: 0n,
        totalDebitsAfter: 0n,
      },
      {
        accountId: BOB,
        layer: 'PENDING',
        amount: 6000n,
        version: 1n,
        postedAfter: 0n,
        pendingDebitsAfter: 0n,
        pendingCreditsAfter: 6000n,
      },
    ]);
    expect(sumsOf(book, ALICE)).toMatchObject({
      posted: 10_000n,
      held: 6000n,
      available: 4000n,
      version: 4n,
    });
    expect(sumsOf(book, BOB)).toMatchObject({ posted: 0n, held: 0n, incoming: 6000n, available: 0n });
    expect(book.changedHolds.get(book.idAt(0))).toEqual(outcome.hold);
    expect(book.recordings).toMatchObject([
      { outcome: 'POSTED', holdId: book.idAt(0), expiresAt: CLOCK + 5n },
    ]);
  });

  test('leaves what is held out of what can be spent, and what is incoming too', () => {
    const book = newBook();
    const outcomes = decideAll(
      book,
      placeHold(ALICE, BOB, '60'),
      transfer(ALICE, CAROL, '40.01'),
      placeHold(ALICE, CAROL, '40.01'),
      transfer(BOB, CAROL, '0.01'),
      transfer(ALICE, CAROL, '40'),
      placeHold(ALICE, CAROL, '0.01'),
    );
    expect(codesOf(outcomes)).toEqual([
      'POSTED',
      'INSUFFICIENT_FUNDS',
      'INSUFFICIENT_FUNDS',
      'INSUFFICIENT_FUNDS',
      'POSTED',
      'INSUFFICIENT_FUNDS',
    ]);
    expect(outcomes[1]).toMatchObject({ facts: { available: usd(4000n), requested: usd(4001n) } });
    expect(outcomes[2]).toMatchObject({ facts: { available: usd(4000n), requested: usd(4001n) } });
    expect(outcomes[3]).toMatchObject({ facts: { available: usd(0n), requested: usd(1n) } });
  });

  test.each<[string, Changes, Changes, string, string, object]>([
    ['takes the last unit above the minimum', { minBalance: 4000n }, {}, '60.00', 'POSTED', {}],
    [
      'takes none below it',
      { minBalance: 4000n },
      {},
      '60.01',
      'INSUFFICIENT_FUNDS',
      { account: ALICE, available: usd(6000n), requested: usd(6001n) },
    ],
    [
      'may be of money that is not there yet, down to a minimum',
      { minBalance: -5000n },
      {},
      '150',
      'POSTED',
      {},
    ],
    ['fills the payee to its limit', {}, { maxBalance: 6000n }, '60.00', 'POSTED', {}],
    [
      'goes no further',
      {},
      { maxBalance: 6000n },
      '60.01',
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(6000n), resulting: usd(6001n) },
    ],
    [
      'counts what is incoming already',
      {},
      { maxBalance: 6000n, pendingCredits: 1n },
      '60.00',
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(6000n), resulting: usd(6001n) },
    ],
    [
      'gets no room from what the payee has held',
      {},
      { maxBalance: 6000n, posted: 1n, pendingDebits: 1n },
      '60.00',
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(6000n), resulting: usd(6001n) },
    ],
    [
      'gets no funds from what the payer has incoming',
      { pendingCredits: 5000n },
      {},
      '100.01',
      'INSUFFICIENT_FUNDS',
      { account: ALICE, available: usd(10_000n), requested: usd(10_001n) },
    ],
  ])('%s', (_, alice, bob, amount, code, facts) => {
    const [outcome] = decideAll(newBook({}, alice, bob), placeHold(ALICE, BOB, amount));
    expect(outcome).toMatchObject(code === 'POSTED' ? { code } : { code, facts });
  });

  describe('on debit-normal accounts', () => {
    const cash = { normalSide: 'DEBIT' as const };

    test('is incoming for the one that is debited, and held of the one that is credited', () => {
      const book = newBook({}, { ...cash, posted: -10_000n }, { ...cash, posted: -10_000n });
      expect(codesOf(decideAll(book, placeHold(ALICE, BOB, '60')))).toEqual(['POSTED']);
      expect(sumsOf(book, ALICE)).toMatchObject({ held: 0n, incoming: 6000n, available: 10_000n });
      expect(sumsOf(book, BOB)).toMatchObject({ held: 6000n, incoming: 0n, available: 4000n });
    });

    test.each<[string, Changes, Changes, string, string, object]>([
      [
        'is refused by the limit of the one that is debited',
        { ...cash, posted: 0n, maxBalance: 5999n },
        {},
        '60',
        'BALANCE_LIMIT_EXCEEDED',
        { account: ALICE, limit: usd(5999n), resulting: usd(6000n) },
      ],
      [
        'is refused by the funds of the one that is credited',
        {},
        { ...cash, posted: -5999n },
        '60',
        'INSUFFICIENT_FUNDS',
        { account: BOB, available: usd(5999n), requested: usd(6000n) },
      ],
    ])('%s', (_, alice, bob, amount, code, facts) => {
      const [outcome] = decideAll(newBook({}, alice, bob), placeHold(ALICE, BOB, amount));
      expect(outcome).toMatchObject({ code, facts });
    });
  });

  test.each([
    ['from', EXTERNAL, BOB],
    ['to', ALICE, EXTERNAL],
  ])('%s the external account is not supported', (_, from, to) => {
    const [outcome] = decideAll(newBook(), placeHold(from, to, '1'));
    expect(outcome).toMatchObject({ code: 'UNSUPPORTED_ACCOUNT', facts: { account: EXTERNAL } });
  });

  test.each([
    [-1n, 'INVALID_INPUT'],
    [0n, 'INVALID_INPUT'],
    [1n, 'POSTED'],
  ])('that expires %s microseconds after it is recorded answers %s', (later, code) => {
    const book = newBook();
    const outcomes = decideAll(book, placeHold(ALICE, BOB, '1', { expiresAt: book.createdAt + later }));
    expect(codesOf(outcomes)).toEqual([code]);
    expect(book.recordings).toHaveLength(code === 'POSTED' ? 1 : 0);
  });

  test('that is asked again after it expired is answered as it was', () => {
    const request = placeHold(ALICE, BOB, '1', { expiresAt: CLOCK + 1n });
    const first = newBook();
    const [placed] = decideAll(first, request);
    const later = newBook({ recorded: first.recorded, clock: CLOCK + 100n });
    expect(decideAll(later, request)).toEqual([{ ...placed, replayed: true }]);
    expect(later.recordings).toEqual([]);
  });

  test('cannot be larger than 38 digits leave room for, on either side', () => {
    const unlimited = { posted: 0n, minBalance: null };
    const most = formatMinor(MAX_MINOR, USD);
    const book = newBook({}, unlimited, unlimited);
    const [first, second] = decideAll(book, placeHold(ALICE, BOB, most), placeHold(ALICE, CAROL, '0.01'));
    expect(first).toMatchObject({ code: 'POSTED', hold: { amount: MAX_MINOR } });
    expect(second).toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
      facts: { account: ALICE, available: usd(0n), requested: usd(1n) },
    });
    const [third] = decideAll(
      newBook({}, { posted: MAX_MINOR, minBalance: null }, { pendingCredits: MAX_MINOR }),
      placeHold(ALICE, BOB, '0.01'),
    );
    expect(third).toMatchObject({
      code: 'BALANCE_LIMIT_EXCEEDED',
      facts: { account: BOB, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
    });
  });

  test.each<[string, Changes, Changes, string, object]>([
    [
      'what is held has 38 digits, however much there is',
      { posted: MAX_MINOR, minBalance: null, pendingDebits: MAX_MINOR },
      {},
      'INSUFFICIENT_FUNDS',
      { account: ALICE, available: usd(0n), requested: usd(1n) },
    ],
    [
      'what is incoming has 38 digits, however much is owed',
      {},
      { posted: -MAX_MINOR, minBalance: null, pendingCredits: MAX_MINOR },
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
    ],
    [
      'a limit of its own does not help there',
      {},
      { posted: -MAX_MINOR, minBalance: null, maxBalance: 5n, pendingCredits: MAX_MINOR },
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
    ],
  ])('%s', (_, alice, bob, code, facts) => {
    const [outcome] = decideAll(newBook({}, alice, bob), placeHold(ALICE, BOB, '0.01'));
    expect(outcome).toMatchObject({ code, facts });
  });

  test('that is too large in two ways says what is available', () => {
    const most = formatMinor(MAX_MINOR, USD);
    const [outcome] = decideAll(newBook({}, { pendingDebits: 1n }), placeHold(ALICE, BOB, most));
    expect(outcome).toMatchObject({
      code: 'INSUFFICIENT_FUNDS',
      facts: { account: ALICE, available: usd(9999n), requested: usd(MAX_MINOR) },
    });
    const rich = { posted: MAX_MINOR, minBalance: null };
    const [limited] = decideAll(
      newBook({}, rich, { pendingCredits: 5n, maxBalance: 100n }),
      placeHold(ALICE, BOB, most),
    );
    expect(limited).toMatchObject({
      code: 'BALANCE_LIMIT_EXCEEDED',
      facts: { account: BOB, limit: usd(100n), resulting: usd(MAX_MINOR + 5n) },
    });
  });
});

describe('a capture', () => {
  test('of all that remains ends the hold and posts what it reserved', () => {
    const book = heldBook();
    const [outcome] = decideAll(book, capture(HOLD, { description: 'shipped' })) as [Posted];
    expect(outcome.transaction).toMatchObject({
      id: book.idAt(0),
      type: 'CAPTURE',
      keyAccountId: ALICE,
      holdId: HOLD,
      description: 'shipped',
    });
    expect(outcome.transaction.entries).toMatchObject([
      {
        accountId: ALICE,
        layer: 'RELEASE',
        amount: 5000n,
        version: 4n,
        postedAfter: 10_000n,
        pendingDebitsAfter: 0n,
        totalDebitsAfter: 0n,
      },
      { accountId: BOB, layer: 'RELEASE', amount: -5000n, version: 1n, pendingCreditsAfter: 0n },
      {
        accountId: ALICE,
        layer: 'POSTED',
        amount: -5000n,
        version: 5n,
        postedAfter: 5000n,
        pendingDebitsAfter: 0n,
        totalDebitsAfter: 5000n,
      },
      {
        accountId: BOB,
        layer: 'POSTED',
        amount: 5000n,
        version: 2n,
        postedAfter: 5000n,
        totalDebitsAfter: 0n,
      },
    ]);
    expect(holdIn(book)).toMatchObject({ captured: 5000n, status: 'CAPTURED', amount: 5000n });
    expect(book.changedHolds.get(HOLD)).toEqual(holdIn(book));
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: 5000n, held: 0n, version: 5n, totalDebits: 5000n });
    expect(sumsOf(book, BOB)).toMatchObject({ posted: 5000n, incoming: 0n, version: 2n });
    // What was placed is shown by what placed it alone.
    expect(outcome.hold).toBeUndefined();
    expect(book.recordings).toMatchObject([{ expiresAt: null, holdId: HOLD }]);
  });

  test.each<[string, Partial<CaptureInput>, bigint, bigint, Partial<Hold>]>([
    ['a part, finally', { amount: '20' }, 5000n, 2000n, { status: 'CAPTURED', captured: 2000n }],
    [
      'a part, saying so',
      { amount: '20', final: true },
      5000n,
      2000n,
      { status: 'CAPTURED', captured: 2000n },
    ],
    [
      'a part, not finally',
      { amount: '20', final: false },
      2000n,
      2000n,
      { status: 'OPEN', captured: 2000n },
    ],
    ['all, not finally', { final: false }, 5000n, 5000n, { status: 'CAPTURED', captured: 5000n }],
    ['all by its amount, not finally', { amount: '50', final: false }, 5000n, 5000n, { status: 'CAPTURED' }],
    ['all but a unit, not finally', { amount: '49.99', final: false }, 4999n, 4999n, { status: 'OPEN' }],
  ])('of %s', (_, input, released, posted, left) => {
    const book = heldBook();
    const [outcome] = decideAll(book, capture(HOLD, input));
    expect(lines(outcome)).toEqual([
      [ALICE, 'RELEASE', released],
      [BOB, 'RELEASE', -released],
      [ALICE, 'POSTED', -posted],
      [BOB, 'POSTED', posted],
    ]);
    expect(holdIn(book)).toMatchObject(left);
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: 10_000n - posted, held: 5000n - released });
    expect(sumsOf(book, BOB)).toMatchObject({ posted, incoming: 5000n - released });
  });

  test('of parts goes on until nothing remains, each seeing what those before it left', () => {
    const book = heldBook();
    const outcomes = decideAll(
      book,
      capture(HOLD, { amount: '20', final: false }),
      capture(HOLD, { amount: '30.01', final: false }),
      capture(HOLD, { amount: '29.99', final: false }),
      capture(HOLD, { amount: '0.02' }),
      capture(HOLD, { final: false }),
      capture(HOLD),
      capture(HOLD, { amount: '0.01', final: false }),
    );
    expect(codesOf(outcomes)).toEqual([
      'POSTED',
      'HOLD_AMOUNT_EXCEEDED',
      'POSTED',
      'HOLD_AMOUNT_EXCEEDED',
      'POSTED',
      'HOLD_NOT_OPEN',
      'HOLD_NOT_OPEN',
    ]);
    expect(outcomes[1]).toMatchObject({
      facts: { hold: HOLD, remaining: usd(3000n), requested: usd(3001n) },
    });
    expect(outcomes[3]).toMatchObject({ facts: { remaining: usd(1n), requested: usd(2n) } });
    expect(holdIn(book)).toMatchObject({ status: 'CAPTURED', captured: 5000n });
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: 5000n, held: 0n, available: 5000n, version: 9n });
    expect(sumsOf(book, BOB)).toMatchObject({ posted: 5000n, incoming: 0n, version: 6n });
  });

  test('that is declined is recorded for its hold, and changes none', () => {
    const book = heldBook();
    decideAll(book, capture(HOLD, { amount: '50.01' }));
    expect(book.recordings).toMatchObject([
      {
        outcome: 'HOLD_AMOUNT_EXCEEDED',
        type: 'CAPTURE',
        holdId: HOLD,
        entries: [],
        facts: { hold: HOLD, remaining: '5000', requested: '5001', currency: 'USD' },
      },
    ]);
    expect(book.changedHolds.size).toBe(0);
    expect(holdIn(book)).toEqual(openHold());
  });

  test.each<[string, Changes, Changes]>([
    ['funds', { posted: 5000n }, {}],
    ['a minimum', { minBalance: 5000n }, {}],
    ['a limit', {}, { maxBalance: 5000n }],
    ['other holds', { posted: 8000n, pendingDebits: 8000n }, { pendingCredits: 9000n, maxBalance: 9000n }],
  ])('is never refused by %s, which the hold left room for', (_, alice, bob) => {
    for (const input of [{}, { amount: '20' }, { amount: '20', final: false }]) {
      expect(codesOf(decideAll(heldBook({}, alice, bob), capture(HOLD, input)))).toEqual(['POSTED']);
    }
  });

  test('between debit-normal accounts lowers the one that is credited', () => {
    const book = heldBook({}, { normalSide: 'DEBIT', posted: 0n }, { normalSide: 'DEBIT', posted: -5000n });
    expect(sumsOf(book, BOB)).toMatchObject({ held: 5000n, available: 0n });
    expect(codesOf(decideAll(book, capture(HOLD, { amount: '20' })))).toEqual(['POSTED']);
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: -2000n, incoming: 0n, available: 2000n });
    expect(sumsOf(book, BOB)).toMatchObject({ posted: -3000n, held: 0n, available: 3000n });
  });

  test.each<[string, Changes, Changes, object]>([
    ['payer is frozen', { status: 'FROZEN' }, {}, { account: ALICE }],
    ['payee is frozen', {}, { status: 'FROZEN' }, { account: BOB }],
    ['two are frozen', { status: 'FROZEN' }, { status: 'FROZEN' }, { account: ALICE }],
  ])('is refused where the %s', (_, alice, bob, facts) => {
    const book = heldBook({}, alice, bob);
    const [outcome] = decideAll(book, capture(HOLD));
    expect(outcome).toMatchObject({ code: 'ACCOUNT_FROZEN', recorded: true, facts });
    expect(holdIn(book)).toEqual(openHold());
  });

  test('has the hold’s key account, whose keys it shares', () => {
    const book = heldBook();
    const key = { idempotencyKey: 'one' };
    const outcomes = decideAll(book, capture(HOLD, key), capture(HOLD, key), transfer(ALICE, BOB, '1', key));
    expect(codesOf(outcomes)).toEqual(['POSTED', 'POSTED', 'IDEMPOTENCY_CONFLICT']);
    expect(outcomes[1]).toEqual({ ...outcomes[0], replayed: true });
    expect(outcomes[2]).toMatchObject({ facts: { differingFields: ['type'] } });
    expect(book.recordings).toHaveLength(1);
  });
});

describe('expiry, to the microsecond', () => {
  const EXPIRES = { expiresAt: CLOCK };
  /** A book whose createdAt is the time of the hold's expiry, or so many microseconds after it. */
  const bookAt = (after: bigint, changes: Partial<Hold> = {}) =>
    bookOn(
      [
        account(ALICE, { posted: 10_000n, pendingDebits: 5000n, lastAt: CLOCK + after - 1n }),
        account(BOB, { pendingCredits: 5000n }),
      ],
      { clock: CLOCK - 1000n, holds: new Map([[HOLD, openHold({ ...EXPIRES, ...changes })]]) },
    );

  test.each([
    [-1n, 'POSTED'],
    [0n, 'HOLD_EXPIRED'],
    [1n, 'HOLD_EXPIRED'],
  ])('a capture that is recorded %s µs after expiresAt is answered %s', (after, code) => {
    const book = bookAt(after);
    expect(book.createdAt).toBe(CLOCK + after);
    const [outcome] = decideAll(book, capture(HOLD, { amount: '1' }));
    expect(outcome).toMatchObject(
      code === 'POSTED' ? { code } : { code, recorded: true, facts: { hold: HOLD } },
    );
  });

  test.each([
    [-1n, 'HOLD_NOT_OPEN', null],
    [0n, 'POSTED', 'EXPIRED'],
    [1n, 'POSTED', 'EXPIRED'],
  ])('an expiry that would be recorded %s µs after it is answered %s', (after, code, status) => {
    const book = bookAt(after);
    const { outcome, id } = expire(book, HOLD);
    expect(outcome.code).toBe(code);
    expect(id).toBe(status === null ? null : book.idAt(0));
    expect(book.recordings).toHaveLength(status === null ? 0 : 1);
    expect(holdIn(book)?.status).toBe(status ?? 'OPEN');
  });

  test('until it is recorded the money stays held, and the hold open', () => {
    const book = bookAt(5n);
    expect(codesOf(decideAll(book, transfer(ALICE, BOB, '50.01')))).toEqual(['INSUFFICIENT_FUNDS']);
    expect(holdIn(book)?.status).toBe('OPEN');
    expire(book, HOLD);
    expect(codesOf(decideAll(book, transfer(ALICE, BOB, '50.01')))).toEqual(['POSTED']);
  });

  test('a void still releases it, as voided', () => {
    const book = bookAt(5n);
    const outcomes = decideAll(book, voidHold(HOLD), capture(HOLD));
    expect(codesOf(outcomes)).toEqual(['POSTED', 'HOLD_NOT_OPEN']);
    expect(holdIn(book)?.status).toBe('VOIDED');
  });

  test('a capture answers HOLD_EXPIRED before and after the release, and a void only after it otherwise', () => {
    const book = bookAt(0n);
    const [before] = decideAll(book, capture(HOLD));
    expire(book, HOLD);
    expect(codesOf([...(before ? [before] : []), ...decideAll(book, capture(HOLD), voidHold(HOLD))])).toEqual(
      ['HOLD_EXPIRED', 'HOLD_EXPIRED', 'HOLD_NOT_OPEN'],
    );
  });

  test.each<[Partial<Hold>, string]>([
    [{ status: 'CAPTURED', captured: 5000n }, 'HOLD_NOT_OPEN'],
    [{ status: 'CAPTURED', captured: 1n }, 'HOLD_NOT_OPEN'],
    [{ status: 'VOIDED' }, 'HOLD_NOT_OPEN'],
    [{ status: 'VOIDED', captured: 1n }, 'HOLD_NOT_OPEN'],
    [{ status: 'EXPIRED' }, 'HOLD_EXPIRED'],
    [{ status: 'EXPIRED', captured: 1n }, 'HOLD_EXPIRED'],
  ])('a capture of a hold that has ended as %o is answered %s', (changes, code) => {
    expect(codesOf(decideAll(bookAt(5n, changes), capture(HOLD)))).toEqual([code]);
  });
});

describe('the end of a hold without a capture', () => {
  test.each<[string, (book: Book) => Outcome | undefined, string, object]>([
    [
      'a void',
      (book) => decideAll(book, voidHold(HOLD, { description: 'cancelled', idempotencyKey: 'key' }))[0],
      'VOIDED',
      { idempotencyKey: 'key', description: 'cancelled' },
    ],
    [
      'an expiry',
      (book) => expire(book, HOLD).outcome,
      'EXPIRED',
      { idempotencyKey: null, description: null },
    ],
  ])('by %s releases what remains', (_, end, status, more) => {
    const book = heldBook({ captured: 2000n, expiresAt: CLOCK });
    const outcome = end(book);
    expect(outcome).toMatchObject({
      code: 'POSTED',
      transaction: { type: 'RELEASE', keyAccountId: ALICE, holdId: HOLD, ...more },
    });
    expect(entriesOf(outcome)).toMatchObject([
      {
        accountId: ALICE,
        layer: 'RELEASE',
        amount: 3000n,
        version: 4n,
        postedAfter: 10_000n,
        pendingDebitsAfter: 0n,
        totalDebitsAfter: 0n,
      },
      { accountId: BOB, layer: 'RELEASE', amount: -3000n, version: 1n, pendingCreditsAfter: 0n },
    ]);
    expect(holdIn(book)).toMatchObject({ status, captured: 2000n, amount: 5000n });
    expect(book.changedHolds.get(HOLD)).toEqual(holdIn(book));
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: 10_000n, held: 0n, available: 10_000n });
    expect(sumsOf(book, BOB)).toMatchObject({ posted: 0n, incoming: 0n });
  });

  test('works on frozen accounts', () => {
    const frozen = { status: 'FROZEN' as const };
    const book = () => heldBook({ expiresAt: CLOCK }, frozen, frozen);
    expect(codesOf(decideAll(book(), voidHold(HOLD)))).toEqual(['POSTED']);
    expect(expire(book(), HOLD).outcome.code).toBe('POSTED');
  });

  test('works on an account whose limits it does not concern', () => {
    const book = heldBook({}, { minBalance: 5000n }, { maxBalance: 5000n });
    expect(codesOf(decideAll(book, voidHold(HOLD)))).toEqual(['POSTED']);
  });

  test('works once', () => {
    const book = heldBook();
    expect(codesOf(decideAll(book, voidHold(HOLD), voidHold(HOLD), capture(HOLD)))).toEqual([
      'POSTED',
      'HOLD_NOT_OPEN',
      'HOLD_NOT_OPEN',
    ]);
    expect(sumsOf(book, ALICE)).toMatchObject({ held: 0n, version: 4n });
    // The key of a void that was declined is answered so forever.
    expect(book.recordings.map(({ outcome }) => outcome)).toEqual([
      'POSTED',
      'HOLD_NOT_OPEN',
      'HOLD_NOT_OPEN',
    ]);
  });

  test.each<[string, Partial<Hold>]>([
    ['captured', { status: 'CAPTURED', captured: 5000n, expiresAt: CLOCK }],
    ['voided', { status: 'VOIDED', expiresAt: CLOCK }],
    ['expired', { status: 'EXPIRED', expiresAt: CLOCK }],
    ['to expire later', { expiresAt: CLOCK + 1n }],
    ['never to expire', { expiresAt: null }],
  ])('by an expiry leaves nothing where the hold is %s', (_, changes) => {
    const book = heldBook(changes);
    const before = new Map(book.accounts);
    expect(expire(book, HOLD)).toMatchObject({ outcome: { code: 'HOLD_NOT_OPEN' }, id: null });
    expect(book.recordings).toEqual([]);
    expect(book.recorded.size).toBe(0);
    expect(book.changedHolds.size).toBe(0);
    expect(book.accounts).toEqual(before);
  });

  test('by an expiry leaves nothing either where an account is closed, which holds prevent', () => {
    const book = heldBook({ expiresAt: CLOCK }, { status: 'CLOSED' });
    expect(expire(book, HOLD)).toMatchObject({ outcome: { code: 'ACCOUNT_CLOSED' }, id: null });
    expect(book.recordings).toEqual([]);
  });

  test('by an expiry has no key that another could have', () => {
    const book = heldBook({ expiresAt: CLOCK });
    expire(book, HOLD);
    expect(expire(book, HOLD)).toMatchObject({ outcome: { code: 'HOLD_NOT_OPEN' }, id: null });
    expect(book.recordings).toMatchObject([{ outcome: 'POSTED', idempotencyKey: null, request: null }]);
    expect(book.recorded.size).toBe(0);
  });
});

describe('one batch', () => {
  test('places a hold and captures it by the id that it will have, and what is left of it', () => {
    const book = newBook();
    // The id of what is placed is known before it is, from the place that it takes.
    const hold = openHold({ id: book.idAt(0) });
    const ahead = { ...book, holds: new Map([[hold.id, hold]]) };
    const commands = [
      placeHold(ALICE, BOB, '50'),
      capture(hold.id, { amount: '20', final: false }),
      transfer(ALICE, CAROL, '50'),
      capture(hold.id, { amount: '30.01' }),
      voidHold(hold.id),
      transfer(ALICE, CAROL, '30'),
    ].map((request) => plannedIn(ahead, request));
    expect(codesOf(decide(book, commands).map(({ outcome }) => outcome))).toEqual([
      'POSTED',
      'POSTED',
      'POSTED',
      'HOLD_AMOUNT_EXCEEDED',
      'POSTED',
      'POSTED',
    ]);
    expect(book.holds.get(hold.id)).toMatchObject({ captured: 2000n, status: 'VOIDED' });
    // What is written of it is what the batch leaves.
    expect([...book.changedHolds.values()]).toEqual([book.holds.get(hold.id)]);
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: 0n, held: 0n });
    expect(sumsOf(book, BOB)).toMatchObject({ posted: 2000n, incoming: 0n });
  });

  test('shows of a hold what it was when it was placed', () => {
    const book = newBook();
    const [placed] = decideAll(book, placeHold(ALICE, BOB, '50'));
    decideAll(book, voidHold(book.idAt(0)));
    expect(placed).toMatchObject({ hold: { status: 'OPEN', captured: 0n } });
  });

  test('cannot reverse what placed or released a hold, but what captured it', () => {
    const book = heldBook();
    const outcomes = decideAll(
      book,
      placeHold(ALICE, BOB, '10'),
      voidHold(book.idAt(0)),
      capture(HOLD, { amount: '20' }),
      reverse(book.idAt(0)),
      reverse(book.idAt(1)),
      reverse(book.idAt(2)),
    );
    expect(codesOf(outcomes)).toEqual([
      'POSTED',
      'POSTED',
      'POSTED',
      'NOT_REVERSIBLE',
      'NOT_REVERSIBLE',
      'POSTED',
    ]);
    // A captured hold does not reopen.
    expect(holdIn(book)).toMatchObject({ status: 'CAPTURED', captured: 2000n });
    expect(sumsOf(book, ALICE)).toMatchObject({ posted: 10_000n, held: 0n });
  });
});

test('what is declined about holds is read again from its recorded facts as it was answered', () => {
  const requests: readonly Request[] = [
    capture(HOLD, { amount: '50.01' }),
    voidHold(HOLD),
    capture(HOLD),
    placeHold(ALICE, BOB, '100.01'),
  ];
  const book = heldBook();
  const outcomes = decideAll(book, ...requests);
  const expired = heldBook({ expiresAt: CLOCK });
  outcomes.push(...decideAll(expired, capture(HOLD)));
  const declined = outcomes.filter(({ code }) => code !== 'POSTED');
  expect(codesOf(declined)).toEqual([
    'HOLD_AMOUNT_EXCEEDED',
    'HOLD_NOT_OPEN',
    'INSUFFICIENT_FUNDS',
    'HOLD_EXPIRED',
  ]);
  const again = [...book.recordings, ...expired.recordings].flatMap(({ outcome, facts }) =>
    outcome === 'POSTED' || facts === null ? [] : [fromRecordedFacts(outcome, facts, () => USD)],
  );
  expect(again).toEqual(declined);
});

describe('of a hold', () => {
  test.each<[Partial<Hold>, bigint]>([
    [{}, 5000n],
    [{ captured: 4999n }, 1n],
    [{ status: 'CAPTURED', captured: 2000n }, 0n],
    [{ status: 'VOIDED' }, 0n],
    [{ status: 'EXPIRED' }, 0n],
  ])('that is %o there remain %s', (changes, remaining) => {
    expect(remainingOf(openHold(changes))).toBe(remaining);
  });

  test.each<[Partial<Hold>, boolean]>([
    [{}, false],
    [{ expiresAt: CLOCK + 1n }, false],
    [{ expiresAt: CLOCK }, true],
    [{ expiresAt: CLOCK, status: 'VOIDED' }, false],
    [{ expiresAt: CLOCK, status: 'CAPTURED' }, false],
    [{ expiresAt: CLOCK, status: 'EXPIRED' }, true],
  ])('that is %o the time is over: %s', (changes, over) => {
    expect(isExpired(openHold(changes), CLOCK)).toBe(over);
  });
});
