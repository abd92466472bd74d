/**
 * The invariants' check: what is true of the books at every moment, whoever wrote them. Each invariant is one query that
 * answers with sentences, none where it holds; `select` is all that it needs, so that the service's own login runs it.
 *
 * The triggers refuse most of what is looked for here. They let pass, and only this check finds: a false sum between the
 * first and the last entry of an account in one block (I2), an edited hold (I2), a limit broken and mended inside one block
 * (I6), a transaction that is reversed twice (I7), a false digest or root (I9). The rest is what the tables' owner, a restore or a broken disk can do. I5 (acknowledged
 * answers are found again) and I8 (nothing leaks) do not show in the tables.
 */
import { sql } from 'kysely';
import type { Database } from '../postgres/database.ts';
import { auditChainHolds } from './audit-invariant.ts';
import { type Check, chainHolds } from './chain-invariant.ts';

export interface InvariantReport {
  readonly name: 'I1' | 'I2' | 'I3' | 'I4' | 'I6' | 'I7' | 'I9';
  /** What the invariant says, in one sentence. */
  readonly rule: string;
  /** The first 20 breaches, each a sentence that names its rows; empty where the invariant holds. */
  readonly violations: readonly string[];
}

/**
 * Checks all ledgers of the database in one snapshot, without a lock. Every table is read whole: a million entries take
 * some 20 seconds and a gigabyte of temporary space, and the database's `statementDeadlineMs` must leave room for that.
 */
export function checkInvariants(db: Database): Promise<InvariantReport[]> {
  const snapshot = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return snapshot.execute(async (trx) => {
    // Tables are read whole and joined by all of a key's columns: by hashing, whatever the statistics say. A merge could go
    // by ledger_id alone, which all rows may have in common.
    await sql`
      select set_config('statement_timeout', '0', true), set_config('work_mem', '64MB', true),
        set_config('enable_nestloop', 'off', true), set_config('enable_mergejoin', 'off', true),
        set_config('jit', 'off', true)`.execute(trx);
    const reports: InvariantReport[] = [];
    for (const { name, rule, check } of INVARIANTS) {
      const { rows } = await sql<{ violation: string }>`
        select violation from (${check}) as breaches limit 20`.execute(trx);
      reports.push({ name, rule, violations: rows.map(({ violation }) => violation) });
    }
    return reports;
  });
}

const currenciesExist: Check = sql`
  select format('Account %s is in %s, which ledger %s does not have.', a.id, a.currency, a.ledger_id) as violation
  from accounts a
  left join iso_currencies i on i.code = a.currency
  left join currencies c on c.code = a.currency and c.ledger_id = a.ledger_id
  where i.code is null and c.code is null

  union all
  select format('Currency %s of ledger %s is one of ISO 4217, which cannot be registered.', c.code, c.ledger_id)
  from currencies c join iso_currencies i on i.code = c.code`;

const layersSumToZero: Check = sql`
  select format('The %s entries in %s of ledger %s sum to %s.', e.layer, e.currency, e.ledger_id, sum(e.amount)) as violation
  from entries e
  group by e.ledger_id, e.currency, e.layer
  having sum(e.amount) <> 0

  union all
  ${currenciesExist}`;

/** How much an entry adds to its account's open holds. A RELEASE takes away what a PENDING entry of the other side added. */
const pendingDebits = sql`
  case when e.layer = 'PENDING' and e.amount < 0 or e.layer = 'RELEASE' and e.amount > 0 then -e.amount else 0 end`;
const pendingCredits = sql`
  case when e.layer = 'PENDING' and e.amount > 0 or e.layer = 'RELEASE' and e.amount < 0 then e.amount else 0 end`;
const posted = sql`case when e.layer = 'POSTED' then e.amount else 0 end`;
const debits = sql`case when e.layer = 'POSTED' and e.amount < 0 then -e.amount else 0 end`;

/** Four sums as a reader compares them. */
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

const accountsAgreeWithEntries: Check = sql`
  with moved as materialized (
    select e.account_id, e.ledger_id, max(e.version) as version, sum(${posted}) as posted, sum(${debits}) as debits,
      sum(${pendingDebits}) as pending_debits, sum(${pendingCredits}) as pending_credits
    from entries e
    group by e.account_id, e.ledger_id),
  -- Each entry is compared with the one before it, so that a false sum shows where it stands.
  steps as (
    select e.*,
      lag(e.posted_after, 1, 0::numeric) over history + ${posted} as posted,
      lag(e.total_debits_after, 1, 0::numeric) over history + ${debits} as debits,
      lag(e.pending_debits_after, 1, 0::numeric) over history + ${pendingDebits} as pending_debits,
      lag(e.pending_credits_after, 1, 0::numeric) over history + ${pendingCredits} as pending_credits
    from entries e
    window history as (partition by e.account_id, e.ledger_id order by e.version)),
  -- What the journal tells of each hold: its transaction gave it its id, and the captures and releases name it.
  told as materialized (
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
  told_states as materialized (
    select t.id, t.ledger_id,
      format('%s %s from %s to %s at %s, captured %s, %s',
        t.amount, t.currency, t.from_account, t.to_account, t.created_at, coalesce(t.captured, 0),
        case when t.remaining <> 0 then 'OPEN' when t.voided then 'VOIDED' when t.expired then 'EXPIRED' else 'CAPTURED' end
      ) as state
    from told t)

  select format('Account %s of ledger %s has entries and does not exist.', m.account_id, m.ledger_id) as violation
  from moved m left join accounts a on a.id = m.account_id and a.ledger_id = m.ledger_id
  where a.id is null

  union all
  select format('Account %s says %s, and its entries sum to %s.', a.id, ${accountSums},
    ${sums('m.posted', 'm.debits', 'm.pending_debits', 'm.pending_credits')})
  from accounts a left join moved m on m.account_id = a.id and m.ledger_id = a.ledger_id
  where (a.posted, a.total_debits, a.pending_debits, a.pending_credits) is distinct from
    (coalesce(m.posted, 0), coalesce(m.debits, 0), coalesce(m.pending_debits, 0), coalesce(m.pending_credits, 0))

  union all
  select format('Account %s says %s, and its last entry %s says %s.', a.id, ${accountSums}, s.version, ${entrySums})
  from accounts a
  join moved m on m.account_id = a.id and m.ledger_id = a.ledger_id
  join entries s on s.account_id = m.account_id and s.ledger_id = m.ledger_id and s.version = m.version
  where (a.posted, a.total_debits, a.pending_debits, a.pending_credits) is distinct from
    (s.posted_after, s.total_debits_after, s.pending_debits_after, s.pending_credits_after)

  union all
  select format('Entry %s of account %s says %s, and the entry before it leads to %s.', s.version, s.account_id,
    ${entrySums}, ${stepSums})
  from steps s
  where (s.posted_after, s.total_debits_after, s.pending_debits_after, s.pending_credits_after) is distinct from
    (s.posted, s.debits, s.pending_debits, s.pending_credits)

  union all
  select format('Entry %s of account %s is in %s, and the account in %s.', e.version, e.account_id, e.currency, a.currency)
  from entries e join accounts a on a.id = e.account_id and a.ledger_id = e.ledger_id
  where e.currency <> a.currency

  union all
  select format('Hold %s says %s, and the journal tells %s.', coalesce(t.id, h.id), coalesce(h.state, 'nothing'),
    coalesce(t.state, 'nothing'))
  from hold_states h full join told_states t on t.id = h.id and t.ledger_id = h.ledger_id
  where h.state is distinct from t.state`;

const versionsHaveNoGap: Check = sql`
  with counted as materialized (
    select e.account_id, e.ledger_id, count(*) as entries, min(e.version) as first, max(e.version) as last
    from entries e
    group by e.account_id, e.ledger_id)

  select format('Account %s is at version %s, and has %s entries with the versions %s to %s.',
    a.id, a.version, coalesce(c.entries, 0), c.first, c.last) as violation
  from accounts a left join counted c on c.account_id = a.id and c.ledger_id = a.ledger_id
  where (a.version, a.version, least(a.version, 1)) is distinct from
    (coalesce(c.entries, 0), coalesce(c.last, 0), coalesce(c.first, 0))

  union all
  select format('Entry %s of account %s was recorded at %s, before the one that it follows (%s).', s.version, s.account_id,
    s.created_at, s.before)
  from (
    select e.*, lag(e.created_at) over (partition by e.account_id, e.ledger_id order by e.version) as before
    from entries e) s
  where s.created_at < s.before

  union all
  select format('Account %s has an entry of %s, after the last_at %s that it says.', a.id, e.created_at, a.last_at)
  from accounts a join entries e on e.account_id = a.id and e.ledger_id = a.ledger_id and e.version = a.version
  where e.created_at > a.last_at`;

const keysHaveOneEffect: Check = sql`
  select format('The key %s of account %s has %s outcomes.', to_json(t.idempotency_key), t.account_id, count(*)) as violation
  from transactions t
  where t.idempotency_key is not null
  group by t.account_id, t.idempotency_key, t.ledger_id
  having count(*) > 1

  union all
  select format('The externalId %s of ledger %s has %s posted transactions.', to_json(t.external_id), t.ledger_id, count(*))
  from transactions t
  where t.external_id is not null and t.outcome = 'POSTED'
  group by t.external_id, t.ledger_id
  having count(*) > 1

  union all
  select format('The key %s of %s has %s audit events.', to_json(e.idempotency_key), e.subject, count(*))
  from audit_events e
  where e.idempotency_key is not null
  group by e.subject, e.idempotency_key, e.ledger_id
  having count(*) > 1

  union all
  select format('Transaction %s is under a key of account %s, which ledger %s does not have.', t.id, t.account_id, t.ledger_id)
  from transactions t left join accounts a on a.id = t.account_id and a.ledger_id = t.ledger_id
  where a.id is null

  union all
  select format('Transaction %s is a %s without a key; only an expiry has none.', t.id, t.type)
  from transactions t
  where t.idempotency_key is null and t.type <> 'RELEASE'`;

/** What an account can come to by its open holds: the lowest and the highest, on its normal side. */
const lowest = sql`
  a.side * e.posted_after - case a.side when 1 then e.pending_debits_after else e.pending_credits_after end`;
const highest = sql`
  a.side * e.posted_after + case a.side when 1 then e.pending_credits_after else e.pending_debits_after end`;

/**
 * What an account did since its limits were set, by the audit log, is checked against them, in the state that each whole
 * transaction left.
 */
const balancesAreWithinLimits: Check = sql`
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

  select format('Account %s stands at %s, or at %s to %s by its open holds, outside of its limits %s to %s.', a.id,
    a.side * a.posted, a.lowest, a.highest, coalesce(a.min_balance::text, 'none'), coalesce(a.max_balance::text, 'none')
    ) as violation
  from present a
  where a.lowest < a.min_balance or a.highest > a.max_balance

  union all
  select format('Transaction %s left account %s at version %s with %s to %s, outside of its limits %s to %s.',
    o.transaction_id, o.account_id, o.version, o.lowest, o.highest, coalesce(o.min_balance::text, 'none'),
    coalesce(o.max_balance::text, 'none'))
  from outside o
  left join entries n on n.account_id = o.account_id and n.ledger_id = o.ledger_id and n.version = o.version + 1
  where n.transaction_id is distinct from o.transaction_id

  union all
  select format('Account %s is closed and not empty: posted %s, pending debits %s, pending credits %s.', a.id, a.posted,
    a.pending_debits, a.pending_credits)
  from accounts a
  where a.status = 'CLOSED' and (a.posted <> 0 or a.pending_debits <> 0 or a.pending_credits <> 0)

  union all
  select format('Audit event %s of ledger %s sets limits of account %s at version %s, and the account is at %s.', c.number,
    c.ledger_id, c.subject, coalesce(c.version::text, 'none'), coalesce(a.version::text, 'none'))
  from (select c.*, lag(c.version) over (partition by c.subject, c.ledger_id order by c.number) as before from changes c) c
  left join accounts a on a.id::text = c.subject and a.ledger_id = c.ledger_id
  where (c.version between coalesce(c.before, 0) and a.version) is not true

  union all
  select format('External account %s is %s and has the limits %s to %s; it is always open and has none.', a.id, a.status,
    coalesce(a.min_balance::text, 'none'), coalesce(a.max_balance::text, 'none'))
  from accounts a
  where a.kind = 'EXTERNAL' and (a.status <> 'OPEN' or a.min_balance is not null or a.max_balance is not null)

  -- Closing is final, and answers that were given tell of it.
  union all
  select format('Account %s is %s, and transaction %s was declined because it was closed.', a.id, a.status, t.id)
  from transactions t join accounts a on a.id::text = t.facts ->> 'account' and a.ledger_id = t.ledger_id
  where t.outcome = 'ACCOUNT_CLOSED' and a.status <> 'CLOSED'

  union all
  select format('Account %s moved at version %s, after transaction %s was declined because it was closed.', e.account_id,
    e.version, t.id)
  from transactions t
  join accounts a on a.id::text = t.facts ->> 'account' and a.ledger_id = t.ledger_id
  join entries e on e.account_id = a.id and e.ledger_id = a.ledger_id
  where t.outcome = 'ACCOUNT_CLOSED' and e.created_at >= t.created_at`;

const movesAreOfTheirTypes: Check = sql`
  select format('Transaction %s is a %s, and has a %s entry on account %s (%s).', e.transaction_id, e.type, e.layer, a.id,
    concat_ws(', ', a.kind, case a.side when 1 then 'CREDIT' else 'DEBIT' end)) as violation
  from entries e join accounts a on a.id = e.account_id and a.ledger_id = e.ledger_id
  where case e.type
    when 'CAPTURE' then e.layer = 'PENDING'
    when 'HOLD' then e.layer <> 'PENDING'
    when 'RELEASE' then e.layer <> 'RELEASE'
    else e.layer <> 'POSTED' end
  -- Deposits come from the external account, withdrawals go to it, and it takes part in no hold.
  or a.kind = 'EXTERNAL' and e.layer <> 'POSTED'
  or e.type in ('DEPOSIT', 'WITHDRAWAL')
    and case a.kind when 'EXTERNAL' then (e.amount < 0) <> (e.type = 'DEPOSIT')
      else (e.amount > 0) <> (e.type = 'DEPOSIT') or a.side <> 1 end

  union all
  select format('Transaction %s is a %s of %s entries.', t.id, t.type, t.entry_count)
  from transactions t
  where t.outcome = 'POSTED' and t.type in ('DEPOSIT', 'WITHDRAWAL', 'TRANSFER', 'HOLD', 'RELEASE') and t.entry_count <> 2`;

/**
 * Captures and releases move the accounts of their hold in its direction. What a hold still holds is its amount without what was
 * captured, as long as it has not ended.
 */
const holdsEndAsTheyWerePlaced: Check = sql`
  with placed as materialized (
    select t.id, t.ledger_id, max(e.account_id::text) filter (where e.amount < 0) as from_account,
      max(e.account_id::text) filter (where e.amount > 0) as to_account,
      sum(e.amount) filter (where e.amount > 0) as amount
    from transactions t join entries e on e.transaction_id = t.id and e.ledger_id = t.ledger_id
    where t.type = 'HOLD' and t.outcome = 'POSTED'
    group by t.id, t.ledger_id),
  moved as materialized (
    select t.id, t.ledger_id, t.hold_id, t.type, e.line, e.layer, e.account_id::text as account, e.amount
    from transactions t join entries e on e.transaction_id = t.id and e.ledger_id = t.ledger_id
    where t.type in ('CAPTURE', 'RELEASE') and t.outcome = 'POSTED')

  select format('Transaction %s is a %s of hold %s, and its line %s moves account %s.', m.id, m.type,
    m.hold_id, m.line, m.account) as violation
  from moved m join placed p on p.id = m.hold_id and p.ledger_id = m.ledger_id
  where m.account is distinct from case (m.amount < 0) = (m.layer = 'POSTED') when true then p.from_account else p.to_account end

  union all
  select format('Hold %s of %s released %s and captured %s.', p.id, p.amount, sum(m.amount) filter (where m.layer = 'RELEASE'),
    coalesce(sum(m.amount) filter (where m.layer = 'POSTED'), 0))
  from placed p join moved m on m.hold_id = p.id and m.ledger_id = p.ledger_id and m.amount > 0
  group by p.id, p.ledger_id, p.amount
  having sum(m.amount) filter (where m.layer = 'RELEASE') is distinct from p.amount
    and sum(m.amount) filter (where m.layer = 'RELEASE') is distinct from sum(m.amount) filter (where m.layer = 'POSTED')
    or coalesce(sum(m.amount) filter (where m.layer = 'POSTED'), 0) > p.amount`;

/** Each line of a reversal swaps the sides of the original's line in its place: in part where there are two, else whole. */
const reversalsFitTheirOriginals: Check = sql`
  with reversals as materialized (
    select t.id, t.ledger_id, t.type, t.reverses, t.entry_count
    from transactions t
    where t.outcome = 'POSTED' and (t.type = 'REVERSAL' or t.reverses is not null)),
  originals as materialized (
    select t.id, t.ledger_id, t.type, e.account_id, e.currency, e.amount,
      row_number() over (partition by t.id, t.ledger_id order by e.line) as place,
      count(*) over (partition by t.id, t.ledger_id) as places
    from (select distinct r.reverses, r.ledger_id from reversals r) r
    join transactions t on t.id = r.reverses and t.ledger_id = r.ledger_id
    join entries e on e.transaction_id = t.id and e.ledger_id = t.ledger_id and e.layer = 'POSTED'),
  lines as materialized (
    select r.id, r.ledger_id, r.reverses, r.entry_count, e.line as place, e.account_id, e.currency, e.amount
    from reversals r join entries e on e.transaction_id = r.id and e.ledger_id = r.ledger_id)

  select format('Transaction %s is a %s that reverses %s.', r.id, r.type, coalesce(r.reverses::text, 'nothing')) as violation
  from reversals r
  where r.type <> 'REVERSAL' or r.reverses is null

  union all
  select format('Transaction %s does not reverse line %s of %s.', l.id, l.place, l.reverses)
  from lines l
  left join originals o on o.id = l.reverses and o.ledger_id = l.ledger_id and o.place = l.place
  where (o.account_id, o.currency, o.places) is distinct from (l.account_id, l.currency, l.entry_count::bigint)
    or o.type = 'REVERSAL' or sign(l.amount) = sign(o.amount) or (o.places > 2 and l.amount <> -o.amount)

  union all
  select format('Line %s of transaction %s moved %s, and its reversals %s.', o.place, o.id, o.amount, sum(l.amount))
  from originals o join lines l on l.reverses = o.id and l.ledger_id = o.ledger_id and l.place = o.place
  group by o.id, o.ledger_id, o.place, o.amount
  having abs(sum(l.amount)) > abs(o.amount)`;

const transactionsAreWhole: Check = sql`
  with moved as materialized (
    select e.transaction_id, e.ledger_id, count(*) as lines, min(e.line) as first_line, max(e.line) as last_line,
      min(e.type) as lowest_type, max(e.type) as highest_type,
      min(e.created_at) as earliest, max(e.created_at) as latest,
      count(e.effective_at) as displaced, min(e.effective_at) as displaced_from, max(e.effective_at) as displaced_to
    from entries e
    group by e.transaction_id, e.ledger_id),
  compared as materialized (
    select coalesce(t.id, m.transaction_id) as id, t.id is null as missing, t.outcome, t.type, t.entry_count, t.created_at,
      t.effective_at, coalesce(m.lines, 0) as lines, m.first_line, m.last_line, m.lowest_type, m.highest_type, m.earliest,
      m.latest, m.displaced, m.displaced_from, m.displaced_to
    from transactions t full join moved m on m.transaction_id = t.id and m.ledger_id = t.ledger_id)

  select format('Transaction %s: its %s entries in %s sum to %s.', e.transaction_id, e.layer, e.currency, sum(e.amount))
    as violation
  from entries e
  group by e.transaction_id, e.ledger_id, e.currency, e.layer
  having sum(e.amount) <> 0

  union all
  select format('Transaction %s does not exist, and has %s entries.', c.id, c.lines)
  from compared c
  where c.missing

  union all
  select format('Transaction %s (%s) says that it has %s entries, and has %s, with the lines %s to %s.', c.id, c.outcome,
    c.entry_count, c.lines, c.first_line, c.last_line)
  from compared c
  where (c.entry_count, c.lines) is distinct from (c.lines, coalesce(c.last_line, 0)) or c.first_line <> 1
    or (c.outcome = 'POSTED') <> (c.lines > 0)

  union all
  select format('Transaction %s is a %s of %s, effective at %s, and its entries are %s of %s, effective at %s.', c.id, c.type,
    c.created_at, coalesce(c.effective_at, c.created_at),
    concat_ws(' and ', c.lowest_type, nullif(c.highest_type, c.lowest_type)),
    concat_ws(' to ', c.earliest, nullif(c.latest, c.earliest)),
    concat_ws(' to ', coalesce(c.displaced_from, c.earliest), nullif(c.displaced_to, c.displaced_from)))
  from compared c
  where c.lines > 0 and (c.lowest_type <> c.type or c.highest_type <> c.type
    or c.earliest <> c.created_at or c.latest <> c.created_at
    -- It stands with the entries only where it differs from createdAt.
    or c.displaced <> case when c.effective_at <> c.created_at then c.lines else 0 end
    or c.displaced_from <> c.effective_at or c.displaced_to <> c.effective_at)

  union all
  ${movesAreOfTheirTypes}

  union all
  (${holdsEndAsTheyWerePlaced})

  union all
  (${reversalsFitTheirOriginals})`;

const INVARIANTS: readonly (Omit<InvariantReport, 'violations'> & { readonly check: Check })[] = [
  {
    name: 'I1',
    rule: 'Entries sum to zero per ledger, currency and layer, and every currency exists.',
    check: layersSumToZero,
  },
  {
    name: 'I2',
    rule: 'An account has what its entries sum to, each entry says so, and its open holds are those of the journal.',
    check: accountsAgreeWithEntries,
  },
  {
    name: 'I3',
    rule: 'The versions of an account are 1, 2, 3 … without a gap, in the order of time.',
    check: versionsHaveNoGap,
  },
  {
    name: 'I4',
    rule: 'A key has at most one effect, and an externalId at most one posted transaction.',
    check: keysHaveOneEffect,
  },
  {
    name: 'I6',
    rule: 'No balance is outside of its limits, and a closed account is empty and stays closed.',
    check: balancesAreWithinLimits,
  },
  {
    name: 'I7',
    rule: 'Each transaction nets to zero per currency and layer, has all its entries and no other, and moves what its type may.',
    check: transactionsAreWhole,
  },
  {
    name: 'I9',
    rule:
      'Every digest, root and block hash holds, and every transaction is in one block; every audit event’s hash holds; blocks and ' +
      'audit events are numbered without a gap.',
    check: sql`(${chainHolds}) union all (${auditChainHolds})`,
  },
];
