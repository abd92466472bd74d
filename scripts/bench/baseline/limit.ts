import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { batchLoop } from '../load/batch-loop.ts';
import type { Measured, Timing } from '../stage.ts';
import { spreadOf } from '../workload.ts';
import { ACCOUNT_PREFIX, ACCOUNTS_FROM, DIGEST, LEDGER, REQUEST } from './bare.ts';

/** The number of transfers that one statement writes. */
const SIZE = 1000;

/**
 * Measures the upper bound of any ledger on this server: limit.sql writes the rows of uniform transfers in bulk, on the bare tables
 * of `url`. Each backend has accounts of its own, so that none waits for another. `posted` includes the warm-up.
 */
export async function runLimit(
  url: string,
  { accounts, backends, ...timing }: Timing & { readonly accounts: number; readonly backends: number },
): Promise<{ readonly measured: Measured; readonly posted: number }> {
  const text = await readFile(new URL('limit.sql', import.meta.url), 'utf8');
  const spread = spreadOf('uniform', Math.floor(accounts / backends));
  const clients = Array.from({ length: backends }, () => new pg.Client({ connectionString: url }));
  let posted = 0;
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const measured = await batchLoop(
      async (caller) => {
        const values = [ACCOUNTS_FROM + caller * spread, spread, ACCOUNT_PREFIX, LEDGER, REQUEST, DIGEST];
        await clients[caller]?.query({ name: 'limit', text, values });
        posted += SIZE;
      },
      { callers: backends, size: SIZE, ...timing },
    );
    return { measured, posted };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
}
