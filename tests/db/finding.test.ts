import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AccountFilter, HistoryFilter, TransactionFilter } from '../../src/core/filters.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import { formatInstant, parseInstant } from '../../src/core/values/instant.ts';
import type { KeysetRange, Listed } from '../../src/db/keyset.ts';
import { listMatchingAccounts } from '../../src/db/lists/account-lists.ts';
import { listMatchingEntries } from '../../src/db/lists/entry-lists.ts';
import { listMatchingTransactions } from '../../src/db/lists/transaction-lists.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { logPlans, plansOf } from '../support/plans.ts';

const TRANSACTIONS = 1_000_000;
const ACCOUNTS = 200_000;
/** Has an entry of every transaction. */
const BIG = uuidOf(1);
/** Has an entry of the 60th transaction, and one of the 999,980th. */
const SMALL = uuidOf(2);
const BEGIN = parseInstant('2025-01-01T00:00:00Z') as bigint;
/** Three transactions are backdated to this year: the 100th, the 500,000th and the 999,950th. */
const YEAR_2001 = yearOf(2001);
/** 20,000 transactions are backdated to this year, from the 600,000th on. */
const YEAR_2010 = yearOf(2010);

const database = await createTestDatabase();
const [{ id: ledgerId } = { id: '' }] = await asOwner<{ id: Uuid }>(database, 'select id from ledgers');
await writeBooks();
await logPlans(database);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'finding',
});
afterAll(() => db.destroy());

/** The rows of a page, by their numbers, and whether the page is complete: its search was not stopped. */
interface Read {
  readonly numbers: readonly number[];
  readonly isWhole: boolean;
}
/** A list under a filter, read from its beginning or, inverted, from its end. */
interface FilteredList {
  readonly readPage: (inverted: boolean) => Promise<Read>;
  /** Reads all rows, and continues where pages have stopped. */
  readonly readThrough: (inverted: boolean) => Promise<{ numbers: readonly number[]; pages: number }>;
}

const currencyOf = (code: string) => ({ code, exponent: 2 });
const transactions = (filter: TransactionFilter) =>
  listOf(
    (range: KeysetRange<Uuid>) => listMatchingTransactions(db, ledgerId, filter, range, currencyOf),
    ({ id }) => numberOf(id),
  );
const accounts = (filter: AccountFilter) =>
  listOf(
    (range: KeysetRange<Uuid>) => listMatchingAccounts(db, ledgerId, filter, range, currencyOf),
    ({ id }) => numberOf(id),
  );
/** The history of the big account. */
const history = (filter: HistoryFilter) =>
  listOf(
    (range: KeysetRange<bigint>) => listMatchingEntries(db, ledgerId, BIG, filter, range, currencyOf),
    ({ version }) => Number(version),
  );

/** Lists with few matches, old and recent: all rows, newest first, and the limit of database pages that are read. */
const SPARSE: readonly [what: string, list: FilteredList, numbers: readonly number[], buffers: number][] = [
  ['createdAt, old', transactions({ createdAt: hourFrom(1000), types: ['REVERSAL'] }), [1001], 60],
  ['createdAt, fresh', transactions({ createdAt: hourFrom(990_000), types: ['REVERSAL'] }), [990_001], 60],
  ['effectiveAt, old', transactions({ effectiveAt: hourFrom(1000), types: ['REVERSAL'] }), [1001], 60],
  ['effectiveAt, backdated', transactions({ effectiveAt: YEAR_2001 }), [999_950, 500_000, 100], 80],
  ['both times, old', transactions({ effectiveAt: YEAR_2001, createdAt: hourFrom(0) }), [100], 60],
  [
    'both times, fresh',
    transactions({ effectiveAt: YEAR_2001, createdAt: hourFrom(999_900) }),
    [999_950],
    60,
  ],
  [
    'both times, of many that were backdated',
    transactions({ effectiveAt: YEAR_2010, createdAt: hourFrom(619_990) }),
    [620_000, 619_999, 619_998, 619_997, 619_996, 619_995, 619_994, 619_993, 619_992, 619_991, 619_990],
    1000,
  ],
  ['accountId', transactions({ accountId: SMALL }), [999_980, 60], 60],
  ['accountId and createdAt', transactions({ accountId: SMALL, createdAt: hourFrom(0) }), [60], 60],
  [
    'accountId and createdAt, of a long history',
    transactions({ accountId: BIG, createdAt: hourFrom(1000), types: ['REVERSAL'] }),
    [1001],
    260,
  ],
  [
    'accountId and effectiveAt, backdated',
    transactions({ accountId: BIG, effectiveAt: YEAR_2001 }),
    [999_950, 500_000, 100],
    300,
  ],
  [
    'accountId and effectiveAt, old',
    transactions({ accountId: BIG, effectiveAt: hourFrom(1000), types: ['REVERSAL'] }),
    [1001],
    260,
  ],
  ['accountId and metadata', transactions({ accountId: SMALL, metadata: { channel: 'shop' } }), [], 60],
  [
    'accountId and metadata, of a long history',
    transactions({ accountId: BIG, metadata: { order: 'A' } }),
    [999_990, 50],
    5000,
  ],
  ['metadata', transactions({ metadata: { order: 'A' } }), [999_990, 50], 100],
  ['metadata, two keys', transactions({ metadata: { order: 'A', channel: 'old' } }), [50], 100],
  [
    'metadata and createdAt, old',
    transactions({ metadata: { order: 'A' }, createdAt: { to: timeOf(900_000) } }),
    [50],
    100,
  ],
  [
    'metadata and createdAt, fresh',
    transactions({ metadata: { order: 'A' }, createdAt: { from: timeOf(60) } }),
    [999_990],
    100,
  ],
  [
    'metadata and effectiveAt',
    transactions({ metadata: { order: 'A' }, effectiveAt: { from: timeOf(0) } }),
    [999_990, 50],
    100,
  ],
  [
    'metadata of many, and createdAt',
    transactions({ metadata: { channel: 'shop' }, createdAt: hourFrom(499_995) }),
    [500_000, 499_999, 499_998, 499_997, 499_996, 499_995],
    120,
  ],

  ['createdAt of a history, old', history({ createdAt: hourFrom(1000), types: ['REVERSAL'] }), [1001], 260],
  [
    'createdAt of a history, fresh',
    history({ createdAt: hourFrom(990_000), types: ['REVERSAL'] }),
    [990_001],
    260,
  ],
  [
    'effectiveAt of a history, old',
    history({ effectiveAt: hourFrom(1000), types: ['REVERSAL'] }),
    [1001],
    260,
  ],
  ['effectiveAt of a history, backdated', history({ effectiveAt: YEAR_2001 }), [999_950, 500_000, 100], 260],
  ['both times of a history', history({ effectiveAt: YEAR_2001, createdAt: hourFrom(0) }), [100], 400],

  ['owner', accounts({ owner: 'few' }), [199_990, 10], 30],
  ['owner and externalIdPrefix', accounts({ owner: 'few', externalIdPrefix: 'users:1' }), [199_990, 10], 30],
  ['owner and metadata', accounts({ owner: 'few', metadata: { tier: 'gold' } }), [], 30],
  [
    'owner of many, and externalIdPrefix',
    accounts({ owner: 'many', externalIdPrefix: 'rare:' }),
    [199_980, 20],
    120,
  ],
  ['owner of many, and metadata', accounts({ owner: 'many', metadata: { ref: 'A' } }), [199_970, 30], 120],
  ['externalIdPrefix', accounts({ externalIdPrefix: 'rare:' }), [199_980, 20], 120],
  [
    'externalIdPrefix and metadata of many',
    accounts({ externalIdPrefix: 'rare:', metadata: { tier: 'gold' } }),
    [],
    1000,
  ],
  ['metadata of accounts', accounts({ metadata: { ref: 'A' } }), [199_970, 30], 120],
  [
    'metadata and externalIdPrefix of many',
    accounts({ metadata: { ref: 'A' }, externalIdPrefix: 'users:' }),
    [199_970, 30],
    120,
  ],
];

/** Conditions with matches that are rare or far away: the first page, the last page, and the limit of database pages that are read. */
const BOUNDED: readonly [
  what: string,
  list: FilteredList,
  first: readonly number[],
  last: readonly number[],
  buffers: number,
][] = [
  ['types', transactions({ types: ['REVERSAL'] }), [999_920, 990_001], [1001, 77], 500],
  [
    'accountId and types',
    transactions({ accountId: BIG, types: ['REVERSAL'] }),
    [999_920, 990_001],
    [1001, 77],
    500,
  ],
  ['effectiveAt, of many that were backdated', transactions({ effectiveAt: YEAR_2010 }), [], [], 1500],
  [
    'accountId and effectiveAt, of many that were backdated',
    transactions({ accountId: BIG, effectiveAt: YEAR_2010 }),
    [],
    [],
    1500,
  ],
  ['metadata that many have', transactions({ metadata: { channel: 'shop' } }), [], [], 1500],
  [
    'accountId and metadata that many have',
    transactions({ accountId: BIG, metadata: { channel: 'shop' } }),
    [],
    [],
    50_000,
  ],
  ['types of a history', history({ types: ['REVERSAL'] }), [999_920, 990_001], [1001, 77], 500],
  ['side', history({ side: 'DEBIT' }), [], [], 500],
  ['layer', history({ layer: 'PENDING' }), [], [], 500],
  [
    'effectiveAt of a history, of many that were backdated',
    history({ effectiveAt: YEAR_2010 }),
    [],
    [],
    1500,
  ],
  ['status', accounts({ status: 'FROZEN' }), [], [40], 1000],
  ['currency', accounts({ currency: 'EUR' }), [], [], 1000],
  ['kind', accounts({ kind: 'EXTERNAL' }), [], [], 1000],
  ['metadata that many accounts have', accounts({ metadata: { tier: 'gold' } }), [], [], 2000],
];

/** Lists where most rows match, so that the first page is at the beginning: the limit of database pages that are read. */
const DENSE: readonly [what: string, list: FilteredList, buffers: number][] = [
  ['createdAt', transactions({ createdAt: { to: timeOf(999_000) } }), 300],
  ['effectiveAt', transactions({ effectiveAt: { from: timeOf(1000), to: timeOf(999_000) } }), 2000],
  ['types', transactions({ types: ['TRANSFER', 'DEPOSIT'] }), 300],
  ['accountId', transactions({ accountId: BIG }), 300],
  ['side', history({ side: 'CREDIT' }), 300],
  ['owner', accounts({ owner: 'many' }), 100],
  ['externalIdPrefix', accounts({ externalIdPrefix: 'users:' }), 100],
];

/** The statistics of the planner make no difference, whether they are from empty or from full tables. */
describe.each([
  ['while they were empty', 'select'],
  ['with their rows', 'vacuum analyze transactions, entries, accounts'],
])('in tables that were analyzed %s', (_, prepare) => {
  beforeAll(() => asOwner(database, prepare), 120_000);

  test.each(SPARSE)('%s: few matches are found at once', async (_, list, numbers, buffers) => {
    const whole = { numbers, isWhole: true };
    expect(await readBothEnds(list, buffers)).toEqual({ first: whole, last: whole });
  });

  test.each(BOUNDED)('%s: a page stops after 10,000 rows', async (_, list, first, last, buffers) => {
    expect(await readBothEnds(list, buffers)).toEqual({
      first: { numbers: first, isWhole: false },
      last: { numbers: last, isWhole: false },
    });
  });

  test.each(DENSE)(
    '%s: a page of a list where most rows match is found at once',
    async (_, list, buffers) => {
      const full = { numbers: { length: 21 }, isWhole: true };
      expect(await readBothEnds(list, buffers)).toMatchObject({ first: full, last: full });
    },
  );
});

// Two transactions have an effectiveAt far from their createdAt, and are listed far from their neighbours.
test.each<[string, FilteredList, number[], number]>([
  ['types', transactions({ types: ['REVERSAL'] }), [999_920, 990_001, 700_000, 200_000, 1001, 77], 101],
  [
    'types and effectiveAt, late',
    transactions({ types: ['REVERSAL'], effectiveAt: { from: timeOf(500_000) } }),
    [999_920, 990_001, 200_000],
    51,
  ],
  [
    'types and effectiveAt, early',
    transactions({ types: ['REVERSAL'], effectiveAt: { from: timeOf(0), to: timeOf(500_000) } }),
    [700_000, 1001, 77],
    50,
  ],
  [
    'accountId, types and effectiveAt',
    transactions({ accountId: BIG, types: ['REVERSAL'], effectiveAt: { from: timeOf(500_000) } }),
    [999_920, 990_001, 200_000],
    51,
  ],
  [
    'types and effectiveAt of a history',
    history({ types: ['REVERSAL'], effectiveAt: { from: timeOf(500_000) } }),
    [999_920, 990_001, 200_000],
    51,
  ],
])(
  '%s: continuing where pages have stopped finds all distant matches, from both ends',
  async (_, list, numbers, pages) => {
    for (const inverted of [false, true]) {
      expect(await list.readThrough(inverted)).toEqual({ numbers, pages });
    }
  },
  60_000,
);

test('a posting writes to no index that only serves lists', async () => {
  const indexes = await asOwner(
    database,
    `select indexrelid::regclass::text as name from pg_index
      where indrelid in ('transactions'::regclass, 'entries'::regclass) and not indisunique and indpred is null`,
  );
  expect(indexes).toEqual([]);
  // The update of an account is HOT only if no index has a column that a posting changes.
  const hot = await asOwner(
    database,
    `select i.indexrelid::regclass::text as name, a.attname from pg_index i
      join pg_attribute a on a.attrelid = i.indexrelid where i.indrelid = 'accounts'::regclass
      and a.attname in ('posted', 'pending_debits', 'pending_credits', 'total_debits', 'version', 'last_at')`,
  );
  expect(hot).toEqual([]);
});

/** Reads the first and the last page of a list. Expects a bounded cost, and no scan of a whole table. */
async function readBothEnds(list: FilteredList, buffers: number): Promise<{ first: Read; last: Read }> {
  const read: Read[] = [];
  const plans = await plansOf(database, async () => {
    for (const inverted of [false, true]) read.push(await list.readPage(inverted));
  });
  const scans = plans.flatMap((plan) => plan.scans);
  expect(scans.length).toBeGreaterThan(0);
  expect(scans.filter(({ way, rows }) => way === 'Seq Scan' || rows > 10_001)).toEqual([]);
  expect(plans.reduce((sum, plan) => sum + plan.buffers, 0)).toBeLessThanOrEqual(2 * buffers);
  const [first, last] = read;
  if (first === undefined || last === undefined) throw new TypeError('nothing was read');
  return { first, last: { ...last, numbers: last.numbers.toReversed() } };
}

function listOf<Key, Row>(
  list: (range: KeysetRange<Key>) => Promise<Listed<Key, Row>>,
  number: (row: Row) => number,
): FilteredList {
  const read = async (inverted: boolean, from?: Key) => {
    const bound = inverted ? { before: from } : { after: from };
    const { rows, stoppedAt } = await list({ limit: 21, inverted, ...bound });
    return { numbers: rows.map(number), stoppedAt };
  };
  return {
    readPage: async (inverted) => {
      const { numbers, stoppedAt } = await read(inverted);
      return { numbers, isWhole: stoppedAt === undefined };
    },
    readThrough: async (inverted) => {
      const numbers: number[] = [];
      let stoppedAt: Key | undefined;
      let pages = 0;
      do {
        const page = await read(inverted, stoppedAt);
        numbers.push(...page.numbers);
        ({ stoppedAt } = page);
        pages += 1;
      } while (stoppedAt !== undefined);
      return { numbers: inverted ? numbers.reverse() : numbers, pages };
    },
  };
}

function uuidOf(n: number): Uuid {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}
function numberOf(id: Uuid): number {
  return Number.parseInt(id.slice(24), 16);
}
/** Returns the createdAt of the n-th transaction: there is one every 10 seconds. */
function timeOf(n: number): bigint {
  return BEGIN + BigInt(n) * 10_000_000n;
}
/** The hour from the n-th transaction on, with 360 transactions. */
function hourFrom(n: number) {
  return { from: timeOf(n), to: timeOf(n + 360) };
}
function yearOf(year: number) {
  const beginOf = (one: number) => parseInstant(`${one}-01-01T00:00:00Z`) as bigint;
  return { from: beginOf(year), to: beginOf(year + 1) };
}

/** Inserts the rows of years directly, since posting them would take too long. The tables are analyzed before, while empty. */
async function writeBooks(): Promise<void> {
  const id = (ms: string) =>
    `overlay(lpad(to_hex(${ms}), 12, '0') || '-7000-8000-' || lpad(to_hex(n), 12, '0') placing '-' from 9 for 0)::uuid`;
  const ofAccount = id('0');
  const ofTransaction = id(`${BEGIN / 1000n} + n * 10000::int8`);
  const type = `case when n in (77, 1001, 200000, 700000, 990001, 999920) then 'REVERSAL' else 'TRANSFER' end`;
  const createdAt = `timestamptz '${formatInstant(BEGIN)}' + n * interval '10 seconds'`;
  const effectiveAt = `case
    when n in (100, 500000, 999950) then timestamptz '${formatInstant(YEAR_2001.from)}' + n * interval '1 second'
    when n in (200000, 700000) then timestamptz '${formatInstant(BEGIN)}' + case n when 200000 then 600000 else 400000 end * interval '10 seconds'
    when n between 600000 and 620000 then timestamptz '${formatInstant(YEAR_2010.from)}' + n * interval '1 second' end`;
  const asPast = 'set session_replication_role = replica';
  // Unlogged tables are written in half the time.
  for (const table of ['transactions', 'entries', 'accounts']) {
    await asOwner(
      database,
      `alter table ${table} set unlogged`,
      `alter table ${table} set (autovacuum_enabled = off)`,
    );
  }
  await asOwner(database, 'vacuum analyze transactions, entries, accounts');
  await Promise.all([
    asOwner(
      database,
      asPast,
      `insert into transactions (id, ledger_id, type, entry_count, account_id, outcome, effective_at, created_at, metadata, digest)
        select ${ofTransaction}, '${ledgerId}', ${type}, 1, '${BIG}', 'POSTED', ${effectiveAt}, ${createdAt},
          case when n = 50 then '{"order": "A", "channel": "old"}'::jsonb when n = 999990 then '{"order": "A", "channel": "new"}'
            when n between 400000 and 500000 then '{"channel": "shop"}' end, decode(repeat('00', 32), 'hex')
        from generate_series(1, ${TRANSACTIONS}) as n`,
    ),
    asOwner(
      database,
      asPast,
      `insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
          pending_debits_after, pending_credits_after, total_debits_after, effective_at, created_at)
        select '${BIG}'::uuid, n, '${ledgerId}'::uuid, ${ofTransaction}, 1, ${type}, 'USD', 'POSTED', 1, n, 0, 0, 0,
          ${effectiveAt}, ${createdAt}
        from generate_series(1, ${TRANSACTIONS}) as n
        union all
        select '${SMALL}', row_number() over (), '${ledgerId}', ${ofTransaction}, 2, 'TRANSFER', 'USD', 'POSTED', -1, -1, 0, 0, 0,
          null, ${createdAt}
        from unnest(array[60, 999980]) as n`,
      `insert into accounts (id, ledger_id, owner, currency, side, status, external_id, metadata)
        select ${ofAccount}, '${ledgerId}', case when n in (10, 199990) then 'few' else 'many' end, 'USD', 1,
          case n when 40 then 'FROZEN' else 'OPEN' end,
          case when n in (20, 199980) then 'rare:' || n when n % 2 = 0 then 'users:' || n end,
          case when n in (30, 199970) then '{"ref": "A"}'::jsonb when n between 80000 and 100000 then '{"tier": "gold"}' end
        from generate_series(1, ${ACCOUNTS}) as n`,
    ),
  ]);
}
