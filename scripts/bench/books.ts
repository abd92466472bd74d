import { checkInvariants } from '../../src/db/invariants/invariants.ts';
import { openDatabase } from '../../src/db/postgres/database.ts';
import { query } from './databases.ts';
import type { Acknowledged } from './stage.ts';

const CHUNK = 20_000;
const DEADLINE_MS = 3_600_000;

/**
 * Checks the invariants of a ledger, and that every acknowledged transfer is recorded as acknowledged (I5). Returns the result in
 * one line. Throws an Error with the violations.
 */
export async function checkBooks(ownerUrl: string, acknowledged: readonly Acknowledged[]): Promise<string> {
  const db = openDatabase({
    url: ownerUrl,
    role: new URL(ownerUrl).username,
    maxConnections: 1,
    applicationName: 'bench books',
    statementDeadlineMs: DEADLINE_MS,
  });
  const reports = await checkInvariants(db).finally(() => db.destroy());
  const broken = reports.flatMap(({ name, violations }) => violations.map((text) => `${name}: ${text}`));
  const lost = broken.length > 0 ? [] : await findLost(ownerUrl, acknowledged);
  const violations = [...broken, ...lost.map((text) => `I5: ${text}`)];
  if (violations.length > 0) throw new Error(`The books are wrong:\n${violations.join('\n')}`);
  const names = reports.map(({ name }) => name).join(', ');
  return `${names} hold, and all ${count(acknowledged.length)} acknowledged transfers are recorded (I5)`;
}

/**
 * Checks bare tables: the number of transfers, that each account equals the sum of its entries, and that all entries sum to zero.
 * Returns the result in one line. Throws an Error with the differences.
 */
export async function checkBareTables(url: string, posted: number): Promise<string> {
  const found = await query<{ transfers: string; total: string; wrong: string }>(
    url,
    `with moved as (
      select account_id, sum(amount) as posted, count(*) as entries, max(version) as version from entries group by account_id)
    select (select count(*) from transactions where outcome = 'POSTED') as transfers,
      (select coalesce(sum(amount), 0) from entries) as total,
      (select count(*) from accounts a full join moved m on m.account_id = a.id
        where (a.posted, a.version, a.version) is distinct from
          (coalesce(m.posted, 0), coalesce(m.entries, 0), coalesce(m.version, 0))) as wrong`,
  );
  const [{ transfers, total, wrong } = { transfers: '0', total: '0', wrong: '0' }] = found;
  if (Number(transfers) !== posted || total !== '0' || wrong !== '0') {
    throw new Error(
      `The bare tables are wrong: ${transfers} of ${posted} transfers; the entries sum to ${total}; ${wrong} accounts differ.`,
    );
  }
  return `balances and versions agree with the entries, which sum to zero; all ${count(posted)} transfers are recorded`;
}

/** Describes up to 20 acknowledged transfers that are not recorded as acknowledged. */
async function findLost(url: string, acknowledged: readonly Acknowledged[]): Promise<string[]> {
  const lost: string[] = [];
  const ids = new Set(acknowledged.map(({ id }) => id));
  if (ids.size < acknowledged.length) lost.push('two transfers were acknowledged with the same id.');
  for (let place = 0; place < acknowledged.length && lost.length < 20; place += CHUNK) {
    const chunk = acknowledged.slice(place, place + CHUNK);
    const rows = await query<{ id: string; key: string; outcome: string | null }>(
      url,
      `select u.id, u.key, t.outcome from unnest($1::uuid[], $2::text[]) as u (id, key)
        left join transactions t on t.id = u.id and t.idempotency_key = u.key
        where t.outcome is distinct from 'POSTED' limit 20`,
      [chunk.map(({ id }) => id), chunk.map(({ key }) => key)],
    );
    lost.push(
      ...rows.map(({ id, key, outcome }) => `transaction ${id} of key ${key} is ${outcome ?? 'missing'}.`),
    );
  }
  return lost;
}

function count(value: number): string {
  return value.toLocaleString('en-US');
}
