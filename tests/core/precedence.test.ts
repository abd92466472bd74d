import { describe, expect, test } from 'vitest';
import type { DepositInput, TransferInput } from '../../src/core/command.ts';
import { attemptKey, type BookState, decide } from '../../src/core/decide.ts';
import { type Cause, REFUSALS, type Refusal } from '../../src/core/errors.ts';
import { formatId } from '../../src/core/ids.ts';
import { MAX_MINOR } from '../../src/core/money.ts';
import { Malformed } from '../../src/core/text.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CLOCK,
  EUR,
  EXTERNAL,
  externalAccount,
  type MutableAccount,
  NOBODY,
  planned,
  planRequest,
  type Request,
  USD,
} from '../support/scene.ts';

type Kind = Request['kind'];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** A request that would be posted, and all that it is decided beside. Provocations change it. */
interface Scene {
  readonly alice: MutableAccount;
  readonly bob: MutableAccount;
  readonly external: MutableAccount;
  readonly state: Mutable<Partial<BookState>> & Pick<BookState, 'recorded' | 'externalIds'>;
  readonly input: Mutable<TransferInput> & Mutable<DepositInput>;
}

function newScene(): Scene {
  return {
    alice: account(ALICE, { posted: 10_000n }),
    bob: account(BOB, { posted: 10_000n }),
    external: externalAccount({ posted: -20_000n }),
    state: { recorded: new Map(), externalIds: new Map() },
    input: {
      fromAccountId: formatId('account', ALICE),
      toAccountId: formatId('account', BOB),
      accountId: formatId('account', ALICE),
      amount: '20',
      idempotencyKey: 'key',
    },
  };
}

function requestOf(kind: Kind, { input }: Scene): Request {
  const { fromAccountId, toAccountId, accountId, ...rest } = input;
  return kind === 'transfer'
    ? { kind, input: { fromAccountId, toAccountId, ...rest } }
    : { kind, input: { accountId, ...rest } };
}

interface Answer {
  readonly outcome: Outcome;
  /** How many outcomes are to be written. */
  readonly recordings: number;
}

function answer(kind: Kind, scene: Scene): Answer {
  const command = planRequest(requestOf(kind, scene));
  if ('facts' in command) return { outcome: command, recordings: 0 };
  const book = bookOn([scene.alice, scene.bob, scene.external], scene.state);
  const [decision] = decide(book, [command]);
  if (decision === undefined) throw new TypeError('one command has one decision');
  return { outcome: decision.outcome, recordings: book.recordings.length };
}

/** One way to be refused. What it touches nothing else can touch in the same request. */
interface Provocation {
  readonly name: string;
  readonly cause: Cause;
  readonly kinds: readonly Kind[];
  readonly touches: readonly string[];
  readonly provoke: (scene: Scene, kind: Kind) => void;
  readonly facts: object;
}

const ALL: readonly Kind[] = ['transfer', 'deposit', 'withdraw'];
const usd = (minor: bigint) => ({ minor, currency: USD });
const CLOSED_BEFORE = CLOCK - 1_000_000n;

const PROVOCATIONS: readonly Provocation[] = [
  {
    name: 'metadata is none',
    cause: 'malformedInput',
    kinds: ALL,
    touches: ['metadata'],
    provoke: ({ input }) => {
      input.metadata = new Malformed('must be an object');
    },
    facts: { field: 'metadata', problem: 'must be an object' },
  },
  {
    name: 'the amount is no decimal text',
    cause: 'malformedAmount',
    kinds: ALL,
    touches: ['amount'],
    provoke: ({ input }) => {
      input.amount = '1e3';
    },
    facts: { field: 'amount' },
  },
  {
    name: 'the key account does not exist',
    cause: 'keyAccountNotFound',
    kinds: ALL,
    touches: ['key account', 'its status', 'its funds', 'its side', 'key'],
    provoke: ({ input }) => {
      input.fromAccountId = NOBODY;
      input.accountId = NOBODY;
    },
    facts: { accountId: NOBODY },
  },
  {
    name: 'the key answered another request',
    cause: 'keyUsedOtherwise',
    kinds: ALL,
    touches: ['key'],
    provoke: (scene, kind) => {
      const first = newScene();
      first.input.amount = '21';
      const book = bookOn([first.alice, first.bob, first.external]);
      decide(book, [planned(requestOf(kind, first))]);
      for (const [key, recorded] of book.recorded) scene.state.recorded.set(key, recorded);
      expect(scene.state.recorded.has(attemptKey(ALICE, 'key'))).toBe(true);
    },
    facts: { differingFields: expect.arrayContaining(['amount']), transaction: expect.any(String) },
  },
  {
    name: 'both sides are one account',
    cause: 'sameAccount',
    kinds: ['transfer'],
    touches: [
      'key account',
      'other account',
      'its status',
      "the other's status",
      'its funds',
      "the other's funds",
    ],
    provoke: ({ input }) => {
      input.toAccountId = input.fromAccountId;
    },
    facts: { accountId: formatId('account', ALICE) },
  },
  {
    name: 'the other account does not exist',
    cause: 'accountNotFound',
    kinds: ['transfer'],
    touches: ['other account', "the other's status", "the other's funds"],
    provoke: ({ input }) => {
      input.toAccountId = NOBODY;
    },
    facts: { accountId: NOBODY },
  },
  {
    name: 'the accounts have different currencies',
    cause: 'currencyMismatch',
    kinds: ['transfer'],
    touches: ['other account'],
    provoke: ({ bob }) => {
      bob.currency = EUR;
    },
    facts: { expected: 'USD', given: 'EUR' },
  },
  {
    name: 'the amount has too many decimals',
    cause: 'amountUnfit',
    kinds: ALL,
    touches: ['amount'],
    provoke: ({ input }) => {
      input.amount = '20.000';
    },
    facts: { field: 'amount', problem: 'must have at most 2 decimals in USD, and has 3' },
  },
  {
    name: 'the account is debit-normal',
    cause: 'unsupportedAccount',
    kinds: ['deposit', 'withdraw'],
    touches: ['its side', 'its funds'],
    provoke: ({ alice }) => {
      alice.normalSide = 'DEBIT';
      alice.minBalance = null;
    },
    facts: { account: ALICE },
  },
  {
    name: 'the account is the external one',
    cause: 'unsupportedAccount',
    kinds: ['deposit', 'withdraw'],
    touches: ['key account', 'its status', 'its side', 'its funds', 'key'],
    provoke: ({ input }) => {
      input.accountId = formatId('account', EXTERNAL);
    },
    facts: { account: EXTERNAL },
  },
  {
    name: 'the period is closed',
    cause: 'periodClosed',
    kinds: ALL,
    touches: ['effectiveAt'],
    provoke: ({ state, input }) => {
      state.closedBefore = CLOSED_BEFORE;
      input.effectiveAt = CLOSED_BEFORE - 1n;
    },
    facts: { closedBefore: CLOSED_BEFORE },
  },
  {
    name: 'the externalId is taken',
    cause: 'externalIdTaken',
    kinds: ALL,
    touches: ['externalId'],
    provoke: ({ state, input }) => {
      input.externalId = 'order 1';
      state.externalIds.set('order 1', BOB);
    },
    facts: { takenBy: { kind: 'transaction', id: BOB } },
  },
  {
    name: 'the key account is closed',
    cause: 'accountClosed',
    kinds: ALL,
    touches: ['its status'],
    provoke: ({ alice }) => {
      alice.status = 'CLOSED';
    },
    facts: { account: ALICE },
  },
  {
    name: 'the other account is closed',
    cause: 'accountClosed',
    kinds: ['transfer'],
    touches: ["the other's status"],
    provoke: ({ bob }) => {
      bob.status = 'CLOSED';
    },
    facts: { account: BOB },
  },
  {
    name: 'the key account is frozen',
    cause: 'accountFrozen',
    kinds: ALL,
    touches: ['its status'],
    provoke: ({ alice }) => {
      alice.status = 'FROZEN';
    },
    facts: { account: ALICE },
  },
  {
    name: 'the other account is frozen',
    cause: 'accountFrozen',
    kinds: ['transfer'],
    touches: ["the other's status"],
    provoke: ({ bob }) => {
      bob.status = 'FROZEN';
    },
    facts: { account: BOB },
  },
  {
    name: 'the funds do not suffice',
    cause: 'insufficientFunds',
    kinds: ['transfer', 'withdraw'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.posted = 1999n;
    },
    facts: { account: ALICE, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the funds are held',
    cause: 'insufficientFunds',
    kinds: ['transfer', 'withdraw'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.pendingDebits = 8001n;
    },
    facts: { account: ALICE, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'a debit-normal payee would fall below its minimum',
    cause: 'insufficientFunds',
    kinds: ['transfer'],
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.normalSide = 'DEBIT';
      bob.posted = -1999n;
    },
    facts: { account: BOB, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the external account is at the lowest balance that there is',
    cause: 'insufficientFunds',
    kinds: ['withdraw'],
    touches: ["the other's funds"],
    provoke: ({ external }) => {
      external.posted = MAX_MINOR - 1999n;
    },
    facts: { account: EXTERNAL, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the payee would pass its limit',
    cause: 'balanceLimitExceeded',
    kinds: ['transfer'],
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.maxBalance = 11_999n;
    },
    facts: { account: BOB, limit: usd(11_999n), resulting: usd(12_000n) },
  },
  {
    name: 'the payee would pass its limit with what is incoming',
    cause: 'balanceLimitExceeded',
    kinds: ['transfer'],
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.pendingCredits = 1n;
      bob.maxBalance = 12_000n;
    },
    facts: { account: BOB, limit: usd(12_000n), resulting: usd(12_001n) },
  },
  {
    name: 'a debit-normal payer would pass its limit',
    cause: 'balanceLimitExceeded',
    kinds: ['transfer'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.normalSide = 'DEBIT';
      alice.posted = 0n;
      alice.maxBalance = 1999n;
    },
    facts: { account: ALICE, limit: usd(1999n), resulting: usd(2000n) },
  },
  {
    name: 'the account would pass its limit',
    cause: 'balanceLimitExceeded',
    kinds: ['deposit'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.maxBalance = 11_999n;
    },
    facts: { account: ALICE, limit: usd(11_999n), resulting: usd(12_000n) },
  },
  {
    name: 'an unlimited payee is at the highest balance that there is',
    cause: 'balanceLimitExceeded',
    kinds: ['transfer'],
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.posted = MAX_MINOR - 1999n;
    },
    facts: { account: BOB, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
  },
  {
    name: 'the external account is at the highest balance that there is',
    cause: 'balanceLimitExceeded',
    kinds: ['deposit'],
    touches: ["the other's funds"],
    provoke: ({ external }) => {
      external.posted = -MAX_MINOR + 1999n;
    },
    facts: { account: EXTERNAL, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
  },
];

const ORDER = Object.keys(REFUSALS) as Cause[];

describe.each(ALL)('%s', (kind) => {
  const own = PROVOCATIONS.filter(({ kinds }) => kinds.includes(kind));

  test('is posted where nothing speaks against it', () => {
    expect(answer(kind, newScene())).toMatchObject({
      outcome: { code: 'POSTED', replayed: false },
      recordings: 1,
    });
  });

  test.each(own.map((one) => [one.cause, one.name, one] as const))(
    'answers %s where %s',
    (_cause, _name, { cause, provoke, facts }) => {
      const scene = newScene();
      provoke(scene, kind);
      const { outcome, recordings } = answer(kind, scene);
      const { code, recorded, retryable } = REFUSALS[cause];
      expect(outcome).toMatchObject({ code, recorded, retryable, replayed: false, facts });
      // Only what could turn out otherwise later is kept for the key.
      expect(recordings).toBe(recorded ? 1 : 0);
    },
  );

  const pairs = own.flatMap((one, place) =>
    own
      .slice(place + 1)
      .filter((other) => !other.touches.some((part) => one.touches.includes(part)))
      .map((other) => {
        const [first, second] = [one, other].sort((a, b) => ORDER.indexOf(a.cause) - ORDER.indexOf(b.cause));
        return { one, other, first: first ?? one, second: second ?? other };
      }),
  );

  test.each(pairs.map((pair) => [pair.first.name, pair.second.name, pair] as const))(
    'answers that %s before that %s',
    (_first, _second, { one, other, first, second }) => {
      const scene = newScene();
      one.provoke(scene, kind);
      other.provoke(scene, kind);
      const { outcome } = answer(kind, scene) as { outcome: Refusal };
      expect(outcome.code).toBe(REFUSALS[first.cause].code);
      // Where one cause speaks of two accounts, the one that the request names first is told.
      expect(outcome.facts).toMatchObject(first.cause === second.cause ? { account: ALICE } : first.facts);
    },
  );
});

test('every cause that these three can give is provoked', () => {
  const others: readonly Cause[] = [
    // Answered before the books are opened, or whatever they say.
    ...(['forbidden', 'rateLimited', 'overloaded', 'unavailable', 'internal'] as const),
    // Of holds, reversals, journals, conditions, accounts and currencies.
    ...(['holdNotFound', 'transactionNotFound', 'impossibleInput', 'unknownCurrency', 'unbalanced'] as const),
    ...(['notReversible', 'holdExpired', 'holdNotOpen', 'holdAmountExceeded', 'alreadyReversed'] as const),
    ...([
      'reversalAmountExceeded',
      'conditionFailed',
      'accountNotEmpty',
      'limitUnmet',
      'currencyTaken',
    ] as const),
  ];
  const provoked = new Set([...PROVOCATIONS.map(({ cause }) => cause), ...others]);
  expect([...provoked].sort()).toEqual([...ORDER].sort());
});
