/** Captures respect expiry to the microsecond; the sweeper releases the money within seconds. */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { toCapture, toExpiry, toHold, toVoid } from '../../src/core/decide/request.ts';
import type { Outcome } from '../../src/core/transaction.ts';
import { formatId, parseId, type Uuid } from '../../src/core/values/ids.ts';
import { formatInstant, type Instant } from '../../src/core/values/instant.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { startSweeper } from '../../src/ledger/sweeper.ts';
import { asOwner, createTestDatabase, type TestDatabase } from '../support/database.ts';
import { balance, expectPosted, expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

const newKey = () => ({ idempotencyKey: randomUUID() });
const inMs = (ms: number): Instant => BigInt(Date.now() + ms) * 1000n;

interface PlacedHold {
  readonly holdId: string;
  readonly id: Uuid;
  readonly from: string;
  readonly to: string;
}

async function placeHold(expiresAt: Instant | null, on: Ledger = ledger): Promise<PlacedHold> {
  const [from = '', to = ''] = await makeAccounts(on, 2, { funds: '10.00' });
  const placed = await post(
    toHold({ fromAccountId: from, toAccountId: to, amount: '4.00', expiresAt, ...newKey() }),
    on,
  );
  expectPosted(placed);
  return { holdId: formatId('hold', placed.transaction.id), id: placed.transaction.id, from, to };
}

async function post(command: ReturnType<typeof toHold>, on: Ledger = ledger): Promise<Outcome> {
  return 'code' in command ? command : on.post(command);
}

const capture = (holdId: string, on: Ledger = ledger) => post(toCapture({ holdId, ...newKey() }), on);

async function statusOf(id: Uuid): Promise<string | undefined> {
  const [row] = await asOwner<{ status: string }>(database, `select status from holds where id = '${id}'`);
  return row?.status;
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    if (await isSo()) return;
    await sleep(50);
  }
  throw new Error('the condition was never met');
}

/** Runs a sweeper until the test ends or it is stopped. */
function sweep(on: Ledger): () => Promise<void> {
  const sweeper = startSweeper(on.engine, (error) => {
    throw error;
  });
  onTestFinished(() => sweeper.stop());
  return () => sweeper.stop();
}

test('before an expired hold is released, a capture is declined and a void voids it', async () => {
  const [captured, voided] = [await placeHold(inMs(1000)), await placeHold(inMs(1000))];
  await sleep(1050);

  expect(await capture(captured.holdId)).toMatchObject({
    code: 'HOLD_EXPIRED',
    facts: { hold: captured.id },
  });
  expect(await statusOf(captured.id)).toBe('OPEN');
  expectPosted(await post(toVoid({ holdId: voided.holdId, ...newKey() })));
  expect(await statusOf(voided.id)).toBe('VOIDED');
});

test('an expiry has no effect on a hold that is not open or not expired', async () => {
  const [early, ended] = [await placeHold(inMs(3_600_000)), await placeHold(null)];
  expectPosted(await capture(ended.holdId));
  const before = await asOwner(database, 'select count(*) from transactions');

  expect(await ledger.post(toExpiry(early.id))).toMatchObject({ code: 'HOLD_NOT_OPEN' });
  expect(await ledger.post(toExpiry(ended.id))).toMatchObject({ code: 'HOLD_NOT_OPEN' });

  expect(await asOwner(database, 'select count(*) from transactions')).toEqual(before);
  expectPosted(await capture(early.holdId));
});

test('a sweeper releases a hold within seconds, even one that expired while no sweeper ran', async () => {
  const earlier = await placeHold(inMs(1000));
  await sleep(1050);
  sweep(ledger);
  const later = await placeHold(inMs(1000));

  await until(async () => (await statusOf(earlier.id)) === 'EXPIRED');
  await until(async () => (await statusOf(later.id)) === 'EXPIRED');

  expect(await capture(later.holdId)).toMatchObject({ code: 'HOLD_EXPIRED' });
  const id = parseId('account', later.from) ?? '';
  expect((await ledger.findAccounts([id])).get(id)).toMatchObject({ pendingDebits: 0n, posted: 1000n });
  expect(await balance(ledger, later.to)).toBe(1000n);
});

test('two sweepers over a thousand expired holds release each once', async () => {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const holds = Array.from({ length: 1000 }, () =>
    toHold({ fromAccountId: from, toAccountId: to, amount: '0.01', expiresAt: inMs(5000), ...newKey() }),
  );
  expect(await ledger.postBatch('ATOMIC', holds)).toMatchObject({ code: 'PROCESSED' });
  const fromId = parseId('account', from) ?? '';
  const open = async () => {
    const [row] = await asOwner<{ count: number }>(
      database,
      `select count(*)::int as count from holds where from_account_id = '${fromId}' and status = 'OPEN'`,
    );
    return row?.count ?? 0;
  };
  expect(await open()).toBe(1000);
  const other = await openLedger(database);
  sweep(ledger);
  sweep(other);

  await until(async () => (await open()) === 0);

  const released = await asOwner(
    database,
    `select type, outcome, idempotency_key, count(*)::int as count from transactions
     where account_id = '${fromId}' and type = 'RELEASE' group by 1, 2, 3`,
  );
  expect(released).toEqual([{ type: 'RELEASE', outcome: 'POSTED', idempotency_key: null, count: 1000 }]);
}, 30_000);

test.each([
  ['at the instant of expiry is declined', 1n, 'HOLD_EXPIRED'],
  ['a microsecond before it is posted', 2n, 'POSTED'],
])('a capture that is recorded %s', async (_, before, code) => {
  const own: TestDatabase = await createTestDatabase();
  const quiet = await openLedger(own);
  const expiresAt = inMs(3_600_000);
  const { holdId, id, from } = await placeHold(expiresAt, quiet);
  // The next entry of the account is dated one microsecond after its last one.
  await asOwner(
    own,
    `update accounts set last_at = '${formatInstant(expiresAt - before)}' where id = '${parseId('account', from)}'`,
  );

  const outcome = await capture(holdId, quiet);

  expect(outcome.code).toBe(code);
  const [row] = await asOwner<{ created: string }>(
    own,
    `select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created from transactions
     where hold_id = '${id}' and type = 'CAPTURE'`,
  );
  expect(row?.created).toBe(formatInstant(expiresAt - before + 1n));
  await expectSoundBooks(own);
});
