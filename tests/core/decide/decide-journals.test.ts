import { describe, expect, test } from 'vitest';
import type { Book, BookState } from '../../../src/core/decide/book.ts';
import { decide } from '../../../src/core/decide/decide.ts';
import type { JournalInput } from '../../../src/core/decide/request.ts';
import type { Posted } from '../../../src/core/transaction.ts';
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
  EUR,
  EXTERNAL,
  externalAccount,
  journal,
  type Line,
  type MutableAccount,
  planned,
  transfer,
  USD,
} from '../../support/decide-fixtures.ts';

type Changes = Partial<MutableAccount>;

/** alice has 100.00 and version 3, bob and carol nothing; dave's currency is EUR, and he has 50.00 of it. */
function newBook(state: Partial<BookState> = {}, alice: Changes = {}, bob: Changes = {}): Book {
  return bookOn(
    [
      account(ALICE, { posted: 10_000n, version: 3n, ...alice }),
      account(BOB, bob),
      account(CAROL),
      account(DAVE, { currency: EUR, posted: 5000n }),
      externalAccount(),
    ],
    state,
  );
}
const balances = (book: Book) => [ALICE, BOB, CAROL, DAVE].map((id) => book.accounts.get(id)?.posted);
const usd = (minor: bigint) => ({ minor, currency: USD });
const eur = (minor: bigint) => ({ minor, currency: EUR });
const most = formatMinor(MAX_MINOR, USD);

describe('a journal', () => {
  test('moves several accounts, in the order of its entries, each with what it says', () => {
    const book = newBook();
    const [outcome] = decideAll(
      book,
      journal(
        [
          [BOB, 'CREDIT', '15', 'goods'],
          [ALICE, 'DEBIT', '20.00'],
          [CAROL, 'CREDIT', '5', 'fee'],
        ],
        { description: 'order' },
      ),
    ) as [Posted];
    expect(outcome.transaction).toMatchObject({ type: 'JOURNAL', keyAccountId: BOB, description: 'order' });
    expect(outcome.transaction.entries).toMatchObject([
      {
        accountId: BOB,
        layer: 'POSTED',
        amount: 1500n,
        version: 1n,
        postedAfter: 1500n,
        description: 'goods',
      },
      {
        accountId: ALICE,
        layer: 'POSTED',
        amount: -2000n,
        version: 4n,
        postedAfter: 8000n,
        totalDebitsAfter: 2000n,
        description: null,
      },
      { accountId: CAROL, layer: 'POSTED', amount: 500n, version: 1n, postedAfter: 500n, description: 'fee' },
    ]);
    expect(balances(book)).toEqual([8000n, 1500n, 500n, 5000n]);
  });

  test('may be of a hundred entries', () => {
    const book = newBook();
    const lines = Array.from(
      { length: 100 },
      (_, n): Line => (n % 2 === 0 ? [ALICE, 'DEBIT', '0.01'] : [BOB, 'CREDIT', '0.01']),
    );
    const [outcome] = decideAll(book, journal(lines)) as [Posted];
    expect(outcome.transaction.entries).toHaveLength(100);
    expect(outcome.transaction.entries.at(-2)).toMatchObject({ version: 53n, postedAfter: 9950n });
    expect(outcome.transaction.entries.at(-1)).toMatchObject({ version: 50n, postedAfter: 50n });
    expect(balances(book)).toEqual([9950n, 50n, 0n, 5000n]);
  });

  test('may name an account in several entries, and is measured by what it leaves', () => {
    const book = newBook({}, { posted: 0n });
    const [outcome] = decideAll(
      book,
      journal([
        [ALICE, 'DEBIT', '20'],
        [ALICE, 'CREDIT', '30'],
        [BOB, 'CREDIT', '5'],
        [BOB, 'DEBIT', '15'],
        [BOB, 'CREDIT', '10'],
        [EXTERNAL, 'DEBIT', '10'],
      ]),
    ) as [Posted];
    expect(codesOf([outcome])).toEqual(['POSTED']);
    expect(
      outcome.transaction.entries.map(({ version, postedAfter, totalDebitsAfter }) => [
        version,
        postedAfter,
        totalDebitsAfter,
      ]),
    ).toEqual([
      [4n, -2000n, 2000n],
      [5n, 1000n, 2000n],
      [1n, 500n, 0n],
      [2n, -1000n, 1500n],
      [3n, 0n, 1500n],
      [1n, -1000n, 1000n],
    ]);
    expect(balances(book)).toEqual([1000n, 0n, 0n, 5000n]);
  });

  test('may be of one account alone', () => {
    const book = newBook();
    const lines: readonly Line[] = [
      [ALICE, 'DEBIT', '200'],
      [ALICE, 'CREDIT', '200'],
    ];
    expect(codesOf(decideAll(book, journal(lines)))).toEqual(['POSTED']);
    expect(book.accounts.get(ALICE)).toMatchObject({ posted: 10_000n, version: 5n, totalDebits: 20_000n });
  });

  test('that is an exchange has four legs through two accounts', () => {
    const [dollars, euros] = [CAROL, EXTERNAL];
    const book = bookOn([
      account(ALICE, { posted: 10_000n }),
      account(BOB, { currency: EUR }),
      account(dollars),
      account(euros, { currency: EUR, posted: 5000n }),
    ]);
    const exchange = (given: string, taken: string) =>
      journal([
        [ALICE, 'DEBIT', given],
        [dollars, 'CREDIT', given],
        [euros, 'DEBIT', taken],
        [BOB, 'CREDIT', taken],
      ]);
    const outcomes = decideAll(book, exchange('20', '18.40'), exchange('40', '36.80'));
    expect(codesOf(outcomes)).toEqual(['POSTED', 'INSUFFICIENT_FUNDS']);
    expect(outcomes[1]).toMatchObject({
      facts: { account: euros, available: eur(3160n), requested: eur(3680n) },
    });
    expect([ALICE, dollars, euros, BOB].map((id) => book.accounts.get(id)?.posted)).toEqual([
      8000n,
      2000n,
      3160n,
      1840n,
    ]);
  });

  test.each<[string, Line[], object]>([
    [
      'has one side',
      [
        [ALICE, 'DEBIT', '1'],
        [BOB, 'DEBIT', '2'],
      ],
      usd(300n),
    ],
    [
      'differs by a unit',
      [
        [ALICE, 'DEBIT', '1'],
        [BOB, 'CREDIT', '0.99'],
      ],
      usd(1n),
    ],
    [
      'differs by a unit the other way',
      [
        [ALICE, 'DEBIT', '0.99'],
        [BOB, 'CREDIT', '1'],
      ],
      usd(1n),
    ],
    [
      'balances over two currencies only',
      [
        [ALICE, 'DEBIT', '1'],
        [DAVE, 'CREDIT', '1'],
      ],
      eur(100n),
    ],
    [
      'has one currency that does not balance',
      [
        [ALICE, 'DEBIT', '1'],
        [BOB, 'CREDIT', '1'],
        [DAVE, 'CREDIT', '1'],
        [DAVE, 'DEBIT', '1.01'],
      ],
      eur(1n),
    ],
    [
      'has another one',
      [
        [ALICE, 'DEBIT', '1'],
        [BOB, 'CREDIT', '1.50'],
        [DAVE, 'CREDIT', '1'],
        [DAVE, 'DEBIT', '1'],
      ],
      usd(50n),
    ],
    [
      'has more digits together than one may',
      [
        [ALICE, 'DEBIT', most],
        [BOB, 'DEBIT', most],
      ],
      usd(2n * MAX_MINOR),
    ],
  ])('that %s is unbalanced', (_, lines, difference) => {
    const book = newBook();
    const [outcome] = decideAll(book, journal(lines));
    expect(outcome).toMatchObject({ code: 'UNBALANCED', recorded: false, facts: { difference } });
    expect(book.recordings).toEqual([]);
  });

  test.each<[string, Line[], Changes, Changes, string, object]>([
    [
      'names the account that falls by more than it has, by how much in all',
      [
        [ALICE, 'DEBIT', '60'],
        [BOB, 'CREDIT', '120'],
        [ALICE, 'DEBIT', '60'],
      ],
      {},
      {},
      'INSUFFICIENT_FUNDS',
      { account: ALICE, available: usd(10_000n), requested: usd(12_000n) },
    ],
    [
      'names the first of two',
      [
        [BOB, 'DEBIT', '1'],
        [ALICE, 'DEBIT', '101'],
        [CAROL, 'CREDIT', '102'],
      ],
      {},
      {},
      'INSUFFICIENT_FUNDS',
      { account: BOB, requested: usd(100n) },
    ],
    [
      'names who falls before who rises too far',
      [
        [CAROL, 'CREDIT', '1'],
        [BOB, 'CREDIT', '101'],
        [ALICE, 'DEBIT', '102'],
      ],
      {},
      { maxBalance: 0n },
      'INSUFFICIENT_FUNDS',
      { account: ALICE },
    ],
    [
      'names who rises too far, by what it leaves',
      [
        [ALICE, 'DEBIT', '3'],
        [BOB, 'CREDIT', '2'],
        [BOB, 'CREDIT', '1'],
      ],
      {},
      { maxBalance: 299n },
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(299n), resulting: usd(300n) },
    ],
    [
      'names a debit-normal account that is credited too much',
      [
        [ALICE, 'DEBIT', '3'],
        [BOB, 'CREDIT', '3'],
      ],
      {},
      { normalSide: 'DEBIT', posted: -299n },
      'INSUFFICIENT_FUNDS',
      { account: BOB, available: usd(299n), requested: usd(300n) },
    ],
    [
      'names the closed before the frozen',
      [
        [ALICE, 'DEBIT', '3'],
        [BOB, 'CREDIT', '3'],
      ],
      { status: 'FROZEN' },
      { status: 'CLOSED' },
      'ACCOUNT_CLOSED',
      { account: BOB },
    ],
    [
      'that nets to nothing still moves a frozen account',
      [
        [ALICE, 'DEBIT', '3'],
        [ALICE, 'CREDIT', '3'],
      ],
      { status: 'FROZEN' },
      {},
      'ACCOUNT_FROZEN',
      { account: ALICE },
    ],
  ])('%s', (_, lines, alice, bob, code, facts) => {
    const book = newBook({}, alice, bob);
    const [outcome] = decideAll(book, journal(lines));
    expect(outcome).toMatchObject({ code, recorded: true, facts });
    expect(balances(book)).toEqual([alice.posted ?? 10_000n, bob.posted ?? 0n, 0n, 5000n]);
  });

  test.each<[string, Line[], string, object]>([
    [
      'below 38 digits',
      [
        [BOB, 'DEBIT', most],
        [BOB, 'DEBIT', '0.01'],
        [BOB, 'CREDIT', '0.01'],
        [BOB, 'CREDIT', most],
      ],
      'INSUFFICIENT_FUNDS',
      { account: BOB, available: usd(MAX_MINOR), requested: usd(MAX_MINOR + 1n) },
    ],
    [
      'beyond 38 digits',
      [
        [BOB, 'CREDIT', most],
        [BOB, 'CREDIT', '0.01'],
        [BOB, 'DEBIT', '0.01'],
        [BOB, 'DEBIT', most],
      ],
      'BALANCE_LIMIT_EXCEEDED',
      { account: BOB, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
    ],
  ])('takes no account %s between two of its entries', (_, lines, code, facts) => {
    const [outcome] = decideAll(newBook(), journal(lines));
    expect(outcome).toMatchObject({ code, recorded: true, facts });
    // Just as far is far enough.
    const shorter = lines.filter(([, , amount]) => amount === most);
    expect(codesOf(decideAll(newBook(), journal(shorter)))).toEqual(['POSTED']);
  });

  test.each<[string, Line[], string]>([
    [
      'the scale of its own currency',
      [
        [ALICE, 'DEBIT', '1.000'],
        [BOB, 'CREDIT', '1'],
      ],
      'entries[0].amount',
    ],
    [
      'each entry’s',
      [
        [ALICE, 'DEBIT', '1'],
        [BOB, 'CREDIT', '1.0000'],
      ],
      'entries[1].amount',
    ],
  ])('reads an amount in %s', (_, lines, field) => {
    const [outcome] = decideAll(newBook(), journal(lines));
    expect(outcome).toMatchObject({ code: 'INVALID_AMOUNT', recorded: false, facts: { field } });
  });

  test('finds every account that it names, and answers for the first that is not there', () => {
    const nobody = '0190d5e8-7a2b-7c3d-8e4f-0000000000ff';
    const lines: readonly Line[] = [
      [ALICE, 'DEBIT', '1'],
      [nobody, 'CREDIT', '1'],
    ];
    const [outcome] = decideAll(newBook(), journal(lines));
    expect(outcome).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId: formatId('account', nobody) },
    });
  });
});

describe('the key account of a journal', () => {
  const lines: readonly Line[] = [
    [ALICE, 'DEBIT', '1'],
    [BOB, 'CREDIT', '1'],
  ];

  test.each([
    ['first', ALICE],
    ['last', BOB],
  ])('may be the %s entry’s', (_, keyAccountId) => {
    const more = { keyAccountId: formatId('account', keyAccountId) };
    expect(decideAll(newBook(), journal(lines, more))).toMatchObject([
      { code: 'POSTED', transaction: { keyAccountId } },
    ]);
  });

  test('is not one that the journal does not name, though a condition does', () => {
    const keyAccountId = formatId('account', CAROL);
    const conditions = [{ accountId: keyAccountId, expectedVersion: 0n }];
    const [outcome] = decideAll(newBook(), journal(lines, { keyAccountId, conditions }));
    expect(outcome).toMatchObject({ code: 'INVALID_INPUT', facts: { field: 'keyAccountId' } });
  });
});

describe('a journal that is asked again', () => {
  const lines: readonly Line[] = [
    [ALICE, 'DEBIT', '20', 'from'],
    [BOB, 'CREDIT', '20', 'to'],
  ];
  const [from, to] = lines as [Line, Line];

  test.each<[string, readonly Line[], Partial<JournalInput>, string[]]>([
    ['the same', lines, {}, []],
    ['in another order', [to, from], { keyAccountId: formatId('account', ALICE) }, ['entries']],
    ['with another text of an entry', [from, [BOB, 'CREDIT', '20', 'else']], {}, ['entries']],
    ['without a text of an entry', [from, [BOB, 'CREDIT', '20']], {}, ['entries']],
    [
      'with another amount and other texts',
      [
        [ALICE, 'DEBIT', '21'],
        [BOB, 'CREDIT', '21'],
      ],
      {},
      ['entries'],
    ],
    ['with an entry more', [from, to, [ALICE, 'DEBIT', '1'], [ALICE, 'CREDIT', '1']], {}, ['entries']],
    [
      'with an entry less',
      [from, [CAROL, 'CREDIT', '20', 'to']],
      { description: 'x' },
      ['entries', 'description'],
    ],
  ])('%s names what differs', (_, again, more, differingFields) => {
    const book = newBook();
    const key = { idempotencyKey: 'key' };
    const [first, second] = decideAll(book, journal(lines, key), journal(again, { ...key, ...more }));
    if (differingFields.length === 0) {
      expect(second).toEqual({ ...first, replayed: true });
    } else {
      expect(second).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
      expect(second).toHaveProperty('facts.differingFields', differingFields);
    }
    expect(book.recordings).toHaveLength(1);
  });
});

test('what a journal posts in a batch is what later commands of it find', () => {
  const book = newBook();
  const commands = [
    transfer(BOB, CAROL, '15'),
    journal([
      [ALICE, 'DEBIT', '20'],
      [BOB, 'CREDIT', '15'],
      [CAROL, 'CREDIT', '5'],
    ]),
    transfer(BOB, CAROL, '15'),
    journal([
      [CAROL, 'DEBIT', '20.01'],
      [ALICE, 'CREDIT', '20.01'],
    ]),
  ].map(planned);
  expect(codesOf(decide(book, commands).map(({ outcome }) => outcome))).toEqual([
    'INSUFFICIENT_FUNDS',
    'POSTED',
    'POSTED',
    'INSUFFICIENT_FUNDS',
  ]);
  expect(balances(book)).toEqual([8000n, 0n, 2000n, 5000n]);
});
