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

describe('entries that are not the whole of balanced transactions are refused:', () => {
  demandUnchanged(books);
  const whole = { constraint: 'entries_whole' };

  it.for<Attack>([
    { name: 'no transaction', change: ({ transactions }) => transactions.splice(0), ...whole },
    { name: 'a transaction too few', change: ({ transactions }) => transactions.pop(), ...whole },
    { name: 'none of any', change: ({ entries }) => entries.splice(0), constraint: 'transactions_whole' },
    {
      name: 'none of the last',
      change: ({ entries }) => entries.splice(2),
      constraint: 'transactions_whole',
    },
    {
      name: 'none of the first',
      drafts: [pay(erik, euroCash, 1n), ...one],
      change: ({ entries }) => entries.splice(0, 2),
      constraint: 'transactions_whole',
    },
    {
      name: 'none of one in the middle',
      drafts: [...one, pay(erik, euroCash, 1n), pay(bob, alice, 1n)],
      change: ({ entries }) => entries.splice(2, 2),
      ...whole,
    },
    { name: 'one of two', drafts: one, change: ({ entries }) => entries.pop(), ...whole },
    { name: 'one, counted as one', drafts: [{ legs: [[alice, 5n]] }], ...whole },

    { name: 'more gained than lost', change: set('entries', 3, { amount: '31' }), ...whole },
    {
      name: 'transactions that only balance each other',
      drafts: [
        { legs: [...pay(alice, bob, 5n).legs, [bob, 1n]] },
        { legs: [...pay(alice, bob, 5n).legs, [alice, -1n]] },
      ],
      ...whole,
    },
    { name: 'currencies that only balance each other', drafts: [pay(alice, erik, 5n)], ...whole },
    {
      name: 'a currency out of balance beside one in balance',
      drafts: [{ legs: [...pay(alice, bob, 5n).legs, ...pay(euroCash, erik, 5n).legs, [erik, 1n]] }],
      ...whole,
    },
    {
      name: 'layers that only balance each other',
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
      name: 'a layer of one’s own',
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
      name: 'lines from 2 on',
      drafts: one,
      change: setAll('entries', (row) => plus(row, 'line', 1n)),
      ...whole,
    },
    {
      name: 'lines from 0 on',
      drafts: one,
      change: setAll('entries', (row) => plus(row, 'line', -1n)),
      constraint: 'entries_line_check',
    },
    { name: 'a gap in the lines', change: set('entries', 1, { line: 3 }), ...whole },
    { name: 'a line twice', change: set('entries', 1, { line: 1 }), code: UNIQUE },
    { name: 'another type than the transaction’s', change: set('entries', 1, { type: 'DEPOSIT' }), ...whole },
    { name: 'another created_at', change: set('entries', 1, { created_at: LONG_AGO }), ...whole },
    { name: 'an effective_at of its own', change: set('entries', 1, { effective_at: LONG_AGO }), ...whole },
    { name: 'an effective_at of their own', change: setAll('entries', { effective_at: LONG_AGO }), ...whole },
    {
      name: 'the transaction’s effective_at in none',
      change: set('transactions', 0, { effective_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'the transaction’s effective_at in one of two',
      drafts: one.map((draft) => ({ ...draft, effectiveAt: SECOND })),
      change: set('entries', 1, { effective_at: null }),
      ...whole,
    },
    {
      name: 'another effective_at than the transaction’s',
      drafts: one.map((draft) => ({ ...draft, effectiveAt: SECOND })),
      change: set('entries', 1, { effective_at: LONG_AGO }),
      ...whole,
    },
    {
      name: 'of a recorded refusal',
      drafts: one,
      change: set('transactions', 0, { outcome: 'ACCOUNT_FROZEN', facts: {}, entry_count: 0 }),
      ...whole,
    },
  ])('$name', (attack) => expectRefusal(books, attack));

  it('a third entry for a transaction that stands', async () => {
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

  it('entries in another ledger than their transaction’s', async () => {
    const [other] = await asOwner<{ id: string }>(database, `select id from ledgers where name = 'other'`);
    const change = setAll('entries', { ledger_id: other?.id ?? '' });
    await expectRefusal(books, { name: '', change, ...whole });
  });

  it('entries of which some conflict away', async () => {
    const block = await buildBlock(client, one);
    set('entries', 0, { version: '1' })(block);
    const written = client.query(`${WRITE} on conflict do nothing`, parametersOf(block));
    await expect(written).rejects.toMatchObject(whole);
  });
});

describe('entries that a transaction of their type cannot have are refused:', () => {
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
    { name: 'a REVERSAL of nothing', drafts: [move('REVERSAL', alice, bob)], ...whole },
    {
      name: 'a TRANSFER between three',
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
    { name: 'a DEPOSIT between two wallets', drafts: [move('DEPOSIT', alice, bob)], ...outside },
    { name: 'a DEPOSIT to the outside', drafts: [move('DEPOSIT', alice, cash)], ...outside },
    { name: 'a WITHDRAWAL between two wallets', drafts: [move('WITHDRAWAL', alice, bob)], ...outside },
    { name: 'a WITHDRAWAL from the outside', drafts: [move('WITHDRAWAL', cash, alice)], ...outside },
    { name: 'a HOLD from the outside', drafts: [move('HOLD', cash, alice, 'PENDING')], ...outside },
  ])('$name', (attack) => expectRefusal(books, attack));
});

describe('entries that do not continue their accounts are refused:', () => {
  demandUnchanged(books);
  const continues = { constraint: 'entries_continue' };

  it.for<Attack>([
    ...['posted_after', 'pending_debits_after', 'pending_credits_after', 'total_debits_after'].flatMap(
      (column) => [
        {
          name: `a false ${column} at an account’s last entry`,
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
    { name: 'a version skipped', change: set('entries', 3, (row) => plus(row, 'version', 1n)), ...continues },
    {
      name: 'all versions too high',
      change: setAll('entries', (row) => plus(row, 'version', 7n)),
      ...continues,
    },
    { name: 'a version twice', change: set('entries', 3, (row) => plus(row, 'version', -1n)), code: UNIQUE },
    { name: 'a version that stands', change: set('entries', 0, { version: '1' }), code: UNIQUE },
    { name: 'version 0', drafts: one, change: set('entries', 1, { version: '0' }), ...continues },
    { name: 'another currency', drafts: one, change: setAll('entries', { currency: 'EUR' }), ...continues },
    {
      name: 'no such account',
      drafts: one,
      change: set('entries', 1, { account_id: randomUUID() }),
      ...continues,
    },
    { name: 'an account of another ledger', drafts: [pay(alice, stranger, 1n)], ...continues },
    { name: 'a closed account', drafts: [pay(alice, closed, 1n)], ...continues },
    { name: 'a frozen account', drafts: [pay(alice, frozen, 1n)], ...continues },
    {
      name: 'before the account’s last',
      options: { createdAt: (clock) => clock - 59n * SECOND },
      ...continues,
    },
    { name: 'below the minimum', drafts: [pay(bob, alice, 1n)], constraint: 'accounts_within_min' },
    { name: 'above the maximum', drafts: [pay(cash, alice, 1001n)], constraint: 'accounts_within_max' },
    {
      name: 'held below the minimum',
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
      name: 'incoming above the maximum',
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
      name: 'a release of what is not held',
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
      name: 'from the future',
      options: { createdAt: (clock) => clock + SECOND },
      constraint: 'entries_not_from_the_future',
    },
  ])('$name', (attack) => expectRefusal(books, attack));

  it('an account that closes in the very statement that moves it', async () => {
    const block = await buildBlock(client, [pay(strangerToo, stranger, 1n), pay(stranger, strangerToo, 1n)]);
    const close = `c as (update accounts set status = 'CLOSED' where id = '${stranger}')`;
    const written = client.query(WRITE.replace('with s', `with ${close}, s`), parametersOf(block));
    await expect(written).rejects.toMatchObject({ code: CHECK, ...continues });
  });

  it('whatever the settings of the session', async () => {
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
