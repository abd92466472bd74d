import { randomUUID } from 'node:crypto';
import { afterAll, expect, test } from 'vitest';
import type { AuditFilter } from '../../src/core/filters.ts';
import type { Uuid } from '../../src/core/values/ids.ts';
import { parseInstant } from '../../src/core/values/instant.ts';
import { listAuditEvents } from '../../src/db/lists/audit-lists.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { asOwner, createTestDatabase } from '../support/database.ts';
import { logPlans, plansOf } from '../support/plans.ts';

const EVENTS = 200_000;
const LEDGERS = 300;
const BEGIN = parseInstant('2025-01-01T00:00:00Z') as bigint;
const SECOND = 1_000_000n;
/** Has the second event and the third-last one. */
const RARE: Uuid = '00000000-0000-4000-8000-000000000001';
/** Has every other event. */
const BUSY: Uuid = '00000000-0000-4000-8000-000000000002';

const database = await createTestDatabase();
const [{ id: ledgerId } = { id: '' }] = await asOwner<{ id: Uuid }>(database, 'select id from ledgers');
// A log of many events, one per second, and the logs of many other ledgers, of the same subjects. The table was analyzed while empty.
const insert = (ledger: string, count: number) => `
  insert into audit_events (number, ledger_id, actor, action, subject_type, subject, request_id, previous_hash, hash, created_at)
  select n, l.id, case when n in (2, ${count - 2}) then '${RARE}' when n % 2 = 1 then '${BUSY}' end::uuid,
    case when n in (2, ${count - 2}) then 'closePeriod' when n % 2 = 1 then 'freezeAccount' else 'updateAccount' end, 'ACCOUNT',
    case when n in (2, ${count - 2}) then '${RARE}' when n % 2 = 1 then '${BUSY}' else md5(n::text)::uuid::text end, 'request', '', '',
    '2025-01-01T00:00:00Z'::timestamptz + n * interval '1 second'
  from generate_series(1, ${count}) n, ledgers l where ${ledger}`;
await asOwner(
  database,
  'alter table audit_events set (autovacuum_enabled = false)',
  'analyze audit_events',
  'set session_replication_role = replica',
  `insert into ledgers (id, name) select gen_random_uuid(), 'other-' || n from generate_series(1, ${LEDGERS}) n`,
  insert(`l.name = 'main'`, EVENTS),
  insert(`l.name <> 'main'`, 400),
  'delete from audit_heads',
  'insert into audit_heads (ledger_id, number) select ledger_id, max(number) from audit_events group by ledger_id',
);
await logPlans(database);
const db = openDatabase({
  allowUnsafeDurability: true,
  url: database.serviceUrl,
  maxConnections: 1,
  applicationName: 'audit lists',
});
afterAll(() => db.destroy());

const at = (number: number) => BEGIN + BigInt(number) * SECOND;
const downFrom = (number: number, step = 1) =>
  Array.from({ length: 20 }, (_, place) => number - place * step);
const rare = [EVENTS - 2, 2];

test.each<readonly [name: string, filter: AuditFilter, first: readonly number[], last: readonly number[]]>([
  ['all', {}, downFrom(EVENTS), downFrom(20).reverse()],
  ['all, old', { createdAt: { to: at(1000) } }, downFrom(999), downFrom(20).reverse()],
  ['all, in a range', { createdAt: { from: at(1000), to: at(1002) } }, [1001, 1000], [1000, 1001]],
  ['all, in an empty range', { createdAt: { from: at(1000), to: at(999) } }, [], []],
  ['all, before the first', { createdAt: { to: at(1) } }, [], []],
  ['all, after the last', { createdAt: { from: at(EVENTS + 1) } }, [], []],
  ['a rare subject', { subject: RARE }, rare, rare.toReversed()],
  ['a rare subject, old', { subject: RARE, createdAt: { to: at(1000) } }, [2], [2]],
  ['a busy subject', { subject: BUSY }, downFrom(EVENTS - 1, 2), downFrom(39, 2).reverse()],
  [
    'a busy subject, old',
    { subject: BUSY, createdAt: { to: at(1000) } },
    downFrom(999, 2),
    downFrom(39, 2).reverse(),
  ],
  ['an unknown subject', { subject: randomUUID() }, [], []],
  ['a rare actor', { actor: RARE }, rare, rare.toReversed()],
  ['a busy actor', { actor: BUSY, createdAt: { to: at(1000) } }, downFrom(999, 2), downFrom(39, 2).reverse()],
  ['an unknown actor', { actor: randomUUID() }, [], []],
  ['a rare action', { action: 'closePeriod' }, rare, rare.toReversed()],
  [
    'a busy action',
    { action: 'freezeAccount', createdAt: { from: at(5) } },
    downFrom(EVENTS - 1, 2),
    downFrom(43, 2).reverse(),
  ],
  ['an unknown action', { action: 'unknown' }, [], []],
])('%s: a page reads few database pages', async (_, filter, first, last) => {
  for (const [inverted, expected] of [
    [false, first],
    [true, last],
  ] as const) {
    let found: readonly bigint[] = [];
    const plans = await plansOf(database, async () => {
      const rows = await listAuditEvents(db, ledgerId, filter, { limit: 20, inverted });
      found = rows.map(({ number }) => number);
    });
    expect(found.map(Number)).toEqual(expected);
    const plan = plans.find(({ scans }) => scans.some(({ table }) => table === 'audit_events'));
    const ways = plan?.scans.filter(({ table }) => table === 'audit_events').map(({ way }) => way);
    expect(ways).not.toContain('Seq Scan');
    expect(plan?.buffers, JSON.stringify(plan)).toBeLessThan(250);
  }
});
