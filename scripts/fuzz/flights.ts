import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../bench/databases.ts';

/** Makes the database count the calls of the compare-and-set function of optimistic writes, in later sessions. */
export async function watchFlights(ownerUrl: string): Promise<void> {
  await query(ownerUrl, `alter database ${new URL(ownerUrl).pathname.slice(1)} set track_functions = 'pl'`);
}

/** Returns the number of optimistic writes. A session reports its calls when it ends. */
export async function countFlights(ownerUrl: string): Promise<number> {
  for (;;) {
    const [row] = await query<{ sessions: number; calls: string }>(
      ownerUrl,
      `select (select count(*)::int from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()) as sessions,
        (select coalesce(sum(calls), 0)::text from pg_stat_user_functions where funcname = 'require_unchanged') as calls`,
    );
    if (row?.sessions === 0) return Number(row.calls);
    await sleep(10);
  }
}
