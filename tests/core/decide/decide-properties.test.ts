import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { availableOf, balanceOf, heldOf, incomingOf, type Side } from '../../../src/core/account.ts';
import { decideAtomic } from '../../../src/core/decide/atomic.ts';
import { attemptKey, type Book } from '../../../src/core/decide/book.ts';
import type { Command, PlannedCommand } from '../../../src/core/decide/command.ts';
import { type Decision, decide, isRecorded, type UnitDecision } from '../../../src/core/decide/decide.ts';
import { recordRefusal } from '../../../src/core/decide/record-outcome.ts';
import { replay } from '../../../src/core/decide/replay.ts';
import type { Refusal } from '../../../src/core/errors.ts';
import { type Hold, remainingOf } from '../../../src/core/hold.ts';
import type { Entry, TransactionType } from '../../../src/core/transaction.ts';
import type { Uuid } from '../../../src/core/values/ids.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { formatMinor, MAX_MINOR } from '../../../src/core/values/money.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  CLOCK,
  capture,
  DAVE,
  deposit,
  ERIN,
  EUR,
  EXTERNAL,
  expiryIn,
  externalAccount,
  HOLD,
  journal,
  type Line,
  type MutableAccount,
  openHold,
  placeHold,
  plannedIn,
  type Request,
  reverse,
  transfer,
  USD,
  voidHold,
  withdraw,
} from '../../support/decide-fixtures.ts';

/** Mostly small amounts, and sometimes the largest possible ones. */
const amounts = fc.oneof(
  { weight: 20, arbitrary: fc.bigInt({ min: 1n, max: 2000n }) },
  fc.bigInt({ min: MAX_MINOR - 1000n, max: MAX_MINOR }),
);
const small = fc.bigInt({ min: 0n, max: 1000n });
const people = fc.constantFrom(ALICE, BOB, CAROL);
const anyAccount = fc.constantFrom(ALICE, BOB, CAROL, EXTERNAL);
const sides = fc.constantFrom<Side[]>('DEBIT', 'CREDIT');

/** The state before a batch. */
interface World {
  readonly accounts: readonly MutableAccount[];
  readonly holds: readonly Hold[];
}

/** Holds of earlier batches, open or ended, some expired. */
const holds: fc.Arbitrary<Hold[]> = fc
  .array(
    fc.record({
      ends: fc.constantFrom(
        ...([ALICE, BOB, CAROL].map((one, place, all) => [one, all[(place + 1) % 3]]) as Pair[]),
      ),
      amount: fc.bigInt({ min: 2n, max: 1500n }),
      captured: fc.bigInt({ min: 0n, max: 1n }),
      status: fc.constantFrom<Hold['status'][]>('OPEN', 'OPEN', 'OPEN', 'CAPTURED', 'VOIDED', 'EXPIRED'),
      expiresAt: fc.constantFrom(null, CLOCK - 1n, CLOCK, CLOCK + 1n, CLOCK + 9n),
    }),
    { maxLength: 3 },
  )
  .map((list) =>
    list.map(({ ends: [fromAccountId, toAccountId], ...rest }, place) =>
      openHold({ ...rest, id: HOLD.slice(0, -1) + place, fromAccountId, toAccountId }),
    ),
  );
type Pair = readonly [Uuid, Uuid];

function accountsOf(list: readonly Hold[]): fc.Arbitrary<MutableAccount[]> {
  const open = (end: 'fromAccountId' | 'toAccountId', id: Uuid) =>
    list.reduce((sum, hold) => (hold[end] === id ? sum + remainingOf(hold) : sum), 0n);
  const one = (id: Uuid) =>
    fc
      .record({
        normalSide: fc.constantFrom<Side[]>('CREDIT', 'CREDIT', 'DEBIT'),
        status: fc.constantFrom(...(['OPEN', 'OPEN', 'OPEN', 'OPEN', 'FROZEN'] as const)),
        balance: fc.bigInt({ min: 0n, max: 3000n }),
        room: fc.option(small),
        ceiling: fc.option(small),
        version: small,
      })
      .map(({ normalSide, status, balance, room, ceiling, version }) => {
        const [pendingDebits, pendingCredits] = [open('fromAccountId', id), open('toAccountId', id)];
        const sums = { posted: 0n, pendingDebits, pendingCredits };
        const lowest = balance - heldOf(normalSide, sums);
        const highest = balance + incomingOf(normalSide, sums);
        return account(id, {
          normalSide,
          status,
          version,
          pendingDebits,
          pendingCredits,
          posted: normalSide === 'CREDIT' ? balance : -balance,
          minBalance: room === null ? null : lowest - room,
          maxBalance: ceiling === null ? null : highest + ceiling,
        });
      });
  const euros = [DAVE, ERIN].map((id) => account(id, { currency: EUR, posted: 2000n }));
  return fc.tuple(...[ALICE, BOB, CAROL].map(one)).map((some) => [...some, ...euros, externalAccount()]);
}
const worlds: fc.Arbitrary<World> = holds.chain((list) =>
  accountsOf(list).map((accounts) => ({ accounts, holds: list })),
);

/** Few keys and externalIds, so that they collide. */
const more = fc.record({
  idempotencyKey: fc.integer({ min: 0, max: 60 }).map((n) => `k${n}`),
  externalId: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { freq: 3 }),
});
const text = (minor: bigint) => formatMinor(minor, USD);
const conditions = fc.option(
  fc.array(
    fc.record({
      accountId: people.map((id) => formatId('account', id)),
      balanceAtLeast: fc.bigInt({ min: -500n, max: 1500n }).map(text),
    }),
    { maxLength: 2 },
  ),
  { freq: 2 },
);

/** Mostly balanced: the last line has the difference of the others. */
const lines: fc.Arbitrary<Line[]> = fc
  .record({
    dollars: fc.array(fc.tuple(anyAccount, sides, amounts), { minLength: 1, maxLength: 4 }),
    last: anyAccount,
    euros: fc.option(fc.tuple(fc.boolean(), amounts), { freq: 2 }),
    isOff: fc.nat(9).map((n) => n === 0),
  })
  .map(({ dollars, last, euros, isOff }) => {
    const sum = dollars.reduce((total, [, side, minor]) => total + (side === 'CREDIT' ? minor : -minor), 0n);
    const rest = (sum < 0n ? -sum : sum) + (isOff ? 1n : 0n);
    const [from, to] = euros?.[0] ? [DAVE, ERIN] : [ERIN, DAVE];
    return [
      ...dollars.map(([id, side, minor]): Line => [id, side, text(minor)]),
      ...(rest === 0n ? [] : [[last, sum < 0n ? 'CREDIT' : 'DEBIT', text(rest)] satisfies Line]),
      ...(euros === null
        ? []
        : [[from, 'DEBIT', text(euros[1])] satisfies Line, [to, 'CREDIT', text(euros[1])] satisfies Line]),
    ];
  });

/** Plans a command on the present book; undefined where the book has no suitable target. */
type Ask = (book: Book) => PlannedCommand | undefined;
const asked =
  (request: Request): Ask =>
  (book) =>
    plannedIn(book, request);
const pick = <T>(list: readonly T[], place: number): T | undefined => list[place % list.length];
const part = fc.option(amounts.map(text), { freq: 2 });
const place = fc.nat(1000);

const asks: fc.Arbitrary<Ask[]> = fc.array(
  fc.oneof(
    fc
      .tuple(anyAccount, anyAccount, amounts, conditions, more)
      .map(([from, to, minor, given, rest]) =>
        asked(transfer(from, to, text(minor), { ...rest, conditions: given })),
      ),
    fc.tuple(people, amounts, more).map(([to, minor, rest]) => asked(deposit(to, text(minor), rest))),
    fc.tuple(people, amounts, more).map(([from, minor, rest]) => asked(withdraw(from, text(minor), rest))),
    fc.tuple(lines, conditions, more).map(([list, given, rest]) =>
      // A journal with one line is malformed.
      list.length < 2 ? () => undefined : asked(journal(list, { ...rest, conditions: given })),
    ),
    fc
      .tuple(anyAccount, anyAccount, amounts, conditions, more)
      .map(([from, to, minor, given, rest]) =>
        asked(placeHold(from, to, text(minor), { ...rest, conditions: given })),
      ),
    fc.tuple(place, part, fc.boolean(), more).map(
      ([at, amount, final, rest]): Ask =>
        (book) => {
          const hold = pick([...book.holds.keys()], at);
          return hold === undefined ? undefined : plannedIn(book, capture(hold, { amount, final, ...rest }));
        },
    ),
    fc.tuple(place, more).map(
      ([at, { idempotencyKey }]): Ask =>
        (book) => {
          const hold = pick([...book.holds.keys()], at);
          return hold === undefined ? undefined : plannedIn(book, voidHold(hold, { idempotencyKey }));
        },
    ),
    place.map(
      (at): Ask =>
        (book) => {
          const hold = pick([...book.holds.keys()], at);
          return hold === undefined ? undefined : expiryIn(book, hold);
        },
    ),
    fc.tuple(place, part, more).map(
      ([at, amount, rest]): Ask =>
        (book) => {
          const original = pick([...book.originals.keys()], at);
          return original === undefined ? undefined : plannedIn(book, reverse(original, { amount, ...rest }));
        },
    ),
  ),
  { minLength: 1, maxLength: 40 },
);

interface Run {
  readonly book: Book;
  readonly commands: PlannedCommand[];
  readonly decisions: Decision[];
}
function bookIn({ accounts, holds: list }: World): Book {
  return bookOn(accounts, { holds: new Map(list.map((hold) => [hold.id, hold])) });
}
/** Decides one command after the other. `after` receives the book after each decision. */
function run(world: World, list: readonly Ask[], after: (book: Book) => void = () => {}): Run {
  const book = bookIn(world);
  const commands = list.flatMap((ask) => {
    const command = ask(book);
    return command === undefined ? [] : { command, decisions: decideNow(book, command, after) };
  });
  return {
    book,
    commands: commands.map(({ command }) => command),
    decisions: commands.flatMap(({ decisions }) => decisions),
  };
}
function decideNow(book: Book, command: PlannedCommand, after: (book: Book) => void): Decision[] {
  const decisions = decide(book, [command]);
  after(book);
  return decisions;
}
/** Decides an ATOMIC batch without pending targets. */
function decideAtomicNow(book: Book, commands: readonly PlannedCommand[]): UnitDecision {
  const work = decideAtomic(
    book,
    commands.map((planned) => ({ planned, command: {} as Command })),
  );
  const step = work.next();
  if (!step.done) throw new TypeError('a short batch must be decided without a pause');
  return step.value;
}
const TARGETS = { hold: ({ holds }: Book) => holds, transaction: ({ originals }: Book) => originals };
/** The expected result: decides on a copy of the book, which replaces the book if all commands are posted. */
function decideOnCopy(book: Book, commands: readonly PlannedCommand[]) {
  const copy = {
    ...book,
    accounts: new Map(book.accounts),
    holds: new Map(book.holds),
    originals: new Map(book.originals),
    recorded: new Map(book.recorded),
    externalIds: new Map(book.externalIds),
    changedHolds: new Map(book.changedHolds),
    recordings: [...book.recordings],
  };
  const replayed = commands.map((command) => {
    const key = attemptKey(command.keyAccount.id, command.idempotencyKey ?? '');
    const earlier = book.recorded.get(key);
    return earlier === undefined ? undefined : replay(command, earlier);
  });
  const known = replayed.findIndex((outcome) => outcome !== undefined && outcome.code !== 'POSTED');
  const outcomes = known < 0 ? decide(copy, commands).map(({ outcome }) => outcome) : [];
  const place = known < 0 ? outcomes.findIndex(({ code }) => code !== 'POSTED') : known;
  const [command, refusal] = [commands[place], known < 0 ? outcomes[place] : replayed[place]];
  if (command === undefined || refusal === undefined || refusal.code === 'POSTED') {
    return { outcomes, left: copy };
  }
  if (known < 0 && isRecorded(refusal) && !refusal.replayed) recordRefusal(book, command, refusal);
  return {
    outcomes,
    left: book,
    culprit: { index: place, cause: withoutMissingLinks(refusal, book) },
  };
}
/** Removes links to transactions that the book does not have. */
function withoutMissingLinks(refusal: Refusal, { originals }: Book): object {
  const has = (id: Uuid | null | undefined) => originals.has(id ?? '');
  if (refusal.code === 'IDEMPOTENCY_CONFLICT' && !has(refusal.facts.transaction)) {
    return { ...refusal, facts: { ...refusal.facts, transaction: null } };
  }
  return refusal.code === 'EXTERNAL_ID_TAKEN' && !has(refusal.facts.takenBy?.id)
    ? { ...refusal, facts: { takenBy: null } }
    : refusal;
}
function contentsOf({ accounts, holds, originals, recorded, externalIds, changedHolds, recordings }: Book) {
  return { accounts, holds, originals, recorded, externalIds, changedHolds, recordings };
}
const entriesOf = (book: Book) => book.recordings.flatMap(({ entries }) => entries);
const sizeOf = (amount: bigint) => (amount < 0n ? -amount : amount);
const sumOf = (entries: readonly Pick<Entry, 'amount'>[]) =>
  entries.reduce((sum, { amount }) => sum + amount, 0n);

/** Checks a property on random worlds. A failure prints the seed and the smallest example. */
function holdsFor(predicate: (world: World, list: Ask[]) => void): void {
  fc.assert(fc.property(worlds, asks, predicate), { numRuns: 100 });
}

describe('for random commands on random accounts', () => {
  test('every type is posted and every recorded refusal occurs', () => {
    const [posted, answered] = [new Set<TransactionType>(), new Set<string>()];
    for (const [world, list] of fc.sample(fc.tuple(worlds, asks), { numRuns: 400, seed: 1 })) {
      for (const { outcome, type } of run(world, list).book.recordings) {
        answered.add(outcome);
        if (outcome === 'POSTED') posted.add(type);
      }
    }
    expect([...posted].sort()).toEqual([
      ...(['CAPTURE', 'DEPOSIT', 'HOLD', 'JOURNAL'] as const),
      ...(['RELEASE', 'REVERSAL', 'TRANSFER', 'WITHDRAWAL'] as const),
    ]);
    expect([...answered].sort()).toEqual([
      ...['ACCOUNT_FROZEN', 'ALREADY_REVERSED', 'BALANCE_LIMIT_EXCEEDED', 'CONDITION_FAILED'],
      ...['HOLD_AMOUNT_EXCEEDED', 'HOLD_EXPIRED', 'HOLD_NOT_OPEN', 'INSUFFICIENT_FUNDS', 'POSTED'],
      'REVERSAL_AMOUNT_EXCEEDED',
    ]);
  });

  test('the entries of each transaction sum to zero in each currency and layer', () => {
    holdsFor((world, list) => {
      for (const { outcome, entries } of run(world, list).book.recordings) {
        const parts = Map.groupBy(entries, ({ currency, layer }) => `${currency.code} ${layer}`);
        for (const some of parts.values()) expect(sumOf(some)).toBe(0n);
        expect(entries.length > 0).toBe(outcome === 'POSTED');
      }
    });
  });

  test('the versions of an account have no gap, and each entry follows from the sums before it', () => {
    holdsFor((world, list) => {
      const { book } = run(world, list);
      const before = new Map<Uuid, MutableAccount>(world.accounts.map((one) => [one.id, { ...one }]));
      for (const entry of entriesOf(book)) {
        const state = before.get(entry.accountId);
        if (state === undefined) throw new TypeError('an entry has an unknown account');
        state.version += 1n;
        const { layer, amount } = entry;
        if (layer === 'POSTED') state.posted += amount;
        if (layer === 'POSTED' && amount < 0n) state.totalDebits -= amount;
        if (layer === 'PENDING' && amount < 0n) state.pendingDebits -= amount;
        if (layer === 'PENDING' && amount > 0n) state.pendingCredits += amount;
        // A RELEASE entry is on the opposite side of the PENDING one.
        if (layer === 'RELEASE' && amount > 0n) state.pendingDebits -= amount;
        if (layer === 'RELEASE' && amount < 0n) state.pendingCredits += amount;
        expect(entry).toMatchObject({
          currency: state.currency,
          normalSide: state.normalSide,
          version: state.version,
          postedAfter: state.posted,
          totalDebitsAfter: state.totalDebits,
          pendingDebitsAfter: state.pendingDebits,
          pendingCreditsAfter: state.pendingCredits,
        });
        // All sums have at most 38 digits, and no hold is released twice.
        expect(sizeOf(state.posted) <= MAX_MINOR && amount !== 0n).toBe(true);
        for (const pending of [state.pendingDebits, state.pendingCredits]) {
          expect(pending >= 0n && pending <= MAX_MINOR).toBe(true);
        }
      }
      for (const [id, { version, posted, pendingDebits, pendingCredits, totalDebits }] of before) {
        const sums = { version, posted, pendingDebits, pendingCredits, totalDebits };
        expect(book.accounts.get(id)).toMatchObject(sums);
      }
    });
  });

  test('no account ever exceeds its limits or 38 digits', () => {
    holdsFor((world, list) => {
      run(world, list, (book) => {
        for (const one of book.accounts.values()) {
          expect(availableOf(one)).toBeGreaterThanOrEqual(0n);
          const highest = balanceOf(one.normalSide, one) + incomingOf(one.normalSide, one);
          const lowest = balanceOf(one.normalSide, one) - heldOf(one.normalSide, one);
          expect(highest <= (one.maxBalance ?? MAX_MINOR)).toBe(true);
          expect(lowest >= (one.minBalance ?? -MAX_MINOR)).toBe(true);
        }
      });
    });
  });

  test('the remainders of the open holds equal the pending sums', () => {
    holdsFor((world, list) => {
      run(world, list, (book) => {
        for (const { id, pendingDebits, pendingCredits } of book.accounts.values()) {
          const open = [...book.holds.values()];
          const debits = open.filter(({ fromAccountId }) => fromAccountId === id);
          const credits = open.filter(({ toAccountId }) => toAccountId === id);
          const sum = (some: Hold[]) => some.reduce((total, hold) => total + remainingOf(hold), 0n);
          expect([pendingDebits, pendingCredits]).toEqual([sum(debits), sum(credits)]);
        }
      });
    });
  });

  test('the captured, remaining and released amounts of a hold sum to its amount', () => {
    holdsFor((world, list) => {
      const { book } = run(world, list);
      const before = new Map(world.holds.map((hold) => [hold.id, hold]));
      for (const hold of book.holds.values()) {
        const first = before.get(hold.id);
        const ofIt = book.recordings
          .filter(({ holdId, type }) => holdId === hold.id && type !== 'HOLD')
          .flatMap(({ entries }) => entries.filter(({ accountId }) => accountId === hold.toAccountId));
        const captured = sumOf(ofIt.filter(({ layer }) => layer === 'POSTED'));
        const ended = -sumOf(ofIt.filter(({ layer }) => layer === 'RELEASE'));
        const endedBefore =
          first === undefined || first.status === 'OPEN' ? 0n : first.amount - first.captured;
        expect(hold.captured).toBe((first?.captured ?? 0n) + captured);
        expect(hold.captured + remainingOf(hold) + (ended - captured) + endedBefore).toBe(hold.amount);
        expect(hold.status === 'OPEN').toBe(remainingOf(hold) > 0n);
        // Exactly the holds that changed are written.
        expect(book.changedHolds.get(hold.id)).toEqual(first === hold ? undefined : hold);
      }
    });
  });

  test('no expired hold is captured, and no hold expires early', () => {
    holdsFor((world, list) => {
      const { book } = run(world, list);
      const expiresAt = (id: Uuid | null) => book.holds.get(id ?? '')?.expiresAt ?? null;
      for (const { outcome, type, holdId, idempotencyKey } of book.recordings) {
        const at = expiresAt(holdId);
        if (outcome === 'POSTED' && type === 'CAPTURE') expect(at === null || at > book.createdAt).toBe(true);
        if (idempotencyKey !== null) continue;
        expect({ outcome, type }).toEqual({ outcome: 'POSTED', type: 'RELEASE' });
        expect(at !== null && at <= book.createdAt).toBe(true);
      }
    });
  });

  test('no more is reversed than was posted, and more than two entries only as a whole', () => {
    holdsFor((world, list) => {
      const { recordings } = run(world, list).book;
      const done = recordings.filter(({ outcome }) => outcome === 'POSTED');
      for (const original of done) {
        const posted = original.entries.filter(({ layer }) => layer === 'POSTED');
        const reversals = done.filter(({ reverses }) => reverses === original.id);
        if (reversals.length === 0) continue;
        expect(original.type).not.toBe('REVERSAL');
        expect(posted.length === 2 || reversals.length === 1).toBe(true);
        for (const [line, { accountId, amount }] of posted.entries()) {
          const swapped = reversals.map(({ entries }) => entries[line]);
          for (const entry of swapped) {
            expect(entry).toMatchObject({ accountId, layer: 'POSTED' });
            expect((entry?.amount ?? 0n) < 0n).toBe(amount > 0n);
          }
          const sum = sizeOf(sumOf(swapped.flatMap((entry) => entry ?? [])));
          expect(posted.length === 2 ? sum <= sizeOf(amount) : sum === sizeOf(amount)).toBe(true);
        }
      }
    });
  });

  test('a frozen account does not move except for releases of its holds', () => {
    holdsFor((world, list) => {
      const { book } = run(world, list);
      const frozen = new Set(world.accounts.filter(({ status }) => status === 'FROZEN').map(({ id }) => id));
      for (const { type, entries } of book.recordings) {
        if (type === 'RELEASE') continue;
        expect(entries.filter(({ accountId }) => frozen.has(accountId))).toEqual([]);
      }
    });
  });

  test('a key has one outcome, and an externalId has one posted transaction', () => {
    holdsFor((world, list) => {
      const { recordings } = run(world, list).book;
      const keys = recordings
        .filter(({ idempotencyKey }) => idempotencyKey !== null)
        .map(({ keyAccountId, idempotencyKey }) => `${keyAccountId} ${idempotencyKey}`);
      expect(new Set(keys).size).toBe(keys.length);
      const names = recordings
        .filter(({ outcome, externalId }) => outcome === 'POSTED' && externalId !== null)
        .map(({ externalId }) => externalId);
      expect(new Set(names).size).toBe(names.length);
    });
  });

  test('decisions are deterministic', () => {
    holdsFor((world, list) => {
      const [one, other] = [run(world, list), run(world, list)];
      expect(one.decisions).toEqual(other.decisions);
      expect(one.book.recordings).toEqual(other.book.recordings);
    });
  });

  test('slicing a batch does not change its decisions', () => {
    fc.assert(
      fc.property(worlds, asks, fc.nat(40), (world, list, cut) => {
        const { book, commands, decisions } = run(world, list);
        const [whole, sliced] = [bookIn(world), bookIn(world)];
        expect(decide(whole, commands)).toEqual(decisions);
        expect([...decide(sliced, commands.slice(0, cut)), ...decide(sliced, commands.slice(cut))]).toEqual(
          decisions,
        );
        for (const other of [whole, sliced]) {
          expect(other.recordings).toEqual(book.recordings);
          expect([...other.accounts]).toEqual([...book.accounts]);
          expect([...other.changedHolds]).toEqual([...book.changedHolds]);
        }
      }),
    );
  });

  test('an ATOMIC batch has the effects of all its commands, or only the refusal of the first that cannot be posted', () => {
    const seen = { whole: 0, aborted: 0 };
    fc.assert(
      fc.property(worlds, asks, fc.array(fc.integer({ min: 1, max: 3 })), (world, list, sizes) => {
        const commands = run(world, list).commands.filter(({ idempotencyKey }) => idempotencyKey !== null);
        const book = bookIn(world);
        let plain = bookIn(world);
        for (let start = 0, group = 0; start < commands.length; group += 1) {
          const next = commands.slice(start, start + (sizes[group] ?? 3));
          start += next.length;
          // Commands cannot name the transactions of an aborted batch.
          const own = next.filter(
            ({ target }) => target === null || TARGETS[target.kind](plain).has(target.id),
          );
          const { answer } = decideAtomicNow(book, own);
          const expected = decideOnCopy(plain, own);
          plain = expected.left;
          seen['code' in answer ? 'aborted' : 'whole'] += 1;
          if ('code' in answer)
            expect(answer).toMatchObject({ code: 'BATCH_ABORTED', facts: expected.culprit });
          else expect(answer).toEqual(expected.outcomes);
          expect(contentsOf(book)).toEqual(contentsOf(plain));
        }
      }),
      { numRuns: 200 },
    );
    expect(Math.min(seen.whole, seen.aborted)).toBeGreaterThan(10);
  });

  test('a repeated batch replays recorded outcomes and moves nothing for them', () => {
    holdsFor((world, list) => {
      const { book, commands, decisions } = run(world, list);
      const count = book.recordings.length;
      const again = decide(book, commands);
      decisions.forEach(({ id, outcome }, at) => {
        if (id === null) return;
        // An expiry has no key and cannot be repeated.
        const answer =
          commands[at]?.idempotencyKey === null
            ? expect.objectContaining({ code: 'HOLD_NOT_OPEN' })
            : { ...outcome, replayed: true };
        expect(again[at]).toEqual({ outcome: answer, id: null });
      });
      const fresh = again.filter(({ id }) => id !== null).length;
      expect(book.recordings).toHaveLength(count + fresh);
    });
  });
});
