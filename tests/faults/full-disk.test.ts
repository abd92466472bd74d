import { afterAll, expect, test } from 'vitest';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger, transfer } from '../support/ledger.ts';

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));

test('while the disk is full, callers receive UNAVAILABLE in time; afterwards they are served', {
  timeout: 60_000,
}, async () => {
  const ledger = await openLedger(database);
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '1000.00' });
  await asOwner(
    database,
    `create function refuse_space() returns trigger language plpgsql as $$
     begin raise exception 'no space left on device' using errcode = 'disk_full'; end $$`,
    `create trigger a_full before insert on entries for each row execute function refuse_space()`,
  );
  const since = performance.now();
  const attempts = Array.from({ length: 200 }, async (_, place) => {
    const input = { fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: `${place}` };
    const { code } = await transfer(ledger, input);
    return { code, milliseconds: performance.now() - since };
  });
  const answers = await Promise.all(attempts);
  expect(new Set(answers.map(({ code }) => code))).toEqual(new Set(['UNAVAILABLE']));
  expect(Math.max(...answers.map(({ milliseconds }) => milliseconds))).toBeLessThan(15_000);

  await asOwner(database, `drop trigger a_full on entries`);
  const again = { fromAccountId: from, toAccountId: to, amount: '1.00', idempotencyKey: '0' };
  expect(await transfer(ledger, again)).toMatchObject({ code: 'POSTED', replayed: false });
});
