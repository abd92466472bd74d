import { afterAll, expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

const CALLERS = 64;
const DROPS_EACH = 50;

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test('a connection that drops a hundred times around COMMIT costs no answer and no money', async () => {
  const drops = { 'drop before': 0, 'drop after': 0 };
  let armed = false;
  let commits = 0;
  const proxy = await startTcpProxy(database.serviceUrl, (): Fate => {
    commits += 1;
    const fate = commits % 2 === 0 ? 'drop before' : 'drop after';
    // Each third COMMIT passes, so that batches come to an end between the drops.
    if (!armed || commits % 3 === 0 || drops[fate] >= DROPS_EACH) return 'pass';
    drops[fate] += 1;
    return fate;
  });
  afterAll(() => proxy.close());
  const ledger = await openLedger({ serviceUrl: proxy.url });
  const accounts = await makeAccounts(ledger, 20, { funds: '1000.00' });
  const before = await postedTransfers();
  armed = true;

  let posted = 0;
  const others: unknown[] = [];
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let call = 0; drops['drop before'] < DROPS_EACH || drops['drop after'] < DROPS_EACH; call += 1) {
        const fromAccountId = accounts[(caller + call) % 20] ?? '';
        const toAccountId = accounts[(caller + 3 * call + 1 + (call % 7)) % 20] ?? '';
        if (fromAccountId === toAccountId) continue;
        const outcome = await transfer(ledger, { fromAccountId, toAccountId, amount: '0.01' });
        if (outcome.code === 'POSTED' && !outcome.replayed) posted += 1;
        else others.push(outcome);
      }
    }),
  );

  expect(others).toEqual([]);
  expect(drops).toEqual({ 'drop before': DROPS_EACH, 'drop after': DROPS_EACH });
  expect((await postedTransfers()) - before).toBe(posted);
  const balances = await Promise.all(accounts.map((account) => balance(ledger, account)));
  expect(balances.reduce((sum, each) => sum + each)).toBe(2_000_000n);
}, 120_000);

async function postedTransfers(): Promise<number> {
  const [row] = await asOwner<{ count: number }>(
    database,
    `select count(*)::int as count from transactions where type = 'TRANSFER' and outcome = 'POSTED'`,
  );
  return row?.count ?? 0;
}
