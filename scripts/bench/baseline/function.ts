/**
 * A stored procedure: the transfer of function.sql, called as a prepared statement by pgbench, or by the pg package where the
 * machine has no pgbench.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { quantile } from '../../latency.ts';
import { closedLoop } from '../load/callers.ts';
import type { Measured, Timing } from '../stage.ts';
import { createPicker, spreadOf } from '../workload.ts';
import { ACCOUNT_PREFIX, ACCOUNTS_FROM, bareAccount, DIGEST, REQUEST } from './bare.ts';

const run = promisify(execFile);

/** The workloads that the function is measured with. */
export type FunctionWorkload = 'uniform' | 'hot';

export interface FunctionRun {
  readonly measured: Measured;
  /** The number of posted transfers, including the warm-up. */
  readonly posted: number;
}

/** Calls the function on the bare tables of `url`. */
export type CallFunction = (
  url: string,
  given: Timing & {
    readonly workload: FunctionWorkload;
    readonly accounts: number;
    readonly connections: number;
  },
) => Promise<FunctionRun>;

/** Returns the program that calls the function on this machine. */
export async function findCaller(): Promise<{ readonly name: string; readonly call: CallFunction }> {
  try {
    const { stdout } = await run('pgbench', ['--version']);
    return { name: stdout.trim(), call: callByPgbench };
  } catch {
    return { name: 'the pg package (pgbench is not installed)', call: callByPg };
  }
}

const callByPgbench: CallFunction = async (
  url,
  { workload, accounts, connections, warmUpMs, durationMs },
) => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-pgbench-'));
  try {
    const script = join(folder, 'script');
    await writeFile(script, pgbenchScript(workload, accounts));
    const seconds = Math.ceil((warmUpMs + durationMs) / 1000);
    const parameters = ['-n', '-M', 'prepared', '-c', `${connections}`, '-j', '2', '-T', `${seconds}`];
    const log = ['-l', `--log-prefix=${join(folder, 'log')}`];
    // If a client was aborted, pgbench exits with another status than 0, and run() throws.
    await run('pgbench', [...parameters, ...log, '-f', script, url]);
    const logs = (await readdir(folder)).filter((name) => name.startsWith('log'));
    const texts = await Promise.all(logs.map((name) => readFile(join(folder, name), 'utf8')));
    return readLog(texts.join(''), { warmUpMs, durationMs });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** The numbers are the last 12 digits of the accounts' ids. */
function pgbenchScript(workload: FunctionWorkload, accounts: number): string {
  const count = spreadOf(workload, accounts);
  const first = ACCOUNTS_FROM;
  const any = `random(${first}, ${first + count - 1})`;
  const draw: Readonly<Record<FunctionWorkload, readonly string[]>> = {
    uniform: [
      `\\set to ${any}`,
      `\\set from ${first} + (:to - ${first} + random(1, ${count - 1})) % ${count}`,
    ],
    hot: [`\\set to ${first}`, `\\set from random(${first + 1}, ${first + count - 1})`],
  };
  const id = (variable: string) => `('${ACCOUNT_PREFIX}' || :${variable})::uuid`;
  const bytes = (value: Buffer) => `'\\x${value.toString('hex')}'`;
  const values = [id('from'), id('to'), '1', 'gen_random_uuid()::text', bytes(REQUEST), bytes(DIGEST)];
  return [...draw[workload], `select transfer(${values.join(', ')});`, ''].join('\n');
}

/** Reads the log of pgbench. A line has the client, the transaction's number, its µs, the script, and its end in seconds and µs. */
function readLog(text: string, { warmUpMs, durationMs }: Timing): FunctionRun {
  const transfers = text
    .trimEnd()
    .split('\n')
    .map((line) => {
      const [, , tookUs, , seconds, micros] = line.split(' ').map(Number);
      const endedAt = (seconds ?? Number.NaN) * 1000 + (micros ?? Number.NaN) / 1000;
      return { endedAt, tookMs: (tookUs ?? Number.NaN) / 1000 };
    });
  const start = transfers.reduce((least, { endedAt, tookMs }) => Math.min(least, endedAt - tookMs), Infinity);
  const [since, until] = [start + warmUpMs, start + warmUpMs + durationMs];
  const took = transfers.flatMap(({ endedAt, tookMs }) =>
    endedAt >= since && endedAt < until ? tookMs : [],
  );
  return {
    measured: {
      perSecond: (took.length * 1000) / durationMs,
      p50: quantile(took, 0.5),
      p99: quantile(took, 0.99),
    },
    posted: transfers.length,
  };
}

const callByPg: CallFunction = async (url, { workload, accounts, connections, ...timing }) => {
  const clients = Array.from({ length: connections }, () => new pg.Client({ connectionString: url }));
  try {
    await Promise.all(clients.map((client) => client.connect()));
    const pick = createPicker(
      workload,
      Array.from({ length: accounts }, (_, place) => bareAccount(place)),
    );
    const { measured, acknowledged } = await closedLoop(
      async (caller) => {
        const { from, to } = pick();
        const key = randomUUID();
        const result = await clients[caller]?.query<{ id: string }>({
          name: 'transfer',
          text: 'select transfer($1, $2, 1, $3, $4, $5) as id',
          values: [from, to, key, REQUEST, DIGEST],
        });
        const id = result?.rows[0]?.id;
        if (id === undefined) throw new Error('the function returned no transaction');
        return { key, id };
      },
      { callers: connections, ...timing },
    );
    return { measured, posted: acknowledged.length };
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
};
