import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Layer, TransactionType } from '../../src/core/transaction.ts';
import {
  type Attack,
  CHECK,
  demandUnchanged,
  expectRefusal,
  LONG_AGO,
  openBooks,
  pay,
  plus,
  SECOND,
  set,
  setAll,
  UNIQUE,
} from '../support/attack.ts';
import { buildBlock, type Draft, parametersOf, postBlock, WRITE } from '../support/block.ts';
import { asOwner } from '../support/database.ts';

const books = await openBooks();
const { database, client, cash, alice, bob, closed, frozen, euroCash, erik, stranger, strangerToo } = books;
const one = [pay(alice, bob, 1n)];

describe('the database rejects entries that are unbalanced or do not match their transactions:', () => {
  demandUnchanged(books);
  const whole = { constraint: 'entries_whole' };

  it.for<Attack>([
    { name: 'no transactions', change: ({ transactions }) => transactions.splice(0), ...whole },
    { name: 'a missing transaction', change: ({ transactions }) => transactions.pop(), ...whole },
    { name: 'no entries', change: ({ entries }) => entries.splice(0), constraint: 'transactions_whole' },
    {
      name: 'no entries of the last transaction',
      change: ({ entries }) => entries.splice(2),
      constraint: 'transactions_whole',
    },
    {
      name: 'no entries of the first transaction',
      drafts: [pay(erik, euroCash, 1n), ...one],
      change: ({ entries }) => entries.splice(0, 2),
      constraint: 'transactions_whole',
    },
    {
      name: 'no entries of a transaction in the middle',
      drafts: [...one, pay(erik, euroCash, 1n), pay(bob, alice, 1n)],
      change: ({ entries }) => entries.splice(2, 2),
      ...whole,
    },
    { name: 'one entry of two', drafts: one, change: ({ entries }) => entries.pop(), ...whole },
    { name: 'one entry, with an entry_count of 1', drafts: [{ legs: [[alice, 5n]] }], ...whole },

    { name: 'credits that exceed the debits', change: set('entries', 3, { amount: '31' }), ...whole },
    {
      name: 'transactions that balance only together',
      drafts: [
        { legs: [...pay(alice, bob, 5n).legs, [bob, 1n]] },
        { legs: [...pay(alice, bob, 5n).legs, [alice, -1n]] },
      ],
      ...whole,
    },
    { name: 'currencies that balance only together', drafts: [pay(alice, erik, 5n)], ...whole },
    {
      name: 'an unbalanced currency together with a balanced one',
      drafts: [{ legs: [...pay(alice, bob, 5n).legs, ...pay(euroCash, erik, 5n).legs, [erik, 1n]] }],
      ...whole,
    },
    {
      name: 'layers that balance only together',
      drafts: [
        {
          legs: [
            [alice, -5n],
            [bob, 5n, 'PENDING'],
          ],
        },
      ],
      ...whole,
    },
    {
      name: 'an unknown layer',
      change: set('entries', 0, { layer: 'MINE' }),
      constraint: 'entries_layer_check',
    },
    { name: 'amounts NaN', change: setAll('entries', { amount: 'NaN' }), ...whole },
    { name: 'an amount Infinity', change: set('entries', 0, { amount: 'Infinity' }), code: '22003' },
    {
      name: 'an amount of zero',
      change: set('entries', 0, { amount: '0' }),
      constraint: 'entries_amount_check',
    },

    {
      name: 'lines that begin with 2',
      drafts: one,
      change: setAll('entries', (row) => plus(row, 'line', 1n)),
      ...whole,
    },
    {
      name: 'lines that begin with 0',
      drafts: one,
      change: setAll('entries', (row) => plus(row, 'line', -1n)),
      constraint: 'entries_line_check',
    },
    { name: 'a gap in the lines', change: set('entries', 1, { line: 3 }), ...whole },
    { name: 'a duplicate line', change: set('entries', 1, { line: 1 }), code: UNIQUE },
    {
      name: 'a type that differs from the transaction’s',
      change: set('entries', 1, { type: 'DEPOSIT' }),
      ...whole,
    },
    {
      name: 'a created_at that differs from the transaction’s',
      change: set('entries', 1, { created_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'an effective_at in one entry only',
      change: set('entries', 1, { effective_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'an effective_at in the entries only',
      change: setAll('entries', { effective_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'an effective_at in the transaction only',
      change: set('transactions', 0, { effective_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'the transaction’s effective_at in one entry of two',
      drafts: one.map((draft) => ({ ...draft, effectiveAt: SECOND })),
      change: set('entries', 1, { effective_at: null }),
      ...whole,
    },
    {
      name: 'an effective_at that differs from the transaction’s',
      drafts: one.map((draft) => ({ ...draft, effectiveAt: SECOND })),
      change: set('entries', 1, { effective_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'entries of a recorded refusal',
      drafts: one,
      change: set('transactions', 0, { outcome: 'ACCOUNT_FROZEN', facts: {}, entry_count: 0 }),
      ...whole,
    },
  ])('$name', (attack) => expectRefusal(books, attack));

  it('a third entry for a recorded transaction', async () => {
    const [old] = await asOwner<{ id: string; created_at: string }>(
      database,
      'select id, created_at::text from transactions order by id limit 1',
    );
    const block = await buildBlock(client, one);
    block.transactions.splice(0);
    setAll('entries', (_, place) => ({
      transaction_id: old?.id ?? '',
      created_at: old?.created_at ?? '',
      line: place + 3,
    }))(block);
    await expect(postBlock(client, block)).rejects.toMatchObject(whole);
  });

  it('entries in another ledger than their transaction', async () => {
    const [other] = await asOwner<{ id: string }>(database, `select id from ledgers where name = 'other'`);
    const change = setAll('entries', { ledger_id: other?.id ?? '' });
    await expectRefusal(books, { name: '', change, ...whole });
  });

  it('entries of which ON CONFLICT skips some', async () => {
    const block = await buildBlock(client, one);
    set('entries', 0, { version: '1' })(block);
    const written = client.query(`${WRITE} on conflict do nothing`, parametersOf(block));
    await expect(written).rejects.toMatchObject(whole);
  });
});

describe('the database rejects entries that do not fit the type of their transaction:', () => {
  demandUnchanged(books);
  const whole = { constraint: 'entries_whole' };
  const outside = { constraint: 'entries_continue' };
  const move = (type: TransactionType, from: string, to: string, layer: Layer = 'POSTED'): Draft => ({
    type,
    legs: [
      [from, -5n, layer],
      [to, 5n, layer],
    ],
  });

  it.for<Attack>([
    { name: 'a RELEASE that posts', drafts: [move('RELEASE', frozen, alice)], ...whole },
    { name: 'a RELEASE that holds', drafts: [move('RELEASE', alice, bob, 'PENDING')], ...whole },
    { name: 'a HOLD that posts', drafts: [move('HOLD', alice, bob)], ...whole },
    { name: 'a CAPTURE that holds', drafts: [move('CAPTURE', alice, bob, 'PENDING')], ...whole },
    { name: 'a TRANSFER that holds', drafts: [move('TRANSFER', alice, bob, 'PENDING')], ...whole },
    { name: 'a JOURNAL that releases', drafts: [move('JOURNAL', alice, bob, 'RELEASE')], ...whole },
    { name: 'a REVERSAL without an original', drafts: [move('REVERSAL', alice, bob)], ...whole },
    {
      name: 'a TRANSFER with three entries',
      drafts: [
        {
          type: 'TRANSFER',
          legs: [
            [alice, -5n],
            [bob, 2n],
            [frozen, 3n],
          ],
        },
      ],
      ...whole,
    },
    {
      name: 'a DEPOSIT between two accounts of customers',
      drafts: [move('DEPOSIT', alice, bob)],
      ...outside,
    },
    { name: 'a DEPOSIT to the external account', drafts: [move('DEPOSIT', alice, cash)], ...outside },
    {
      name: 'a WITHDRAWAL between two accounts of customers',
      drafts: [move('WITHDRAWAL', alice, bob)],
      ...outside,
    },
    { name: 'a WITHDRAWAL from the external account', drafts: [move('WITHDRAWAL', cash, alice)], ...outside },
    { name: 'a HOLD on the external account', drafts: [move('HOLD', cash, alice, 'PENDING')], ...outside },
  ])('$name', (attack) => expectRefusal(books, attack));
});

describe('the database rejects entries that do not continue their accounts:', () => {
  demandUnchanged(books);
  const continues = { constraint: 'entries_continue' };

  it.for<Attack>([
    ...['posted_after', 'pending_debits_after', 'pending_credits_after', 'total_debits_after'].flatMap(
      (column) => [
        {
          name: `a false ${column} in the last entry of an account`,
          change: set('entries', 3, (row) => plus(row, column, 1n)),
          ...continues,
        },
        {
          name: `${column} NaN`,
          change: set('entries', 3, { [column]: 'NaN' }),
          constraint: 'entries_sums_are_numbers',
        },
        { name: `${column} Infinity`, change: set('entries', 3, { [column]: 'Infinity' }), code: '22003' },
      ],
    ),
    { name: 'a skipped version', change: set('entries', 3, (row) => plus(row, 'version', 1n)), ...continues },
    {
      name: 'versions that are all too high',
      change: setAll('entries', (row) => plus(row, 'version', 7n)),
      ...continues,
    },
    {
      name: 'a duplicate version',
      change: set('entries', 3, (row) => plus(row, 'version', -1n)),
      code: UNIQUE,
    },
    { name: 'a version that is already recorded', change: set('entries', 0, { version: '1' }), code: UNIQUE },
    { name: 'version 0', drafts: one, change: set('entries', 1, { version: '0' }), ...continues },
    {
      name: 'a currency that differs from the account’s',
      drafts: one,
      change: setAll('entries', { currency: 'EUR' }),
      ...continues,
    },
    {
      name: 'an unknown account',
      drafts: one,
      change: set('entries', 1, { account_id: randomUUID() }),
      ...continues,
    },
    { name: 'an account of another ledger', drafts: [pay(alice, stranger, 1n)], ...continues },
    { name: 'a closed account', drafts: [pay(alice, closed, 1n)], ...continues },
    { name: 'a frozen account', drafts: [pay(alice, frozen, 1n)], ...continues },
    {
      name: 'a created_at before the account’s last entry',
      options: { createdAt: (clock) => clock - 59n * SECOND },
      ...continues,
    },
    { name: 'a balance below the minimum', drafts: [pay(bob, alice, 1n)], constraint: 'accounts_within_min' },
    {
      name: 'a balance above the maximum',
      drafts: [pay(cash, alice, 1001n)],
      constraint: 'accounts_within_max',
    },
    {
      name: 'a hold that takes the balance below the minimum',
      drafts: [
        {
          legs: [
            [alice, -1001n, 'PENDING'],
            [bob, 1001n, 'PENDING'],
          ],
        },
      ],
      constraint: 'accounts_within_min',
    },
    {
      name: 'a hold that takes the balance above the maximum',
      drafts: [
        {
          legs: [
            [cash, -1001n, 'PENDING'],
            [alice, 1001n, 'PENDING'],
          ],
        },
      ],
      constraint: 'accounts_within_max',
    },
    {
      name: 'a release of more than is held',
      drafts: [
        {
          legs: [
            [alice, 1n, 'RELEASE'],
            [cash, -1n, 'RELEASE'],
          ],
        },
      ],
      constraint: 'accounts_pending_not_negative',
    },
    {
      name: 'a balance of more than 38 digits',
      drafts: [pay(cash, bob, 10n ** 38n - 1n), pay(cash, bob, 1n)],
      code: '22003',
    },
    {
      name: 'a created_at in the future',
      options: { createdAt: (clock) => clock + SECOND },
      constraint: 'entries_not_from_the_future',
    },
  ])('$name', (attack) => expectRefusal(books, attack));

  it('an account that the same statement closes', async () => {
    const block = await buildBlock(client, [pay(strangerToo, stranger, 1n), pay(stranger, strangerToo, 1n)]);
    const close = `c as (update accounts set status = 'CLOSED' where id = '${stranger}')`;
    const written = client.query(WRITE.replace('with s', `with ${close}, s`), parametersOf(block));
    await expect(written).rejects.toMatchObject({ code: CHECK, ...continues });
  });

  it('false entries under any settings of the session', async () => {
    const settings = [
      'search_path = pg_temp, public',
      'transaction_isolation = serializable',
      'enable_nestloop = off',
      'transform_null_equals = on',
      'timezone = +13',
      'intervalstyle = iso_8601',
      'datestyle = german',
      'bytea_output = escape',
      'standard_conforming_strings = off',
      'client_encoding = sql_ascii',
      'plan_cache_mode = force_custom_plan',
    ];
    for (const setting of settings) {
      const block = await buildBlock(client, [...one, pay(bob, alice, 1n)]);
      set('entries', 3, { posted_after: '5000' })(block);
      await client.query('begin');
      await client.query(`set local ${setting}`);
      await expect(postBlock(client, block), setting).rejects.toMatchObject({ code: CHECK, ...continues });
      await client.query('rollback');
    }
  });
});
