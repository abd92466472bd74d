// Reads on behalf of an owner take indexes: their cost does not grow with the accounts and transactions of others.

import { afterAll, describe, expect, test } from 'vitest';
import type { Uuid } from '../../src/core/values/ids.ts';
import { findAccounts } from '../../src/db/accounts.ts';
import { findHolds } from '../../src/db/holds.ts';
import { listEntries } from '../../src/db/journal/entries.ts';
import { findTransactions } from '../../src/db/journal/transactions.ts';
import { listMatchingAccounts } from '../../src/db/lists/account-lists.ts';
import { listMatchingEntries } from '../../src/db/lists/entry-lists.ts';
import { listHoldTransactions, listMatchingHolds } from '../../src/db/lists/hold-lists.ts';
import { findParties } from '../../src/db/parties.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { logPlans, plansOf } from '../support/plans.ts';

const ACCOUNTS = 100_000;
const HOLDS = 50_000;
/** Alice has every 10,000th account. The others belong to Bob. */
const STEP = 10_000;

const database = await createTestDatabase();
const [{ id: ledgerId } = { id: '' }] = await asOwner<{ id: Uuid }>(database, 'select id from ledgers');
await writeBooks();
await logPlans(database);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'owner reads',
});
afterAll(() => db.destroy());

function uuidOf(number: number): Uuid {
  return `00000000-0000-7000-8000-${number.toString(16).padStart(12, '0')}`;
}

/** Account n places the nth hold, to account n + 1. */
async function writeBooks(): Promise<void> {
  const id = (number: string) => `('00000000-0000-7000-8000-' || lpad(to_hex(${number}), 12, '0'))::uuid`;
  await asOwner(
    database,
    `set session_replication_role = replica;
     insert into accounts (id, ledger_id, owner, currency, side, version)
       select ${id('n')}, '${ledgerId}', case when n % ${STEP} = 0 then 'alice' else 'bob' end, 'USD', 1, 1
       from generate_series(1, ${ACCOUNTS}) n;
     insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, created_at)
       select ${id('n')}, '${ledgerId}', ${id('n')}, ${id('n + 1')}, 'USD', 1, now()
       from generate_series(1, ${HOLDS}) n;
     insert into transactions (id, ledger_id, type, entry_count, account_id, outcome, hold_id, created_at, digest)
       select ${id('n')}, '${ledgerId}', 'HOLD', 2, ${id('n')}, 'POSTED', ${id('n')}, now(), sha256('')
       from generate_series(1, ${HOLDS}) n;
     insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
         pending_debits_after, pending_credits_after, total_debits_after, created_at)
       select ${id('n + line - 1')}, 3 - line, '${ledgerId}', ${id('n')}, line, 'HOLD', 'USD', 'PENDING', 2 * line - 3, 0, 0, 0, 0, now()
       from generate_series(1, ${HOLDS}) n, generate_series(1, 2) line;
     analyze;`,
  );
}

const currencyOf = (code: string) => ({ code, exponent: 2 });
const page = { limit: 21, inverted: false };
const [own, foreign] = [uuidOf(STEP), uuidOf(STEP + 5)];
const alices = Array.from({ length: ACCOUNTS / STEP }, (_, place) => uuidOf(ACCOUNTS - place * STEP));

/** Reads, their results, and the maximum of rows that a statement reads. */
const READS: readonly [what: string, read: () => Promise<unknown>, result: unknown, rows: number][] = [
  [
    'her accounts',
    async () => idsOf((await listMatchingAccounts(db, ledgerId, {}, page, currencyOf, 'alice')).rows),
    alices,
    30,
  ],
  [
    'her accounts with a filter that none meets',
    async () =>
      (await listMatchingAccounts(db, ledgerId, { status: 'FROZEN' }, page, currencyOf, 'alice')).rows,
    [],
    30,
  ],
  [
    'accounts by id',
    async () => idsOf(await findAccounts(db, ledgerId, [own, foreign], currencyOf, 'alice')),
    [own],
    // The statistics are a random sample: with some, all accounts of the owner are read by their index.
    alices.length,
  ],
  [
    'holds by id',
    async () => idsOf(await findHolds(db, ledgerId, [own, foreign], currencyOf, 'alice')),
    [own],
    10,
  ],
  [
    'transactions by id',
    async () => idsOf(await findTransactions(db, ledgerId, [own, foreign], currencyOf, 'alice')),
    [own],
    20,
  ],
  [
    'the parties of transactions',
    async () => {
      const parties = await findParties(db, ledgerId, [own, foreign], 'alice');
      return [...parties].map(([id, list]) => [id, list.map(({ accountId }) => accountId)]);
    },
    [[own, [own, uuidOf(STEP + 1)]]],
    20,
  ],
  [
    'the history of her account',
    async () => (await listEntries(db, ledgerId, own, page, currencyOf, 'alice')).length,
    2,
    5,
  ],
  [
    'the history of another account',
    async () => listEntries(db, ledgerId, foreign, page, currencyOf, 'alice'),
    [],
    5,
  ],
  [
    'the filtered history of another account',
    async () =>
      (await listMatchingEntries(db, ledgerId, foreign, { side: 'DEBIT' }, page, currencyOf, 'alice')).rows,
    [],
    5,
  ],
  [
    'the holds of her account',
    async () =>
      idsOf((await listMatchingHolds(db, ledgerId, { accountId: own }, page, currencyOf, 'alice')).rows),
    [own, uuidOf(STEP - 1)],
    20,
  ],
  [
    'the holds of another account',
    async () =>
      (await listMatchingHolds(db, ledgerId, { accountId: foreign }, page, currencyOf, 'alice')).rows,
    [],
    20,
  ],
  [
    'the transactions of her hold',
    async () => idsOf((await listHoldTransactions(db, ledgerId, own, page, currencyOf, 'alice')).rows),
    [own],
    20,
  ],
  [
    'the transactions of another hold',
    async () => (await listHoldTransactions(db, ledgerId, foreign, page, currencyOf, 'alice')).rows,
    [],
    20,
  ],
];

test('an external account belongs to no owner', async () => {
  const [{ id } = { id: '' }] = await asOwner<{ id: Uuid }>(
    database,
    `insert into accounts (id, ledger_id, owner, kind, currency, side)
       values ('${uuidOf(ACCOUNTS + 1)}', '${ledgerId}', 'external', 'EXTERNAL', 'USD', -1) returning id`,
  );
  expect(idsOf(await findAccounts(db, ledgerId, [id], currencyOf))).toEqual([id]);
  expect(await findAccounts(db, ledgerId, [id], currencyOf, 'external')).toEqual([]);
  expect((await listMatchingAccounts(db, ledgerId, {}, page, currencyOf, 'external')).rows).toEqual([]);
  expect(await listEntries(db, ledgerId, id, page, currencyOf, 'external')).toEqual([]);
});

function idsOf(rows: readonly { readonly id: Uuid }[]): Uuid[] {
  return rows.map(({ id }) => id);
}

describe.each(READS)('of %s', (_, read, result, rows) => {
  test('the result is that of the owner alone, and each statement reads few rows', async () => {
    expect(await read()).toEqual(result);
    const plans = await plansOf(database, read);
    expect(plans.length).toBeGreaterThan(0);
    for (const { scans } of plans) {
      expect(scans.map(({ way }) => way)).not.toContain('Seq Scan');
      expect(scans.reduce((sum, scan) => sum + scan.rows, 0)).toBeLessThanOrEqual(rows);
    }
  });
});
