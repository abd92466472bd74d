import { describe, expect, test } from 'vitest';
import { attemptKey, type BookState } from '../../../src/core/decide/book.ts';
import type { ConditionInput } from '../../../src/core/decide/conditions.ts';
import { decide } from '../../../src/core/decide/decide.ts';
import type {
  CaptureInput,
  DepositInput,
  HoldInput,
  JournalInput,
} from '../../../src/core/decide/request.ts';
import { type Cause, REFUSALS, type Refusal, type RefusalCode, refuse } from '../../../src/core/errors.ts';
import type { Hold } from '../../../src/core/hold.ts';
import type { Outcome, Transaction } from '../../../src/core/transaction.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { MAX_MINOR } from '../../../src/core/values/money.ts';
import { Malformed } from '../../../src/core/values/text.ts';
import {
  ALICE,
  account,
  BOB,
  bookOn,
  CAROL,
  CLOCK,
  DAVE,
  decideAll,
  EUR,
  EXTERNAL,
  externalAccount,
  HOLD,
  journal,
  type Line,
  type MutableAccount,
  ORIGINAL,
  openHold,
  planRequest,
  type Request,
  targetIn,
  transfer,
  NOBODY as UNKNOWN,
  USD,
} from '../../support/decide-fixtures.ts';

type Kind = Request['kind'];
type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** All fields of the inputs of all kinds. */
interface Inputs extends Mutable<HoldInput>, Mutable<DepositInput>, Mutable<Pick<CaptureInput, 'holdId'>> {
  /** null: the account that a journal debits. */
  keyAccountId: string | null;
  /** The amount of a journal's second entry, and the description of its first one. */
  credited: string;
  entryDescription: string | null;
  transactionId: string;
  conditions: ConditionInput[];
  idempotencyKey: string;
}

/** A request that is posted unless a provocation changes it, and the state that it is decided on. */
interface Situation {
  readonly alice: MutableAccount;
  readonly bob: MutableAccount;
  readonly carol: MutableAccount;
  readonly external: MutableAccount;
  readonly hold: Mutable<Hold>;
  readonly original: { transaction: Mutable<Transaction>; reversed: bigint };
  readonly state: Mutable<Partial<BookState>> & Pick<BookState, 'externalIds'>;
  readonly input: Inputs;
  /** Whether the key was used for another request before. */
  keyIsUsed: boolean;
}

const alices = formatId('account', ALICE);
const bobs = formatId('account', BOB);
const carols = formatId('account', CAROL);
const externals = formatId('account', EXTERNAL);
const NO_HOLD = formatId('hold', DAVE);
const NO_TRANSACTION = formatId('transaction', DAVE);
const NOWHERE = formatId('account', DAVE);
/** Stands for the id of the first account. */
const SAME = 'same';
const MOST = `${MAX_MINOR}0`;

/** Returns the transaction of a request that was posted earlier. */
function postedBefore(request: Request): Mutable<Transaction> {
  const accounts = [ALICE, BOB, CAROL].map((id) => account(id, { minBalance: null }));
  const [outcome] = decideAll(bookOn(accounts), request);
  if (outcome?.code !== 'POSTED') throw new TypeError(`the original is not posted: ${outcome?.code}`);
  return { ...outcome.transaction, id: ORIGINAL };
}

function newSituation(kind: Kind): Situation {
  const hold = openHold();
  const isHeld = kind === 'capture' || kind === 'void';
  return {
    alice: account(ALICE, { posted: 10_000n, pendingDebits: isHeld ? hold.amount : 0n }),
    bob: account(BOB, { posted: 10_000n, pendingCredits: isHeld ? hold.amount : 0n }),
    carol: account(CAROL),
    external: externalAccount({ posted: -20_000n }),
    hold,
    original: { transaction: postedBefore(transfer(ALICE, BOB, '50')), reversed: 0n },
    state: { externalIds: new Map() },
    input: {
      fromAccountId: alices,
      toAccountId: bobs,
      accountId: alices,
      keyAccountId: null,
      holdId: formatId('hold', HOLD),
      transactionId: formatId('transaction', ORIGINAL),
      amount: '20',
      credited: '20',
      entryDescription: null,
      conditions: [],
      idempotencyKey: 'key',
    },
    keyIsUsed: false,
  };
}

function requestOf(kind: Kind, { input }: Situation): Request {
  const { fromAccountId, accountId, keyAccountId, holdId, transactionId, ...rest } = input;
  const { toAccountId: to, amount, credited, entryDescription, conditions, expiresAt, ...attempt } = rest;
  const toAccountId = to === SAME ? fromAccountId : to;
  switch (kind) {
    case 'deposit':
    case 'withdraw':
      return { kind, input: { accountId, amount, ...attempt } };
    case 'transfer':
      return { kind, input: { fromAccountId, toAccountId, amount, conditions, ...attempt } };
    case 'hold':
      return { kind, input: { fromAccountId, toAccountId, amount, expiresAt, conditions, ...attempt } };
    case 'journal': {
      const entries: JournalInput['entries'] = [
        { accountId: fromAccountId, side: 'DEBIT', amount, description: entryDescription },
        { accountId: toAccountId, side: 'CREDIT', amount: credited },
      ];
      const keyAccount = keyAccountId ?? fromAccountId;
      return { kind, input: { keyAccountId: keyAccount, entries, conditions, ...attempt } };
    }
    case 'capture':
      return { kind, input: { holdId, amount, ...attempt } };
    case 'void':
      return { kind, input: { holdId, ...attempt } };
    case 'reverse':
      return { kind, input: { transactionId, amount, ...attempt } };
  }
}

interface Decided {
  readonly outcome: Outcome;
  /** The number of recorded outcomes. */
  readonly recordings: number;
}

function decideRequest(kind: Kind, situation: Situation): Decided {
  const { alice, bob, carol, external, hold, original, state } = situation;
  const book = bookOn([alice, bob, carol, external], {
    holds: new Map([[HOLD, hold]]),
    originals: new Map([[ORIGINAL, original]]),
    ...state,
  });
  const command = planRequest(requestOf(kind, situation), { target: targetIn(book) });
  if ('facts' in command) return { outcome: command, recordings: 0 };
  if (situation.keyIsUsed) {
    book.recorded.set(attemptKey(command.keyAccount.id, 'key'), {
      id: ORIGINAL,
      type: command.type,
      // The digest of no request.
      request: Buffer.alloc(16),
      description: null,
      metadata: null,
      entryTexts: null,
      outcome: refuse('accountClosed', { account: ALICE }),
    });
  }
  const [decision] = decide(book, [command]);
  if (decision === undefined) throw new TypeError('one command has one decision');
  return { outcome: decision.outcome, recordings: book.recordings.length };
}

/** A cause of a refusal. Two provocations can be combined unless they touch the same part. */
interface Provocation {
  readonly name: string;
  readonly cause: Cause;
  readonly kinds: readonly Kind[];
  readonly touches: readonly string[];
  readonly provoke: (situation: Situation, kind: Kind) => void;
  readonly facts: object | ((kind: Kind) => object);
}

const ALL: readonly Kind[] = [
  ...(['deposit', 'withdraw', 'transfer', 'journal'] as const),
  ...(['hold', 'capture', 'void', 'reverse'] as const),
];
const except = (...kinds: readonly Kind[]) => ALL.filter((kind) => !kinds.includes(kind));
const OF_LEGS = except('capture', 'void', 'reverse');
const CONDITIONAL: readonly Kind[] = ['transfer', 'journal', 'hold'];
const BETWEEN_TWO: readonly Kind[] = ['transfer', 'hold'];
/** Kinds that lower alice's balance and raise bob's. */
const SPENDING: readonly Kind[] = ['transfer', 'journal', 'hold'];

const usd = (minor: bigint) => ({ minor, currency: USD });
const eur = (minor: bigint) => ({ minor, currency: EUR });
const CLOSED_BEFORE = CLOCK - 1_000_000n;
const amountField = (kind: Kind) => (kind === 'journal' ? 'entries[0].amount' : 'amount');
const inConditions = (name: string) => expect.stringMatching(new RegExp(`^conditions\\[\\d\\]${name}$`));
const THREE: readonly Line[] = [
  [ALICE, 'DEBIT', '50'],
  [BOB, 'CREDIT', '20'],
  [CAROL, 'CREDIT', '30'],
];

/** Provocations of one cause are in the order in which the request names their fields or accounts. */
const PROVOCATIONS: readonly Provocation[] = [
  {
    name: 'the description of an entry is too long',
    cause: 'malformedInput',
    kinds: ['journal'],
    touches: ['entry description'],
    provoke: ({ input }) => {
      input.entryDescription = 'd'.repeat(1001);
    },
    facts: { field: 'entries[0].description' },
  },
  {
    name: 'expiresAt is not an instant',
    cause: 'malformedInput',
    kinds: ['hold'],
    touches: ['expiresAt'],
    provoke: ({ input }) => {
      input.expiresAt = new Malformed('must be an instant');
    },
    facts: { field: 'expiresAt', problem: 'must be an instant' },
  },
  {
    name: 'a condition has no bound',
    cause: 'malformedInput',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: carols });
    },
    facts: { field: inConditions('') },
  },
  {
    name: 'the key is empty',
    cause: 'malformedInput',
    kinds: ALL,
    touches: ['key'],
    provoke: ({ input }) => {
      input.idempotencyKey = '';
    },
    facts: { field: 'idempotencyKey' },
  },
  {
    name: 'metadata is malformed',
    cause: 'malformedInput',
    kinds: ALL,
    touches: ['metadata'],
    provoke: ({ input }) => {
      input.metadata = new Malformed('must be an object');
    },
    facts: { field: 'metadata', problem: 'must be an object' },
  },
  {
    name: 'the amount is not decimal text',
    cause: 'malformedAmount',
    kinds: except('void'),
    touches: ['amount'],
    provoke: ({ input }) => {
      input.amount = '1e3';
    },
    facts: (kind) => ({ field: amountField(kind) }),
  },
  {
    name: "a condition's bound is not decimal text",
    cause: 'malformedAmount',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: carols, balanceAtLeast: '1e3' });
    },
    facts: { field: inConditions('\\.balanceAtLeast') },
  },
  {
    name: 'the key account does not exist',
    cause: 'keyAccountNotFound',
    kinds: OF_LEGS,
    touches: ['key account', 'its status', 'its funds', 'its side', 'key'],
    provoke: ({ input }) => {
      input.fromAccountId = UNKNOWN;
      input.accountId = UNKNOWN;
    },
    facts: { accountId: UNKNOWN },
  },
  {
    name: 'keyAccountId does not exist',
    cause: 'keyAccountNotFound',
    kinds: ['journal'],
    touches: ['key'],
    provoke: ({ input }) => {
      input.keyAccountId = UNKNOWN;
    },
    facts: { accountId: UNKNOWN },
  },
  {
    name: 'the hold does not exist',
    cause: 'holdNotFound',
    kinds: ['capture', 'void'],
    touches: ['key account', 'hold', 'its status', "the other's status", 'key'],
    provoke: ({ input }) => {
      input.holdId = NO_HOLD;
    },
    facts: { holdId: NO_HOLD },
  },
  {
    name: 'the transaction does not exist',
    cause: 'transactionNotFound',
    kinds: ['reverse'],
    touches: [
      ...['key account', 'original', 'reversed', 'key'],
      ...['its status', "the other's status", 'its funds', "the other's funds"],
    ],
    provoke: ({ input }) => {
      input.transactionId = NO_TRANSACTION;
    },
    facts: { transactionId: NO_TRANSACTION },
  },
  {
    name: 'the key was used for another request',
    cause: 'keyUsedOtherwise',
    kinds: ALL,
    touches: ['key'],
    provoke: (situation) => {
      situation.keyIsUsed = true;
    },
    facts: { differingFields: expect.arrayContaining([expect.any(String)]), transaction: null },
  },
  {
    name: 'both accounts are the same',
    cause: 'sameAccount',
    kinds: BETWEEN_TWO,
    touches: ['other account', "the other's status", "the other's funds"],
    provoke: ({ input }) => {
      input.toAccountId = SAME;
    },
    facts: { accountId: expect.any(String) },
  },
  {
    name: 'keyAccountId is in no entry',
    cause: 'impossibleInput',
    kinds: ['journal'],
    touches: ['key account'],
    provoke: ({ input }) => {
      input.keyAccountId ??= carols;
    },
    facts: { field: 'keyAccountId' },
  },
  {
    name: 'expiresAt equals createdAt',
    cause: 'impossibleInput',
    kinds: ['hold'],
    touches: ['expiresAt'],
    provoke: ({ input }) => {
      input.expiresAt = CLOCK;
    },
    facts: { field: 'expiresAt' },
  },
  {
    name: 'the other account does not exist',
    cause: 'accountNotFound',
    kinds: CONDITIONAL,
    touches: ['other account', "the other's status", "the other's funds"],
    provoke: ({ input }) => {
      input.toAccountId = UNKNOWN;
    },
    facts: { accountId: UNKNOWN },
  },
  {
    name: 'the account of a condition does not exist',
    cause: 'accountNotFound',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: NOWHERE, expectedVersion: 0n });
    },
    facts: { accountId: NOWHERE },
  },
  {
    name: 'the accounts have different currencies',
    cause: 'currencyMismatch',
    kinds: BETWEEN_TWO,
    touches: ['other account'],
    provoke: ({ bob }) => {
      bob.currency = EUR;
    },
    facts: { expected: 'USD', given: 'EUR' },
  },
  {
    name: 'the amount has too many decimals',
    cause: 'amountUnfit',
    kinds: except('void'),
    touches: ['amount'],
    provoke: ({ input }) => {
      input.amount = '20.000';
    },
    facts: (kind) => ({
      field: amountField(kind),
      problem: 'must have at most 2 decimals in USD, but has 3',
    }),
  },
  {
    name: 'the amount has more than 38 digits',
    cause: 'amountUnfit',
    kinds: except('void'),
    touches: ['amount'],
    provoke: ({ input }) => {
      input.amount = MOST;
    },
    facts: (kind) => ({ field: amountField(kind) }),
  },
  {
    name: "a condition's bound has too many decimals",
    cause: 'amountUnfit',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: carols, availableAtLeast: '-1.000' });
    },
    facts: { field: inConditions('\\.availableAtLeast') },
  },
  {
    name: 'debits and credits differ',
    cause: 'unbalanced',
    kinds: ['journal'],
    touches: ['credited', 'other currency'],
    provoke: ({ input }) => {
      input.credited = '21.50';
    },
    facts: { difference: usd(150n) },
  },
  {
    name: 'a currency has only credits',
    cause: 'unbalanced',
    kinds: ['journal'],
    touches: ['other account', 'other currency'],
    provoke: ({ bob }) => {
      bob.currency = EUR;
    },
    facts: { difference: eur(2000n) },
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
    kinds: ['deposit', 'withdraw', 'hold'],
    touches: ['key account', 'its status', 'its side', 'its funds'],
    provoke: ({ input }) => {
      input.accountId = externals;
      input.fromAccountId = externals;
    },
    facts: { account: EXTERNAL },
  },
  {
    name: 'the other account is the external one',
    cause: 'unsupportedAccount',
    kinds: ['hold'],
    touches: ['key account', 'other account', "the other's status", "the other's funds"],
    provoke: ({ input }) => {
      input.toAccountId = externals;
    },
    facts: { account: EXTERNAL },
  },
  {
    name: 'the original is itself a reversal',
    cause: 'notReversible',
    kinds: ['reverse'],
    touches: ['original'],
    provoke: ({ original }) => {
      original.transaction.type = 'REVERSAL';
    },
    facts: { transaction: ORIGINAL },
  },
  {
    name: 'a part of an original with three entries is reversed',
    cause: 'notReversible',
    kinds: ['reverse'],
    touches: ['original'],
    provoke: ({ original }) => {
      original.transaction.entries = postedBefore(journal(THREE)).entries;
    },
    facts: { transaction: ORIGINAL },
  },
  {
    name: 'the period is closed',
    cause: 'periodClosed',
    kinds: except('void'),
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
    kinds: except('void'),
    touches: ['externalId'],
    provoke: ({ state, input }) => {
      input.externalId = 'order 1';
      state.externalIds.set('order 1', BOB);
    },
    facts: { takenBy: { kind: 'transaction', id: BOB } },
  },
  {
    name: 'the hold expires now',
    cause: 'holdExpired',
    kinds: ['capture'],
    touches: ['hold'],
    provoke: ({ hold }) => {
      hold.expiresAt = CLOCK;
    },
    facts: { hold: HOLD },
  },
  {
    name: 'the hold has expired and is released',
    cause: 'holdExpired',
    kinds: ['capture'],
    touches: ['hold'],
    provoke: ({ hold }) => {
      hold.status = 'EXPIRED';
      hold.expiresAt = CLOCK - 1n;
    },
    facts: { hold: HOLD },
  },
  {
    name: 'the hold was voided, and expiresAt has passed',
    cause: 'holdNotOpen',
    kinds: ['capture', 'void'],
    touches: ['hold'],
    provoke: ({ hold }) => {
      hold.status = 'VOIDED';
      hold.expiresAt = CLOCK - 1n;
    },
    facts: { hold: HOLD },
  },
  {
    name: 'the hold was captured',
    cause: 'holdNotOpen',
    kinds: ['capture', 'void'],
    touches: ['hold'],
    provoke: ({ hold }) => {
      hold.status = 'CAPTURED';
      hold.captured = 5000n;
    },
    facts: { hold: HOLD },
  },
  {
    name: 'the hold to void was released',
    cause: 'holdNotOpen',
    kinds: ['void'],
    touches: ['hold'],
    provoke: ({ hold }) => {
      hold.status = 'EXPIRED';
    },
    facts: { hold: HOLD },
  },
  {
    name: 'more is captured than remains',
    cause: 'holdAmountExceeded',
    kinds: ['capture'],
    touches: ['amount', 'part'],
    provoke: ({ input }) => {
      input.amount = '50.01';
    },
    facts: { hold: HOLD, remaining: usd(5000n), requested: usd(5001n) },
  },
  {
    name: 'less remains than is captured',
    cause: 'holdAmountExceeded',
    kinds: ['capture'],
    touches: ['part'],
    provoke: ({ hold, alice, bob }) => {
      hold.captured = 3001n;
      alice.pendingDebits = 1999n;
      bob.pendingCredits = 1999n;
    },
    facts: { hold: HOLD, remaining: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the original is reversed already',
    cause: 'alreadyReversed',
    kinds: ['reverse'],
    touches: ['reversed'],
    provoke: ({ original }) => {
      original.reversed = 5000n;
    },
    facts: { transaction: ORIGINAL },
  },
  {
    name: 'more is reversed than the whole',
    cause: 'reversalAmountExceeded',
    kinds: ['reverse'],
    touches: ['amount', 'part'],
    provoke: ({ input }) => {
      input.amount = '50.01';
    },
    facts: { remaining: usd(5000n), requested: usd(5001n) },
  },
  {
    name: 'more is reversed than remains',
    cause: 'reversalAmountExceeded',
    kinds: ['reverse'],
    touches: ['reversed', 'part'],
    provoke: ({ original }) => {
      original.reversed = 3001n;
    },
    facts: { remaining: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the key account is closed',
    cause: 'accountClosed',
    kinds: except('capture', 'void'),
    touches: ['its status'],
    provoke: ({ alice }) => {
      alice.status = 'CLOSED';
    },
    facts: { account: ALICE },
  },
  {
    name: 'the other account is closed',
    cause: 'accountClosed',
    kinds: except('deposit', 'withdraw', 'capture', 'void'),
    touches: ["the other's status"],
    provoke: ({ bob }) => {
      bob.status = 'CLOSED';
    },
    facts: { account: BOB },
  },
  {
    name: 'the key account is frozen',
    cause: 'accountFrozen',
    kinds: except('void'),
    touches: ['its status'],
    provoke: ({ alice }) => {
      alice.status = 'FROZEN';
    },
    facts: { account: ALICE },
  },
  {
    name: 'the other account is frozen',
    cause: 'accountFrozen',
    kinds: except('deposit', 'withdraw', 'void'),
    touches: ["the other's status"],
    provoke: ({ bob }) => {
      bob.status = 'FROZEN';
    },
    facts: { account: BOB },
  },
  {
    name: 'a moved account has another version',
    cause: 'conditionFailed',
    kinds: CONDITIONAL,
    touches: ['versions'],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: bobs, expectedVersion: 1n });
    },
    facts: { account: BOB, condition: 'EXPECTED_VERSION', actualVersion: 0n },
  },
  {
    name: 'another account has less',
    cause: 'conditionFailed',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input, carol }) => {
      carol.status = 'FROZEN';
      input.conditions.push({ accountId: carols, balanceAtLeast: '0.01' });
    },
    facts: { account: CAROL, condition: 'BALANCE_AT_LEAST', actualBalance: usd(0n), actualVersion: 0n },
  },
  {
    name: 'another account has more',
    cause: 'conditionFailed',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: carols, balanceAtMost: '-0.01' });
    },
    facts: { account: CAROL, condition: 'BALANCE_AT_MOST', actualBalance: usd(0n) },
  },
  {
    name: 'another account has less available',
    cause: 'conditionFailed',
    kinds: CONDITIONAL,
    touches: [],
    provoke: ({ input }) => {
      input.conditions.push({ accountId: carols, availableAtLeast: '0.01' });
    },
    facts: { account: CAROL, condition: 'AVAILABLE_AT_LEAST', actualAvailable: usd(0n) },
  },
  {
    name: 'the funds are insufficient',
    cause: 'insufficientFunds',
    kinds: [...SPENDING, 'withdraw'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.posted = 1999n;
    },
    facts: { account: ALICE, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the funds are held',
    cause: 'insufficientFunds',
    kinds: [...SPENDING, 'withdraw'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.pendingDebits = 8001n;
    },
    facts: { account: ALICE, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'a debit-normal payer of the original would fall below its minimum',
    cause: 'insufficientFunds',
    kinds: ['reverse'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.normalSide = 'DEBIT';
      alice.posted = -1999n;
    },
    facts: { account: ALICE, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'a debit-normal payee would fall below its minimum',
    cause: 'insufficientFunds',
    kinds: SPENDING,
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.normalSide = 'DEBIT';
      bob.posted = -1999n;
    },
    facts: { account: BOB, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the payee of the original has spent it',
    cause: 'insufficientFunds',
    kinds: ['reverse'],
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.posted = 1999n;
    },
    facts: { account: BOB, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'the external account is at the lowest possible balance',
    cause: 'insufficientFunds',
    kinds: ['withdraw'],
    touches: ["the other's funds"],
    provoke: ({ external }) => {
      external.posted = MAX_MINOR - 1999n;
    },
    facts: { account: EXTERNAL, available: usd(1999n), requested: usd(2000n) },
  },
  {
    name: 'a debit-normal payer would pass its limit',
    cause: 'balanceLimitExceeded',
    kinds: SPENDING,
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
    kinds: ['deposit', 'reverse'],
    touches: ['its funds'],
    provoke: ({ alice }) => {
      alice.maxBalance = 11_999n;
    },
    facts: { account: ALICE, limit: usd(11_999n), resulting: usd(12_000n) },
  },
  {
    name: 'the payee would pass its limit',
    cause: 'balanceLimitExceeded',
    kinds: SPENDING,
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.maxBalance = 11_999n;
    },
    facts: { account: BOB, limit: usd(11_999n), resulting: usd(12_000n) },
  },
  {
    name: 'the payee would pass its limit with its incoming amount',
    cause: 'balanceLimitExceeded',
    kinds: SPENDING,
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.pendingCredits = 1n;
      bob.maxBalance = 12_000n;
    },
    facts: { account: BOB, limit: usd(12_000n), resulting: usd(12_001n) },
  },
  {
    name: 'an unlimited payee is at the highest possible balance',
    cause: 'balanceLimitExceeded',
    kinds: SPENDING,
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.posted = MAX_MINOR - 1999n;
    },
    facts: { account: BOB, limit: usd(MAX_MINOR), resulting: usd(MAX_MINOR + 1n) },
  },
  {
    name: 'the debit-normal payee of the original would pass its limit',
    cause: 'balanceLimitExceeded',
    kinds: ['reverse'],
    touches: ["the other's funds"],
    provoke: ({ bob }) => {
      bob.normalSide = 'DEBIT';
      bob.posted = 0n;
      bob.maxBalance = 1999n;
    },
    facts: { account: BOB, limit: usd(1999n), resulting: usd(2000n) },
  },
  {
    name: 'the external account is at the highest possible balance',
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
const factsOf = ({ facts }: Provocation, kind: Kind) => (typeof facts === 'function' ? facts(kind) : facts);
const ownOf = (kind: Kind) => PROVOCATIONS.filter(({ kinds }) => kinds.includes(kind));

interface Pair {
  readonly one: Provocation;
  readonly other: Provocation;
  readonly first: Provocation;
  readonly second: Provocation;
}

function pairsOf(kind: Kind): Pair[] {
  const own = ownOf(kind);
  return own.flatMap((one, place) =>
    own
      .slice(place + 1)
      .filter((other) => !other.touches.some((part) => one.touches.includes(part)))
      .map((other) => {
        // Provocations of one cause have the order of the list.
        const [first, second] = [one, other].sort((a, b) => ORDER.indexOf(a.cause) - ORDER.indexOf(b.cause));
        return { one, other, first: first ?? one, second: second ?? other };
      }),
  );
}

describe.each(ALL)('%s', (kind) => {
  test('is posted without a provocation', () => {
    expect(decideRequest(kind, newSituation(kind))).toMatchObject({
      outcome: { code: 'POSTED', replayed: false },
      recordings: 1,
    });
  });

  test.each(ownOf(kind).map((one) => [one.cause, one.name, one] as const))(
    'is refused by %s if %s',
    (_cause, _name, one) => {
      const situation = newSituation(kind);
      one.provoke(situation, kind);
      const { outcome, recordings } = decideRequest(kind, situation);
      const { code, recorded, retryable } = REFUSALS[one.cause];
      const facts = factsOf(one, kind);
      expect(outcome).toMatchObject({ code, recorded, retryable, replayed: false, facts });
      // Only refusals of step 6 are recorded.
      expect(recordings).toBe(recorded ? 1 : 0);
    },
  );

  test.each(pairsOf(kind).map((pair) => [pair.first.name, pair.second.name, pair] as const))(
    'is refused first because %s, then because %s',
    (_first, _second, { one, other, first }) => {
      const situation = newSituation(kind);
      one.provoke(situation, kind);
      other.provoke(situation, kind);
      const { outcome, recordings } = decideRequest(kind, situation) as {
        outcome: Refusal;
        recordings: number;
      };
      const { code, recorded } = REFUSALS[first.cause];
      expect(outcome).toMatchObject({ code, facts: factsOf(first, kind) });
      expect(recordings).toBe(recorded ? 1 : 0);
    },
  );
});

/** The refusals in the contract's unions for each kind, except those without a step 2 to 6. */
const REFUSALS_OF: Readonly<Record<Kind, readonly RefusalCode[]>> = {
  deposit: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'ACCOUNT_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...(['UNSUPPORTED_ACCOUNT', 'PERIOD_CLOSED', 'EXTERNAL_ID_TAKEN', 'ACCOUNT_CLOSED'] as const),
    ...(['ACCOUNT_FROZEN', 'BALANCE_LIMIT_EXCEEDED'] as const),
  ],
  withdraw: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'ACCOUNT_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...(['UNSUPPORTED_ACCOUNT', 'PERIOD_CLOSED', 'EXTERNAL_ID_TAKEN', 'ACCOUNT_CLOSED'] as const),
    ...(['ACCOUNT_FROZEN', 'INSUFFICIENT_FUNDS'] as const),
  ],
  transfer: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'ACCOUNT_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...([
      'SAME_ACCOUNT',
      'CURRENCY_MISMATCH',
      'PERIOD_CLOSED',
      'EXTERNAL_ID_TAKEN',
      'ACCOUNT_CLOSED',
    ] as const),
    ...(['ACCOUNT_FROZEN', 'CONDITION_FAILED', 'INSUFFICIENT_FUNDS', 'BALANCE_LIMIT_EXCEEDED'] as const),
  ],
  journal: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'ACCOUNT_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...(['UNBALANCED', 'PERIOD_CLOSED', 'EXTERNAL_ID_TAKEN', 'ACCOUNT_CLOSED', 'ACCOUNT_FROZEN'] as const),
    ...(['CONDITION_FAILED', 'INSUFFICIENT_FUNDS', 'BALANCE_LIMIT_EXCEEDED'] as const),
  ],
  hold: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'ACCOUNT_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...(['SAME_ACCOUNT', 'CURRENCY_MISMATCH', 'UNSUPPORTED_ACCOUNT', 'PERIOD_CLOSED'] as const),
    ...(['EXTERNAL_ID_TAKEN', 'ACCOUNT_CLOSED', 'ACCOUNT_FROZEN', 'CONDITION_FAILED'] as const),
    ...(['INSUFFICIENT_FUNDS', 'BALANCE_LIMIT_EXCEEDED'] as const),
  ],
  capture: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'HOLD_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...(['PERIOD_CLOSED', 'EXTERNAL_ID_TAKEN', 'HOLD_EXPIRED', 'HOLD_NOT_OPEN'] as const),
    ...(['HOLD_AMOUNT_EXCEEDED', 'ACCOUNT_FROZEN'] as const),
  ],
  void: ['INVALID_INPUT', 'HOLD_NOT_FOUND', 'IDEMPOTENCY_CONFLICT', 'HOLD_NOT_OPEN'],
  reverse: [
    ...(['INVALID_INPUT', 'INVALID_AMOUNT', 'TRANSACTION_NOT_FOUND', 'IDEMPOTENCY_CONFLICT'] as const),
    ...(['NOT_REVERSIBLE', 'PERIOD_CLOSED', 'EXTERNAL_ID_TAKEN', 'ALREADY_REVERSED'] as const),
    ...(['REVERSAL_AMOUNT_EXCEEDED', 'ACCOUNT_CLOSED', 'ACCOUNT_FROZEN'] as const),
    ...(['INSUFFICIENT_FUNDS', 'BALANCE_LIMIT_EXCEEDED'] as const),
  ],
};

/** Pairs of causes that one request cannot have, by its kinds. */
const APART: readonly (readonly [kinds: readonly Kind[], one: Cause, others: readonly Cause[]])[] = [
  // A missing account, hold or transaction has no key, side, status or funds.
  [OF_LEGS, 'keyAccountNotFound', ['keyUsedOtherwise']],
  [['deposit', 'withdraw', 'hold'], 'keyAccountNotFound', ['unsupportedAccount']],
  [['deposit', 'withdraw'], 'keyAccountNotFound', ['accountClosed', 'accountFrozen']],
  [['capture', 'void'], 'holdNotFound', ['keyUsedOtherwise', 'holdNotOpen']],
  [['capture'], 'holdNotFound', ['holdExpired', 'accountFrozen']],
  [['reverse'], 'transactionNotFound', ['keyUsedOtherwise', 'notReversible', 'alreadyReversed']],
  [['reverse'], 'transactionNotFound', ['accountClosed', 'accountFrozen', 'insufficientFunds']],
  [['reverse'], 'transactionNotFound', ['balanceLimitExceeded']],
  // An account has one currency and one status, an amount has one problem, and a hold ends once.
  [BETWEEN_TWO, 'sameAccount', ['currencyMismatch']],
  [['deposit', 'withdraw'], 'accountClosed', ['accountFrozen']],
  [['deposit', 'withdraw', 'capture', 'reverse'], 'malformedAmount', ['amountUnfit']],
  [['capture'], 'holdExpired', ['holdNotOpen']],
];

describe('the provocations', () => {
  test.each(ALL)('cover every code that a %s can be refused with', (kind) => {
    const codes = new Set(ownOf(kind).map(({ cause }) => REFUSALS[cause].code));
    expect([...codes].sort()).toEqual([...REFUSALS_OF[kind]].sort());
  });

  test.each(ALL)('cover every pair of causes that one %s can have', (kind) => {
    const causes = [...new Set(ownOf(kind).map(({ cause }) => cause))];
    const provoked = new Set(pairsOf(kind).map(({ first, second }) => `${first.cause} ${second.cause}`));
    const apart = APART.filter(([kinds]) => kinds.includes(kind)).flatMap(([, one, others]) =>
      others.map((other) => `${one} ${other}`),
    );
    const missing = causes.flatMap((one) =>
      causes
        .filter((other) => ORDER.indexOf(one) < ORDER.indexOf(other) && !provoked.has(`${one} ${other}`))
        .map((other) => `${one} ${other}`),
    );
    expect(missing.sort()).toEqual(apart.sort());
  });

  test('cover every cause of the table except those of accounts, currencies, keys and the service itself', () => {
    const others: readonly Cause[] = [
      ...(['forbidden', 'rateLimited', 'overloaded', 'unavailable', 'internal', 'batchAborted'] as const),
      ...(['unknownCurrency', 'accountNotEmpty', 'limitUnmet', 'currencyTaken', 'apiKeyNotFound'] as const),
      ...(['counterparty'] as const),
    ];
    const provoked = new Set([...PROVOCATIONS.map(({ cause }) => cause), ...others]);
    expect([...provoked].sort()).toEqual([...ORDER].sort());
  });
});
