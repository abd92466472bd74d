import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** Runs one statement, and answers with its rows. */
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

/** The same login and server, another database. */
export function withName(url: string, database: string): string {
  const changed = new URL(url);
  changed.pathname = database;
  return changed.href;
}

export interface Clone {
  readonly name: string;
  readonly template: string;
}

/** Runs with these databases, which are dropped in the end. */
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

/** Runs while every commit waits for `delayMs` before it is synced to disk, as on a slower disk than this one. */
export async function withCommitDelay<T>(
  ownerUrl: string,
  delayMs: number,
  run: () => Promise<T>,
): Promise<T> {
  await set('commit_siblings = 0');
  await set(`commit_delay = ${delayMs * 1000}`);
  try {
    return await run();
  } finally {
    await set('commit_delay to default');
    await set('commit_siblings to default');
  }

  async function set(setting: string): Promise<void> {
    await query(ownerUrl, `alter system set ${setting}`);
    await query(ownerUrl, 'select pg_reload_conf()');
    // Sessions read it when the postmaster has told them to, between two statements.
    await sleep(200);
  }
}
