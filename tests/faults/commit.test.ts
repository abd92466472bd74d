import { afterAll, expect, test } from 'vitest';
import type { Transaction } from '../../src/core/transaction.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';
import { type Fate, startTcpProxy } from '../support/tcp-proxy.ts';

const CALLERS = 64;
const DROPS_EACH = 50;

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test('connections that drop a hundred times around COMMIT lose no outcome and no money', async () => {
  const drops = { 'drop before': 0, 'drop after': 0 };
  let armed = false;
  let commits = 0;
  const fateOfCommit = (): Fate => {
    commits += 1;
    const fate = commits % 2 === 0 ? 'drop before' : 'drop after';
    // Every third COMMIT passes, so that batches end between the drops.
    if (!armed || commits % 3 === 0 || drops[fate] >= DROPS_EACH) return 'pass';
    drops[fate] += 1;
    return fate;
  };
  // A ledger pauses after a drop. The other one posts meanwhile.
  const open = async () => {
    const proxy = await startTcpProxy(database.serviceUrl, fateOfCommit);
    afterAll(() => proxy.close());
    return openLedger({ serviceUrl: proxy.url });
  };
  const ledgers = [await open(), await open()] as const;
  const [ledger] = ledgers;
  const accounts = await makeAccounts(ledger, 20, { funds: '1000.00' });
  const before = await postedTransfers();
  armed = true;

  const acknowledged: Transaction[] = [];
  const others: unknown[] = [];
  await Promise.all(
    Array.from({ length: CALLERS }, async (_, caller) => {
      for (let call = 0; drops['drop before'] < DROPS_EACH || drops['drop after'] < DROPS_EACH; call += 1) {
        const fromAccountId = accounts[(caller + call) % 20] ?? '';
        const toAccountId = accounts[(caller + 3 * call + 1 + (call % 7)) % 20] ?? '';
        if (fromAccountId === toAccountId) continue;
        const posting = ledgers[caller % 2] ?? ledger;
        const outcome = await transfer(posting, { fromAccountId, toAccountId, amount: '0.01' });
        if (outcome.code === 'POSTED' && !outcome.replayed) acknowledged.push(outcome.transaction);
        else others.push(outcome);
      }
    }),
  );

  expect(others).toEqual([]);
  expect(drops).toEqual({ 'drop before': DROPS_EACH, 'drop after': DROPS_EACH });
  expect((await postedTransfers()) - before).toBe(acknowledged.length);
  // Every acknowledged transaction is found again, unchanged.
  const found = await ledger.findTransactions(acknowledged.map(({ id }) => id));
  expect(acknowledged.map(({ id }) => found.get(id))).toEqual(acknowledged);
  const balances = await Promise.all(accounts.map((account) => balance(ledger, account)));
  expect(balances.reduce((sum, each) => sum + each)).toBe(2_000_000n);
}, 120_000);

test('a COMMIT that succeeds with a warning is checked before its caller receives the outcome', async () => {
  let commits = 0;
  let armed = false;
  const proxy = await startTcpProxy(database.serviceUrl, (): Fate => {
    if (armed) commits += 1;
    return armed && commits === 1 ? 'warn' : 'pass';
  });
  afterAll(() => proxy.close());
  const ledger = await openLedger({ serviceUrl: proxy.url });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  armed = true;

  const outcome = await transfer(ledger, { fromAccountId: from, toAccountId: to, amount: '1.00' });

  expect(outcome).toMatchObject({ code: 'POSTED', replayed: false });
  expect(commits).toBe(2);
  expect(await balance(ledger, to)).toBe(1100n);
});

async function postedTransfers(): Promise<number> {
  const [row] = await asOwner<{ count: number }>(
    database,
    `select count(*)::int as count from transactions where type = 'TRANSFER' and outcome = 'POSTED'`,
  );
  return row?.count ?? 0;
}
