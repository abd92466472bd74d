import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countInBlock, type Uuid } from '../../src/core/values/ids.ts';
import { type JournalPlace, journalMark } from '../../src/core/values/journal-place.ts';
import { type JournalPage, listJournal } from '../../src/db/lists/journal-list.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { logPlans, plansOf } from '../support/plans.ts';

/** Blocks of one outcome each. Those from the 20,001st to the 32,000th are declined. */
const SINGLES = 60_000;
/** The next blocks, of SIZE outcomes each. Those from the 11th to the 22nd are declined. */
const LARGE = 60;
const SIZE = 1000;
/** Has blocks of the same numbers. */
const OTHER_LEDGER = '00000000-0000-7000-8000-00000000000f';

const database = await createTestDatabase();
const [{ id: ledgerId } = { id: '' }] = await asOwner<{ id: Uuid }>(database, 'select id from ledgers');
await writeBooks();
await logPlans(database);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'journal',
});
afterAll(() => db.destroy());

const currencyOf = (code: string) => ({ code, exponent: 2 });

interface Case {
  readonly after: readonly [block: number, outcomes: number];
  /** The place of the page's first row, and of its end. */
  readonly first: readonly [block: number, outcomes: number] | undefined;
  readonly end: readonly [block: number, outcomes: number];
  readonly rows: number;
  readonly hasMore: boolean;
  /** The limit of database pages that are read. */
  readonly buffers: number;
}

/** The statistics of the planner make no difference, whether they are from empty or from full tables. */
describe.each([
  ['while they were empty', 'select'],
  ['with their rows', 'vacuum analyze transactions, entries, blocks, ledgers'],
])('in tables that were analyzed %s', (_, prepare) => {
  beforeAll(() => asOwner(database, prepare), 60_000);

  test.each<[string, Case]>([
    [
      'from the beginning',
      { after: [0, 0], first: [1, 1], end: [100, 1], rows: 100, hasMore: true, buffers: 2500 },
    ],
    [
      'among blocks of one transaction',
      { after: [50_000, 1], first: [50_001, 1], end: [50_100, 1], rows: 100, hasMore: true, buffers: 2500 },
    ],
    [
      'from the small blocks into a large one',
      { after: [59_990, 1], first: [59_991, 1], end: [60_001, 90], rows: 100, hasMore: true, buffers: 1500 },
    ],
    [
      'inside a large block',
      {
        after: [60_005, 450],
        first: [60_005, 451],
        end: [60_005, 550],
        rows: 100,
        hasMore: true,
        buffers: 1200,
      },
    ],
    [
      'from a large block into the next',
      {
        after: [60_005, 950],
        first: [60_005, 951],
        end: [60_006, 50],
        rows: 100,
        hasMore: true,
        buffers: 1200,
      },
    ],
    [
      'at the end',
      {
        after: [60_060, 980],
        first: [60_060, 981],
        end: [60_060, 1000],
        rows: 20,
        hasMore: false,
        buffers: 500,
      },
    ],
    [
      'after the end',
      { after: [60_060, 1000], first: undefined, end: [60_060, 1000], rows: 0, hasMore: false, buffers: 50 },
    ],
  ])('a page %s reads only its own rows', async (_name, { buffers, ...expected }) => {
    const { page, read } = await readPage(expected.after);
    expect(shown(page)).toEqual({ ...expected, after: undefined });
    // One more row shows whether the journal continues.
    expect(read.rows('transactions')).toBeLessThanOrEqual(101);
    expect(read.rows('blocks')).toBeLessThanOrEqual(102);
    expect(read.buffers).toBeLessThanOrEqual(buffers);
  });

  test.each<[string, Case]>([
    [
      'in blocks of one reads 10,000',
      { after: [20_000, 1], first: undefined, end: [30_000, 1], rows: 0, hasMore: true, buffers: 150_000 },
    ],
    [
      'in large blocks reads 10,000',
      { after: [60_010, 1000], first: undefined, end: [60_020, 1000], rows: 0, hasMore: true, buffers: 5000 },
    ],
    [
      'from the middle of one block to the middle of another reads 10,000',
      { after: [60_011, 500], first: undefined, end: [60_021, 500], rows: 0, hasMore: true, buffers: 5000 },
    ],
    [
      'reads no declined outcomes after enough posted ones',
      {
        after: [60_022, 990],
        first: [60_023, 1],
        end: [60_023, 100],
        rows: 100,
        hasMore: true,
        buffers: 1500,
      },
    ],
  ])('a page over declined outcomes %s', async (_name, { buffers, ...expected }) => {
    const { page, read } = await readPage(expected.after);
    expect(shown(page)).toEqual({ ...expected, after: undefined });
    expect(read.rows('transactions')).toBeLessThanOrEqual(10_000);
    expect(read.buffers).toBeLessThanOrEqual(buffers);
  });
});

function shown(page: JournalPage) {
  const [first] = page.rows;
  return {
    after: undefined,
    first: first && pairOf(first.place),
    end: pairOf(page.end),
    rows: page.rows.length,
    hasMore: page.hasMore,
  };
}

function pairOf({ block, outcomes }: JournalPlace) {
  return [Number(block), outcomes];
}

async function readPage([block, outcomes]: readonly [number, number]) {
  let page: JournalPage | undefined;
  const after: JournalPlace = { block: BigInt(block), outcomes, mark: await markOf(block) };
  const plans = await plansOf(database, async () => {
    page = await listJournal(db, ledgerId, after, 100, currencyOf);
  });
  if (page === undefined) throw new TypeError('The place is not in the journal');
  // Each row is another transaction with its entry, and the rows are in order.
  for (const { transaction, place } of page.rows) {
    expect(countInBlock(transaction.id) + 1).toBe(place.outcomes);
    expect(transaction.entries).toHaveLength(1);
  }
  const ids = page.rows.map(({ transaction }) => transaction.id);
  expect(ids).toEqual([...new Set(ids)].sort());
  const scans = plans.flatMap((plan) => plan.scans);
  expect(scans.filter(({ way, table }) => way === 'Seq Scan' && table !== 'ledgers')).toEqual([]);
  return {
    page,
    read: {
      buffers: plans.reduce((sum, plan) => sum + plan.buffers, 0),
      rows: (name: string) =>
        scans.filter(({ table }) => table === name).reduce((sum, { rows }) => sum + rows, 0),
    },
  };
}

async function markOf(block: number): Promise<string> {
  const [row] = await asOwner<{ hash: Buffer }>(
    database,
    `select hash from blocks where number = ${block} and ledger_id = '${ledgerId}'`,
  );
  return journalMark(ledgerId, row?.hash ?? Buffer.alloc(0));
}

/** Inserts the rows of years directly, since posting them would take too long. The tables are analyzed before, while empty. */
async function writeBooks(): Promise<void> {
  const id = (block: string, place: string) =>
    `overlay(lpad(to_hex(${block}), 12, '0') || '-7000-8000-' || lpad(to_hex(${place}), 12, '0') placing '-' from 9 for 0)::uuid`;
  const outcomes = `(
    select n as block, 0 as place, n between 20001 and 32000 as declined from generate_series(1, ${SINGLES}) n
    union all
    select ${SINGLES} + n, place, n between 11 and 22 from generate_series(1, ${LARGE}) n, generate_series(0, ${SIZE - 1}) place) o`;
  const account = '00000000-0000-7000-8000-000000000001';
  const size = `case when n > ${SINGLES} then ${SIZE} else 1 end`;
  const blocksOf = (ledger: Uuid) =>
    `insert into blocks (number, ledger_id, first_id, last_id, size, root, hash, created_at)
      select n, '${ledger}', ${id('n', '0')}, ${id('n', `${size} - 1`)}, ${size}, '', sha256(int8send(n)), now()
      from generate_series(1, ${SINGLES + LARGE}) n`;
  for (const table of ['transactions', 'entries', 'blocks']) {
    await asOwner(database, `alter table ${table} set (autovacuum_enabled = off)`);
  }
  await asOwner(
    database,
    'vacuum analyze transactions, entries, blocks, ledgers',
    'set session_replication_role = replica',
    `insert into accounts (id, ledger_id, owner, currency, side) values ('${account}', '${ledgerId}', 'journal', 'USD', 1)`,
    `insert into transactions (id, ledger_id, type, entry_count, account_id, outcome, facts, created_at, digest)
      select ${id('block', 'place')}, '${ledgerId}', 'TRANSFER', case when declined then 0 else 1 end, '${account}',
        case when declined then 'INSUFFICIENT_FUNDS' else 'POSTED' end, case when declined then '{}'::jsonb end, now(),
        decode(repeat('00', 32), 'hex')
      from ${outcomes}`,
    `insert into entries (account_id, version, ledger_id, transaction_id, line, type, currency, layer, amount, posted_after,
        pending_debits_after, pending_credits_after, total_debits_after, created_at)
      select '${account}', row_number() over (order by block, place), '${ledgerId}', ${id('block', 'place')}, 1, 'TRANSFER', 'USD',
        'POSTED', 1, 1, 0, 0, 0, now()
      from ${outcomes} where not declined`,
    blocksOf(ledgerId),
    blocksOf(OTHER_LEDGER),
    `update ledgers set block = ${SINGLES + LARGE}`,
  );
}
