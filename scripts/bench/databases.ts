import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { quantile } from '../latency.ts';

/** Runs one statement and returns its rows. */
export async function query<Row extends pg.QueryResultRow>(
  url: string,
  text: string,
  values: unknown[] = [],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Returns the URL of another database with the same login on the same server. */
export function withName(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = database;
  return changed.href;
}

export interface Clone {
  readonly name: string;
  readonly template: string;
}

/** Runs with clones of template databases, and drops the clones at the end. */
export async function withDatabases<T>(
  ownerUrl: string,
  clones: readonly Clone[],
  run: () => Promise<T>,
): Promise<T> {
  try {
    for (const { name, template } of clones) {
      await query(ownerUrl, `create database ${name} template ${template}`);
    }
    return await run();
  } finally {
    for (const { name } of clones) await query(ownerUrl, `drop database if exists ${name} with (force)`);
  }
}

/** Runs with a server that waits `delayMs` before it flushes each commit to disk, as if the disk were slower. */
export async function withCommitDelay<T>(
  ownerUrl: string,
  delayMs: number,
  run: () => Promise<T>,
): Promise<T> {
  await set('commit_siblings = 0');
  await set(`commit_delay = ${delayMs * 1000}`);
  try {
    const [row] = await query<{ us: string }>(
      ownerUrl,
      "select setting as us from pg_settings where name = 'commit_delay'",
    );
    if (row?.us !== `${delayMs * 1000}`)
      throw new Error(`commit_delay is ${row?.us} µs, not ${delayMs * 1000} µs`);
    return await run();
  } finally {
    await set('commit_delay to default');
    await set('commit_siblings to default');
  }

  async function set(setting: string): Promise<void> {
    await query(ownerUrl, `alter system set ${setting}`);
    await query(ownerUrl, 'select pg_reload_conf()');
    // A session applies the setting between two statements, after the postmaster has signalled it.
    await sleep(200);
  }
}

const COMMITS = 200;

/** Returns the median time of a transaction that writes one WAL record and commits, on one connection, in milliseconds. */
export async function measureCommit(url: string): Promise<number> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const times: number[] = [];
    while (times.length < COMMITS) {
      const since = performance.now();
      await client.query("select pg_logical_emit_message(true, 'bench', '')");
      times.push(performance.now() - since);
    }
    return quantile(times, 0.5);
  } finally {
    await client.end();
  }
}

/** The tables to which each transfer adds rows. */
export const JOURNAL_TABLES = ['transactions', 'entries', 'blocks'] as const;
const TABLES = [...JOURNAL_TABLES, 'accounts', 'holds'] as const;
type Sizes = Readonly<Record<(typeof TABLES)[number], number>>;

/** Returns the sizes of a ledger's tables on disk, indexes included, in bytes. */
export async function tableSizes(ownerUrl: string): Promise<Sizes> {
  const rows = await query<{ name: keyof Sizes; size: string }>(
    ownerUrl,
    'select name, pg_total_relation_size(name::regclass) as size from unnest($1::text[]) as tables (name)',
    [TABLES],
  );
  return Object.fromEntries(rows.map(({ name, size }) => [name, Number(size)])) as Sizes;
}
