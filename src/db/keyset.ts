import { type RawBuilder, type SqlBool, sql } from 'kysely';

/**
 * A part of a list that is ordered by a unique key, newest first. `after` and `before` are places in the list, whichever of
 * its ends it is read from; where `inverted`, it is read from its end.
 */
export interface KeysetRange<Key> {
  readonly after?: Key | undefined;
  readonly before?: Key | undefined;
  readonly limit: number;
  readonly inverted: boolean;
}

/** The same range of the list turned round: what comes first there comes last here. */
export function turnRound<Key>({ after, before, limit, inverted }: KeysetRange<Key>): KeysetRange<Key> {
  return { after: before, before: after, limit, inverted: !inverted };
}

/** What a range of a list has, in the direction in which it was read. */
export interface Listed<Key, Row> {
  readonly rows: readonly Row[];
  /** Where reading ended before the range was full and before the list did; undefined: it did not. */
  readonly stoppedAt: Key | undefined;
}

/** The condition that keeps a query inside the range of its key. */
export function withinRange<Key>(column: string, { after, before }: KeysetRange<Key>): RawBuilder<SqlBool> {
  const key = sql.ref(column);
  const older = after === undefined ? sql<SqlBool>`true` : sql<SqlBool>`${key} < ${after}`;
  const newer = before === undefined ? sql<SqlBool>`true` : sql<SqlBool>`${key} > ${before}`;
  return sql<SqlBool>`${older} and ${newer}`;
}

/**
 * The condition on the ledger beside a range of ids. It is written so that no index serves it: on a table that was analyzed
 * while empty, `ledger_id =` makes the planner prefer any key that has it to the one that is in the list's order.
 */
export function inLedger(ledgerId: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`(ledger_id = ${ledgerId}) is true`;
}

export function directionOf({ inverted }: Pick<KeysetRange<unknown>, 'inverted'>): 'asc' | 'desc' {
  return inverted ? 'asc' : 'desc';
}
