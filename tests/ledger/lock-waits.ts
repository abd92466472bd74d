import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type TestDatabase } from '../support/database.ts';

/**
 * Returns a function that waits until the number of sessions that wait for a lock is `count`, or at least one if there is no
 * `count`. It polls by one connection, because a lock wait ends after a quarter of a second.
 */
export async function watchLockWaits({
  name,
  ownerUrl,
}: TestDatabase): Promise<(count?: number) => Promise<void>> {
  const client = await connect(ownerUrl);
  return async (count) => {
    const end = performance.now() + 20_000;
    while (performance.now() < end) {
      const { rows } = await client.query<{ waiting: number }>(
        `select count(*)::int as waiting from pg_stat_activity where datname = $1 and wait_event_type = 'Lock'`,
        [name],
      );
      const waiting = rows[0]?.waiting ?? 0;
      if (count === undefined ? waiting > 0 : waiting === count) return;
      await sleep(5);
    }
    throw new Error(`there were never ${count ?? 'any'} sessions that wait for a lock`);
  };
}
