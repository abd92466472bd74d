import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { HoldFilter } from '../../src/core/filters.ts';
import type { HoldStatus } from '../../src/core/hold.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import { formatInstant, parseInstant } from '../../src/core/values/instant.ts';
import type { KeysetRange, Listed } from '../../src/db/keyset.ts';
import { listHoldTransactions, listMatchingHolds } from '../../src/db/lists/hold-lists.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { logPlans, plansOf } from '../support/plans.ts';

const HOLDS = 200_000;
const ATTEMPTS = 50_000;
/** Takes part in every hold: as payer in the odd ones, as receiver in the even ones. */
const BIG = uuidOf(0xa);
/** The payer of the 60th hold, and the receiver of the 199,981st. */
const SMALL = uuidOf(0xb);
const BEGIN = parseInstant('2025-01-01T00:00:00Z') as bigint;

const database = await createTestDatabase();
const [{ id: ledgerId } = { id: '' }] = await asOwner<{ id: Uuid }>(database, 'select id from ledgers');
await writeBooks();
await logPlans(database);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'hold lists',
});
afterAll(() => db.destroy());

interface Read {
  readonly numbers: readonly number[];
  readonly isWhole: boolean;
}
type ReadPage = (inverted: boolean) => Promise<Read>;

const currencyOf = (code: string) => ({ code, exponent: 2 });
const holds = (filter: HoldFilter): ReadPage =>
  pageOf((range) => listMatchingHolds(db, ledgerId, filter, range, currencyOf));
/** Oldest first. */
const transactionsOf = (hold: number): ReadPage =>
  pageOf((range) => listHoldTransactions(db, ledgerId, uuidOf(hold), range, currencyOf));

/** Lists with few matches, old and recent: all rows, newest first, and the limit of database pages that are read. */
const SPARSE: readonly [what: string, read: ReadPage, numbers: readonly number[], buffers: number][] = [
  ['accountId', holds({ accountId: SMALL }), [199_981, 60], 60],
  ['accountId and status', holds({ accountId: SMALL, status: 'CAPTURED' }), [199_981, 60], 60],
  ['OPEN and expiresAt', holds({ status: 'OPEN', expiresAt: twoFrom(100) }), [101], 120],
  ['OPEN and expiresAt until', holds({ status: 'OPEN', expiresAt: { to: timeOf(200) } }), [101, 50], 120],
  [
    'accountId, OPEN and expiresAt',
    holds({ accountId: BIG, status: 'OPEN', expiresAt: { to: timeOf(200) } }),
    [101, 50],
    200,
  ],
];

/** Conditions with rare matches: the first page, the last page, and the limit of database pages that are read. */
const BOUNDED: readonly [what: string, read: ReadPage, first: number[], last: number[], buffers: number][] = [
  ['status', holds({ status: 'OPEN' }), [199_950], [101, 50], 1000],
  ['accountId and status', holds({ accountId: BIG, status: 'OPEN' }), [199_950], [101, 50], 1500],
  ['expiresAt', holds({ expiresAt: twoFrom(100_000) }), [], [], 1000],
  ['the transactions of a hold with very many declined attempts', transactionsOf(1), [1], [ATTEMPTS], 1500],
];

/** Lists where most rows match, so that the first page is at the beginning: the limit of database pages that are read. */
const DENSE: readonly [what: string, read: ReadPage, buffers: number][] = [
  ['accountId', holds({ accountId: BIG }), 200],
  ['status', holds({ status: 'CAPTURED' }), 200],
  ['accountId and status', holds({ accountId: BIG, status: 'CAPTURED' }), 200],
  ['expiresAt', holds({ expiresAt: { from: timeOf(0) } }), 200],
];

/** The statistics of the planner make no difference, whether they are from empty or from full tables. */
describe.each([
  ['while they were empty', 'select'],
  ['with their rows', 'vacuum analyze holds, transactions'],
])('in tables that were analyzed %s', (_, prepare) => {
  beforeAll(() => asOwner(database, prepare), 60_000);

  test.each(SPARSE)('%s: few matches are found at once', async (_, read, numbers, buffers) => {
    const whole = { numbers, isWhole: true };
    expect(await readBothEnds(read, buffers)).toEqual({ first: whole, last: whole });
  });

  test.each(BOUNDED)('%s: a page stops after 10,000 rows', async (_, read, first, last, buffers) => {
    expect(await readBothEnds(read, buffers)).toEqual({
      first: { numbers: first, isWhole: false },
      last: { numbers: last, isWhole: false },
    });
  });

  test.each(DENSE)(
    '%s: a page of a list where most rows match is found at once',
    async (_, read, buffers) => {
      const full = { numbers: { length: 21 }, isWhole: true };
      expect(await readBothEnds(read, buffers)).toMatchObject({ first: full, last: full });
    },
  );
});

/** Reads the first and the last page of a list. Expects a bounded cost, and no scan of a whole table. */
async function readBothEnds(readPage: ReadPage, buffers: number): Promise<{ first: Read; last: Read }> {
  const read: Read[] = [];
  const plans = await plansOf(database, async () => {
    for (const inverted of [false, true]) read.push(await readPage(inverted));
  });
  const scans = plans.flatMap((plan) => plan.scans);
  expect(scans.length).toBeGreaterThan(0);
  expect(scans.filter(({ way, rows }) => way === 'Seq Scan' || rows > 10_001)).toEqual([]);
  expect(plans.reduce((sum, plan) => sum + plan.buffers, 0)).toBeLessThanOrEqual(2 * buffers);
  const [first, last] = read;
  if (first === undefined || last === undefined) throw new TypeError('nothing was read');
  return { first, last: { ...last, numbers: last.numbers.toReversed() } };
}

function pageOf(list: (range: KeysetRange<Uuid>) => Promise<Listed<Uuid, { readonly id: Uuid }>>): ReadPage {
  return async (inverted) => {
    const { rows, stoppedAt } = await list({ limit: 21, inverted });
    return {
      numbers: rows.map(({ id }) => Number.parseInt(id.slice(24), 16)),
      isWhole: stoppedAt === undefined,
    };
  };
}

function uuidOf(n: number): Uuid {
  return `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;
}
/** Returns the expiresAt of the n-th hold: there is one every minute. */
function timeOf(n: number): bigint {
  return BEGIN + BigInt(n) * 60_000_000n;
}
/** The two minutes of the n-th hold and the next. */
function twoFrom(n: number) {
  return { from: timeOf(n), to: timeOf(n + 2) };
}

/** Inserts the rows of years directly, since posting them would take too long. The tables are analyzed before, while empty. */
async function writeBooks(): Promise<void> {
  const id = `('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid`;
  const open: HoldStatus = 'OPEN';
  await asOwner(
    database,
    'alter table holds set (autovacuum_enabled = off)',
    'alter table transactions set (autovacuum_enabled = off)',
    'vacuum analyze holds, transactions',
    'set session_replication_role = replica',
    `insert into holds (id, ledger_id, from_account_id, to_account_id, currency, amount, captured, status, expires_at, created_at)
      select ${id}, '${ledgerId}',
        case when n = 60 then '${SMALL}' when n % 2 = 1 then '${BIG}' else '${uuidOf(0xc)}' end::uuid,
        case when n = 199981 then '${SMALL}' when n % 2 = 0 then '${BIG}' else '${uuidOf(0xc)}' end::uuid,
        'USD', 1, case when n in (50, 101, 199950) then 0 else 1 end,
        case when n in (50, 101, 199950) then '${open}' else 'CAPTURED' end,
        timestamptz '${formatInstant(BEGIN)}' + n * interval '1 minute', '${formatInstant(BEGIN)}'
      from generate_series(1, ${HOLDS}) as n`,
    // The first attempt places the hold, and the last one releases it. All others are declined.
    `insert into transactions (id, ledger_id, type, entry_count, account_id, outcome, facts, hold_id, created_at, digest)
      select ${id}, '${ledgerId}', case n when 1 then 'HOLD' when ${ATTEMPTS} then 'RELEASE' else 'CAPTURE' end,
        case when n in (1, ${ATTEMPTS}) then 2 else 0 end, '${BIG}',
        case when n in (1, ${ATTEMPTS}) then 'POSTED' else 'HOLD_AMOUNT_EXCEEDED' end,
        case when n not in (1, ${ATTEMPTS}) then '{}'::jsonb end,
        '${uuidOf(1)}', '${formatInstant(BEGIN)}', decode(repeat('00', 32), 'hex')
      from generate_series(1, ${ATTEMPTS}) as n`,
  );
}
