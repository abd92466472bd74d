/** I6: balances are within limits, and closed accounts are empty and stay closed. */
import { sql } from 'kysely';
import type { Check } from './chain-invariant.ts';

/** The lowest and the highest balance that the open holds can lead to, on the account's normal side. */
const lowest = sql`
  a.side * e.posted_after - case a.side when 1 then e.pending_debits_after else e.pending_credits_after end`;
const highest = sql`
  a.side * e.posted_after + case a.side when 1 then e.pending_credits_after else e.pending_debits_after end`;

/**
 * Checks an account's balances against its limits, after each transaction since the limits were set. The audit log records that
 * version of the account.
 */
export const balancesAreWithinLimits: Check = sql`
  with present as materialized (
    select a.*,
      a.side * a.posted - case a.side when 1 then a.pending_debits else a.pending_credits end as lowest,
      a.side * a.posted + case a.side when 1 then a.pending_credits else a.pending_debits end as highest
    from accounts a),
  changes as materialized (
    select c.number, c.subject, c.ledger_id, c.after::jsonb ? 'minBalance' as of_minimum, c.after::jsonb ? 'maxBalance' as of_maximum,
      case when c.after::jsonb ->> 'version' ~ '^[0-9]{1,18}$' then (c.after::jsonb ->> 'version')::bigint end as version
    from audit_events c
    where c.subject_type = 'ACCOUNT' and (c.after::jsonb ? 'minBalance' or c.after::jsonb ? 'maxBalance')),
  limits as materialized (
    select c.subject, c.ledger_id, max(c.version) filter (where c.of_minimum) as minimum_since,
      max(c.version) filter (where c.of_maximum) as maximum_since
    from changes c
    group by c.subject, c.ledger_id),
  outside as materialized (
    select e.account_id, e.ledger_id, e.version, e.transaction_id, ${lowest} as lowest, ${highest} as highest,
      a.min_balance, a.max_balance
    from entries e join accounts a on a.id = e.account_id and a.ledger_id = e.ledger_id
    left join limits l on l.subject = a.id::text and l.ledger_id = a.ledger_id
    where e.version > coalesce(l.minimum_since, 0) and ${lowest} < a.min_balance
      or e.version > coalesce(l.maximum_since, 0) and ${highest} > a.max_balance)

  select format('Account %s has a balance of %s, and %s to %s with its open holds, outside its limits %s to %s.', a.id,
    a.side * a.posted, a.lowest, a.highest, coalesce(a.min_balance::text, 'none'), coalesce(a.max_balance::text, 'none')
    ) as violation
  from present a
  where a.lowest < a.min_balance or a.highest > a.max_balance

  union all
  select format('Transaction %s left account %s at version %s with %s to %s, outside its limits %s to %s.',
    o.transaction_id, o.account_id, o.version, o.lowest, o.highest, coalesce(o.min_balance::text, 'none'),
    coalesce(o.max_balance::text, 'none'))
  from outside o
  left join entries n on n.account_id = o.account_id and n.ledger_id = o.ledger_id and n.version = o.version + 1
  where n.transaction_id is distinct from o.transaction_id

  union all
  select format('Account %s is closed but not empty: posted %s, pending debits %s, pending credits %s.', a.id, a.posted,
    a.pending_debits, a.pending_credits)
  from accounts a
  where a.status = 'CLOSED' and (a.posted <> 0 or a.pending_debits <> 0 or a.pending_credits <> 0)

  union all
  select format('Audit event %s of ledger %s sets limits of account %s at version %s, but the account is at version %s.', c.number,
    c.ledger_id, c.subject, coalesce(c.version::text, 'none'), coalesce(a.version::text, 'none'))
  from (select c.*, lag(c.version) over (partition by c.subject, c.ledger_id order by c.number) as before from changes c) c
  left join accounts a on a.id::text = c.subject and a.ledger_id = c.ledger_id
  where (c.version between coalesce(c.before, 0) and a.version) is not true

  union all
  select format('External account %s is %s and has the limits %s to %s. It must be open and have none.', a.id, a.status,
    coalesce(a.min_balance::text, 'none'), coalesce(a.max_balance::text, 'none'))
  from accounts a
  where a.kind = 'EXTERNAL' and (a.status <> 'OPEN' or a.min_balance is not null or a.max_balance is not null)

  -- Closing is final. Recorded outcomes show that an account was closed.
  union all
  select format('Account %s is %s, but transaction %s was declined because it was closed.', a.id, a.status, t.id)
  from transactions t join accounts a on a.id::text = t.facts ->> 'account' and a.ledger_id = t.ledger_id
  where t.outcome = 'ACCOUNT_CLOSED' and a.status <> 'CLOSED'

  union all
  select format('Account %s moved at version %s, after transaction %s was declined because it was closed.', e.account_id,
    e.version, t.id)
  from transactions t
  join accounts a on a.id::text = t.facts ->> 'account' and a.ledger_id = t.ledger_id
  join entries e on e.account_id = a.id and e.ledger_id = a.ledger_id
  where t.outcome = 'ACCOUNT_CLOSED' and e.created_at >= t.created_at`;
