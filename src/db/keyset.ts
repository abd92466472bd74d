import { type RawBuilder, type SqlBool, sql } from 'kysely';

/**
 * A range of a list that is ordered by a unique key, newest first. `after` and `before` are keys in the order of the list. If
 * `inverted`, the range is read from its end.
 */
export interface KeysetRange<Key> {
  readonly after?: Key | undefined;
  readonly before?: Key | undefined;
  readonly limit: number;
  readonly inverted: boolean;
}

/** Returns the same range of the reversed list. */
export function reversed<Key>({ after, before, limit, inverted }: KeysetRange<Key>): KeysetRange<Key> {
  return { after: before, before: after, limit, inverted: !inverted };
}

/** The rows of a range, in the order in which they were read. */
export interface Listed<Key, Row> {
  readonly rows: readonly Row[];
  /** The key at which reading stopped before the range was full and before the list ended; undefined if it did not. */
  readonly stoppedAt: Key | undefined;
}

/** Returns the condition that a key is in a range. */
export function withinRange<Key>(column: string, { after, before }: KeysetRange<Key>): RawBuilder<SqlBool> {
  const key = sql.ref(column);
  const older = after === undefined ? sql<SqlBool>`true` : sql<SqlBool>`${key} < ${after}`;
  const newer = before === undefined ? sql<SqlBool>`true` : sql<SqlBool>`${key} > ${before}`;
  return sql<SqlBool>`${older} and ${newer}`;
}

/**
 * Returns the condition on the ledger for a query of a range of ids. No index can serve it: on a table that was analyzed while
 * empty, the planner would prefer any index that contains ledger_id to the one in the order of the list.
 */
export function inLedger(ledgerId: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`(ledger_id = ${ledgerId}) is true`;
}

/** Returns the direction in which a query must order the keys. */
export function directionOf({ inverted }: Pick<KeysetRange<unknown>, 'inverted'>): 'asc' | 'desc' {
  return inverted ? 'asc' : 'desc';
}
