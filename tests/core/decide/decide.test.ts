import { describe, expect, test } from 'vitest';
import { leafDigest } from '../../../src/core/chain.ts';
import type { Book, BookState } from '../../../src/core/decide/book.ts';
import { decide } from '../../../src/core/decide/decide.ts';
import { fromRecordedFacts } from '../../../src/core/decide/recording.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import type { Outcome, Posted } from '../../../src/core/transaction.ts';
import { MAX_MINOR } from '../../../src/core/values/money.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  CLOCK,
  codesOf,
  decideAll,
  deposit,
  EXTERNAL,
  externalAccount,
  planned,
  type Request,
  transfer,
  USD,
  withdraw,
} from '../../support/decide-fixtures.ts';

/** alice has 100.00, bob and carol nothing. */
function newBook(state: Partial<BookState> = {}): Book {
  return bookOn(
    [
      account(ALICE, { posted: 10_000n, version: 3n, totalDebits: 500n }),
      account(BOB),
      account(CAROL),
      externalAccount(),
    ],
    state,
  );
}

const balances = (book: Book) => [ALICE, BOB, CAROL].map((id) => book.accounts.get(id)?.posted);

describe('a transfer', () => {
  test('debits from and credits to, and says what each account has afterwards', () => {
    const book = newBook();
    const [outcome] = decideAll(
      book,
      transfer(ALICE, BOB, '20', { description: 'rent', metadata: { a: 'b' } }),
    );
    expect(outcome).toMatchObject({
      code: 'POSTED',
      replayed: false,
      transaction: {
        id: book.idAt(0),
        type: 'TRANSFER',
        keyAccountId: ALICE,
        effectiveAt: null,
        createdAt: CLOCK,
        description: 'rent',
        metadata: { a: 'b' },
        entries: [
          {
            accountId: ALICE,
            version: 4n,
            layer: 'POSTED',
            amount: -2000n,
            postedAfter: 8000n,
            totalDebitsAfter: 2500n,
          },
          {
            accountId: BOB,
            version: 1n,
            layer: 'POSTED',
            amount: 2000n,
            postedAfter: 2000n,
            totalDebitsAfter: 0n,
          },
        ],
      },
    });
    expect(book.accounts.get(ALICE)).toMatchObject({
      posted: 8000n,
      version: 4n,
      totalDebits: 2500n,
      lastAt: CLOCK,
    });
  });

  test('spends the last minor unit, and not one more', () => {
    expect(codesOf(decideAll(newBook(), transfer(ALICE, BOB, '100.00')))).toEqual(['POSTED']);
    expect(codesOf(decideAll(newBook(), transfer(ALICE, BOB, '100.01')))).toEqual(['INSUFFICIENT_FUNDS']);
  });

  test('fills an account to its limit, and not beyond', () => {
    const full = (amount: string) => {
      const bob = account(BOB, { maxBalance: 5000n });
      return codesOf(
        decideAll(bookOn([account(ALICE, { posted: 10_000n }), bob]), transfer(ALICE, BOB, amount)),
      );
    };
    expect(full('50.00')).toEqual(['POSTED']);
    expect(full('50.01')).toEqual(['BALANCE_LIMIT_EXCEEDED']);
  });

  test('may leave an account overdrawn that has no minimum', () => {
    const book = bookOn([account(ALICE, { minBalance: null }), account(BOB)]);
    expect(codesOf(decideAll(book, transfer(ALICE, BOB, '1')))).toEqual(['POSTED']);
    expect(book.accounts.get(ALICE)?.posted).toBe(-100n);
  });

  test('raises a debit-normal account by a debit, and lowers it by a credit', () => {
    const cash = account(ALICE, { normalSide: 'DEBIT', posted: -500n });
    const raised = bookOn([cash, account(BOB)]);
    expect(codesOf(decideAll(raised, transfer(ALICE, BOB, '1')))).toEqual(['POSTED']);
    expect(raised.accounts.get(ALICE)?.posted).toBe(-600n);

    const lowered = bookOn([account(BOB, { posted: 501n }), cash]);
    expect(codesOf(decideAll(lowered, transfer(BOB, ALICE, '5.01')))).toEqual(['INSUFFICIENT_FUNDS']);
    expect(codesOf(decideAll(lowered, transfer(BOB, ALICE, '5.00')))).toEqual(['POSTED']);
  });

  test('reaches the highest and the lowest balance that there is', () => {
    const wholes = MAX_MINOR / 100n;
    const most = `${wholes}.99`;
    const book = bookOn([account(ALICE, { minBalance: null }), account(BOB)]);
    expect(codesOf(decideAll(book, transfer(ALICE, BOB, most), transfer(ALICE, BOB, '0.01')))).toEqual([
      'POSTED',
      'INSUFFICIENT_FUNDS',
    ]);
    expect([ALICE, BOB].map((id) => book.accounts.get(id)?.posted)).toEqual([-MAX_MINOR, MAX_MINOR]);
  });

  test('can have the external account on either side', () => {
    const book = newBook();
    const outcomes = decideAll(book, transfer(EXTERNAL, BOB, '5'), transfer(ALICE, EXTERNAL, '7'));
    expect(codesOf(outcomes)).toEqual(['POSTED', 'POSTED']);
    expect(book.accounts.get(EXTERNAL)?.posted).toBe(200n);
  });
});

test('a deposit comes from the external account, and a withdrawal goes to it', () => {
  const book = newBook();
  const outcomes = decideAll(book, deposit(BOB, '5'), withdraw(ALICE, '7')) as Posted[];
  expect(
    outcomes.map(({ transaction }) =>
      transaction.entries.map(({ accountId, amount }) => [accountId, amount]),
    ),
  ).toEqual([
    [
      [EXTERNAL, -500n],
      [BOB, 500n],
    ],
    [
      [ALICE, -700n],
      [EXTERNAL, 700n],
    ],
  ]);
});

describe('commands in order of arrival', () => {
  test('see what those before them left', () => {
    const book = newBook();
    const outcomes = decideAll(
      book,
      transfer(BOB, CAROL, '1'),
      transfer(ALICE, BOB, '60'),
      transfer(BOB, CAROL, '60'),
      transfer(ALICE, BOB, '60'),
      transfer(CAROL, ALICE, '20'),
      transfer(ALICE, BOB, '60'),
    );
    expect(codesOf(outcomes)).toEqual([
      'INSUFFICIENT_FUNDS',
      'POSTED',
      'POSTED',
      'INSUFFICIENT_FUNDS',
      'POSTED',
      'POSTED',
    ]);
    expect(balances(book)).toEqual([0n, 6000n, 4000n]);
  });

  test('are recorded in that order, posted or declined, with ids that count; what is not recorded takes none', () => {
    const book = newBook();
    const decisions = decide(
      book,
      [
        transfer(ALICE, BOB, '1'),
        transfer(ALICE, ALICE, '1'),
        transfer(ALICE, BOB, '1000'),
        transfer(ALICE, BOB, '2'),
      ].map(planned),
    );
    expect(decisions.map(({ id }) => id)).toEqual([book.idAt(0), null, book.idAt(1), book.idAt(2)]);
    expect(book.recordings.map(({ id, outcome }) => [id, outcome])).toEqual([
      [book.idAt(0), 'POSTED'],
      [book.idAt(1), 'INSUFFICIENT_FUNDS'],
      [book.idAt(2), 'POSTED'],
    ]);
  });

  test('are recorded with the digest of what is written', () => {
    const book = newBook();
    decideAll(
      book,
      transfer(ALICE, BOB, '1', { description: 'a', metadata: { b: 'c' } }),
      transfer(ALICE, BOB, '1000'),
    );
    for (const recording of book.recordings) expect(recording.digest).toEqual(leafDigest(recording));
    const [, declined] = book.recordings;
    expect(declined).toMatchObject({
      entries: [],
      facts: { account: ALICE, available: '9900', requested: '100000', currency: 'USD' },
    });
  });

  test('leave a refused one alone: it touches no account and takes no externalId', () => {
    const book = newBook();
    const outcomes = decideAll(
      book,
      transfer(ALICE, BOB, '1000', { externalId: 'order 1' }),
      transfer(ALICE, BOB, '1', { externalId: 'order 1' }),
    );
    expect(codesOf(outcomes)).toEqual(['INSUFFICIENT_FUNDS', 'POSTED']);
    expect(book.accounts.get(ALICE)?.version).toBe(4n);
  });

  test('cannot take an externalId that an earlier one took', () => {
    const book = newBook();
    const outcomes = decideAll(
      book,
      transfer(ALICE, BOB, '1', { externalId: 'order 1' }),
      transfer(ALICE, CAROL, '2', { externalId: 'order 1' }),
      deposit(BOB, '2', { externalId: 'order 1' }),
    );
    expect(codesOf(outcomes)).toEqual(['POSTED', 'EXTERNAL_ID_TAKEN', 'EXTERNAL_ID_TAKEN']);
    expect(outcomes[1]).toMatchObject({ facts: { takenBy: { kind: 'transaction', id: book.idAt(0) } } });
    expect(book.recordings).toHaveLength(1);
  });
});

describe('a key', () => {
  /** A book in which these requests were answered in another batch. */
  function bookAfter(...requests: readonly Request[]): { book: Book; first: Outcome[] } {
    const before = newBook();
    const first = decideAll(before, ...requests);
    return { book: newBook({ recorded: before.recorded, externalIds: before.externalIds }), first };
  }

  test('answers the same request as it did at first, and nothing moves', () => {
    const request = transfer(ALICE, BOB, '20', { externalId: 'order 1', description: 'rent' });
    const { book, first } = bookAfter(request);
    expect(decideAll(book, request, request)).toEqual(
      first.concat(first).map((outcome) => ({ ...outcome, replayed: true })),
    );
    expect(book.recordings).toEqual([]);
    expect(balances(book)).toEqual([10_000n, 0n, 0n]);
  });

  test('stays declined, even when the funds have come', () => {
    const request = transfer(BOB, ALICE, '20');
    const { book, first } = bookAfter(request);
    expect(codesOf(first)).toEqual(['INSUFFICIENT_FUNDS']);
    const outcomes = decideAll(book, transfer(ALICE, BOB, '50'), request);
    expect(outcomes[1]).toEqual({ ...first[0], replayed: true });
    expect(balances(book)).toEqual([5000n, 5000n, 0n]);
  });

  test('answers the first time that it was decided for this very command as if for the first time', () => {
    const request = transfer(ALICE, BOB, '20');
    const { book, first } = bookAfter(request);
    const [outcome] = first as [Posted];
    const again = planned(request);
    again.madeIds.add(outcome.transaction.id);
    expect(decide(book, [again])).toEqual([{ outcome: { ...outcome, replayed: false }, id: null }]);
  });

  test('twice in a batch: the same request replays, another conflicts', () => {
    const book = newBook();
    const key = { idempotencyKey: 'twice' };
    const outcomes = decideAll(
      book,
      transfer(ALICE, BOB, '20', key),
      transfer(ALICE, BOB, '20.00', key),
      transfer(ALICE, BOB, '21', key),
      transfer(BOB, ALICE, '1', key),
    );
    expect(codesOf(outcomes)).toEqual(['POSTED', 'POSTED', 'IDEMPOTENCY_CONFLICT', 'POSTED']);
    expect(outcomes.map((outcome) => outcome.replayed)).toEqual([false, true, false, false]);
    expect(outcomes[2]).toMatchObject({ facts: { differingFields: ['amount'], transaction: book.idAt(0) } });
    expect(balances(book)).toEqual([8100n, 1900n, 0n]);
  });

  test('of a declined attempt conflicts without naming a transaction', () => {
    const key = { idempotencyKey: 'declined' };
    const [, conflict] = decideAll(
      newBook(),
      transfer(BOB, ALICE, '20', key),
      transfer(BOB, ALICE, '1', key),
    );
    expect(conflict).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      facts: { differingFields: ['amount'], transaction: null },
    });
  });

  test('that was not recorded is free again', () => {
    const key = { idempotencyKey: 'free' };
    expect(
      codesOf(decideAll(newBook(), transfer(ALICE, ALICE, '20', key), transfer(ALICE, BOB, '21', key))),
    ).toEqual(['SAME_ACCOUNT', 'POSTED']);
  });

  test.each<[string, Partial<Extract<Request, { kind: 'transfer' }>['input']>, string[]]>([
    ['a description', { description: 'other' }, ['description']],
    ['no description', { description: null }, ['description']],
    ['metadata', { metadata: { a: 'c' } }, ['metadata']],
    ['metadata in another order', { metadata: { d: 'e', a: 'b' } }, []],
    ['an effectiveAt', { effectiveAt: 1n }, ['effectiveAt']],
    [
      'everything',
      { amount: '3', externalId: 'e', description: 'x', metadata: null, effectiveAt: 1n },
      ['amount', 'externalId', 'effectiveAt', 'description', 'metadata'],
    ],
  ])('used again with another %s tells so', (_, changes, differingFields) => {
    const first = { idempotencyKey: 'key', description: 'rent', metadata: { a: 'b', d: 'e' } };
    const { book } = bookAfter(transfer(ALICE, BOB, '20', first));
    const [outcome] = decideAll(book, transfer(ALICE, BOB, '20', { ...first, ...changes }));
    expect(outcome).toMatchObject(
      differingFields.length === 0
        ? { code: 'POSTED', replayed: true }
        : { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields } },
    );
  });

  test('used for another kind says only that', () => {
    const key = { idempotencyKey: 'key' };
    const { book } = bookAfter(withdraw(ALICE, '20', key));
    expect(decideAll(book, transfer(ALICE, BOB, '30', key), deposit(ALICE, '20', key))).toMatchObject([
      { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['type'] } },
      { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['type'] } },
    ]);
  });

  test('replays where its texts were erased, whatever the request says instead', () => {
    const request = transfer(ALICE, BOB, '20', {
      idempotencyKey: 'key',
      description: 'rent',
      metadata: { a: 'b' },
    });
    const { book } = bookAfter(request);
    for (const [key, recorded] of book.recorded) {
      book.recorded.set(key, { ...recorded, description: 'ERASED', metadata: 'ERASED' });
    }
    const other = transfer(ALICE, BOB, '20', { idempotencyKey: 'key', description: 'x' });
    expect(decideAll(book, request, other)).toMatchObject([{ replayed: true }, { replayed: true }]);
  });

  test('is looked at before accounts, limits and the period are', () => {
    const request = transfer(ALICE, BOB, '20', { effectiveAt: 5n, externalId: 'order 1' });
    const { book } = bookAfter(request);
    const later = bookOn(
      [account(ALICE, { status: 'CLOSED' }), account(BOB, { status: 'FROZEN', maxBalance: 0n })],
      { recorded: book.recorded, externalIds: book.externalIds, closedBefore: CLOCK },
    );
    expect(decideAll(later, request)).toMatchObject([{ code: 'POSTED', replayed: true }]);
  });
});

describe('createdAt', () => {
  test('is the clock’s time, behind what the accounts and the period say', () => {
    expect(bookOn([account(ALICE)]).createdAt).toBe(CLOCK);
    expect(bookOn([account(ALICE, { lastAt: CLOCK - 1n })]).createdAt).toBe(CLOCK);
    expect(bookOn([account(ALICE)], { closedBefore: CLOCK }).createdAt).toBe(CLOCK);
  });

  test('is a microsecond after the last entry of any account, where the clock is not later', () => {
    expect(bookOn([account(ALICE, { lastAt: CLOCK })]).createdAt).toBe(CLOCK + 1n);
    const accounts = [7n, 9n, 8n].map((later, place) =>
      account([ALICE, BOB, CAROL][place] ?? '', { lastAt: CLOCK + later }),
    );
    expect(bookOn(accounts).createdAt).toBe(CLOCK + 10n);
  });

  test('is not before the closed period', () => {
    expect(bookOn([account(ALICE)], { closedBefore: CLOCK + 5n }).createdAt).toBe(CLOCK + 5n);
    expect(bookOn([account(ALICE, { lastAt: CLOCK + 9n })], { closedBefore: CLOCK + 5n }).createdAt).toBe(
      CLOCK + 10n,
    );
  });

  test('is that of the ids: they begin with its millisecond', () => {
    const { createdAt, idAt } = bookOn([account(ALICE, { lastAt: CLOCK + 5_000_000n })]);
    expect(BigInt(`0x${idAt(0).replaceAll('-', '').slice(0, 12)}`)).toBe(createdAt / 1000n);
  });
});

describe('an effectiveAt', () => {
  test.each([
    ['before the closed period is refused', CLOCK - 11n, 'PERIOD_CLOSED'],
    ['at its end counts', CLOCK - 10n, 'POSTED'],
    ['that is absent counts as createdAt, which lies after it', null, 'POSTED'],
  ])('%s', (_, effectiveAt, code) => {
    const book = newBook({ closedBefore: CLOCK - 10n });
    expect(codesOf(decideAll(book, transfer(ALICE, BOB, '1', { effectiveAt })))).toEqual([code]);
  });

  test('of the future or of long ago is taken as it is', () => {
    const outcomes = decideAll(
      newBook(),
      transfer(ALICE, BOB, '1', { effectiveAt: 0n }),
      transfer(ALICE, BOB, '1', { effectiveAt: 2n * CLOCK }),
    ) as Posted[];
    expect(outcomes.map(({ transaction }) => transaction.effectiveAt)).toEqual([0n, 2n * CLOCK]);
  });
});

test('a declined outcome is read again from its recorded facts as it was answered', () => {
  const frozen = account(BOB, { status: 'FROZEN' });
  const full = account(CAROL, { maxBalance: 1n });
  const book = bookOn([account(ALICE, { posted: 10_000n }), frozen, full]);
  const outcomes = decideAll(
    book,
    transfer(ALICE, BOB, '1'),
    transfer(ALICE, CAROL, '1'),
    transfer(ALICE, CAROL, '1000'),
  ) as Refusal[];
  expect(codesOf(outcomes as Outcome[])).toEqual([
    'ACCOUNT_FROZEN',
    'BALANCE_LIMIT_EXCEEDED',
    'INSUFFICIENT_FUNDS',
  ]);
  const again = book.recordings.map(({ outcome, facts }) => {
    if (outcome === 'POSTED' || facts === null) throw new TypeError('declined outcomes have facts');
    return fromRecordedFacts(outcome, facts, () => USD);
  });
  expect(again).toEqual(outcomes);
});
