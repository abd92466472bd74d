import { type RawBuilder, type SqlBool, sql } from 'kysely';
import type { TimeRange } from '../../core/filters.ts';
import { firstIdAt, type Uuid } from '../../core/values/ids.ts';
import { formatInstant } from '../../core/values/instant.ts';
import type { KeysetRange } from '../keyset.ts';

type Condition = RawBuilder<unknown> | undefined;

/** Joins the conditions that are defined by AND. Without any, the result is true. */
export function and(...conditions: readonly Condition[]): RawBuilder<SqlBool> {
  const given = conditions.filter((condition) => condition !== undefined);
  return given.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`${sql.join(given, sql` and `)}`;
}

/** Returns the condition that an id is in a range of a list and was recorded in these times. */
export function idsWithin(
  id: RawBuilder<unknown>,
  { after, before }: KeysetRange<Uuid>,
  ...times: readonly (TimeRange | undefined)[]
): RawBuilder<SqlBool> {
  return and(
    after === undefined ? undefined : sql`${id} < ${after}::uuid`,
    before === undefined ? undefined : sql`${id} > ${before}::uuid`,
    ...times.flatMap(({ from, to }: TimeRange = {}) => [
      from === undefined ? undefined : sql`${id} >= ${firstIdAt(from)}::uuid`,
      to === undefined ? undefined : sql`${id} < ${firstIdAt(to)}::uuid`,
    ]),
  );
}

/** Returns the condition that an entry of an account, by its version, was recorded in these times. */
export function versionsWithin(
  version: RawBuilder<unknown>,
  account: AccountPlace,
  ...times: readonly (TimeRange | undefined)[]
): RawBuilder<SqlBool> {
  return and(
    ...times.flatMap(({ from, to }: TimeRange = {}) => [
      from === undefined ? undefined : sql`${version} >= ${firstVersion(account, '>=', firstIdAt(from))}`,
      to === undefined ? undefined : sql`${version} < ${firstVersion(account, '>=', firstIdAt(to))}`,
    ]),
  );
}

export interface AccountPlace {
  readonly accountId: Uuid;
  readonly ledgerId: Uuid;
}

/**
 * Returns a scalar subquery: the version of an account's first entry whose transaction id is at least, or greater than, an id. If
 * there is none, it is the account's next version. It bisects the versions, along which the transaction ids rise, and is evaluated
 * once.
 */
export function firstVersion(
  { accountId, ledgerId }: AccountPlace,
  operator: '>=' | '>',
  transactionId: Uuid,
): RawBuilder<bigint> {
  const entries = sql`entries e where e.account_id = ${accountId} and e.ledger_id = ${ledgerId}`;
  return sql<bigint>`(
    with recursive bisection (low, high) as (
      select 1::int8, coalesce((select e.version from ${entries} order by e.version desc limit 1), 0) + 1
      union all
      select case when m.is_found then b.low else m.version + 1 end, case when m.is_found then m.version else b.high end
      from bisection b cross join lateral (
        select e.version, e.transaction_id ${sql.raw(operator)} ${transactionId}::uuid as is_found
        from ${entries} and e.version = (b.low + b.high) / 2 offset 0) m
      where b.low < b.high)
    select max(low) from bisection)`;
}

/** Returns the condition that an instant is in a range. */
export function isWithin(
  instant: RawBuilder<unknown>,
  range: TimeRange | undefined,
): RawBuilder<SqlBool> | undefined {
  if (range === undefined) return undefined;
  const { from, to } = range;
  return and(
    from === undefined ? undefined : sql`${instant} >= ${formatInstant(from)}::timestamptz`,
    to === undefined ? undefined : sql`${instant} < ${formatInstant(to)}::timestamptz`,
  );
}
