import { type Refusal, refuse } from '../errors.ts';
import type { Currency } from './currency.ts';
import { type Decimal, parseDecimal, shortestDecimal, toMinor } from './money.ts';
import { Malformed } from './text.ts';

/** A limit on the balance. Exactly one field is given, and `unlimited` is true. */
export interface LimitInput {
  readonly amount?: string | Malformed | null | undefined;
  readonly unlimited?: boolean | null | undefined;
}

/** The names of the limits in the API's inputs, in order. */
const LIMITS = ['minBalance', 'maxBalance'] as const;
type Limits<Value> = { readonly [Name in (typeof LIMITS)[number]]: Value };

/** Checks the shape of an input's limits. `readLimits` reads their amounts. */
export function checkLimits(
  input: Partial<Limits<LimitInput | null | undefined>>,
  path: string,
): Refusal<'INVALID_INPUT'> | undefined {
  const wrong = LIMITS.find((name) => input[name]?.unlimited === false);
  return wrong === undefined
    ? undefined
    : refuse('malformedInput', { field: `${path}${wrong}.unlimited`, problem: 'must be true or absent' });
}

/** Reads the limits of an input; null is no limit. `absent` has the values of limits that are not given. */
export function readLimits<Absent>(
  input: Partial<Limits<LimitInput | null | undefined>>,
  absent: Limits<Absent>,
  path: string,
): Limits<Decimal | null | Absent> | Refusal<'INVALID_AMOUNT'> {
  const read: { -readonly [Name in keyof typeof absent]: Decimal | null | Absent } = { ...absent };
  for (const name of LIMITS) {
    const limit = input[name];
    if (limit === null || limit === undefined) continue;
    const { amount = null } = limit;
    const value =
      amount === null || amount instanceof Malformed ? amount : parseDecimal(amount, { signed: true });
    if (value instanceof Malformed) {
      return refuse('malformedAmount', { field: `${path}${name}.amount`, problem: value.problem });
    }
    read[name] = value;
  }
  return read;
}

/** Returns a limit as it enters the digest of a request; null is no limit. */
export function limitText(limit: Decimal | null): string {
  return limit === null ? 'unlimited' : shortestDecimal(limit);
}

/** Converts the limits to minor units, or refuses the first one that the currency cannot express. */
export function toMinorLimits<Absent extends undefined>(
  limits: Limits<Decimal | null | Absent>,
  currency: Currency,
  path: string,
): Limits<bigint | null | Absent> | Refusal<'INVALID_AMOUNT'> {
  const read: { -readonly [Name in keyof typeof limits]: bigint | null | Absent } = {
    minBalance: null,
    maxBalance: null,
  };
  for (const name of LIMITS) {
    const limit = limits[name];
    const minor = limit === null || limit === undefined ? limit : toMinor(limit, currency);
    if (minor instanceof Malformed) {
      return refuse('amountUnfit', { field: `${path}${name}.amount`, problem: minor.problem });
    }
    read[name] = minor;
  }
  return read;
}
