import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import {
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
} from '../../../src/core/decide/request.ts';
import { formatId } from '../../../src/core/values/ids.ts';
import { startSweeper } from '../../../src/ledger/sweeper.ts';
import { asOwner, createTestDatabase, serverLog } from '../../support/database.ts';
import { expectPosted, expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';

const database = await createTestDatabase();
await asOwner(database, `alter database ${database.name} set log_statement = 'all'`);
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const newKey = () => ({ idempotencyKey: randomUUID() });

test('every kind of command inserts into entries with the same statement', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '100.00' });
  const both = { fromAccountId: from, toAccountId: to, amount: '1.00' };
  const post = async (command: ReturnType<typeof toHold>) => {
    const outcome = 'code' in command ? command : await ledger.post(command);
    expectPosted(outcome);
    return outcome.transaction.id;
  };
  await post(toDeposit({ accountId: from, amount: '1.00', ...newKey() }));
  await post(toWithdrawal({ accountId: from, amount: '1.00', ...newKey() }));
  const transactionId = formatId('transaction', await post(toTransfer({ ...both, ...newKey() })));
  await post(toReversal({ transactionId, ...newKey() }));
  const entries = [
    { accountId: from, side: 'DEBIT' as const, amount: '1.00' },
    { accountId: to, side: 'CREDIT' as const, amount: '1.00' },
  ];
  await post(toJournal({ keyAccountId: from, entries, ...newKey() }));
  const holds = [await post(toHold({ ...both, ...newKey() })), await post(toHold({ ...both, ...newKey() }))];
  await post(toCapture({ holdId: formatId('hold', holds[0] ?? ''), ...newKey() }));
  await post(toVoid({ holdId: formatId('hold', holds[1] ?? ''), ...newKey() }));
  for (const mode of ['ATOMIC', 'INDEPENDENT'] as const) {
    const operations = [toTransfer({ ...both, ...newKey() }), toHold({ ...both, ...newKey() })];
    expect(await ledger.postBatch(mode, operations)).toMatchObject({ code: 'PROCESSED' });
  }
  const refused = [toTransfer({ ...both, ...newKey() }), toTransfer({ ...both, amount: '999', ...newKey() })];
  expect(await ledger.postBatch('ATOMIC', refused)).toMatchObject({ code: 'BATCH_ABORTED' });
  const expiresAt = BigInt(Date.now() + 1000) * 1000n;
  await post(toHold({ ...both, expiresAt, ...newKey() }));
  const sweeper = startSweeper(ledger.engine, () => {});
  await expect.poll(releases, { timeout: 10_000 }).toBe(2);
  await sweeper.stop();
  await sleep(100);

  const inserts = (await serverLog(database))
    .filter((message) => /insert into entries/i.test(message))
    .map((message) => message.replace(/\s+/g, ' ').replace(/^.*?execute \w+: /, ''))
    .map((message) => message.replace(/ DETAIL:.*$/, ''));
  expect(inserts.length).toBeGreaterThan(12);
  expect(new Set(inserts).size).toBe(1);
});

async function releases(): Promise<number> {
  const [row] = await asOwner<{ count: number }>(
    database,
    `select count(*)::int as count from transactions where type = 'RELEASE'`,
  );
  return row?.count ?? 0;
}
