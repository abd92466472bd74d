import { describe, expect, test } from 'vitest';
import {
  differingFields,
  type LookUp,
  type Name,
  type PlannedCommand,
} from '../../../src/core/decide/command.ts';
import {
  type CaptureInput,
  type ConditionInput,
  type EntryInput,
  type HoldInput,
  type JournalInput,
  type ReversalInput,
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
  type VoidInput,
} from '../../../src/core/decide/request.ts';
import { formatId, type Uuid } from '../../../src/core/values/ids.ts';
import { Malformed } from '../../../src/core/values/text.ts';
import {
  ALICE,
  BOB,
  CAROL,
  DAVE,
  HOLD,
  ORIGINAL,
  planRequest,
  type Request,
} from '../../support/decide-fixtures.ts';

const [alice, bob, carol] = [ALICE, BOB, CAROL].map((id) => formatId('account', id)) as [
  string,
  string,
  string,
];
const hold = formatId('hold', HOLD);
const transaction = formatId('transaction', ORIGINAL);
const NO = new Malformed('must be otherwise');

const KEY = { idempotencyKey: 'key' };
const TRANSFER = { fromAccountId: alice, toAccountId: bob, amount: '20', ...KEY };
const DEPOSIT = { accountId: alice, amount: '20', ...KEY };
const CAPTURE = { holdId: hold, ...KEY };
const REVERSAL = { transactionId: transaction, ...KEY };
const entry = (changes: Partial<EntryInput> = {}): EntryInput => ({
  accountId: alice,
  side: 'DEBIT',
  amount: '1',
  ...changes,
});
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const JOURNAL: JournalInput = {
  keyAccountId: alice,
  entries: [entry({ amount: '20' }), entry({ accountId: bob, side: 'CREDIT', amount: '20' })],
  ...KEY,
};
const condition = (changes: Partial<ConditionInput> = {}): ConditionInput => ({
  accountId: carol,
  balanceAtLeast: '1',
  ...changes,
});
const VERY_MANY_KEYS = Object.fromEntries(Array.from({ length: 51 }, (_, n) => [`${n}`, '']));

describe('a journal', () => {
  test.each([
    ['none', 0, 'INVALID_INPUT'],
    ['1', 1, 'INVALID_INPUT'],
    ['2', 2, 'JOURNAL'],
    ['100', 100, 'JOURNAL'],
    ['101', 101, 'INVALID_INPUT'],
  ])('of %s entries is answered by its size', (_, count, answer) => {
    const result = toJournal({ ...JOURNAL, entries: times(count, entry()) }, 'operations[7].post.');
    if ('facts' in result) {
      expect(result).toMatchObject({
        code: answer,
        facts: { field: 'operations[7].post.entries', problem: `must be 2 to 100, and are ${count}` },
      });
    } else {
      expect(result).toMatchObject({ type: answer });
      expect(result.legs).toHaveLength(count);
    }
  });

  test.each<[Partial<JournalInput>, string, string]>([
    [{ entries: [...times(3, entry()), entry({ amount: '0' })] }, 'INVALID_AMOUNT', 'entries[3].amount'],
    [{ entries: [entry(), entry({ amount: '-1' })] }, 'INVALID_AMOUNT', 'entries[1].amount'],
    [{ entries: [entry(), entry({ amount: '+1' })] }, 'INVALID_AMOUNT', 'entries[1].amount'],
    [{ entries: [entry({ amount: '1e3' }), entry({ amount: '' })] }, 'INVALID_AMOUNT', 'entries[0].amount'],
    [{ entries: [entry(), entry({ amount: NO })] }, 'INVALID_AMOUNT', 'entries[1].amount'],
    [{ entries: [entry(), entry({ amount: `1.${'0'.repeat(79)}` })] }, 'INVALID_AMOUNT', 'entries[1].amount'],
    [
      { entries: [entry(), entry({ description: 'd'.repeat(1001) })] },
      'INVALID_INPUT',
      'entries[1].description',
    ],
    [{ entries: [entry({ description: 'a\0' }), entry()] }, 'INVALID_INPUT', 'entries[0].description'],
    [{ entries: [entry({ description: '\udc00' }), entry()] }, 'INVALID_INPUT', 'entries[0].description'],
    // Shapes before amounts, and then the fields in the input's order.
    [
      { entries: [entry({ amount: '0' }), entry({ description: 'd'.repeat(1001) })] },
      'INVALID_INPUT',
      'entries[1].description',
    ],
    [{ entries: [entry()], conditions: [condition({ balanceAtLeast: null })] }, 'INVALID_INPUT', 'entries'],
    [
      { entries: [entry(), entry({ description: '\0' })], conditions: times(101, condition()) },
      'INVALID_INPUT',
      'entries[1].description',
    ],
    [{ entries: [entry(), entry({ amount: '0' })], idempotencyKey: '' }, 'INVALID_INPUT', 'idempotencyKey'],
    [{ conditions: times(101, condition()), idempotencyKey: '' }, 'INVALID_INPUT', 'conditions'],
    [
      {
        entries: [entry({ amount: '0' }), entry()],
        conditions: [condition({ balanceAtMost: 'x' })],
      },
      'INVALID_AMOUNT',
      'entries[0].amount',
    ],
  ])('%o answers %s, naming %s', (changes, code, field) => {
    expect(toJournal({ ...JOURNAL, ...changes })).toMatchObject({ code, facts: { field } });
  });

  test('has its entries in the given order, with what each says', () => {
    const result = toJournal({ ...JOURNAL, entries: [entry({ description: 'fee' }), ...JOURNAL.entries] });
    expect(result).toMatchObject({
      keyAccount: { given: alice },
      legs: [
        { side: 'DEBIT', description: 'fee', amount: { coefficient: 1n, scale: 0 } },
        { side: 'DEBIT', description: null },
        { side: 'CREDIT', description: null, account: { given: bob } },
      ],
    });
  });
});

describe('the conditions of a transfer, a journal and a hold', () => {
  test.each<[ConditionInput[], string, string]>([
    [[condition({ balanceAtLeast: undefined })], 'INVALID_INPUT', 'conditions[0]'],
    [[condition(), condition({ balanceAtLeast: null })], 'INVALID_INPUT', 'conditions[1]'],
    [times(101, condition()), 'INVALID_INPUT', 'conditions'],
    [[condition({ expectedVersion: NO })], 'INVALID_INPUT', 'conditions[0].expectedVersion'],
    [[condition({ balanceAtLeast: 'x' })], 'INVALID_AMOUNT', 'conditions[0].balanceAtLeast'],
    [[condition({ balanceAtLeast: NO })], 'INVALID_AMOUNT', 'conditions[0].balanceAtLeast'],
    [[condition(), condition({ balanceAtMost: '1.' })], 'INVALID_AMOUNT', 'conditions[1].balanceAtMost'],
    [[condition({ availableAtLeast: '--1' })], 'INVALID_AMOUNT', 'conditions[0].availableAtLeast'],
    // Shapes before amounts, conditions in their order, and bounds in the input's.
    [
      [condition({ balanceAtLeast: 'x' }), condition({ expectedVersion: NO })],
      'INVALID_INPUT',
      'conditions[1].expectedVersion',
    ],
    [
      [condition({ balanceAtMost: 'x', availableAtLeast: 'x' })],
      'INVALID_AMOUNT',
      'conditions[0].balanceAtMost',
    ],
    [
      [condition({ availableAtLeast: 'x' }), condition({ balanceAtLeast: 'x' })],
      'INVALID_AMOUNT',
      'conditions[0].availableAtLeast',
    ],
  ])('%o answer %s, naming %s', (conditions, code, field) => {
    const path = 'operations[1].transfer.';
    const answer = { code, facts: { field } };
    expect(toTransfer({ ...TRANSFER, conditions })).toMatchObject(answer);
    expect(toHold({ ...TRANSFER, conditions })).toMatchObject(answer);
    expect(toJournal({ ...JOURNAL, conditions })).toMatchObject(answer);
    expect(toTransfer({ ...TRANSFER, conditions }, path)).toMatchObject({
      code,
      facts: { field: path + field },
    });
  });

  test.each<[string, Partial<ConditionInput>, object]>([
    ['a version of zero', { expectedVersion: 0n }, { expectedVersion: 0n }],
    [
      'a balance below zero',
      { balanceAtLeast: '-1.50' },
      { balanceAtLeast: { coefficient: -150n, scale: 2 } },
    ],
    ['a balance of zero', { balanceAtMost: '0' }, { balanceAtMost: { coefficient: 0n, scale: 0 } }],
    ['what is available', { availableAtLeast: '2' }, { availableAtLeast: { coefficient: 2n, scale: 0 } }],
  ])('may be bound by %s alone', (_, bound, read) => {
    const conditions = [{ accountId: carol, ...bound }];
    const absent = {
      expectedVersion: null,
      balanceAtLeast: null,
      balanceAtMost: null,
      availableAtLeast: null,
    };
    expect(toTransfer({ ...TRANSFER, conditions })).toMatchObject({ conditions: [{ ...absent, ...read }] });
  });

  test('are at most a hundred', () => {
    expect(toHold({ ...TRANSFER, conditions: times(100, condition()) })).toMatchObject({ type: 'HOLD' });
  });
});

describe('a hold', () => {
  test.each<[Partial<HoldInput>, string, string]>([
    [{ expiresAt: NO }, 'INVALID_INPUT', 'expiresAt'],
    [{ amount: '0' }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: '0', expiresAt: NO }, 'INVALID_INPUT', 'expiresAt'],
    [{ expiresAt: NO, conditions: times(101, condition()) }, 'INVALID_INPUT', 'expiresAt'],
    [{ expiresAt: NO, idempotencyKey: '' }, 'INVALID_INPUT', 'expiresAt'],
    [{ amount: '0', conditions: [condition({ balanceAtMost: 'x' })] }, 'INVALID_AMOUNT', 'amount'],
  ])('%o answers %s, naming %s', (changes, code, field) => {
    expect(toHold({ ...TRANSFER, ...changes })).toMatchObject({ code, facts: { field } });
  });
});

describe('a capture and a reversal', () => {
  test.each<[Partial<CaptureInput & ReversalInput>, string, string]>([
    [{ amount: '0' }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: '-1' }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: '' }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: NO }, 'INVALID_AMOUNT', 'amount'],
    [{ amount: NO, effectiveAt: NO }, 'INVALID_INPUT', 'effectiveAt'],
    [{ idempotencyKey: '', externalId: '' }, 'INVALID_INPUT', 'idempotencyKey'],
    [{ externalId: 'e'.repeat(256), description: 'd'.repeat(1001) }, 'INVALID_INPUT', 'externalId'],
    [{ description: 'd'.repeat(1001), metadata: NO }, 'INVALID_INPUT', 'description'],
    [{ metadata: VERY_MANY_KEYS }, 'INVALID_INPUT', 'metadata'],
  ])('with %o answer %s, naming %s', (changes, code, field) => {
    const answer = { code, facts: { field } };
    expect(toCapture({ ...CAPTURE, ...changes })).toMatchObject(answer);
    expect(toReversal({ ...REVERSAL, ...changes })).toMatchObject(answer);
    expect(toReversal({ ...REVERSAL, ...changes }, 'operations[0].reverse.')).toMatchObject({
      code,
      facts: { field: `operations[0].reverse.${field}` },
    });
  });

  test('are of all that is left where they say no amount', () => {
    for (const amount of [null, undefined]) {
      expect(toCapture({ ...CAPTURE, amount })).toMatchObject({ type: 'CAPTURE', part: null });
      expect(toReversal({ ...REVERSAL, amount })).toMatchObject({ type: 'REVERSAL', part: null });
    }
  });

  test.each([
    [undefined, true],
    [null, true],
    [true, true],
    [false, false],
  ])('whose final is %s ends the hold: %s', (final, read) => {
    expect(toCapture({ ...CAPTURE, final })).toMatchObject({ final: read });
  });
});

test.each<[Partial<VoidInput>, string]>([
  [{ idempotencyKey: '' }, 'idempotencyKey'],
  [{ description: 'd'.repeat(1001) }, 'description'],
  [{ metadata: { a: 'b'.repeat(8192) } }, 'metadata'],
  [{ idempotencyKey: 'k'.repeat(256), metadata: NO }, 'idempotencyKey'],
])('a void with %o answers INVALID_INPUT, naming %s', (changes, field) => {
  expect(toVoid({ ...CAPTURE, ...changes }, 'operations[3].voidHold.')).toMatchObject({
    code: 'INVALID_INPUT',
    facts: { field: `operations[3].voidHold.${field}` },
  });
});

test('texts of the largest size are taken by every kind', () => {
  const texts = {
    idempotencyKey: 'k'.repeat(255),
    description: 'd'.repeat(1000),
    metadata: { a: 'b'.repeat(8192 - '{"a":""}'.length) },
  };
  const more = { ...texts, externalId: 'e'.repeat(255) };
  const commands = [
    toDeposit({ ...DEPOSIT, ...more }),
    toWithdrawal({ ...DEPOSIT, ...more }),
    toTransfer({ ...TRANSFER, ...more }),
    toJournal({ ...JOURNAL, ...more, entries: times(100, entry({ description: texts.description })) }),
    toHold({ ...TRANSFER, ...more }),
    toCapture({ ...CAPTURE, ...more }),
    toVoid({ ...CAPTURE, ...texts }),
    toReversal({ ...REVERSAL, ...more }),
  ];
  for (const command of commands) expect(command).toMatchObject(texts);
});

describe('names', () => {
  test.each([
    ['hold', toVoid({ ...CAPTURE, holdId: 'ext:order 1' }), { by: 'externalId', externalId: 'order 1' }],
    ['hold', toVoid(CAPTURE), { by: 'id', id: HOLD }],
    ['hold', toCapture({ ...CAPTURE, holdId: transaction }), { by: 'nothing', given: transaction }],
    ['hold', toCapture({ ...CAPTURE, holdId: '' }), { by: 'nothing', given: '' }],
    ['transaction', toReversal(REVERSAL), { by: 'id', id: ORIGINAL }],
    ['transaction', toReversal({ ...REVERSAL, transactionId: hold }), { by: 'nothing', given: hold }],
    ['transaction', toReversal({ ...REVERSAL, transactionId: 'ext:' }), { by: 'nothing', given: 'ext:' }],
  ])('of a %s are read as what they can be: %#', (kind, command, name) => {
    expect(command).toMatchObject({ keyAccount: null, target: { kind, name } });
  });

  test('that stand for nothing answer as they were given', () => {
    expect(planRequest({ kind: 'void', input: { ...CAPTURE, holdId: 'ext:a' } })).toMatchObject({
      code: 'HOLD_NOT_FOUND',
      facts: { holdId: 'ext:a' },
    });
    expect(planRequest({ kind: 'capture', input: CAPTURE })).toMatchObject({
      code: 'HOLD_NOT_FOUND',
      facts: { holdId: hold },
    });
    expect(planRequest({ kind: 'reverse', input: REVERSAL })).toMatchObject({
      code: 'TRANSACTION_NOT_FOUND',
      facts: { transactionId: transaction },
    });
    const journal: Request = { kind: 'journal', input: { ...JOURNAL, keyAccountId: 'ext:nobody' } };
    expect(planRequest(journal)).toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
      facts: { accountId: 'ext:nobody' },
    });
  });
});

/** alice, bob, a hold and a transaction have names; alice's key is that of what they ended or reversed. */
const NAMES = new Map<string, Uuid>([
  ['alice', ALICE],
  ['bob', BOB],
  ['order 1', HOLD],
  ['order 2', ORIGINAL],
]);
const idOf = (name: Name): Uuid | undefined =>
  name.by === 'id' ? name.id : name.by === 'externalId' ? NAMES.get(name.externalId) : undefined;
const LOOK_UP: Partial<LookUp> = {
  account: idOf,
  target: ({ name }) => {
    const id = idOf(name);
    return id === undefined ? undefined : { id, keyAccountId: ALICE, accounts: [ALICE, BOB] };
  },
};
function requestOf(request: Request): PlannedCommand['request'] {
  const command = planRequest(request, LOOK_UP);
  if ('facts' in command) throw new TypeError(`refused: ${command.code}`);
  return command.request;
}
function expectSame(one: Request, other: Request): void {
  expect(differingFields(requestOf(other), requestOf(one).digest)).toEqual([]);
  expect(requestOf(other).digest).toEqual(requestOf(one).digest);
}
function expectDiffering(one: Request, other: Request, fields: readonly string[]): void {
  expect(differingFields(requestOf(other), requestOf(one).digest)).toEqual(fields);
  expect(differingFields(requestOf(one), requestOf(other).digest)).toEqual(fields);
}

describe('the same journal', () => {
  const [debit, credit] = JOURNAL.entries as [EntryInput, EntryInput];
  const journal = (changes: Partial<JournalInput> = {}): Request => ({
    kind: 'journal',
    input: { ...JOURNAL, ...changes },
  });

  test.each<[string, Partial<JournalInput>]>([
    ['is the same again', {}],
    [
      'has its amounts in other zeros',
      {
        entries: [
          { ...debit, amount: '20.00' },
          { ...credit, amount: '020' },
        ],
      },
    ],
    ['names an account otherwise', { entries: [{ ...debit, accountId: 'ext:alice' }, credit] }],
    ['names the key account otherwise', { keyAccountId: 'ext:alice' }],
    ['says null for what is absent', { conditions: null, effectiveAt: null }],
    ['has no conditions in a list', { conditions: [] }],
    // Texts are compared with the recorded ones.
    ['has other texts', { entries: [{ ...debit, description: 'fee' }, credit], metadata: { a: 'b' } }],
  ])('%s', (_, changes) => {
    expectSame(journal(), journal(changes));
  });

  test.each<[string, Partial<JournalInput>, string[]]>([
    ['another amount', { entries: [debit, { ...credit, amount: '21' }] }, ['entries']],
    ['another side', { entries: [debit, { ...credit, side: 'DEBIT' }] }, ['entries']],
    ['another account', { entries: [debit, { ...credit, accountId: carol }] }, ['entries']],
    ['one entry more', { entries: [debit, credit, credit] }, ['entries']],
    ['its entries in another order', { entries: [credit, debit] }, ['entries']],
    ['another key account', { keyAccountId: bob }, ['keyAccountId']],
    ['an externalId', { externalId: 'e' }, ['externalId']],
    ['conditions', { conditions: [condition()] }, ['conditions']],
    ['an unknown name', { entries: [debit, { ...credit, accountId: 'ext:nobody' }] }, ['entries']],
  ])('does not have %s', (_, changes, fields) => {
    expectDiffering(journal(), journal(changes), fields);
  });
});

describe('the same conditions', () => {
  const transfer = (...conditions: ConditionInput[]): Request => ({
    kind: 'transfer',
    input: { ...TRANSFER, conditions },
  });
  const BOTH = condition({ accountId: alice, balanceAtLeast: '-1', expectedVersion: 3n });

  test.each<[string, ConditionInput[], ConditionInput[]]>([
    ['have their bounds in other zeros', [BOTH], [{ ...BOTH, balanceAtLeast: '-1.00' }]],
    ['name an account otherwise', [BOTH], [{ ...BOTH, accountId: 'ext:alice' }]],
    ['say null for what is absent', [BOTH], [{ ...BOTH, balanceAtMost: null, availableAtLeast: null }]],
    ['are none', [], []],
  ])('%s', (_, one, other) => {
    expectSame(transfer(...one), transfer(...other));
  });

  test.each<[string, ConditionInput[], ConditionInput[]]>([
    ['another version', [BOTH], [{ ...BOTH, expectedVersion: 4n }]],
    ['another bound', [BOTH], [{ ...BOTH, balanceAtLeast: '1' }]],
    ['the same amount as another bound', [condition()], [{ accountId: carol, balanceAtMost: '1' }]],
    ['another account', [BOTH], [{ ...BOTH, accountId: bob }]],
    ['another order', [BOTH, condition()], [condition(), BOTH]],
    ['one more', [BOTH], [BOTH, BOTH]],
  ])('do not have %s', (_, one, other) => {
    expectDiffering(transfer(...one), transfer(...other), ['conditions']);
  });
});

describe('the same hold', () => {
  const placeHold = (changes: Partial<HoldInput> = {}): Request => ({
    kind: 'hold',
    input: { ...TRANSFER, ...changes },
  });

  test.each<[string, Partial<HoldInput>, Partial<HoldInput>]>([
    ['has its amount in other zeros', {}, { amount: '20.0' }],
    ['names its accounts otherwise', {}, { fromAccountId: 'ext:alice', toAccountId: 'ext:bob' }],
    ['says null for what is absent', {}, { expiresAt: null, conditions: null }],
    ['has the same expiresAt', { expiresAt: 5n }, { expiresAt: 5n }],
  ])('%s', (_, one, other) => {
    expectSame(placeHold(one), placeHold(other));
  });

  test.each<[Partial<HoldInput>, string[]]>([
    [{ expiresAt: 5n }, ['expiresAt']],
    [{ amount: '20.01' }, ['amount']],
    [{ toAccountId: carol }, ['toAccountId']],
    [{ effectiveAt: 5n }, ['effectiveAt']],
    [
      { amount: '1', externalId: 'e', conditions: [condition()], expiresAt: 5n },
      ['amount', 'externalId', 'conditions', 'expiresAt'],
    ],
  ])('does not have %o, which differs in %o', (changes, fields) => {
    expectDiffering(placeHold(), placeHold(changes), fields);
  });

  test('is no transfer with the same fields', () => {
    const transfer: Request = { kind: 'transfer', input: TRANSFER };
    expect(requestOf(transfer).digest.subarray(0, 16)).not.toEqual(
      requestOf(placeHold()).digest.subarray(0, 16),
    );
  });
});

describe('the same capture', () => {
  const capture = (changes: Partial<CaptureInput> = {}): Request => ({
    kind: 'capture',
    input: { ...CAPTURE, ...changes },
  });

  test.each<[string, Partial<CaptureInput>, Partial<CaptureInput>]>([
    ['says final, which is the default', {}, { final: true }],
    ['says null for what is absent', {}, { final: null, amount: null, externalId: null }],
    ['has its amount in other zeros', { amount: '5' }, { amount: '05.00' }],
    ['names the hold by what placed it', {}, { holdId: 'ext:order 1' }],
  ])('%s', (_, one, other) => {
    expectSame(capture(one), capture(other));
  });

  test.each<[Partial<CaptureInput>, string[]]>([
    [{ final: false }, ['final']],
    [{ amount: '5' }, ['amount']],
    [{ holdId: formatId('hold', DAVE) }, ['holdId']],
    [
      { amount: '5', final: false, externalId: 'e', effectiveAt: 1n },
      ['amount', 'final', 'externalId', 'effectiveAt'],
    ],
  ])('does not have %o, which differs in %o', (changes, fields) => {
    expectDiffering(capture(), capture(changes), fields);
  });
});

test('the same void names the same hold, and no other field says what is asked', () => {
  const voidHold = (changes: Partial<VoidInput> = {}): Request => ({
    kind: 'void',
    input: { ...CAPTURE, ...changes },
  });
  expectSame(voidHold(), voidHold({ holdId: 'ext:order 1', description: 'late', metadata: { a: 'b' } }));
  expectDiffering(voidHold(), voidHold({ holdId: formatId('hold', DAVE) }), ['holdId']);
});

describe('the same reversal', () => {
  const reversal = (changes: Partial<ReversalInput> = {}): Request => ({
    kind: 'reverse',
    input: { ...REVERSAL, ...changes },
  });

  test('has its amount in other zeros, and names the original by whatever name', () => {
    expectSame(reversal({ amount: '5' }), reversal({ amount: '5.00' }));
    expectSame(reversal(), reversal({ transactionId: 'ext:order 2', amount: null }));
  });

  test.each<[Partial<ReversalInput>, string[]]>([
    [{ amount: '5' }, ['amount']],
    [{ transactionId: 'ext:order 1' }, ['transactionId']],
    [{ externalId: 'e', effectiveAt: 1n }, ['externalId', 'effectiveAt']],
  ])('does not have %o, which differs in %o', (changes, fields) => {
    expectDiffering(reversal(), reversal(changes), fields);
  });
});

test('the accounts of a command are all that it names, and all that its target moved', () => {
  const accountsOf = (request: Request) => {
    const command = planRequest(request, LOOK_UP);
    return 'facts' in command ? [] : [...new Set(command.accounts)];
  };
  expect(accountsOf({ kind: 'capture', input: CAPTURE })).toEqual([ALICE, BOB]);
  expect(accountsOf({ kind: 'reverse', input: REVERSAL })).toEqual([ALICE, BOB]);
  expect(accountsOf({ kind: 'transfer', input: { ...TRANSFER, conditions: [condition()] } })).toEqual([
    ALICE,
    BOB,
    CAROL,
  ]);
  expect(accountsOf({ kind: 'journal', input: { ...JOURNAL, keyAccountId: carol } })).toEqual([
    CAROL,
    ALICE,
    BOB,
  ]);
});

test("a journal's salt is for its entries' texts too", () => {
  const saltOf = (entries: readonly EntryInput[]) => {
    const command = planRequest({ kind: 'journal', input: { ...JOURNAL, entries } });
    return 'facts' in command ? undefined : command.salt;
  };
  expect(saltOf([entry(), entry()])).toBeNull();
  expect(saltOf([entry(), entry({ description: 'fee' })])).toHaveLength(16);
});
