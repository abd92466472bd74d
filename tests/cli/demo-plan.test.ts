import { describe, expect, test } from 'vitest';
import { EXPENSES } from '../../src/cli/demo/accounts.ts';
import { dateOf, dayOf, instantAt, weekdayOf, weekOf } from '../../src/cli/demo/calendar.ts';
import { type PlannedOperation, toCommand } from '../../src/cli/demo/operation.ts';
import { HISTORY_DAYS, type Plan, planDemo } from '../../src/cli/demo/plan.ts';
import { Random } from '../../src/cli/demo/random.ts';
import { toAccountRequest } from '../../src/core/create-account.ts';
import { parseInstant } from '../../src/core/values/instant.ts';

const DAYS = ['2026-10-31', '2027-01-01', '2028-02-29'] as const;
const dayAt = (date: string) => dayOf(parseInstant(`${date}T00:00:00Z`) as bigint);
const plans = DAYS.map((date) => [date, dayAt(date), planDemo(dayAt(date))] as const);

const stepsOf = ({ phases }: Plan) => phases.flatMap(({ steps }) => steps);
const operationsOf = (plan: Plan): PlannedOperation[] =>
  stepsOf(plan).flatMap((step) => ('operations' in step ? step.operations : []));
const journalsOf = (plan: Plan) =>
  operationsOf(plan).flatMap(({ movement }) => (movement.type === 'JOURNAL' ? [movement] : []));

describe('the calendar', () => {
  test.each([
    ['2024-12-29', 6, '2024-52'],
    ['2024-12-30', 0, '2025-01'],
    ['2026-10-31', 5, '2026-44'],
    ['2027-01-01', 4, '2026-53'],
    ['2028-02-29', 1, '2028-09'],
  ])('%s is the weekday %i of the week %s', (date, weekday, week) => {
    const day = dayAt(date);
    expect([dateOf(day), weekdayOf(day), weekOf(day)]).toEqual([date, weekday, week]);
  });
});

test('the generator repeats its numbers for a seed, and stays within its bounds', () => {
  const numbers = (seed: number) => {
    const random = new Random(seed);
    return Array.from({ length: 1000 }, () => random.below(7));
  };
  expect(numbers(1)).toEqual(numbers(1));
  expect(numbers(1)).not.toEqual(numbers(2));
  expect(new Set(numbers(1))).toEqual(new Set([0, 1, 2, 3, 4, 5, 6]));
  const random = new Random(3);
  const amounts = Array.from({ length: 200 }, () => random.amount(2000n, 5000n, 1000n));
  expect(new Set(amounts)).toEqual(new Set([2000n, 3000n, 4000n, 5000n]));
});

describe.each(plans)('the plan for %s', (_, day, plan) => {
  const operations = operationsOf(plan);

  test('is the same for the same day and seed, and another one for another seed', () => {
    expect(planDemo(day)).toEqual(plan);
    expect(planDemo(day, 2)).not.toEqual(plan);
  });

  test('has valid accounts and operations', () => {
    expect(plan.accounts.filter((account) => 'code' in toAccountRequest(account))).toEqual([]);
    expect(operations.filter((operation) => 'code' in toCommand(operation, 0n))).toEqual([]);
  });

  test('has journals that balance in each currency', () => {
    const currencies = new Map(plan.accounts.map(({ externalId, currency }) => [externalId, currency]));
    for (const { legs } of journalsOf(plan)) {
      for (const ofCurrency of Map.groupBy(legs, ({ account }) => currencies.get(account)).values()) {
        const signed = ofCurrency.map(({ side, amount }) => (side === 'CREDIT' ? amount : -amount));
        expect(signed.reduce((sum, amount) => sum + amount, 0n)).toBe(0n);
      }
    }
  });

  test('names only accounts, holds and transactions that exist by then, each name and key once', () => {
    const accounts = new Set(plan.accounts.map(({ externalId }) => externalId));
    expect(accounts.size).toBe(plan.accounts.length);
    const transactions = new Set<string>();
    const keys = new Set<string>();
    for (const step of stepsOf(plan)) {
      if (step.kind === 'NAME') accounts.add(step.externalId);
      if (step.kind === 'CHANGE') for (const { account } of step.changes) expect(accounts).toContain(account);
      if (step.kind === 'EXPIRE') for (const hold of step.holds) expect(transactions).toContain(hold);
      if (!('operations' in step)) continue;
      for (const { movement, key, externalId, expected } of step.operations) {
        for (const account of accountsOf(movement)) expect(accounts).toContain(account);
        if ('hold' in movement) expect(transactions).toContain(movement.hold);
        if ('original' in movement) expect(transactions).toContain(movement.original);
        expect(keys).not.toContain(key);
        keys.add(key);
        if (externalId === null || expected !== 'POSTED') continue;
        expect(transactions).not.toContain(externalId);
        transactions.add(externalId);
      }
    }
    for (const { name } of plan.highlights) {
      const externalId = name.replace('ext:', '');
      expect(accounts.has(externalId) || transactions.has(externalId), name).toBe(true);
    }
    expect(plan.highlights).toHaveLength(10);
  });

  test('follows the calendar: the effective times ascend over a year, and more of them are recent', () => {
    const times = operations.flatMap(({ effectiveAt }) => effectiveAt ?? []);
    expect(times.every((time, place) => place === 0 || time >= (times[place - 1] ?? time))).toBe(true);
    const first = day - HISTORY_DAYS;
    expect(times[0]).toBeGreaterThanOrEqual(instantAt(first, 0));
    expect(times[0]).toBeLessThan(instantAt(first + 1, 0));
    expect(times.at(-1)).toBeGreaterThanOrEqual(instantAt(day - 1, 0));
    expect(times.at(-1)).toBeLessThan(instantAt(day, 0));
    const recent = times.filter((time) => time >= instantAt(day - HISTORY_DAYS / 4, 0)).length;
    expect(recent).toBeGreaterThan(times.length / 3);
    for (const { externalId, effectiveAt } of operations) {
      if (effectiveAt !== null && externalId?.startsWith('settlement-')) {
        expect(weekdayOf(dayOf(effectiveAt))).toBe(0);
      }
    }
    expect(operations.filter(({ externalId }) => externalId?.startsWith('payroll-'))).toHaveLength(12);
  });

  test('has some thousand operations, and at least one of each kind and outcome', () => {
    expect(operations.length).toBeGreaterThan(3000);
    expect(operations.length).toBeLessThan(6000);
    const kinds = new Set(operations.map(({ movement }) => movement.type));
    expect([...kinds].sort()).toEqual([
      'CAPTURE',
      'DEPOSIT',
      'HOLD',
      'JOURNAL',
      'REVERSAL',
      'TRANSFER',
      'VOID',
      'WITHDRAWAL',
    ]);
    const outcomes = new Set(operations.map(({ expected }) => expected));
    expect([...outcomes].sort()).toEqual([
      'ACCOUNT_CLOSED',
      'ACCOUNT_FROZEN',
      'ALREADY_REVERSED',
      'BALANCE_LIMIT_EXCEEDED',
      'HOLD_AMOUNT_EXCEEDED',
      'HOLD_EXPIRED',
      'HOLD_NOT_OPEN',
      'INSUFFICIENT_FUNDS',
      'POSTED',
      'REVERSAL_AMOUNT_EXCEEDED',
    ]);
    const posted = operations.filter(({ expected }) => expected === 'POSTED').map(({ movement }) => movement);
    const reversals = posted.filter(({ type }) => type === 'REVERSAL');
    const isWhole = (movement: object) => 'amount' in movement && movement.amount === null;
    expect(reversals.some(isWhole)).toBe(true);
    expect(reversals.every(isWhole)).toBe(false);
    expect(posted.some((movement) => movement.type === 'CAPTURE' && !movement.final)).toBe(true);
    expect(stepsOf(plan).map(({ kind }) => kind)).toEqual(
      expect.arrayContaining(['NAME', 'CHANGE', 'EXPIRE']),
    );
  });

  test('has journals of many legs, at most 30, and some in two currencies', () => {
    const sizes = journalsOf(plan).map(({ legs }) => legs.length);
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(20);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(30);
    expect(sizes.filter((size) => size >= 8).length).toBeGreaterThan(50);
    const inTwo = journalsOf(plan).filter(({ legs }) => {
      const isDollars = (name: string) => name.includes('-usd');
      return (
        legs.some(({ account }) => isDollars(account)) && !legs.every(({ account }) => isDollars(account))
      );
    });
    expect(inTwo.length).toBeGreaterThan(10);
  });

  test('moves only positive amounts, and never more than there is', () => {
    const books = new Books();
    for (const { movement, expected, externalId } of operations) {
      if ('amount' in movement && movement.amount !== null) expect(movement.amount).toBeGreaterThan(0n);
      if (movement.type === 'JOURNAL') {
        for (const { amount } of movement.legs) expect(amount).toBeGreaterThan(0n);
      }
      if (expected === 'INSUFFICIENT_FUNDS' && movement.type === 'TRANSFER') {
        expect(books.freeOf(movement.from)).toBeLessThan(movement.amount);
      }
      if (expected === 'POSTED') books.apply(movement, externalId ?? '');
    }
  });
});

interface Payment {
  readonly from: string;
  readonly to: string;
  left: bigint;
}

/** The money that no hold reserves, by account. */
class Books {
  readonly #free = new Map<string, bigint>();
  readonly #holds = new Map<string, Payment>();
  readonly #payments = new Map<string, Payment>();

  freeOf(account: string): bigint {
    return this.#free.get(account) ?? 0n;
  }

  apply(movement: PlannedOperation['movement'], name: string): void {
    switch (movement.type) {
      case 'DEPOSIT':
        this.#credit(movement.account, movement.amount);
        break;
      case 'WITHDRAWAL':
        this.#credit(movement.account, -movement.amount);
        break;
      case 'TRANSFER':
        this.#credit(movement.from, -movement.amount);
        this.#credit(movement.to, movement.amount);
        this.#payments.set(name, { ...movement, left: movement.amount });
        break;
      case 'HOLD':
        this.#credit(movement.from, -movement.amount);
        this.#holds.set(name, { ...movement, left: movement.amount });
        break;
      case 'JOURNAL':
        for (const { account, side, amount } of movement.legs) {
          this.#credit(account, side === 'CREDIT' ? amount : -amount);
        }
        break;
      case 'CAPTURE': {
        const hold = this.#holds.get(movement.hold);
        const amount = take(hold, movement.amount);
        this.#credit(hold?.to ?? '', amount);
        this.#payments.set(name, { from: hold?.from ?? '', to: hold?.to ?? '', left: amount });
        if (movement.final && hold?.left !== 0n) this.#credit(hold?.from ?? '', take(hold, null));
        break;
      }
      case 'VOID': {
        const hold = this.#holds.get(movement.hold);
        this.#credit(hold?.from ?? '', take(hold, null));
        break;
      }
      case 'REVERSAL': {
        const payment = this.#payments.get(movement.original);
        const amount = take(payment, movement.amount);
        this.#credit(payment?.to ?? '', -amount);
        this.#credit(payment?.from ?? '', amount);
      }
    }
  }

  #credit(account: string, amount: bigint): void {
    const free = this.freeOf(account) + (EXPENSES.has(account) ? -amount : amount);
    expect(free, account).toBeGreaterThanOrEqual(0n);
    this.#free.set(account, free);
  }
}

/** Takes a part of a hold or payment, or everything that is left, and returns the amount. */
function take(payment: Payment | undefined, part: bigint | null): bigint {
  const left = payment?.left ?? 0n;
  const amount = part ?? left;
  expect(amount).toBeGreaterThan(0n);
  expect(amount).toBeLessThanOrEqual(left);
  if (payment !== undefined) payment.left -= amount;
  return amount;
}

function accountsOf(movement: PlannedOperation['movement']): string[] {
  switch (movement.type) {
    case 'DEPOSIT':
    case 'WITHDRAWAL':
      return [movement.account];
    case 'TRANSFER':
    case 'HOLD':
      return [movement.from, movement.to];
    case 'JOURNAL':
      return [movement.keyAccount, ...movement.legs.map(({ account }) => account)];
    default:
      return [];
  }
}
