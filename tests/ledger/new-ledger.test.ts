import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../src/core/decide/request.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

/** Rows that were read by scans of whole tables so far. */
async function scannedRows(): Promise<number> {
  const [row] = await asOwner<{ rows: number }>(
    database,
    `select sum(seq_tup_read)::int as rows from pg_stat_user_tables where relname in ('transactions', 'entries')`,
  );
  return row?.rows ?? Number.NaN;
}

// A planner that saw the tables empty finds a scan of them cheapest, and plans are kept for as long as a connection.
test('a ledger that was analyzed while empty reads no whole table when it has grown', async () => {
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
  // A connection tells of its last scans when it ends.
  await ledger.close();
  expect(await scannedRows()).toBe(0);
});
