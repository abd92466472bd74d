/** I1 to I3: entries sum to zero, accounts agree with their entries, versions have no gap. */
import { sql } from 'kysely';
import type { Check } from './chain-invariant.ts';

const currenciesExist: Check = sql`
  select format('Account %s is in %s, which ledger %s does not have.', a.id, a.currency, a.ledger_id) as violation
  from accounts a
  left join iso_currencies i on i.code = a.currency
  left join currencies c on c.code = a.currency and c.ledger_id = a.ledger_id
  where i.code is null and c.code is null

  union all
  select format('Currency %s of ledger %s is one of ISO 4217, which cannot be registered.', c.code, c.ledger_id)
  from currencies c join iso_currencies i on i.code = c.code`;

export const layersSumToZero: Check = sql`
  select format('The %s entries in %s of ledger %s sum to %s.', e.layer, e.currency, e.ledger_id, sum(e.amount)) as violation
  from entries e
  group by e.ledger_id, e.currency, e.layer
  having sum(e.amount) <> 0

  union all
  ${currenciesExist}`;

/** The change that an entry makes to its account's sums. A RELEASE entry ends a PENDING entry of the other side. */
const pendingDebits = sql`
  case when e.layer = 'PENDING' and e.amount < 0 or e.layer = 'RELEASE' and e.amount > 0 then -e.amount else 0 end`;
const pendingCredits = sql`
  case when e.layer = 'PENDING' and e.amount > 0 or e.layer = 'RELEASE' and e.amount < 0 then e.amount else 0 end`;
const posted = sql`case when e.layer = 'POSTED' then e.amount else 0 end`;
const debits = sql`case when e.layer = 'POSTED' and e.amount < 0 then -e.amount else 0 end`;

/** The text of four sums, for comparison by a reader. */
const sums = (...[of, debit, pendingDebit, pendingCredit]: readonly [string, string, string, string]) => sql`
  format('posted %s, debits %s, pending debits %s, pending credits %s',
    ${sql.ref(of)}, ${sql.ref(debit)}, ${sql.ref(pendingDebit)}, ${sql.ref(pendingCredit)})`;
const accountSums = sums('a.posted', 'a.total_debits', 'a.pending_debits', 'a.pending_credits');
const entrySums = sums(
  's.posted_after',
  's.total_debits_after',
  's.pending_debits_after',
  's.pending_credits_after',
);
const stepSums = sums('s.posted', 's.debits', 's.pending_debits', 's.pending_credits');

export const accountsAgreeWithEntries: Check = sql`
  with moved as materialized (
    select e.account_id, e.ledger_id, max(e.version) as version, sum(${posted}) as posted, sum(${debits}) as debits,
      sum(${pendingDebits}) as pending_debits, sum(${pendingCredits}) as pending_credits
    from entries e
    group by e.account_id, e.ledger_id),
  -- Each entry is compared with the one before it, so that a false sum is reported where it occurs.
  steps as (
    select e.*,
      lag(e.posted_after, 1, 0::numeric) over history + ${posted} as posted,
      lag(e.total_debits_after, 1, 0::numeric) over history + ${debits} as debits,
      lag(e.pending_debits_after, 1, 0::numeric) over history + ${pendingDebits} as pending_debits,
      lag(e.pending_credits_after, 1, 0::numeric) over history + ${pendingCredits} as pending_credits
    from entries e
    window history as (partition by e.account_id, e.ledger_id order by e.version)),
  -- The state of each hold by the journal. A hold has the id of its transaction; captures and releases name it.
  journal_holds as materialized (
    select case t.type when 'HOLD' then t.id else t.hold_id end as id, t.ledger_id,
      sum(-e.amount) filter (where t.type = 'HOLD' and e.amount < 0) as amount,
      sum(-e.amount) filter (where t.type = 'CAPTURE' and e.layer = 'POSTED' and e.amount < 0) as captured,
      sum(${pendingDebits}) as remaining,
      bool_or(t.type = 'RELEASE' and t.idempotency_key is not null) as voided,
      bool_or(t.type = 'RELEASE' and t.idempotency_key is null) as expired,
      max(e.account_id::text) filter (where t.type = 'HOLD' and e.amount < 0) as from_account,
      max(e.account_id::text) filter (where t.type = 'HOLD' and e.amount > 0) as to_account,
      max(e.currency) as currency,
      max(t.created_at) filter (where t.type = 'HOLD') as created_at
    from transactions t join entries e on e.transaction_id = t.id and e.ledger_id = t.ledger_id
    where t.type in ('HOLD', 'CAPTURE', 'RELEASE')
    group by 1, 2),
  hold_states as materialized (
    select h.id, h.ledger_id,
      format('%s %s from %s to %s at %s, captured %s, %s',
        h.amount, h.currency, h.from_account_id, h.to_account_id, h.created_at, h.captured, h.status) as state
    from holds h),
  journal_states as materialized (
    select t.id, t.ledger_id,
      format('%s %s from %s to %s at %s, captured %s, %s',
        t.amount, t.currency, t.from_account, t.to_account, t.created_at, coalesce(t.captured, 0),
        case when t.remaining <> 0 then 'OPEN' when t.voided then 'VOIDED' when t.expired then 'EXPIRED' else 'CAPTURED' end
      ) as state
    from journal_holds t)

  select format('Account %s of ledger %s has entries but does not exist.', m.account_id, m.ledger_id) as violation
  from moved m left join accounts a on a.id = m.account_id and a.ledger_id = m.ledger_id
  where a.id is null

  union all
  select format('Account %s has %s, but its entries sum to %s.', a.id, ${accountSums},
    ${sums('m.posted', 'm.debits', 'm.pending_debits', 'm.pending_credits')})
  from accounts a left join moved m on m.account_id = a.id and m.ledger_id = a.ledger_id
  where (a.posted, a.total_debits, a.pending_debits, a.pending_credits) is distinct from
    (coalesce(m.posted, 0), coalesce(m.debits, 0), coalesce(m.pending_debits, 0), coalesce(m.pending_credits, 0))

  union all
  select format('Account %s has %s, but its last entry %s has %s.', a.id, ${accountSums}, s.version, ${entrySums})
  from accounts a
  join moved m on m.account_id = a.id and m.ledger_id = a.ledger_id
  join entries s on s.account_id = m.account_id and s.ledger_id = m.ledger_id and s.version = m.version
  where (a.posted, a.total_debits, a.pending_debits, a.pending_credits) is distinct from
    (s.posted_after, s.total_debits_after, s.pending_debits_after, s.pending_credits_after)

  union all
  select format('Entry %s of account %s has %s, but the entry before it leads to %s.', s.version, s.account_id,
    ${entrySums}, ${stepSums})
  from steps s
  where (s.posted_after, s.total_debits_after, s.pending_debits_after, s.pending_credits_after) is distinct from
    (s.posted, s.debits, s.pending_debits, s.pending_credits)

  union all
  select format('Entry %s of account %s is in %s, but the account is in %s.', e.version, e.account_id, e.currency, a.currency)
  from entries e join accounts a on a.id = e.account_id and a.ledger_id = e.ledger_id
  where e.currency <> a.currency

  union all
  select format('Hold %s is %s, but by the journal it is %s.', coalesce(t.id, h.id), coalesce(h.state, 'missing'),
    coalesce(t.state, 'missing'))
  from hold_states h full join journal_states t on t.id = h.id and t.ledger_id = h.ledger_id
  where h.state is distinct from t.state`;

export const versionsHaveNoGap: Check = sql`
  with counted as materialized (
    select e.account_id, e.ledger_id, count(*) as entries, min(e.version) as first, max(e.version) as last
    from entries e
    group by e.account_id, e.ledger_id)

  select format('Account %s is at version %s, but has %s entries with the versions %s to %s.',
    a.id, a.version, coalesce(c.entries, 0), c.first, c.last) as violation
  from accounts a left join counted c on c.account_id = a.id and c.ledger_id = a.ledger_id
  where (a.version, a.version, least(a.version, 1)) is distinct from
    (coalesce(c.entries, 0), coalesce(c.last, 0), coalesce(c.first, 0))

  union all
  select format('Entry %s of account %s was created at %s, before the preceding entry (%s).', s.version, s.account_id,
    s.created_at, s.before)
  from (
    select e.*, lag(e.created_at) over (partition by e.account_id, e.ledger_id order by e.version) as before
    from entries e) s
  where s.created_at < s.before

  union all
  select format('Account %s has an entry of %s, which is after its last_at %s.', a.id, e.created_at, a.last_at)
  from accounts a join entries e on e.account_id = a.id and e.ledger_id = a.ledger_id and e.version = a.version
  where e.created_at > a.last_at`;
