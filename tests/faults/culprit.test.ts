import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../src/core/decide/request.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { balance, expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test('a command that the database rejects fails alone among two hundred', async () => {
  await asOwner(database, `alter table entries add constraint test_culprit check (amount <> -1234567)`);
  const faults: unknown[] = [];
  const ledger = await openLedger(database, { onFault: (error) => faults.push(error) });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '1000000.00' });

  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, place) =>
      transfer(ledger, { fromAccountId: from, toAccountId: to, amount: place === 137 ? '12345.67' : '1.00' }),
    ),
  );

  expect(outcomes.flatMap(({ code }, place) => (code === 'POSTED' ? [] : [[place, code]]))).toEqual([
    [137, 'INTERNAL'],
  ]);
  expect(faults).toMatchObject([{ code: '23514', constraint: 'test_culprit' }]);
  expect(await balance(ledger, to)).toBe(100_019_900n);
  const [row] = await asOwner(
    database,
    `select (select max(version) from entries) = (select count(*) from entries where account_id = (select account_id from entries order by version desc limit 1)) as versions,
      (select count(*) from blocks) = (select max(number) from blocks) as blocks`,
  );
  expect(row).toEqual({ versions: true, blocks: true });
});

test('a command that fails alone is not counted as retried', async () => {
  const own = await createTestDatabase();
  await asOwner(own, `alter table entries add constraint test_culprit check (amount <> -1234567)`);
  const ledger = await openLedger(own);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '1000000.00' });
  const batches: unknown[] = [];
  ledger.observe(({ size, retries, splits }) => batches.push({ size, retries, splits }));

  const culprit = { fromAccountId: from, toAccountId: to, amount: '12345.67' };
  expect(await transfer(ledger, culprit)).toMatchObject({ code: 'INTERNAL' });
  expect(await transfer(ledger, { ...culprit, amount: '1.00' })).toMatchObject({ code: 'POSTED' });

  expect(batches[0]).toEqual({ size: 1, retries: 0, splits: 0 });
  await expectSoundBooks(own);
});

test('an ATOMIC batch with a command that the database rejects fails as a whole', async () => {
  const own = await createTestDatabase();
  await asOwner(own, `alter table entries add constraint test_culprit check (amount <> -1234567)`);
  const faults: unknown[] = [];
  const ledger = await openLedger(own, { onFault: (error) => faults.push(error) });
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '1000000.00' });
  const operations = Array.from({ length: 200 }, (_, place) =>
    toTransfer({
      fromAccountId: from,
      toAccountId: to,
      amount: place === 137 ? '12345.67' : '1.00',
      idempotencyKey: randomUUID(),
    }),
  );

  expect(await ledger.postBatch('ATOMIC', operations)).toMatchObject({ code: 'INTERNAL' });

  expect(faults).toMatchObject([{ code: '23514', constraint: 'test_culprit' }]);
  expect(await balance(ledger, to)).toBe(100_000_000n);
  const independent = await ledger.postBatch('INDEPENDENT', operations);
  const outcomes = 'outcomes' in independent ? independent.outcomes : [];
  expect(outcomes.flatMap(({ code }, place) => (code === 'POSTED' ? [] : [[place, code]]))).toEqual([
    [137, 'INTERNAL'],
  ]);
  await expectSoundBooks(own);
});
