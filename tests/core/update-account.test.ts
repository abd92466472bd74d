import { describe, expect, test } from 'vitest';
import type { Account } from '../../src/core/account.ts';
import { messageOf } from '../../src/core/refusal-messages.ts';
import {
  type AccountChange,
  changeAccount,
  decideChange,
  type Surroundings,
  toAccountUpdate,
  toStatusChange,
  type UpdateAccountInput,
} from '../../src/core/update-account.ts';
import { MAX_MINOR } from '../../src/core/values/money.ts';
import { Malformed } from '../../src/core/values/text.ts';
import { ALICE, account, BOB, externalAccount, USD } from '../support/decide-fixtures.ts';

function ownedAccount(changes: Partial<Account> = {}): Account {
  return {
    ...account(ALICE),
    owner: 'alice',
    externalId: null,
    metadata: {},
    createdAt: 0n,
    actor: null,
    ...changes,
  };
}

/** External accounts have no limits and no externalId. */
const outside = ownedAccount(externalAccount({ posted: -500n }));

type Input = Omit<UpdateAccountInput, 'accountId'>;

function toUpdate(input: Input): AccountChange {
  const change = toAccountUpdate({ accountId: 'any', ...input });
  if ('facts' in change) throw new TypeError(`refused before the account: ${change.code}`);
  return change;
}

function change(before: Account, asked: AccountChange, surroundings: Partial<Surroundings> = {}) {
  return changeAccount(before, asked, { takenBy: undefined, openHolds: 0, ...surroundings });
}

const usd = (minor: bigint) => ({ minor, currency: USD });

describe('the shape of an update', () => {
  test.each<[string, Input, string, string]>([
    ['an empty externalId', { externalId: '' }, 'INVALID_INPUT', 'externalId'],
    ['a long externalId', { externalId: 'x'.repeat(256) }, 'INVALID_INPUT', 'externalId'],
    ['a NUL in the externalId', { externalId: 'a\0' }, 'INVALID_INPUT', 'externalId'],
    [
      'a limit that is not unlimited',
      { minBalance: { unlimited: false } },
      'INVALID_INPUT',
      'minBalance.unlimited',
    ],
    ['an upper one', { maxBalance: { unlimited: false } }, 'INVALID_INPUT', 'maxBalance.unlimited'],
    [
      'metadata of another kind',
      { metadata: new Malformed('must be a JSON object') },
      'INVALID_INPUT',
      'metadata',
    ],
    ['metadata over its size', { metadata: { big: 'x'.repeat(9000) } }, 'INVALID_INPUT', 'metadata'],
    ['an exponent', { minBalance: { amount: '1e2' } }, 'INVALID_AMOUNT', 'minBalance.amount'],
    [
      'no number at all',
      { maxBalance: { amount: new Malformed('must be text') } },
      'INVALID_AMOUNT',
      'maxBalance.amount',
    ],
    [
      'an amount and the metadata',
      { minBalance: { amount: 'much' }, metadata: new Malformed('must be a JSON object') },
      'INVALID_INPUT',
      'metadata',
    ],
    [
      'both limits',
      { maxBalance: { amount: 'much' }, minBalance: { amount: 'little' } },
      'INVALID_AMOUNT',
      'minBalance.amount',
    ],
  ])('%s is refused', (_, input, code, field) => {
    expect(toAccountUpdate({ accountId: 'any', ...input })).toMatchObject({ code, facts: { field } });
  });

  test('null is absent', () => {
    const nothing = { externalId: null, minBalance: null, maxBalance: null, metadata: null };
    expect(toUpdate(nothing)).toEqual(toUpdate({}));
    const before = ownedAccount({ metadata: { a: 'b' }, maxBalance: 7n, externalId: 'name' });
    expect(change(before, toUpdate(nothing))).toEqual(before);
  });
});

describe('an update', () => {
  test.each<[string, Partial<Account>, Input, Partial<Account>]>([
    ['a lower limit', {}, { minBalance: { amount: '-5' } }, { minBalance: -500n }],
    ['an upper limit', {}, { maxBalance: { amount: '5.25' } }, { maxBalance: 525n }],
    ['no lower limit', {}, { minBalance: { unlimited: true } }, { minBalance: null }],
    ['no upper limit', { maxBalance: 5n }, { maxBalance: { unlimited: true } }, { maxBalance: null }],
    ['all metadata at once', { metadata: { a: '1' } }, { metadata: { b: '2' } }, { metadata: { b: '2' } }],
    ['no metadata', { metadata: { a: '1' } }, { metadata: {} }, { metadata: {} }],
    ['a name', {}, { externalId: 'wallet' }, { externalId: 'wallet' }],
    ['the same name', { externalId: 'wallet' }, { externalId: 'wallet' }, {}],
    ['a frozen account frozen', { status: 'FROZEN' }, { maxBalance: { amount: '1' } }, { maxBalance: 100n }],
  ])('%s', (_, before, input, after) => {
    const old = ownedAccount(before);
    expect(change(old, toUpdate(input))).toEqual({ ...old, ...after });
  });

  test('an external account takes metadata', () => {
    expect(change(outside, toUpdate({ metadata: { a: 'b' } }))).toEqual({ ...outside, metadata: { a: 'b' } });
  });

  test('its own externalId is not taken', () => {
    const named = ownedAccount({ externalId: 'wallet' });
    expect(change(named, toUpdate({ externalId: 'wallet' }), { takenBy: ALICE })).toEqual(named);
  });
});

describe('limits include held and incoming amounts', () => {
  // balance 10.00, held 3.00, incoming 2.00, on either side
  const credit = ownedAccount({ posted: 1000n, pendingDebits: 300n, pendingCredits: 200n });
  const debit = ownedAccount({
    normalSide: 'DEBIT',
    posted: -1000n,
    pendingDebits: 200n,
    pendingCredits: 300n,
  });
  const facts = { balance: usd(1000n), held: usd(300n), incoming: usd(200n) };

  test.each([
    ['CREDIT', credit],
    ['DEBIT', debit],
  ])('on the %s side', (_, before) => {
    const limit = (input: Input) => change(before, toUpdate(input));
    expect(limit({ minBalance: { amount: '7' }, maxBalance: { amount: '12' } })).toMatchObject({
      minBalance: 700n,
      maxBalance: 1200n,
    });
    expect(limit({ minBalance: { amount: '7.01' } })).toMatchObject({
      code: 'LIMIT_UNMET',
      recorded: false,
      facts: { limit: usd(701n), ...facts },
    });
    expect(limit({ maxBalance: { amount: '11.99' } })).toMatchObject({
      code: 'LIMIT_UNMET',
      facts: { limit: usd(1199n), ...facts },
    });
    // In the order of the input's fields.
    expect(limit({ maxBalance: { amount: '0' }, minBalance: { amount: '8' } })).toMatchObject({
      facts: { limit: usd(800n) },
    });
  });

  test('an absent limit is not checked', () => {
    const over = ownedAccount({ posted: 1000n, maxBalance: 500n });
    expect(change(over, toUpdate({ metadata: { a: 'b' } }))).toMatchObject({ maxBalance: 500n });
  });
});

describe('freeze, unfreeze and close', () => {
  test.each<[AccountChange['kind'], Account['status'], Account['status'] | 'ACCOUNT_CLOSED']>([
    ['FREEZE', 'OPEN', 'FROZEN'],
    ['FREEZE', 'FROZEN', 'FROZEN'],
    ['FREEZE', 'CLOSED', 'ACCOUNT_CLOSED'],
    ['UNFREEZE', 'OPEN', 'OPEN'],
    ['UNFREEZE', 'FROZEN', 'OPEN'],
    ['UNFREEZE', 'CLOSED', 'ACCOUNT_CLOSED'],
    ['CLOSE', 'OPEN', 'CLOSED'],
    ['CLOSE', 'FROZEN', 'CLOSED'],
    ['CLOSE', 'CLOSED', 'CLOSED'],
    ['UPDATE', 'CLOSED', 'ACCOUNT_CLOSED'],
  ])('%s of an account that is %s: %s', (kind, status, becomes) => {
    const before = ownedAccount({ status });
    const asked = kind === 'UPDATE' ? toUpdate({}) : { kind, idempotencyKey: null };
    const after = change(before, asked);
    if (becomes === 'ACCOUNT_CLOSED') {
      expect(after).toMatchObject({ code: becomes, facts: { account: ALICE }, recorded: false });
    } else {
      expect(after).toEqual({ ...before, status: becomes });
      // A change without effect is not written.
      expect(after === before).toBe(status === becomes);
    }
  });

  test('ACCOUNT_CLOSED is not recorded, and its message does not mention the key', () => {
    const refusal = change(ownedAccount({ status: 'CLOSED' }), { kind: 'FREEZE', idempotencyKey: null });
    if (!('facts' in refusal)) throw new TypeError('not refused');
    expect(messageOf(refusal)).not.toContain('key');
  });

  test.each<[string, Partial<Account>, bigint, number]>([
    ['a balance', { posted: 1n }, 1n, 0],
    ['a debt', { posted: -1n }, -1n, 0],
    ['a debit side’s balance', { normalSide: 'DEBIT', posted: -1n }, 1n, 0],
    ['a hold out', { pendingDebits: 1n }, 0n, 1],
    ['a hold in', { pendingCredits: 1n }, 0n, 2],
    ['all there is', { posted: MAX_MINOR, pendingDebits: 5n, pendingCredits: 1n }, MAX_MINOR, 3],
  ])('%s keeps an account from being closed', (_, before, balance, openHolds) => {
    expect(
      change(ownedAccount(before), { kind: 'CLOSE', idempotencyKey: null }, { openHolds }),
    ).toMatchObject({
      code: 'ACCOUNT_NOT_EMPTY',
      facts: { account: ALICE, balance: usd(balance), openHolds },
    });
  });
});

describe('the order of precedence', () => {
  /** Each case provokes its code, alone and together with every other case that one request can have. */
  const PROVOCATIONS: Readonly<
    Record<string, { before?: Partial<Account>; input: Input; surroundings?: Partial<Surroundings> }>
  > = {
    INVALID_INPUT: { before: { externalId: 'one' }, input: { externalId: 'another' } },
    INVALID_AMOUNT: { input: { minBalance: { amount: '1.001' } } },
    UNSUPPORTED_ACCOUNT: { before: outside, input: { maxBalance: { amount: '5000' } } },
    EXTERNAL_ID_TAKEN: { input: { externalId: 'another' }, surroundings: { takenBy: BOB } },
    ACCOUNT_CLOSED: { before: { status: 'CLOSED' }, input: {} },
    LIMIT_UNMET: { input: { maxBalance: { amount: '-1' } } },
  };
  const codes = Object.keys(PROVOCATIONS);

  /** Cases that exclude each other: an external account has no externalId and is open. */
  const IMPOSSIBLE = new Set(['INVALID_INPUT UNSUPPORTED_ACCOUNT', 'UNSUPPORTED_ACCOUNT ACCOUNT_CLOSED']);
  const pairs = codes
    .flatMap((first, place) => codes.slice(place).map((second): [string, string] => [first, second]))
    .filter((pair) => !IMPOSSIBLE.has(pair.join(' ')));

  test.each(pairs)('%s before %s', (first, second) => {
    const [a, b] = [PROVOCATIONS[first], PROVOCATIONS[second]];
    const before = ownedAccount({ ...a?.before, ...b?.before });
    const asked = toUpdate({ ...b?.input, ...a?.input });
    expect(change(before, asked, { ...a?.surroundings, ...b?.surroundings })).toMatchObject({ code: first });
  });

  test('an external account refuses freeze, close, limits and an externalId, but not unfreeze', () => {
    const asked: AccountChange[] = [
      { kind: 'FREEZE', idempotencyKey: null },
      { kind: 'CLOSE', idempotencyKey: null },
      toUpdate({ minBalance: { unlimited: true } }),
      toUpdate({ maxBalance: { amount: '5000' } }),
      toUpdate({ externalId: 'world' }),
    ];
    for (const each of asked) {
      expect(change(outside, each)).toMatchObject({
        code: 'UNSUPPORTED_ACCOUNT',
        facts: { account: outside.id },
      });
    }
    expect(change(outside, { kind: 'UNFREEZE', idempotencyKey: null })).toBe(outside);
  });
});

describe('the record of a change', () => {
  const SALT = Buffer.alloc(16, 7);
  const decide = (
    before: Account,
    asked: AccountChange,
    surroundings: Partial<Parameters<typeof decideChange>[2]> = {},
  ) =>
    decideChange(before, asked, {
      takenBy: undefined,
      openHolds: 0,
      recorded: undefined,
      salt: SALT,
      ...surroundings,
    });
  /** Returns the recorded change of a key. */
  const recordOf = (asked: AccountChange, salt = SALT) => {
    const made = decide(ownedAccount(), asked, { salt });
    if ('facts' in made || made.event?.attempt == null) throw new TypeError('not recorded');
    const { action, attempt } = made.event;
    return { action, request: attempt.request, salt: made.event.salt };
  };

  test('is absent if nothing changes and there is no key', () => {
    const before = ownedAccount({ metadata: { a: '1', b: '2' } });
    const asked = toUpdate({ metadata: { b: '2', a: '1' }, minBalance: { unlimited: true } });
    const unlimited = { ...before, minBalance: null };
    expect(decide(unlimited, asked)).toEqual({ account: unlimited, event: null, replayed: false });
  });

  test('has only the key if nothing changes, and is absent for a refusal', () => {
    const frozen = ownedAccount({ status: 'FROZEN' });
    const asked: AccountChange = { kind: 'FREEZE', idempotencyKey: 'k' };
    expect(decide(frozen, asked)).toMatchObject({
      account: frozen,
      event: { action: 'freezeAccount', before: null, after: null, attempt: { idempotencyKey: 'k' } },
    });
    expect(decide(ownedAccount({ status: 'CLOSED' }), asked)).toMatchObject({ code: 'ACCOUNT_CLOSED' });
  });

  test('is looked up by its key before any other check', () => {
    const asked = toUpdate({ externalId: 'name', metadata: { a: '1' }, idempotencyKey: 'k' });
    const recorded = recordOf(asked);
    const closed = ownedAccount({ status: 'CLOSED', externalId: 'other' });
    expect(decide(closed, asked, { recorded, takenBy: BOB, salt: Buffer.alloc(16) })).toEqual({
      account: closed,
      event: null,
      replayed: true,
    });
    const another = toUpdate({ externalId: 'name', metadata: { a: '2' }, idempotencyKey: 'k' });
    expect(decide(closed, another, { recorded })).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      facts: { differingFields: ['metadata'], transaction: null },
    });
  });

  test.each<[string, Input, Input, string[]]>([
    ['absent and unlimited', {}, { minBalance: { unlimited: true } }, ['minBalance']],
    ['no metadata and empty metadata', {}, { metadata: {} }, ['metadata']],
    ['two amounts', { maxBalance: { amount: '5' } }, { maxBalance: { amount: '5.01' } }, ['maxBalance']],
    ['the same amount', { maxBalance: { amount: '5' } }, { maxBalance: { amount: '5.00' } }, []],
    ['null and absent', { externalId: null }, {}, []],
  ])('%s differ in %j', (_, first, second, differingFields) => {
    const recorded = recordOf(toUpdate({ ...first, idempotencyKey: 'k' }));
    const answer = decide(ownedAccount(), toUpdate({ ...second, idempotencyKey: 'k' }), { recorded });
    expect(answer).toMatchObject(
      differingFields.length === 0
        ? { replayed: true }
        : { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields } },
    );
  });

  test('metadata differs once the salt is erased', () => {
    const asked = toUpdate({ metadata: { a: '1' }, idempotencyKey: 'k' });
    const recorded = { ...recordOf(asked), salt: null };
    expect(decide(ownedAccount(), asked, { recorded })).toMatchObject({
      facts: { differingFields: ['metadata'] },
    });
  });

  test.each(['', 'x'.repeat(256), 'a\0'])('the key %j is malformed', (idempotencyKey) => {
    const malformed = { code: 'INVALID_INPUT', facts: { field: 'idempotencyKey' } };
    expect(toAccountUpdate({ accountId: 'any', idempotencyKey })).toMatchObject(malformed);
    expect(toStatusChange('CLOSE', { accountId: 'any', idempotencyKey })).toMatchObject(malformed);
  });
});
