import { describe, expect, test } from 'vitest';
import vectors from '../core/chain-vectors.json' with { type: 'json' };
import { connect, createTestDatabase } from '../support/database.ts';

/**
 * Another implementation of the format, in SQL and from the note in the vectors' file: it uses neither the functions of the
 * program nor the queries of the invariant check. It compares keys by UTF-16 units, and splits the tree from the top.
 */
const FUNCTIONS = String.raw`
  create function pg_temp.field(bytes bytea) returns bytea language sql as $$
    select coalesce(int4send(octet_length(bytes)) || bytes, '\xffffffff')
  $$;
  create function pg_temp.field(value text) returns bytea language sql as $$
    select pg_temp.field(convert_to(value, 'UTF8'))
  $$;
  create function pg_temp.utf16(value text) returns int[] language sql as $$
    select array_agg(unit order by place, half)
    from string_to_table(value, null) with ordinality as character (c, place)
    cross join lateral (
      select half, unit from (values
        (1, case when ascii(c) < 65536 then ascii(c) else 55296 + (ascii(c) - 65536) / 1024 end),
        (2, case when ascii(c) >= 65536 then 56320 + (ascii(c) - 65536) % 1024 end)
      ) halves (half, unit) where unit is not null) units
  $$;
  create function pg_temp.canonical(object jsonb) returns text language sql as $$
    select case when jsonb_typeof(object) = 'object' then '{' || coalesce((
      select string_agg(to_json(key)::text || ':' || to_json(value)::text, ',' order by coalesce(pg_temp.utf16(key), '{}'))
      from jsonb_each_text(object)), '') || '}' end
  $$;
  create function pg_temp.salted(salt text, value text) returns bytea language sql as $$
    select sha256(decode(salt, 'hex') || convert_to(value, 'UTF8'))
  $$;
  create function pg_temp.digest(t jsonb) returns text language sql as $$
    select encode(sha256('\x00'
      || pg_temp.field('tls.txn.v1')
      || pg_temp.field(uuid_send((t ->> 'id')::uuid))
      || pg_temp.field(t ->> 'type')
      || pg_temp.field(uuid_send((t ->> 'keyAccountId')::uuid))
      || pg_temp.field(t ->> 'idempotencyKey')
      || pg_temp.field(t ->> 'externalId')
      || pg_temp.field(t ->> 'outcome')
      || pg_temp.field(pg_temp.canonical(t -> 'facts'))
      || pg_temp.field(uuid_send((t ->> 'holdId')::uuid))
      || pg_temp.field(uuid_send((t ->> 'reverses')::uuid))
      || pg_temp.field(int8send((t ->> 'effectiveAt')::int8))
      || pg_temp.field(int8send((t ->> 'createdAt')::int8))
      || pg_temp.field(int8send((t ->> 'expiresAt')::int8))
      || pg_temp.field(uuid_send((t ->> 'actor')::uuid))
      || pg_temp.field(pg_temp.salted(t ->> 'salt', t ->> 'description'))
      || pg_temp.field(pg_temp.salted(t ->> 'salt', pg_temp.canonical(t -> 'metadata')))
      || coalesce((
        select string_agg(
          pg_temp.field(uuid_send((e ->> 'accountId')::uuid))
          || pg_temp.field(e ->> 'currency')
          || pg_temp.field(int8send((e ->> 'version')::int8))
          || pg_temp.field(e ->> 'layer')
          || pg_temp.field(e ->> 'amount')
          || pg_temp.field(e ->> 'postedAfter')
          || pg_temp.field(e ->> 'pendingDebitsAfter')
          || pg_temp.field(e ->> 'pendingCreditsAfter')
          || pg_temp.field(e ->> 'totalDebitsAfter')
          || pg_temp.field(pg_temp.salted(t ->> 'salt', e ->> 'description')), '' order by line)
        from jsonb_array_elements(t -> 'entries') with ordinality as entry (e, line)), '')), 'hex')
  $$;
  create function pg_temp.root(leaves text[]) returns text language plpgsql as $$
  declare
    split int := 1;
  begin
    if cardinality(leaves) = 1 then return leaves[1]; end if;
    while split * 2 < cardinality(leaves) loop split := split * 2; end loop;
    return encode(sha256('\x01' || decode(pg_temp.root(leaves[:split]), 'hex') || decode(pg_temp.root(leaves[split + 1:]), 'hex')), 'hex');
  end $$;
  create function pg_temp.block(b jsonb) returns text language sql as $$
    select encode(sha256(convert_to('tls.block.v1', 'UTF8') || decode(b ->> 'previousHash', 'hex')
      || int8send((b ->> 'number')::int8) || int4send((b ->> 'size')::int4) || decode(b ->> 'root', 'hex')), 'hex')
  $$;`;

const { ownerUrl } = await createTestDatabase();
const client = await connect(ownerUrl);
await client.query(FUNCTIONS);

async function recompute(expression: string, values: unknown[]): Promise<unknown> {
  const { rows } = await client.query<{ result: unknown }>(`select ${expression} as result`, values);
  return rows[0]?.result;
}

describe('PostgreSQL recomputes', () => {
  test.each(vectors.transactions)('the digest of $name', async (transaction) => {
    expect(await recompute('pg_temp.digest($1)', [JSON.stringify(transaction)])).toBe(transaction.digest);
  });

  test.each(vectors.roots)('the root of $size', async ({ leaves, root }) => {
    expect(await recompute('pg_temp.root($1)', [leaves])).toBe(root);
  });

  test('the hashes of the blocks, each from the previous one', async () => {
    let previousHash = '';
    for (const block of vectors.blocks) {
      expect(block.previousHash).toBe(previousHash);
      previousHash = block.hash;
      expect(await recompute('pg_temp.block($1)', [JSON.stringify(block)])).toBe(block.hash);
    }
  });
});
