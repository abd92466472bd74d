import { randomUUID } from 'node:crypto';
import { afterAll, describe, expect, test } from 'vitest';
import { toJournal } from '../../src/core/decide/request.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';

const database = await createTestDatabase();
const ledger = await openLedger(database);
afterAll(() => expectSoundBooks(database));

/** Sends one journal under one key, with these descriptions of its two entries. */
async function journals(amount: string) {
  const [from = '', to = ''] = await makeAccounts(ledger, 2, { funds: '10.00' });
  const idempotencyKey = randomUUID();
  return (first: string | null, second: string | null) => {
    const command = toJournal({
      keyAccountId: from,
      entries: [
        { accountId: from, side: 'DEBIT', amount, description: first },
        { accountId: to, side: 'CREDIT', amount, description: second },
      ],
      idempotencyKey,
    });
    if ('code' in command) throw new TypeError(command.code);
    return ledger.post(command);
  };
}

describe.each([
  ['posted', '1.00', 'POSTED'],
  ['declined', '99.00', 'INSUFFICIENT_FUNDS'],
])('a journal that was %s', (_, amount, code) => {
  test('is replayed if its entries have the same descriptions', async () => {
    const send = await journals(amount);
    expect(await send('rent', null)).toMatchObject({ code, replayed: false });
    expect(await send('rent', null)).toMatchObject({ code, replayed: true });
  });

  test.each([
    ['another', 'tea', null],
    ['none', null, null],
    ['one more', 'rent', 'rent'],
    ['its own in another place', null, 'rent'],
  ])('is a conflict if an entry has %s', async (__, first, second) => {
    const send = await journals(amount);
    expect(await send('rent', null)).toMatchObject({ code });
    expect(await send(first, second)).toMatchObject({
      code: 'IDEMPOTENCY_CONFLICT',
      facts: { differingFields: ['entries'] },
    });
  });

  test('is a conflict if it had no description and an entry has one', async () => {
    const send = await journals(amount);
    expect(await send(null, null)).toMatchObject({ code });
    expect(await send(null, 'rent')).toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' });
  });

  test('is replayed with any descriptions if they were erased', async () => {
    const send = await journals(amount);
    const [before] = await asOwner<{ id: string }>(database, 'select max(id::text) as id from transactions');
    expect(await send('rent', 'flat 3')).toMatchObject({ code });
    await asOwner(
      database,
      `set session_replication_role = replica;
       update entries e set description = null, description_digest = sha256(t.salt || convert_to(e.description, 'UTF8'))
         from transactions t where t.id = e.transaction_id and t.id::text > '${before?.id}' and e.description is not null;
       update transactions set salt = null where id::text > '${before?.id}'`,
    );
    expect(await send('rent', 'flat 3')).toMatchObject({ code, replayed: true });
    expect(await send(null, null)).toMatchObject({ code, replayed: true });
  });
});
