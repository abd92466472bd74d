import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../../src/core/decide/request.ts';
import { createTestDatabase } from '../../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test.each(['INDEPENDENT', 'ATOMIC'] as const)(
  'short %s batches that arrive together are counted before they are planned',
  async (mode) => {
    const ledger = await openLedger(database, { maxQueue: 1000 });
    const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
    const operations = () =>
      Array.from({ length: 100 }, () =>
        toTransfer({ fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: randomUUID() }),
      );
    const answers = await Promise.all(Array.from({ length: 30 }, () => ledger.postBatch(mode, operations())));
    expect(answers.map(({ code }) => code)).toEqual([
      ...Array(10).fill('PROCESSED'),
      ...Array(20).fill('OVERLOADED'),
    ]);
    expect(await ledger.postBatch(mode, operations())).toMatchObject({ code: 'PROCESSED' });
  },
);

test('reserved places count until they are released or used', async () => {
  const ledger = await openLedger(database, { maxQueue: 100 });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
  const pay = () =>
    toTransfer({ fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: randomUUID() });
  const places = ledger.reserve('INDEPENDENT', 100);
  if ('code' in places) throw new TypeError(places.code);
  expect(ledger.reserve('INDEPENDENT', 1)).toMatchObject({ code: 'OVERLOADED' });
  expect(await ledger.postBatch('ATOMIC', [pay()])).toMatchObject({ code: 'OVERLOADED' });
  const operations = Array.from({ length: 100 }, pay);
  expect(await ledger.postBatch('INDEPENDENT', operations, places)).toMatchObject({ code: 'PROCESSED' });
  places.release();
  const others = ledger.reserve('ATOMIC', 100);
  if ('code' in others) throw new TypeError(others.code);
  others.release();
  others.release();
  expect(await ledger.postBatch('ATOMIC', [pay()])).toMatchObject({ code: 'PROCESSED' });
  expect(ledger.reserve('ATOMIC', 10_001)).toMatchObject({ code: 'INVALID_INPUT' });
  // Closing waits for all reserved batches, and each is counted once.
  await ledger.close();
});

test('closing waits for a batch that has reserved its places', async () => {
  const ledger = await openLedger(database);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { minBalance: { unlimited: true } });
  const places = ledger.reserve('INDEPENDENT', 1);
  if ('code' in places) throw new TypeError(places.code);
  let isClosed = false;
  const closed = ledger.close().then(() => {
    isClosed = true;
  });
  const input = { fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: randomUUID() };
  expect(ledger.reserve('INDEPENDENT', 1)).toMatchObject({ code: 'OVERLOADED' });
  expect(await ledger.postBatch('INDEPENDENT', [toTransfer(input)], places)).toMatchObject({
    outcomes: [{ code: 'POSTED' }],
  });
  expect(isClosed).toBe(false);
  await closed;
});
