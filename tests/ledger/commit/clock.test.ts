import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../../src/core/decide/request.ts';
import { parseId } from '../../../src/core/values/ids.ts';
import { asOwner, createTestDatabase } from '../../support/database.ts';
import { expectPosted, expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

/** Simulates a clock that was set back: the account's last entry is later than the clock. */
async function setClockBackFor(accountId: string): Promise<void> {
  await asOwner(
    database,
    `update accounts set last_at = clock_timestamp() + interval '30 seconds' where id = '${parseId('account', accountId)}'`,
  );
}

async function pay(fromAccountId: string, toAccountId: string, more: object) {
  const command = toTransfer({
    fromAccountId,
    toAccountId,
    amount: '1.00',
    idempotencyKey: randomUUID(),
    ...more,
  });
  if ('code' in command) throw new TypeError(command.code);
  return ledger.post(command);
}

test('an account that only a condition names may be ahead of the clock', async () => {
  const [from = '', to = '', third = ''] = await makeAccounts(ledger, 3, { funds: '10.00' });
  await setClockBackFor(third);

  const met = await pay(from, to, { conditions: [{ accountId: third, balanceAtLeast: '10.00' }] });
  expectPosted(met);
  expect(met.transaction.createdAt).toBeGreaterThan(BigInt(Date.now() + 20_000) * 1000n);
  const failed = await pay(to, from, { conditions: [{ accountId: third, balanceAtLeast: '11.00' }] });
  expect(failed).toMatchObject({ code: 'CONDITION_FAILED' });
});

test('an account that moves may be ahead of the clock, batch after batch', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  await setClockBackFor(from);
  let last = 0n;
  for (let n = 0; n < 4; n += 1) {
    const posted = await pay(from, to, {});
    expectPosted(posted);
    expect(posted.transaction.createdAt).toBeGreaterThan(last);
    last = posted.transaction.createdAt;
  }
});
