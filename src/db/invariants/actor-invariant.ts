/** I10: the books name actors that exist, and each actor is the caller that its id is the digest of. */
import { sql } from 'kysely';
import type { Check } from './chain-invariant.ts';

/** Recomputes the ids of actors from their rows: a second implementation of the format that src/core/access/actor.ts describes. */
const computedId = sql`
  encode(substr(set_byte(set_byte(a.digest, 6, get_byte(a.digest, 6) & 15 | 128), 8, get_byte(a.digest, 8) & 63 | 128), 1, 16),
    'hex')::uuid`;

/** I10: callers need credentials once an API key exists. */
const keysAreRequired: Check = sql`
  select 'API keys exist, but access_state does not say that callers need one.' as violation
  where exists (select from api_keys) and not exists (select from access_state where keyed_at is not null)`;

export const actorsAreReal: Check = sql`
  with identified as materialized (
    select a.*, ${computedId} as computed
    from (
      select a.*, sha256('tls.actor.v1'::bytea || convert_to(format('{"issuer":%s,"kind":%s,"subject":%s}',
        coalesce(to_json(a.issuer)::text, 'null'), to_json(a.kind), to_json(a.subject)), 'UTF8')) as digest
      from actors a) a)

  select format('Transaction %s names the actor %s, which does not exist.', t.id, t.actor) as violation
  from transactions t left join actors a on a.id = t.actor
  where t.actor is not null and a.id is null

  union all
  select format('Transaction %s is an act of the ledger itself, but names the actor %s.', t.id, t.actor)
  from transactions t
  where t.actor is not null and t.idempotency_key is null

  union all
  select format('Account %s names the actor %s, which does not exist.', c.id, c.actor)
  from accounts c left join actors a on a.id = c.actor
  where c.actor is not null and a.id is null

  union all
  select format('Account %s was created by the ledger itself, but names the actor %s.', c.id, c.actor)
  from accounts c
  where c.actor is not null and c.kind = 'EXTERNAL'

  union all
  select format('Audit event %s of ledger %s names the actor %s, which does not exist.', e.number, e.ledger_id, e.actor)
  from audit_events e left join actors a on a.id = e.actor
  where e.actor is not null and a.id is null

  union all
  select format('API key %s names the actor %s, which does not exist.', k.id, k.actor)
  from api_keys k left join actors a on a.id = k.actor
  where a.id is null

  union all
  select format('Actor %s is %s %s of the issuer %s, whose id is %s.', a.id, a.kind, to_json(a.subject),
    coalesce(to_json(a.issuer)::text, 'null'), a.computed)
  from identified a
  where a.id <> a.computed

  union all
  select format('Actor %s is an API key with the id %s, which does not exist.', a.id, a.subject)
  from actors a left join api_keys k on k.id::text = a.subject and k.actor = a.id
  where a.kind = 'API_KEY' and k.id is null

  union all
  select format('Actor %s has the name %s, but its API key %s has the name %s.', a.id, to_json(a.name), k.id, to_json(k.name))
  from actors a join api_keys k on k.id::text = a.subject
  where a.kind = 'API_KEY' and a.name <> k.name

  union all
  select format('Actor %s has the name %s, but its subject is %s.', a.id, to_json(a.name), to_json(a.subject))
  from actors a
  where a.kind <> 'API_KEY' and a.name <> a.subject

  union all
  ${keysAreRequired}`;
