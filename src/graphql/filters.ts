// Parts of the filters of several lists. Equal filters are read to equal values, because cursors contain a digest of the filter.

import type { TimeRange } from '../core/filters.ts';
import type { TransactionType } from '../core/transaction.ts';
import type { Instant } from '../core/values/instant.ts';
import { Malformed, type Metadata } from '../core/values/text.ts';
import { builder } from './builder.ts';
import { invalidInput } from './node.ts';

type Given<T> = T | null | undefined;

export const TimeRangeInput = builder.inputType('TimeRange', {
  description: 'A time range. An omitted bound leaves that side open.',
  fields: (t) => ({
    from: t.field({ type: 'DateTime', description: 'The start, inclusive.' }),
    to: t.field({ type: 'DateTime', description: 'The end, exclusive.' }),
  }),
});

/** Returns the range of an argument. Undefined: it has no bounds. Throws INVALID_INPUT for a malformed instant. */
export function readTimeRange(
  path: string,
  range: Given<{ readonly from?: Given<Instant | Malformed>; readonly to?: Given<Instant | Malformed> }>,
): TimeRange | undefined {
  const from = readScalar(`${path}.from`, range?.from);
  const to = readScalar(`${path}.to`, range?.to);
  return from === undefined && to === undefined ? undefined : present({ from, to });
}

/** Returns the metadata of an argument with sorted keys. Undefined: it is absent or empty. */
export function readMetadata(path: string, metadata: Given<Metadata | Malformed>): Metadata | undefined {
  const pairs = Object.entries(readScalar(path, metadata) ?? {});
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Returns the distinct types, sorted. */
export function readTypes(types: Given<readonly TransactionType[]>): TransactionType[] | undefined {
  return types == null ? undefined : [...new Set(types)].sort();
}

type Present<T> = { [Key in keyof T]?: Exclude<T[Key], null | undefined> };

/** Returns the object without fields that are null or undefined. */
export function present<T extends object>(object: T): Present<T> {
  const fields = Object.entries(object).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(fields) as Present<T>;
}

function readScalar<T>(path: string, value: Given<T | Malformed>): T | undefined {
  if (value instanceof Malformed) throw invalidInput(`${path} ${value.problem}.`);
  return value ?? undefined;
}
