/** Each entry shows its account's normal side. Reading entries looks up each account once, however many entries it has. */
import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import { toTransfer } from '../../src/core/decide/request.ts';
import type { Entry } from '../../src/core/transaction.ts';
import { findEntries, listEntries } from '../../src/db/journal/entries.ts';
import { findTransactions } from '../../src/db/journal/transactions.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { expectSoundBooks, makeAccounts, openLedger } from '../support/ledger.ts';
import { logPlans, plansOf } from '../support/plans.ts';

const TRANSFERS = 200;

const database = await createTestDatabase();
afterAll(() => expectSoundBooks(database));
await asOwner(
  database,
  ...['accounts', 'entries', 'transactions'].map(
    (table) => `alter table ${table} set (autovacuum_enabled = off)`,
  ),
  'vacuum analyze',
  // So many that PostgreSQL finds an account by its key.
  `insert into accounts (id, ledger_id, owner, currency, side)
    select gen_random_uuid(), l.id, 'other', 'USD', 1 from ledgers l, generate_series(1, 2000)`,
);
const ledger = await openLedger(database);
const unlimited = { minBalance: { unlimited: true } } as const;
const [debit = '', ...credits] = [
  ...(await makeAccounts(ledger, 1, { ...unlimited, normalSide: 'DEBIT' })),
  ...(await makeAccounts(ledger, 3, unlimited)),
];
await ledger.postBatch(
  'INDEPENDENT',
  Array.from({ length: TRANSFERS }, (_, place) =>
    toTransfer({
      fromAccountId: debit,
      toAccountId: credits[place % 3] ?? '',
      amount: '1.00',
      idempotencyKey: randomUUID(),
    }),
  ),
);
const transactions = await asOwner<{ id: string; ledger_id: string }>(
  database,
  `select id, ledger_id from transactions`,
);
const ledgerId = transactions[0]?.ledger_id ?? '';
const places = (
  await asOwner<{ accountId: string; version: string }>(
    database,
    'select account_id as "accountId", version from entries',
  )
).map(({ accountId, version }) => ({ accountId, version: BigInt(version) }));
const debitId = (await ledger.accountIdOf(debit)) ?? '';

await logPlans(database);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'entries',
});
afterAll(() => db.destroy());

const currencyOf = (code: string) => ({ code, exponent: 2 });
const READS: readonly [string, number, number, () => Promise<Entry[]>][] = [
  [
    'transactions',
    2 * TRANSFERS,
    4,
    async () =>
      (
        await findTransactions(
          db,
          ledgerId,
          transactions.map(({ id }) => id),
          currencyOf,
        )
      ).flatMap(({ entries }) => entries),
  ],
  ['entries by version', 2 * TRANSFERS, 4, () => findEntries(db, ledgerId, places, currencyOf)],
  [
    'the history of an account',
    100,
    1,
    () => listEntries(db, ledgerId, debitId, { limit: 100, inverted: false }, currencyOf),
  ],
];

const ANALYZED = [
  ['analyzed while they were empty', 'select'],
  ['analyzed as they are', 'vacuum analyze'],
] as const;

test.each(
  ANALYZED.flatMap(([state, prepare]) =>
    READS.map(([what, ...read]) => [what, state, prepare, ...read] as const),
  ),
)('reading %s looks up each account once, in tables %s', async (_, __, prepare, size, accounts, read) => {
  await asOwner(database, prepare);
  const entries = await read();
  expect(entries).toHaveLength(size);
  for (const { accountId, normalSide } of entries) {
    expect(normalSide).toBe(accountId === debitId ? 'DEBIT' : 'CREDIT');
  }

  const plans = await plansOf(database, read);
  const found = plans.flatMap(({ scans }) => scans).filter(({ table }) => table === 'accounts');
  expect(found.reduce((sum, { rows }) => sum + rows, 0)).toBe(accounts);
});
