// What the filters of several lists have. Reading a filter gives equal ones one form, so that cursors know them again.

import type { TimeRange } from '../core/filters.ts';
import type { TransactionType } from '../core/transaction.ts';
import type { Instant } from '../core/values/instant.ts';
import { Malformed, type Metadata } from '../core/values/text.ts';
import { builder } from './builder.ts';
import { invalidInput } from './node.ts';

type Given<T> = T | null | undefined;

export const TimeRangeInput = builder.inputType('TimeRange', {
  description: 'A stretch of time. What is absent does not bound it.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'Where it begins: this instant is in it.' }),
    to: t.field({ type: 'DateTime', description: 'Where it ends: this instant is not in it any more.' }),
  }),
});

/** The range in the argument of that path; undefined where it has no bounds. A malformed instant is INVALID_INPUT. */
export function readTimeRange(
  path: string,
  range: Given<{ readonly from?: Given<Instant | Malformed>; readonly to?: Given<Instant | Malformed> }>,
): TimeRange | undefined {
  const from = readScalar(`${path}.from`, range?.from);
  const to = readScalar(`${path}.to`, range?.to);
  return from === undefined && to === undefined ? undefined : present({ from, to });
}

/** The metadata in the argument of that path, keys in order; undefined where nothing is asked of it. */
export function readMetadata(path: string, metadata: Given<Metadata | Malformed>): Metadata | undefined {
  const pairs = Object.entries(readScalar(path, metadata) ?? {});
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Types in order, each once. */
export function readTypes(types: Given<readonly TransactionType[]>): TransactionType[] | undefined {
  return types == null ? undefined : [...new Set(types)].sort();
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], null | undefined> };

/** The object without what is null or undefined. */
export function present<T extends object>(object: T): Present<T> {
  const fields = Object.entries(object).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(fields) as Present<T>;
}

function readScalar<T>(path: string, value: Given<T | Malformed>): T | undefined {
  if (value instanceof Malformed) throw invalidInput(`${path} ${value.problem}.`);
  return value ?? undefined;
}
