import { randomUUID } from 'node:crypto';
import type { Submittable } from 'pg';
import { describe, expect, it } from 'vitest';
import {
  type Attack,
  demandUnchanged,
  expectRefusal,
  LONG_AGO,
  openBooks,
  pay,
  rowAt,
  SECOND,
  set,
  setAll,
  UNIQUE,
} from '../support/attack.ts';
import { buildBlock, type Draft, parametersOf, postBlock, WRITE } from '../support/block.ts';

const books = await openBooks();
const { client, alice, bob, stranger, strangerToo } = books;
const one = [pay(alice, bob, 1n)];
/** A recorded refusal. */
const refusal: Draft = { legs: [] };

describe('the database rejects transactions that are not a valid block:', () => {
  demandUnchanged(books);
  const range = { constraint: 'transactions_one_range' };
  const DAY = 86_400n * SECOND;

  it.for<Attack>([
    { name: 'a gap in the ids', options: { places: [0, 2] }, ...range },
    {
      name: 'a gap in the ids of refusals',
      drafts: [refusal, refusal],
      options: { places: [7, 9] },
      ...range,
    },
    {
      name: 'a refusal outside of the range',
      drafts: [...one, refusal],
      change: set('transactions', 1, { id: randomUUID() }),
      ...range,
    },
    {
      name: 'ids without a time',
      drafts: [refusal],
      change: set('transactions', 0, { id: randomUUID() }),
      ...range,
    },
    {
      name: 'ids of another millisecond',
      drafts: [refusal],
      change: set('transactions', 0, ({ created_at }) => ({
        created_at: new Date(Date.parse(String(created_at)) - 5).toISOString(),
      })),
      ...range,
    },
    {
      name: 'ids of another fraction of a millisecond',
      drafts: [refusal],
      change: set('transactions', 0, ({ id }) => ({
        id: String(id).replace(/(?<=^.{15})./, (digit) => (digit === '0' ? '1' : '0')),
      })),
      ...range,
    },
    {
      name: 'ids of another version of UUID',
      drafts: [refusal],
      change: set('transactions', 0, ({ id }) => ({ id: String(id).replace(/(?<=^.{14})7/, '4') })),
      ...range,
    },
    {
      name: 'two instants of creation',
      drafts: [refusal, refusal],
      change: set('transactions', 1, { created_at: LONG_AGO }),
      ...range,
    },
    {
      name: 'two ledgers',
      drafts: [...one, refusal],
      change: set('transactions', 1, { ledger_id: randomUUID() }),
      ...range,
    },
    {
      name: 'an unknown ledger',
      drafts: [refusal],
      options: { ledgerId: randomUUID() },
      constraint: 'period_open',
    },
    {
      name: 'a created_at more than 60 seconds ago',
      drafts: [pay(stranger, strangerToo, 1n)],
      options: { createdAt: (clock) => clock - 61n * SECOND },
      constraint: 'blocks_in_time',
    },
    {
      name: 'a refusal with a created_at more than 60 seconds ago',
      drafts: [refusal],
      options: { createdAt: (clock) => clock - 61n * SECOND },
      constraint: 'blocks_in_time',
    },
    {
      name: 'a refusal with a created_at in the future',
      drafts: [refusal],
      options: { createdAt: (clock) => clock + DAY },
      constraint: 'blocks_not_from_the_future',
    },
    {
      name: 'the created_at -infinity',
      drafts: [refusal],
      change: setAll('transactions', { created_at: '-infinity' }),
      code: '0A000',
    },
    {
      name: 'the created_at infinity',
      drafts: [refusal],
      change: setAll('transactions', { created_at: 'infinity' }),
      code: '0A000',
    },
    {
      name: 'an effectiveAt that programs cannot read',
      drafts: [{ ...pay(alice, bob, 1n), effectiveAt: 0n }],
      change: (block) => {
        setAll('transactions', { effective_at: 'infinity' })(block);
        setAll('entries', { effective_at: 'infinity' })(block);
      },
      constraint: 'transactions_readable_times',
    },
    {
      name: 'a missing root',
      change: (block) => Object.assign(block, { root: '' }),
      constraint: 'blocks_root',
    },
    {
      name: 'a short root',
      change: (block) => Object.assign(block, { root: '00' }),
      constraint: 'blocks_root',
    },
    {
      name: 'a root that is not hexadecimal',
      change: (block) => Object.assign(block, { root: 'x' }),
      code: '22023',
    },
    {
      name: 'a duplicate key',
      change: setAll('transactions', { account_id: alice, idempotency_key: 'key' }),
      code: UNIQUE,
    },
    { name: 'a duplicate externalId', change: setAll('transactions', { external_id: 'name' }), code: UNIQUE },
    {
      name: 'a key without its request',
      change: set('transactions', 0, { request: null }),
      constraint: 'transactions_key_has_request',
    },
    {
      name: 'a short digest',
      change: set('transactions', 0, { digest: '\\x00' }),
      constraint: 'transactions_digest_check',
    },
    {
      name: 'a posted transaction without entries',
      drafts: [refusal],
      change: set('transactions', 0, { outcome: 'POSTED', facts: null }),
      constraint: 'transactions_posted_moves',
    },
    {
      name: 'a declined transaction without facts',
      drafts: [refusal],
      change: set('transactions', 0, { facts: null }),
      constraint: 'transactions_declined_says_why',
    },
  ])('$name', (attack) => expectRefusal(books, attack));

  it('a root that another block has used', async () => {
    const withoutRoot = WRITE.replace(`select set_config('tls.root', $1, true)`, 'select $1::text');
    await client.query('begin');
    await postBlock(client, await buildBlock(client, one));
    const next = await buildBlock(client, one);
    await expect(client.query(withoutRoot, parametersOf(next))).rejects.toMatchObject({
      constraint: 'blocks_root',
    });
  });

  it('transactions and their entries in two statements', async () => {
    const block = await buildBlock(client, one);
    await client.query('begin');
    await expect(postBlock(client, { ...block, entries: [] })).rejects.toMatchObject({
      constraint: 'transactions_whole',
    });
    await client.query('rollback');
    await client.query('begin');
    await expect(postBlock(client, { ...block, transactions: [] })).rejects.toMatchObject({
      constraint: 'entries_whole',
    });
  });

  it('a range that encloses another block', async () => {
    const { transactions, ...rest } = await buildBlock(client, [refusal, refusal, refusal]);
    await client.query('begin');
    await postBlock(client, { ...rest, transactions: transactions.slice(1, 2) });
    const around = [rowAt(transactions, 0), rowAt(transactions, 2)];
    await expect(postBlock(client, { ...rest, transactions: around })).rejects.toMatchObject(range);
  });

  it('transactions of which ON CONFLICT skips some', async () => {
    const block = await buildBlock(client, [...one, ...one]);
    const { rows } = await client.query('select account_id, idempotency_key from transactions limit 1');
    Object.assign(rowAt(block.transactions, 1), rows[0]);
    const written = client.query(WRITE.replace('r, s)', 'r, s on conflict do nothing)'), parametersOf(block));
    await expect(written).rejects.toMatchObject({ constraint: 'entries_whole' });
  });

  it('two ranges in two INSERTs of one statement', async () => {
    const [block, other] = [await buildBlock(client, one), await buildBlock(client, [refusal])];
    const second =
      'u as (insert into transactions select r.* from jsonb_populate_recordset(null::transactions, $4::jsonb) r)';
    const written = client.query(WRITE.replace('with s', `with ${second}, s`), [
      ...parametersOf(block),
      JSON.stringify(other.transactions),
    ]);
    await expect(written).rejects.toMatchObject(range);
  });

  it('transactions without entries that MERGE writes', async () => {
    const { transactions, root } = await buildBlock(client, one);
    const columns = Object.keys(rowAt(transactions, 0));
    await client.query('begin');
    await client.query(`select set_config('tls.root', $1, true)`, [root]);
    const merged = client.query(
      `merge into transactions t using jsonb_populate_recordset(null::transactions, $1) r on t.id = r.id
       when not matched then insert (${columns.join(', ')}) values (r.${columns.join(', r.')})`,
      [JSON.stringify(transactions)],
    );
    await expect(merged).rejects.toMatchObject({ constraint: 'transactions_whole' });
  });

  it('transactions without entries that COPY writes', async () => {
    const { transactions, root } = await buildBlock(client, one);
    const row = Object.entries(rowAt(transactions, 0)).filter(([, value]) => value !== null);
    await client.query('begin');
    await client.query(`select set_config('tls.root', $1, true)`, [root]);
    const line = row.map(([, value]) => String(value).replaceAll('\\', '\\\\')).join('\t');
    const copied = copyIn(`copy transactions (${row.map(([column]) => column).join(', ')}) from stdin`, line);
    await expect(copied).rejects.toMatchObject({ constraint: 'transactions_whole' });
  });
});

/** Runs COPY … FROM STDIN. */
function copyIn(sql: string, data: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const query: Submittable & Record<string, unknown> = {
      submit: (connection) => connection.query(sql),
      handleCopyInResponse: (connection: { sendCopyFromChunk(chunk: Buffer): void; endCopyFrom(): void }) => {
        connection.sendCopyFromChunk(Buffer.from(`${data}\n`));
        connection.endCopyFrom();
      },
      handleError: reject,
      handleReadyForQuery: () => resolve(),
    };
    client.query(query);
  });
}
