import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../src/core/decide/request.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

/** Returns the number of rows that sequential scans have read. */
async function scannedRows(): Promise<number> {
  const [row] = await asOwner<{ rows: number }>(
    database,
    `select sum(seq_tup_read)::int as rows from pg_stat_user_tables where relname in ('transactions', 'entries')`,
  );
  return row?.rows ?? Number.NaN;
}

// For empty tables the planner prefers sequential scans, and a connection keeps its plans.
test('a ledger that was analyzed while empty uses no sequential scans after it has grown', async () => {
  const ledger = await openLedger(database);
  const accounts = await makeAccounts(ledger, 20, { minBalance: { unlimited: true } });
  await asOwner(database, 'vacuum analyze');
  const pairs = Array.from({ length: 200 }, (_, place) => ({
    fromAccountId: accounts[place % 20] ?? '',
    toAccountId: accounts[(place + 1) % 20] ?? '',
    amount: '0.01',
    externalId: randomUUID(),
  }));
  const post = async () => {
    const batch = pairs.map((pair) =>
      toTransfer({ ...pair, externalId: null, idempotencyKey: randomUUID() }),
    );
    await ledger.postBatch('INDEPENDENT', batch);
    const outcomes = await Promise.all(
      pairs.map((pair) => transfer(ledger, { ...pair, externalId: randomUUID() })),
    );
    expect(outcomes.every(({ code }) => code === 'POSTED')).toBe(true);
  };
  for (let times = 0; times < 3; times += 1) await post();
  // A connection reports its last scans when it ends.
  await ledger.close();
  expect(await scannedRows()).toBe(0);
});
