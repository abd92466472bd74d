/** I4: a key has at most one effect. */
import { sql } from 'kysely';
import type { Check } from './chain-invariant.ts';

export const keysHaveOneEffect: Check = sql`
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
  select format('Transaction %s has a key of account %s, which ledger %s does not have.', t.id, t.account_id, t.ledger_id)
  from transactions t left join accounts a on a.id = t.account_id and a.ledger_id = t.ledger_id
  where a.id is null

  union all
  select format('Transaction %s is a %s without a key; only an expiry has none.', t.id, t.type)
  from transactions t
  where t.idempotency_key is null and t.type <> 'RELEASE'`;
