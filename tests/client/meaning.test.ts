// Compares the client's rules for equal inputs with the ledger's, which reads inputs by the schema's scalars and defaults and then
// digests them.

import { randomInt } from 'node:crypto';
import fc from 'fast-check';
import { coerceInputValue, type GraphQLInputType } from 'graphql';
import { expect, test } from 'vitest';
import { meaningOf } from '../../src/client/meaning.ts';
import { canonicalText } from '../../src/core/chain.ts';
import { toAccountRequest } from '../../src/core/create-account.ts';
import {
  type Command,
  type LookUp,
  type Name,
  type PlannedCommand,
  plan,
} from '../../src/core/decide/command.ts';
import { digestEntryTexts } from '../../src/core/decide/recording.ts';
import * as read from '../../src/core/decide/request.ts';
import type { Refusal } from '../../src/core/errors.ts';
import { decideChange, toAccountUpdate } from '../../src/core/update-account.ts';
import { formatId, type Uuid } from '../../src/core/values/ids.ts';
import { schema } from '../../src/graphql/schema.ts';
import { ALICE, account, BOB, CAROL, CLOCK, EXTERNAL, HOLD, ORIGINAL } from '../support/decide-fixtures.ts';

const SEED = Number(process.env['SEED'] ?? randomInt(2 ** 31));
const PAIRS = Number(process.env['PAIRS'] ?? 3000);

/** Resolves each ext: name to an account of its own, because the client cannot know which id a name has. */
const LOOK_UP: LookUp = {
  account: (name) => idOf(name),
  external: () => EXTERNAL,
  target: ({ name }) => {
    const id = idOf(name);
    return id === undefined ? undefined : { id, keyAccountId: ALICE, accounts: [ALICE] };
  },
  salt: () => new Uint8Array(16),
};
function idOf(name: Name): Uuid | undefined {
  if (name.by === 'id') return name.id;
  return name.by === 'externalId' ? `named ${name.externalId}` : undefined;
}

type Input = Readonly<Record<string, unknown>>;
/** Returns a text that is equal for inputs that are the same request to the ledger; undefined for malformed inputs. */
type Digest = (input: never) => string | undefined;

const digestCommand =
  (toCommand: (input: never) => Command | Refusal) =>
  (input: never): string | undefined => {
    const command = toCommand(input);
    if ('facts' in command) return undefined;
    const planned = plan(command, LOOK_UP, null);
    return 'facts' in planned ? undefined : textOf(planned);
  };

/** Returns the request's digest with the texts that are compared with the recorded ones. */
function textOf({ request, description, metadata, legs }: PlannedCommand): string {
  const entryTexts = digestEntryTexts(legs, new Uint8Array(16));
  const metadataText = metadata === null ? null : canonicalText(metadata);
  return JSON.stringify([
    request.digest.toString('hex'),
    description,
    metadataText,
    entryTexts?.toString('hex') ?? null,
  ]);
}

function digestAccount(input: never): string | undefined {
  const request = toAccountRequest(input);
  return 'facts' in request ? undefined : request.request.digest.toString('hex');
}

/** Returns the digest that is recorded under a key, with the account: the keys of two accounts are different keys. */
function digestUpdate(input: never): string | undefined {
  const change = toAccountUpdate(input);
  if ('facts' in change) return undefined;
  const currency = { code: 'USD', exponent: 30 };
  const before = {
    ...account(ALICE, { currency, minBalance: null }),
    externalId: null,
    owner: 'alice',
    metadata: {},
    createdAt: CLOCK,
    actor: null,
  };
  const surroundings = { recorded: undefined, takenBy: undefined, openHolds: 0, salt: new Uint8Array(16) };
  const decided = decideChange(before, { ...change, idempotencyKey: 'key' }, surroundings);
  if ('facts' in decided) return undefined;
  const { accountId } = input as { readonly accountId: string };
  return `${accountId} ${Buffer.from(decided.event?.attempt?.request ?? []).toString('hex')}`;
}

const pick = (...values: unknown[]) => fc.constantFrom(...values);
/** Values of the fields, most of them well formed. */
const mostly = (wellFormed: readonly unknown[], malformed: readonly unknown[]) =>
  fc.oneof({ arbitrary: pick(...wellFormed), weight: 24 }, { arbitrary: pick(...malformed), weight: 1 });
const names = [
  formatId('account', ALICE),
  formatId('account', BOB),
  formatId('account', CAROL),
  'ext:shop',
  'ext:shop ',
];
const accountId = pick(...names);
const amount = mostly(
  ['1', '1.0', '1.00', '01', 1, '10', '10.0', '0.5', '0.50', '00.5'],
  ['1e1', '+1', '1.', '.5', '-1', '0', 1.5, '', '1 ', 2 ** 53, `1.${'0'.repeat(80)}`],
);
const bound = mostly(
  [undefined, null, '0', '-0', '0.0', 0, '-1', '-1.0', -1, '1', '1.000'],
  ['1e0', ' 1', '1,0'],
);
const version = mostly(
  [undefined, null, '1', '01', 1, '-1', '0', '-0', 0],
  ['1.0', '12345678901234567890', 2 ** 53],
);
const instant = mostly(
  [
    undefined,
    null,
    '2026-01-31T12:00:00Z',
    '2026-01-31t12:00:00.0z',
    '2026-01-31 13:00:00.000000+01:00',
    '2026-01-31T11:30:00-00:30',
    '2026-01-31T12:00:00.000001Z',
    '2026-03-02T12:00:00Z',
    '2026-02-01T00:00:00Z',
    '2026-01-31T23:59:00-00:01',
    '0001-01-01T00:30:00Z',
    new Date('2026-01-31T12:00:00Z'),
  ],
  [
    '2026-02-30T12:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T23:59:60Z',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00:00.0000000Z',
    '0000-12-31T23:30:00-01:00',
    '0001-01-01T00:30:00+01:00',
    '9999-12-31T23:30:00-01:00',
    '2026-01-31T12:00:00+24:00',
    1_769_860_800,
  ],
);
const metadata = mostly(
  [
    undefined,
    null,
    {},
    { a: '1', b: '2' },
    { b: '2', a: '1' },
    { a: '1' },
    { 2: 'x', 1: 'y' },
    { 1: 'y', 2: 'x' },
    { ü: '1' },
    { ['__proto__']: '1' },
  ],
  [{ a: null }, { a: 1 }, [], 'a'],
);
const text = mostly([undefined, null, '', 'rent', 'Rent'], [5]);
const name = mostly([undefined, null, 'order 1', 'order 2'], ['']);
const side = pick('DEBIT', 'CREDIT');
const limit = mostly(
  [
    undefined,
    null,
    { amount: '0' },
    { amount: '0.00' },
    { amount: 0 },
    { amount: '-5' },
    { amount: '-5.0' },
    { amount: '5.0' },
    { unlimited: true },
  ],
  [{ amount: '5,0' }, { unlimited: false }, {}, { amount: null }, { amount: '0', unlimited: true }],
);
const conditions = fc.oneof(
  pick(undefined, null, []),
  fc.array(
    fc.record({
      accountId,
      expectedVersion: version,
      balanceAtLeast: bound,
      balanceAtMost: bound,
      availableAtLeast: bound,
    }),
    { maxLength: 2 },
  ),
);
const attempt = { externalId: name, description: text, metadata, effectiveAt: instant };
const entry = fc.record({ accountId, side, amount, description: text });
const entries = fc.array(entry, { minLength: 2, maxLength: 3 });
const hold = pick(formatId('hold', HOLD), formatId('hold', ORIGINAL), 'ext:hold');
const part = fc.oneof(amount, pick(undefined, null));

type Shape = Readonly<Record<string, fc.Arbitrary<unknown>>>;
const OPERATIONS: readonly (readonly [operation: string, type: string, digest: Digest, shape: Shape])[] = [
  ['deposit', 'DepositInput', digestCommand(read.toDeposit), { accountId, amount, ...attempt }],
  ['withdraw', 'WithdrawInput', digestCommand(read.toWithdrawal), { accountId, amount, ...attempt }],
  [
    'transfer',
    'TransferInput',
    digestCommand(read.toTransfer),
    { fromAccountId: accountId, toAccountId: accountId, amount, conditions, ...attempt },
  ],
  [
    'postTransaction',
    'PostTransactionInput',
    digestCommand(read.toJournal),
    { keyAccountId: accountId, entries, conditions, ...attempt },
  ],
  [
    'reverseTransaction',
    'ReverseTransactionInput',
    digestCommand(read.toReversal),
    { transactionId: pick(formatId('transaction', ORIGINAL), 'ext:order'), amount: part, ...attempt },
  ],
  [
    'placeHold',
    'PlaceHoldInput',
    digestCommand(read.toHold),
    { fromAccountId: accountId, toAccountId: accountId, amount, conditions, expiresAt: instant, ...attempt },
  ],
  [
    'captureHold',
    'CaptureHoldInput',
    digestCommand(read.toCapture),
    { holdId: hold, amount: part, final: pick(undefined, true, false), ...attempt },
  ],
  ['voidHold', 'VoidHoldInput', digestCommand(read.toVoid), { holdId: hold, description: text, metadata }],
  [
    'createAccount',
    'CreateAccountInput',
    digestAccount,
    {
      owner: pick('alice', 'bob'),
      currency: pick('USD', 'EUR'),
      externalId: name,
      normalSide: pick(undefined, 'DEBIT', 'CREDIT'),
      minBalance: limit,
      maxBalance: limit,
      metadata,
    },
  ],
  [
    'updateAccount',
    'UpdateAccountInput',
    digestUpdate,
    { accountId, externalId: name, minBalance: limit, maxBalance: limit, metadata },
  ],
];

/** Makes an input and a second one that differs in at most two fields and in the order of its fields. */
function pairOf(shape: Shape): fc.Arbitrary<readonly [Input, Input]> {
  const keys = fc.shuffledSubarray(Object.keys(shape), { minLength: Object.keys(shape).length });
  return fc
    .tuple(fc.record(shape), fc.record(shape), fc.subarray(Object.keys(shape), { maxLength: 2 }), keys)
    .map(([one, other, changed, order]) => {
      const second = order.map((key) => [key, (changed.includes(key) ? other : one)[key]]);
      return [one, Object.fromEntries(second)] as const;
    });
}

/** Returns the ledger's digest of an input. */
function digestOf(type: string, digest: Digest, input: Input): string | undefined {
  const sent = JSON.parse(JSON.stringify({ ...input, idempotencyKey: 'key' }));
  const coerced = coerceInputValue(sent, schema.getType(type) as GraphQLInputType);
  return coerced === undefined ? undefined : digest(coerced as never);
}

test.each(OPERATIONS)(
  'two inputs of %s are equal to the client if and only if they are the same request to the ledger',
  (operation, type, digest, shape) => {
    console.log(`${operation}: seed ${SEED}; again by SEED=${SEED}`);
    let [same, different, malformed] = [0, 0, 0];
    const property = fc.property(pairOf(shape), ([one, other]) => {
      const isSame = meaningOf(operation, one) === meaningOf(operation, other);
      const [first, second] = [one, other].map((input) => digestOf(type, digest, input));
      if (first === undefined || second === undefined) {
        malformed += 1;
        // A malformed input must never equal one that may have been posted.
        if (isSame) expect(second).toEqual(first);
        return;
      }
      if (first === second) same += 1;
      else different += 1;
      expect(isSame).toBe(first === second);
    });
    fc.assert(property, { numRuns: PAIRS, seed: SEED });
    console.log(`${operation}: ${same} same, ${different} different, ${malformed} malformed`);
    expect(Math.min(same, different)).toBeGreaterThan(10);
  },
);
