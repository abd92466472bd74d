import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { entriesQuery } from '../../src/db/journal/entries.ts';
import type { KeysetRange } from '../../src/db/keyset.ts';
import { findLedger } from '../../src/db/ledgers.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';

const SHORT = '00000000-0000-7000-8000-000000000001';
const LONG = '00000000-0000-7000-8000-000000000002';

const database = await createTestDatabase();
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'history',
});
afterAll(() => db.destroy());

test('a page of two hundred thousand entries costs about as much as a page of a hundred', async () => {
  const ledger = await findLedger(db, 'main');
  if (ledger === undefined) throw new TypeError('The ledger main is missing');
  await writeHistory(SHORT, 100, ledger.id);
  await writeHistory(LONG, 200_000, ledger.id);
  await asOwner(database, 'vacuum analyze entries, accounts');

  const pages: readonly (readonly [short: KeysetRange<bigint>, long: KeysetRange<bigint>])[] = [
    [page({}), page({})],
    [page({ after: 60n }), page({ after: 100_000n })],
    [page({ before: 40n, inverted: true }), page({ before: 100_000n, inverted: true })],
    [page({ inverted: true }), page({ inverted: true })],
  ];
  for (const [short, long] of pages) {
    expect(
      (await buffersOf(ledger.id, LONG, long)) - (await buffersOf(ledger.id, SHORT, short)),
    ).toBeLessThanOrEqual(20);
  }
}, 120_000);

function page(range: Partial<KeysetRange<bigint>>): KeysetRange<bigint> {
  return { limit: 21, inverted: false, ...range };
}

/** Returns the number of buffers that a page reads. The second run counts, when the catalogs are cached. */
async function buffersOf(ledgerId: string, accountId: string, range: KeysetRange<bigint>): Promise<number> {
  const query = entriesQuery(db, ledgerId, accountId, range);
  await query.explain('json', sql`analyze, buffers`);
  const [row] = await query.explain<{
    'QUERY PLAN': [
      { Plan: { 'Shared Hit Blocks': number; 'Shared Read Blocks': number; 'Actual Rows': number } },
    ];
  }>('json', sql`analyze, buffers`);
  const plan = row?.['QUERY PLAN'][0].Plan;
  expect(plan?.['Actual Rows']).toBe(21);
  return (plan?.['Shared Hit Blocks'] ?? 0) + (plan?.['Shared Read Blocks'] ?? 0);
}

/** Inserts an account and its entries directly, since posting them would take too long. */
async function writeHistory(accountId: string, length: number, ledgerId: string): Promise<void> {
  await asOwner(
    database,
    `set session_replication_role = replica`,
    `insert into accounts (id, ledger_id, owner, currency, side) values ('${accountId}', '${ledgerId}', 'history', 'USD', 1)`,
    `insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
        pending_debits_after, pending_credits_after, total_debits_after, created_at)
      select '${accountId}', n, '${ledgerId}', md5('${accountId}' || n)::uuid, 2, 'DEPOSIT', 'USD', 'POSTED', 1, n, 0, 0, 0, now()
      from generate_series(1, ${length}) as n`,
  );
}
