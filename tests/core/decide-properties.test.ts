import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { availableOf, balanceOf, heldOf, incomingOf } from '../../src/core/account.ts';
import { type Book, type Decision, decide } from '../../src/core/decide.ts';
import type { Uuid } from '../../src/core/ids.ts';
import { formatMinor, MAX_MINOR } from '../../src/core/money.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  deposit,
  EXTERNAL,
  externalAccount,
  type MutableAccount,
  planned,
  type Request,
  transfer,
  USD,
  withdraw,
} from '../support/scene.ts';

/** Amounts small enough to meet, and at times as large as there are. */
const amounts = fc.oneof(
  { weight: 20, arbitrary: fc.bigInt({ min: 1n, max: 2000n }) },
  fc.bigInt({ min: MAX_MINOR - 1000n, max: MAX_MINOR }),
);
const small = fc.bigInt({ min: 0n, max: 1000n });

const accounts: fc.Arbitrary<MutableAccount[]> = fc
  .tuple(
    ...[ALICE, BOB, CAROL].map((id) =>
      fc
        .record({
          normalSide: fc.constantFrom('CREDIT' as const, 'CREDIT' as const, 'DEBIT' as const),
          status: fc.constantFrom(...(['OPEN', 'OPEN', 'OPEN', 'OPEN', 'FROZEN'] as const)),
          balance: fc.bigInt({ min: 0n, max: 3000n }),
          room: fc.option(small),
          ceiling: fc.option(small),
          held: small,
          incoming: small,
          version: small,
        })
        .map(({ normalSide, status, balance, room, ceiling, held, incoming, version }) =>
          account(id, {
            normalSide,
            status,
            version,
            posted: normalSide === 'CREDIT' ? balance : -balance,
            pendingDebits: normalSide === 'CREDIT' ? held : incoming,
            pendingCredits: normalSide === 'CREDIT' ? incoming : held,
            minBalance: room === null ? null : balance - held - room,
            maxBalance: ceiling === null ? null : balance + incoming + ceiling,
          }),
        ),
    ),
  )
  .map((list) => [...list, externalAccount()]);

const people = fc.constantFrom(ALICE, BOB, CAROL);
const everybody = fc.constantFrom(ALICE, BOB, CAROL, EXTERNAL);
/** Few keys and names, so that they meet. */
const more = fc.record({
  idempotencyKey: fc.integer({ min: 0, max: 40 }).map((n) => `k${n}`),
  externalId: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { freq: 3 }),
});
const text = (minor: bigint) => formatMinor(minor, USD);
const requests: fc.Arbitrary<Request[]> = fc.array(
  fc.oneof(
    fc
      .tuple(everybody, everybody, amounts, more)
      .map(([from, to, minor, rest]) => transfer(from, to, text(minor), rest)),
    fc.tuple(people, amounts, more).map(([to, minor, rest]) => deposit(to, text(minor), rest)),
    fc.tuple(people, amounts, more).map(([from, minor, rest]) => withdraw(from, text(minor), rest)),
  ),
  { minLength: 1, maxLength: 30 },
);

function run(
  start: readonly MutableAccount[],
  list: readonly Request[],
): { book: Book; decisions: Decision[] } {
  const book = bookOn(start);
  return { book, decisions: decide(book, list.map(planned)) };
}
const entriesOf = (book: Book) => book.recordings.flatMap(({ entries }) => entries);

describe('whatever is asked of whichever accounts', () => {
  test('the entries of each transaction sum to zero', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        for (const { outcome, entries } of run(start, list).book.recordings) {
          expect(entries.reduce((sum, { amount }) => sum + amount, 0n)).toBe(0n);
          expect(entries.length > 0).toBe(outcome === 'POSTED');
        }
      }),
    );
  });

  test('the versions of an account go on without a gap, and each entry from the sums before it', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        const { book } = run(start, list);
        const before = new Map<Uuid, MutableAccount>(start.map((one) => [one.id, { ...one }]));
        for (const entry of entriesOf(book)) {
          const state = before.get(entry.accountId);
          if (state === undefined) throw new TypeError('an entry of no account');
          state.version += 1n;
          state.posted += entry.amount;
          if (entry.amount < 0n) state.totalDebits -= entry.amount;
          expect(entry).toMatchObject({
            version: state.version,
            postedAfter: state.posted,
            totalDebitsAfter: state.totalDebits,
            pendingDebitsAfter: state.pendingDebits,
            pendingCreditsAfter: state.pendingCredits,
          });
        }
        for (const [id, { version, posted, totalDebits }] of before) {
          expect(book.accounts.get(id)).toMatchObject({ version, posted, totalDebits });
        }
      }),
    );
  });

  test('no account leaves its limits, nor 38 digits', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        for (const one of run(start, list).book.accounts.values()) {
          expect(availableOf(one)).toBeGreaterThanOrEqual(0n);
          const highest = balanceOf(one.normalSide, one) + incomingOf(one.normalSide, one);
          const lowest = balanceOf(one.normalSide, one) - heldOf(one.normalSide, one);
          expect(highest <= (one.maxBalance ?? MAX_MINOR)).toBe(true);
          expect(lowest >= (one.minBalance ?? -MAX_MINOR)).toBe(true);
        }
      }),
    );
  });

  test('a frozen account does not move', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        const { book } = run(start, list);
        for (const one of start) if (one.status === 'FROZEN') expect(book.accounts.get(one.id)).toEqual(one);
      }),
    );
  });

  test('a key has one outcome, and an externalId one posted transaction', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        const { recordings } = run(start, list).book;
        const keys = recordings.map(
          ({ keyAccountId, idempotencyKey }) => `${keyAccountId} ${idempotencyKey}`,
        );
        expect(new Set(keys).size).toBe(keys.length);
        const names = recordings
          .filter(({ outcome, externalId }) => outcome === 'POSTED' && externalId !== null)
          .map(({ externalId }) => externalId);
        expect(new Set(names).size).toBe(names.length);
      }),
    );
  });

  test('the same is decided again', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        const [one, other] = [run(start, list), run(start, list)];
        expect(one.decisions).toEqual(other.decisions);
        expect(one.book.recordings).toEqual(other.book.recordings);
      }),
    );
  });

  test('a batch in two slices is the batch in one', () => {
    fc.assert(
      fc.property(accounts, requests, fc.nat(30), (start, list, cut) => {
        const whole = run(start, list);
        const book = bookOn(start);
        const commands = list.map(planned);
        const sliced = [...decide(book, commands.slice(0, cut)), ...decide(book, commands.slice(cut))];
        expect(sliced).toEqual(whole.decisions);
        expect(book.recordings).toEqual(whole.book.recordings);
        expect([...book.accounts]).toEqual([...whole.book.accounts]);
      }),
    );
  });

  test('a batch that is asked again moves nothing: what was recorded replays, and what was not is refused again or new', () => {
    fc.assert(
      fc.property(accounts, requests, (start, list) => {
        const { book, decisions } = run(start, list);
        const count = book.recordings.length;
        const again = decide(book, list.map(planned));
        decisions.forEach(({ id, outcome }, place) => {
          if (id !== null)
            expect(again[place]).toEqual({ outcome: { ...outcome, replayed: true }, id: null });
        });
        const fresh = again.filter(({ id }) => id !== null).length;
        expect(book.recordings).toHaveLength(count + fresh);
      }),
    );
  });
});
