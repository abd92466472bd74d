/**
 * The conditions of a transfer, journal or hold, in the order of their checks: their shape and the text of their bounds (step 2
 * of the order of precedence), the scale of their bounds (step 5), and whether they hold (step 6).
 */
import { type AccountState, availableOf, balanceOf } from '../account.ts';
import { type ConditionKind, type RecordedCode, type Refusal, refuse } from '../errors.ts';
import type { Currency } from '../values/currency.ts';
import { type Decimal, type Money, parseDecimal, shortestDecimal, toMinor } from '../values/money.ts';
import { Malformed } from '../values/text.ts';
import { malformed } from './attempt.ts';
import type { Book } from './book.ts';
import {
  type Condition,
  type FieldValue,
  nameAccount,
  type PlannedCommand,
  type PlannedCondition,
} from './command.ts';
import { addDelta, type Movement } from './movement.ts';

export interface ConditionInput {
  readonly accountId: string;
  readonly expectedVersion?: bigint | Malformed | null | undefined;
  readonly balanceAtLeast?: string | Malformed | null | undefined;
  readonly balanceAtMost?: string | Malformed | null | undefined;
  readonly availableAtLeast?: string | Malformed | null | undefined;
}
type GivenConditions = readonly ConditionInput[] | null | undefined;

export const MAX_CONDITIONS = 100;

const BOUNDS = ['balanceAtLeast', 'balanceAtMost', 'availableAtLeast'] as const;
type Bounds = { [Name in (typeof BOUNDS)[number]]: Decimal | null };

/** Step 2: checks everything except the text of the bounds; see `readConditions`. */
export function checkConditionShapes(
  given: GivenConditions,
  path: string,
): Refusal<'INVALID_INPUT'> | undefined {
  if (given === null || given === undefined) return undefined;
  if (given.length > MAX_CONDITIONS) {
    const problem = `must have at most ${MAX_CONDITIONS} items, but has ${given.length}`;
    return malformed(`${path}conditions`, problem);
  }
  for (const [
    place,
    { expectedVersion, balanceAtLeast, balanceAtMost, availableAtLeast },
  ] of given.entries()) {
    const field = `${path}conditions[${place}]`;
    if (expectedVersion instanceof Malformed) {
      return malformed(`${field}.expectedVersion`, expectedVersion.problem);
    }
    if ((expectedVersion ?? balanceAtLeast ?? balanceAtMost ?? availableAtLeast ?? null) === null) {
      const bounds = 'expectedVersion, balanceAtLeast, balanceAtMost or availableAtLeast';
      return malformed(field, `must set at least one of ${bounds}`);
    }
  }
  return undefined;
}

/** Step 2: reads conditions whose shape was checked. */
export function readConditions(
  given: GivenConditions,
  path: string,
): readonly Condition[] | Refusal<'INVALID_AMOUNT'> {
  const conditions: Condition[] = [];
  for (const [place, input] of (given ?? []).entries()) {
    const { accountId, expectedVersion } = input;
    const bounds: Bounds = { balanceAtLeast: null, balanceAtMost: null, availableAtLeast: null };
    for (const name of BOUNDS) {
      const bound = readBound(input[name], `${path}conditions[${place}].${name}`);
      if (bound !== null && 'code' in bound) return bound;
      bounds[name] = bound;
    }
    conditions.push({
      account: nameAccount(accountId),
      expectedVersion: typeof expectedVersion === 'bigint' ? expectedVersion : null,
      ...bounds,
    });
  }
  return conditions;
}

function readBound(
  given: string | Malformed | null | undefined,
  field: string,
): Decimal | null | Refusal<'INVALID_AMOUNT'> {
  if (given === null || given === undefined) return null;
  const bound = given instanceof Malformed ? given : parseDecimal(given, { signed: true });
  return bound instanceof Malformed ? refuse('malformedAmount', { field, problem: bound.problem }) : bound;
}

/** Conditions as they enter a request's digest. */
export function conditionsField(conditions: readonly Condition[]): FieldValue {
  if (conditions.length === 0) return null;
  const bound = (decimal: Decimal | null) => (decimal === null ? null : shortestDecimal(decimal));
  return conditions.map((condition) => [
    condition.account,
    condition.expectedVersion === null ? null : `${condition.expectedVersion}`,
    bound(condition.balanceAtLeast),
    bound(condition.balanceAtMost),
    bound(condition.availableAtLeast),
  ]);
}

/** Step 5: checks that each bound is an amount of its account's currency. Accounts that are missing were refused before. */
export function checkBounds(
  book: Book,
  { conditions }: PlannedCommand,
): Refusal<'INVALID_AMOUNT'> | undefined {
  for (const [place, condition] of conditions.entries()) {
    const currency = book.accounts.get(condition.account.id ?? '')?.currency;
    for (const name of BOUNDS) {
      const bound = condition[name];
      const minor = bound === null || currency === undefined ? 0n : toMinor(bound, currency);
      if (minor instanceof Malformed) {
        return refuse('amountUnfit', { field: `conditions[${place}].${name}`, problem: minor.problem });
      }
    }
  }
  return undefined;
}

/** Step 6: refuses the first condition that fails. Versions are those before the command, balances those after it. */
export function checkConditions(
  book: Book,
  { conditions }: PlannedCommand,
  { legs, deltas }: Movement,
): Refusal<RecordedCode> | undefined {
  for (const condition of conditions) {
    const before = book.accounts.get(condition.account.id ?? '');
    if (before === undefined) throw new TypeError('a condition names an account that is not locked');
    const entries = legs.filter(({ account }) => account.id === before.id).length;
    const sums = addDelta(before, deltas.get(before));
    const after = { ...before, ...sums, version: before.version + BigInt(entries) };
    const failed = failedCondition(condition, before, after);
    if (failed === undefined) continue;
    const actual = failed === 'EXPECTED_VERSION' ? before : after;
    const money = (minor: bigint): Money => ({ minor, currency: before.currency });
    return refuse('conditionFailed', {
      account: before.id,
      condition: failed,
      actualBalance: money(balanceOf(actual.normalSide, actual)),
      actualAvailable: actual.minBalance === null ? null : money(availableOf(actual)),
      actualVersion: actual.version,
    });
  }
  return undefined;
}

function failedCondition(
  { expectedVersion, balanceAtLeast, balanceAtMost, availableAtLeast }: PlannedCondition,
  before: AccountState,
  after: AccountState,
): ConditionKind | undefined {
  const { currency, normalSide, minBalance } = after;
  const balance = balanceOf(normalSide, after);
  if (expectedVersion !== null && expectedVersion !== before.version) return 'EXPECTED_VERSION';
  if (balanceAtLeast !== null && balance < minorOf(balanceAtLeast, currency)) return 'BALANCE_AT_LEAST';
  if (balanceAtMost !== null && balance > minorOf(balanceAtMost, currency)) return 'BALANCE_AT_MOST';
  // Without a minBalance the available amount is unlimited.
  if (availableAtLeast === null || minBalance === null) return undefined;
  return availableOf(after) < minorOf(availableAtLeast, currency) ? 'AVAILABLE_AT_LEAST' : undefined;
}

function minorOf(bound: Decimal, currency: Currency): bigint {
  const minor = toMinor(bound, currency);
  if (minor instanceof Malformed) throw new TypeError(`checkBounds missed a bound: ${minor.problem}`);
  return minor;
}
