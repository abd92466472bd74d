import { InvalidArgumentError } from 'commander';
import { SCOPES, type Scope } from '../core/access/viewer.ts';
import { type Instant, parseInstant } from '../core/values/instant.ts';
import { Malformed } from '../core/values/text.ts';

/** Reads scopes that are separated by commas. */
export function parseScopes(text: string): Scope[] {
  const scopes = text.split(',').map((name) => {
    const scope = SCOPES.find((each) => each === name.trim());
    if (scope !== undefined) return scope;
    throw new InvalidArgumentError(`Use one or more of ${SCOPES.join(', ')}, separated by commas.`);
  });
  return [...new Set(scopes)];
}

const UNIT_US: Readonly<Record<string, bigint>> = {
  d: 24n * 60n * 60n * 1_000_000n,
  h: 60n * 60n * 1_000_000n,
  m: 60n * 1_000_000n,
};

/** Reads an RFC 3339 instant, or a duration from now in days, hours or minutes: `90d`, `12h`, `30m`. */
export function parseExpiry(text: string): Instant {
  const [, count, unit = ''] = /^(\d{1,6})([dhm])$/.exec(text) ?? [];
  if (count !== undefined) return BigInt(Date.now()) * 1000n + BigInt(count) * (UNIT_US[unit] ?? 0n);
  const instant = parseInstant(text);
  if (!(instant instanceof Malformed)) return instant;
  throw new InvalidArgumentError(
    `It ${instant.problem}, or a duration in days, hours or minutes such as 90d, 12h or 30m.`,
  );
}

export function parseCount(text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Use a whole number.');
}
