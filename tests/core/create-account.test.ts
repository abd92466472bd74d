import { describe, expect, test } from 'vitest';
import { toPeriodEnd } from '../../src/core/close-period.ts';
import {
  type AccountOrder,
  type CreateAccountInput,
  decideOrders,
  type Registry,
  toAccountRequest,
} from '../../src/core/create-account.ts';
import { toCurrency } from '../../src/core/create-currency.ts';
import { Malformed } from '../../src/core/values/text.ts';
import { CLOCK, USD } from '../support/decide-fixtures.ts';

function order(place: number, input: Partial<CreateAccountInput> = {}): AccountOrder {
  const whole = { owner: 'ada', currency: 'USD', normalSide: 'CREDIT' as const, ...input };
  return { id: `id ${place}`, request: toAccountRequest(whole, `accounts[${place}].`) };
}

function registry(state: Partial<Registry> = {}): Registry {
  return {
    made: new Set(),
    creations: new Map(),
    externalIds: new Map(),
    currencies: new Map([['USD', USD]]),
    ...state,
  };
}

function decide(inputs: readonly Partial<CreateAccountInput>[], state: Partial<Registry> = {}) {
  return decideOrders(
    registry(state),
    inputs.map((input, place) => order(place, input)),
  );
}

describe('orders are decided one after the other', () => {
  test('the same key creates one account, and conflicts with another request', () => {
    const decisions = decide([
      { idempotencyKey: 'k' },
      { idempotencyKey: 'k' },
      { idempotencyKey: 'k', maxBalance: { amount: '1' } },
      { idempotencyKey: 'k', owner: 'bob' },
    ]);
    expect(decisions).toMatchObject([
      { code: 'MAKE' },
      { code: 'SHOW', id: 'id 0', replayed: true },
      { code: 'IDEMPOTENCY_CONFLICT', facts: { differingFields: ['maxBalance'], transaction: null } },
      { code: 'MAKE' },
    ]);
  });

  test('the first order gets an externalId', () => {
    expect(
      decide([
        { externalId: 'x', currency: 'ABC' },
        { externalId: 'x', minBalance: { amount: '1' } },
        { externalId: 'x' },
        { externalId: 'x' },
      ]),
    ).toMatchObject([
      { code: 'UNKNOWN_CURRENCY' },
      { code: 'LIMIT_UNMET' },
      { code: 'MAKE' },
      { code: 'EXTERNAL_ID_TAKEN', facts: { takenBy: { kind: 'account', id: 'id 2' } } },
    ]);
  });

  test('a refused order uses neither its key nor its externalId', () => {
    expect(
      decide([
        { idempotencyKey: 'k', externalId: 'x', currency: 'ABC' },
        { idempotencyKey: 'k', externalId: 'x' },
      ]),
    ).toMatchObject([{ code: 'UNKNOWN_CURRENCY' }, { code: 'MAKE' }]);
  });

  test('owners and keys are not concatenated ambiguously', () => {
    expect(
      decide([
        { owner: 'a', idempotencyKey: 'bc' },
        { owner: 'ab', idempotencyKey: 'c' },
      ]),
    ).toMatchObject([{ code: 'MAKE' }, { code: 'MAKE' }]);
  });

  test('an account of an earlier attempt of the same request is no replay', () => {
    const first = order(0, { idempotencyKey: 'k', externalId: 'x' });
    if ('code' in first.request) throw new TypeError('refused');
    const creations = new Map([['ada\0k', { id: 'id 0', digest: first.request.request.digest }]]);
    const input = { idempotencyKey: 'k', externalId: 'x' };
    const state = { creations, externalIds: new Map([['x', 'id 0']]), made: new Set(['id 0']) };
    expect(decide([input, input], state)).toMatchObject([
      { code: 'SHOW', id: 'id 0', replayed: false },
      { code: 'SHOW', id: 'id 0', replayed: true },
    ]);
  });

  test.each<[Partial<CreateAccountInput>, string, string]>([
    [{ owner: '' }, 'INVALID_INPUT', 'accounts[1].owner'],
    [{ owner: 'external' }, 'INVALID_INPUT', 'accounts[1].owner'],
    [{ maxBalance: { unlimited: false } }, 'INVALID_INPUT', 'accounts[1].maxBalance.unlimited'],
    [{ minBalance: { amount: 'much' } }, 'INVALID_AMOUNT', 'accounts[1].minBalance.amount'],
    [{ minBalance: { amount: '0.001' } }, 'INVALID_AMOUNT', 'accounts[1].minBalance.amount'],
  ])('%j is refused by the path of its field, and no neighbour is', (wrong, code, field) => {
    expect(decide([{}, wrong, {}])).toMatchObject([
      { code: 'MAKE' },
      { code, facts: { field } },
      { code: 'MAKE' },
    ]);
  });
});

describe('a currency', () => {
  test.each([
    ['BTC', 8],
    ['ETH', 18],
    ['A00', 0],
    ['ABCDEFGHIJ12', 30],
  ])('%s with %d decimals can be registered', (code, exponent) => {
    expect(toCurrency({ code, exponent })).toEqual({ code, exponent });
  });

  test.each([
    ['BT', 8, 'code'],
    ['ABCDEFGHIJ123', 8, 'code'],
    ['btc', 8, 'code'],
    ['1BTC', 8, 'code'],
    ['BT-C', 8, 'code'],
    ['BTC\n', 8, 'code'],
    ['', 8, 'code'],
    ['BTC', -1, 'exponent'],
    ['BTC', 31, 'exponent'],
    ['BTC', 1.5, 'exponent'],
    ['btc', 31, 'code'],
    ['USD', 31, 'exponent'],
  ])('%j with %d decimals is INVALID_INPUT by its %s', (code, exponent, field) => {
    expect(toCurrency({ code, exponent })).toMatchObject({ code: 'INVALID_INPUT', facts: { field } });
  });

  test.each([2, 3])('of ISO 4217 is refused with CURRENCY_TAKEN, also with %d decimals', (exponent) => {
    expect(toCurrency({ code: 'USD', exponent })).toMatchObject({
      code: 'CURRENCY_TAKEN',
      facts: { registered: USD },
    });
  });
});

test('a period ends at an instant', () => {
  expect(toPeriodEnd({ before: CLOCK })).toEqual({ before: CLOCK });
  expect(toPeriodEnd({ before: new Malformed('must be an instant') })).toMatchObject({
    code: 'INVALID_INPUT',
    facts: { field: 'before', problem: 'must be an instant' },
  });
});
