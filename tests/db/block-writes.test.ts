// The database accepts valid blocks, at a bounded cost. The ledger is analyzed while it is empty, as a new one is: without the
// pinned settings the planner would then choose plans that scan the ledger, and keep them.

import { describe, expect, it } from 'vitest';
import { blockHash } from '../../src/core/chain.ts';
import { insertAccount, pay, UNIQUE } from '../support/attack.ts';
import { type Block, buildBlock, type Draft, parametersOf, postBlock, WRITE } from '../support/block.ts';
import { asOwner, connect, createTestDatabase } from '../support/database.ts';

const database = await createTestDatabase();
await asOwner(database, 'vacuum analyze');
const client = await connect(database.serviceUrl);

const cash = await insertAccount(client, { kind: 'EXTERNAL', owner: 'external', side: -1 });
const accounts: string[] = [];
for (let count = 0; count < 50; count += 1) accounts.push(await insertAccount(client, { min_balance: 0 }));

/** Returns payments of `amount` from each account to the next one, in a ring. */
function payments(count: number, amount: bigint): Draft[] {
  return Array.from({ length: count }, (_, index) =>
    pay(accounts[index % 50] ?? '', accounts[(index + 1) % 50] ?? '', amount),
  );
}

async function balances(): Promise<bigint[]> {
  const { rows } = await client.query<{ posted: string }>(
    'select posted from unnest($1::uuid[]) with ordinality u (id, place) join accounts using (id) order by place',
    [accounts],
  );
  return rows.map(({ posted }) => BigInt(posted));
}

/** Counts the scans of whole tables so far, and the rows and index entries that were read. */
async function reads(): Promise<{ scans: number; rows: number }> {
  await client.query('select pg_stat_force_next_flush()');
  const [row] = await asOwner<{ scans: number; rows: number }>(
    database,
    `select sum(seq_scan)::int as scans, sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int
       + (select sum(idx_tup_read)::int from pg_stat_user_indexes) as rows
     from pg_stat_user_tables where relname in ('accounts', 'transactions', 'entries', 'blocks', 'currencies')`,
  );
  return row ?? { scans: Number.NaN, rows: Number.NaN };
}

async function lastBlocks(count: number) {
  const { rows } = await client.query<{ number: string; size: number; root: Buffer; hash: Buffer }>(
    'select number, size, root, hash from blocks order by number desc limit $1',
    [count],
  );
  return rows;
}

describe('a valid block', () => {
  it('moves exactly the accounts of its entries, by their amounts', async () => {
    await postBlock(
      client,
      await buildBlock(
        client,
        accounts.map((account) => pay(cash, account, 10_000n)),
      ),
    );
    expect(await balances()).toEqual(accounts.map(() => 10_000n));
    await postBlock(client, await buildBlock(client, payments(1, 7n)));
    expect(await balances()).toEqual([9_993n, 10_007n, ...accounts.slice(2).map(() => 10_000n)]);
  });

  // The first write caches the plans. Later writes of all sizes use them on a ledger that has grown.
  it.for([1, 20, 250, 1000, 1000, 1000, 250, 20, 1])(
    'of %i transfers reads a number of rows in proportion to its size',
    async (size) => {
      const block = await buildBlock(client, payments(size, 1n));
      const [balancesBefore, readsBefore, startedAt] = [await balances(), await reads(), performance.now()];
      await postBlock(client, block);
      expect(performance.now() - startedAt).toBeLessThan(10_000);
      const readsAfter = await reads();

      expect(readsAfter.scans - readsBefore.scans).toBe(0);
      // About 6 rows per transfer and 40 more, and up to twice the old versions of the accounts while they cannot be pruned.
      expect(readsAfter.rows - readsBefore.rows).toBeLessThan(150 + 8 * size);
      const moved = accounts.map((_, place) => (balancesBefore[place] ?? 0n) + gainOf(place, size));
      expect(await balances()).toEqual(moved);
    },
  );

  it('continues the chain with its own root', async () => {
    await postBlock(client, await buildBlock(client, payments(3, 1n)));
    const [last, previous] = await lastBlocks(2);
    if (last === undefined || previous === undefined) throw new Error('there are no two blocks');
    expect(BigInt(last.number)).toBe(BigInt(previous.number) + 1n);
    expect(last.size).toBe(3);
    expect(last.hash).toEqual(blockHash(previous.hash, BigInt(last.number), last.size, last.root));
    expect(await asOwner(database, `select block, head from ledgers where name = 'main'`)).toEqual([
      { block: last.number, head: last.hash },
    ]);
  });

  it('can be written by several INSERTs of one statement, in any order', async () => {
    const [before] = await lastBlocks(1);
    const { root, transactions, entries } = await buildBlock(client, payments(2, 1n));
    const parts = [transactions.slice(0, 1), transactions.slice(1), entries].map((rows) =>
      JSON.stringify(rows),
    );
    await client.query(
      `with s as materialized (select set_config('tls.root', $1, true)),
       e as (insert into entries select r.* from jsonb_populate_recordset(null::entries, $4::jsonb) r),
       t as (insert into transactions select r.* from jsonb_populate_recordset(null::transactions, $2::jsonb) r, s)
       insert into transactions select r.* from jsonb_populate_recordset(null::transactions, $3::jsonb) r, s`,
      [root, ...parts],
    );
    const [last] = await lastBlocks(1);
    expect(last).toMatchObject({ size: 2, number: `${BigInt(before?.number ?? 0) + 1n}` });
  });

  it('can have a created_at after the clock if an account has, as after the clock was set back', async () => {
    const [ahead = '', account = ''] = accounts;
    await asOwner(
      database,
      `update accounts set last_at = clock_timestamp() + interval '1 hour' where id = '${ahead}'`,
    );
    const [row] = await asOwner<{ at: string }>(
      database,
      `select (extract(epoch from last_at) * 1000000)::bigint as at from accounts where id = '${ahead}'`,
    );
    const createdAt = () => BigInt(row?.at ?? 0) + 1n;
    await postBlock(client, await buildBlock(client, [{ legs: [] }], { createdAt }));
    await postBlock(client, await buildBlock(client, [pay(ahead, account, 1n)], { createdAt }));
  });
});

it('of two writers without locks, the second is rejected because the first has moved the accounts', async () => {
  const rival = await connect(database.serviceUrl);
  const drafts = [pay(cash, accounts[9] ?? '', 1n)];
  const [first, second]: Block[] = [await buildBlock(client, drafts), await buildBlock(rival, drafts)];
  if (first === undefined || second === undefined) throw new Error('there are no two blocks');
  await client.query('begin');
  await postBlock(client, first);
  const refused = expect(rival.query(WRITE, parametersOf(second))).rejects.toMatchObject({ code: UNIQUE });
  await client.query('commit');
  await refused;
});

/** Returns the sum of the payments of 1 that an account in the ring receives and makes. */
function gainOf(place: number, count: number): bigint {
  const payments = (payer: number) => BigInt(Math.floor((count - payer + 49) / 50));
  return payments((place + 49) % 50) - payments(place);
}
