/** I7: transactions are complete and follow the rules of their types. */
import { sql } from 'kysely';
import type { Check } from './chain-invariant.ts';

const entriesFitTheirTypes: Check = sql`
  select format('Transaction %s is a %s, but has a %s entry on account %s (%s).', e.transaction_id, e.type, e.layer, a.id,
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
 * Captures and releases move the accounts of their hold, in its direction. An open hold still reserves its amount minus the captured
 * amount.
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

/** Each line of a reversal swaps the sides of the original's line: partly if there are two lines, otherwise whole. */
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
  select format('Line %s of transaction %s moved %s, but its reversals moved %s.', o.place, o.id, o.amount, sum(l.amount))
  from originals o join lines l on l.reverses = o.id and l.ledger_id = o.ledger_id and l.place = o.place
  group by o.id, o.ledger_id, o.place, o.amount
  having abs(sum(l.amount)) > abs(o.amount)`;

export const transactionsAreWhole: Check = sql`
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
  select format('Transaction %s does not exist, but has %s entries.', c.id, c.lines)
  from compared c
  where c.missing

  union all
  select format('Transaction %s (%s) has an entry count of %s, but %s entries, with the lines %s to %s.', c.id, c.outcome,
    c.entry_count, c.lines, c.first_line, c.last_line)
  from compared c
  where (c.entry_count, c.lines) is distinct from (c.lines, coalesce(c.last_line, 0)) or c.first_line <> 1
    or (c.outcome = 'POSTED') <> (c.lines > 0)

  union all
  select format('Transaction %s is a %s of %s, effective at %s, but its entries are %s of %s, effective at %s.', c.id, c.type,
    c.created_at, coalesce(c.effective_at, c.created_at),
    concat_ws(' and ', c.lowest_type, nullif(c.highest_type, c.lowest_type)),
    concat_ws(' to ', c.earliest, nullif(c.latest, c.earliest)),
    concat_ws(' to ', coalesce(c.displaced_from, c.earliest), nullif(c.displaced_to, c.displaced_from)))
  from compared c
  where c.lines > 0 and (c.lowest_type <> c.type or c.highest_type <> c.type
    or c.earliest <> c.created_at or c.latest <> c.created_at
    -- Entries have an effectiveAt only if it differs from createdAt.
    or c.displaced <> case when c.effective_at <> c.created_at then c.lines else 0 end
    or c.displaced_from <> c.effective_at or c.displaced_to <> c.effective_at)

  union all
  ${entriesFitTheirTypes}

  union all
  (${holdsEndAsTheyWerePlaced})

  union all
  (${reversalsFitTheirOriginals})`;
