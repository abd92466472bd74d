/**
 * The effect of readers of the journal on postings: 64 callers post transfers through the group commit, in turns alone, with a
 * follower that reads `listJournal` in the same process, and with one that reads the GraphQL API's `journal` from a service of its
 * own. A follower may cost at most a tenth of the throughput. The CPU time of the follower itself is printed per record.
 *   npm run bench:followers
 */
import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatId } from '../../src/core/values/ids.ts';
import type { JournalPlace } from '../../src/core/values/journal-place.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Engine } from '../../src/ledger/engine.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { startServiceProcess } from '../service-process.ts';
import { withTemporaryPostgres } from '../temporary-postgres.ts';
import { makeAccounts, postByEngine } from './engine.ts';
import { closedLoop } from './load/callers.ts';
import { cpuSeconds } from './load/usage.ts';
import { createPicker } from './workload.ts';

const CALLERS = 64;
const ACCOUNTS = 1000;
const ROUNDS = Number(process.env['ROUNDS'] ?? 6);
const TIMING = { warmUpMs: 500, durationMs: 3000 };
const PAGE = 100;
/** The pause of a follower after it has read everything. */
const PAUSE_MS = 10;
const MAX_COST = 0.1;

/** Reads the transactions that are posted during a run. Returns their number. */
type Follow = (run: { readonly isOver: boolean }) => Promise<number>;

function followLedger(ledger: Ledger): Follow {
  return async (run) => {
    let after: JournalPlace = (await ledger.state()).head.end;
    let count = 0;
    while (!run.isOver) {
      const page = await ledger.listJournal(after, PAGE);
      if (page === undefined) throw new Error('the journal does not have the cursor');
      count += page.rows.length;
      after = page.end;
      if (!page.hasMore) await sleep(PAUSE_MS);
    }
    return count;
  };
}

const HEAD = 'query { ledger { head { cursor } } }';
const JOURNAL = `query ($after: String) {
  journal(first: ${PAGE}, after: $after) {
    nodes { id type createdAt description entries { side amount { amount } account { id owner } } }
    pageInfo { endCursor hasNextPage }
  }
}`;

interface Response {
  readonly errors?: readonly unknown[];
  readonly data?: {
    readonly ledger: { readonly head: { readonly cursor: string } };
    readonly journal: {
      readonly nodes: readonly unknown[];
      readonly pageInfo: { readonly endCursor: string; readonly hasNextPage: boolean };
    };
  };
}

function followApi(graphqlUrl: string): Follow {
  const request = async (query: string, variables = {}) => {
    const response = await fetch(graphqlUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as Response;
    if (data === undefined || errors !== undefined)
      throw new Error(`the service returned errors: ${JSON.stringify(errors)}`);
    return data;
  };
  return async (run) => {
    let after = (await request(HEAD)).ledger.head.cursor;
    let count = 0;
    while (!run.isOver) {
      const { nodes, pageInfo } = (await request(JOURNAL, { after })).journal;
      count += nodes.length;
      after = pageInfo.endCursor;
      if (!pageInfo.hasNextPage) await sleep(PAUSE_MS);
    }
    return count;
  };
}

/** The CPU time of Node.js and of PostgreSQL, in seconds. */
interface Cpu {
  readonly node: number;
  readonly postgres: number;
}

async function cpuOf(postmaster: number, service: number): Promise<Cpu> {
  const own = process.cpuUsage();
  const pids = (await readdir('/proc').catch(() => [])).map(Number).filter(Number.isInteger);
  const backends = await Promise.all(pids.map((pid) => cpuOfChild(pid, postmaster)));
  return {
    node: (own.user + own.system) / 1e6 + ((await cpuSeconds(service)) ?? 0),
    postgres: backends.reduce((sum, seconds) => sum + seconds, 0),
  };
}

async function cpuOfChild(pid: number, parent: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The parent's pid is the second field after the program's name; see proc(5).
  const isChild = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) === parent;
  return isChild ? ((await cpuSeconds(pid)) ?? 0) : 0;
}

/** The result of one round. */
interface Round {
  readonly perSecond: number;
  readonly posted: number;
  readonly read: number;
  readonly cpu: Cpu;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Returns the CPU time per record of a follower, in µs: the time of its rounds minus that of as many postings alone. */
function perRecord(rounds: readonly Round[], alone: readonly Round[], of: keyof Cpu): number {
  const perPosting = median(alone.map(({ cpu, posted }) => cpu[of] / posted));
  return median(rounds.map(({ cpu, posted, read }) => (1e6 * (cpu[of] - perPosting * posted)) / read));
}

function show(name: string, rounds: readonly Round[], alone: readonly Round[]): number {
  const speeds = rounds.map(({ perSecond }) => perSecond);
  const [least, most] = [Math.min(...speeds), Math.max(...speeds)].map(Math.round);
  console.log(`${name}: median ${Math.round(median(speeds))} transfers/s (${least} to ${most})`);
  if (rounds === alone) {
    const [node, postgres] = (['node', 'postgres'] as const).map((of) =>
      Math.round(1e6 * median(rounds.map(({ cpu, posted }) => cpu[of] / posted))),
    );
    console.log(`  ${node} µs of Node.js and ${postgres} µs of PostgreSQL per transfer`);
    return 0;
  }
  // Each round is compared with the round alone just before it, because the speed of the machine varies.
  const costs = rounds.map(({ perSecond }, place) => 1 - perSecond / (alone[place]?.perSecond ?? Number.NaN));
  const cost = median(costs);
  const [low, high] = [Math.min(...costs), Math.max(...costs)].map((share) => (share * 100).toFixed(0));
  const share = median(rounds.map(({ read, posted }) => read / posted));
  const [node, postgres] = [perRecord(rounds, alone, 'node'), perRecord(rounds, alone, 'postgres')].map(
    Math.round,
  );
  console.log(
    `  ${cost <= MAX_COST ? '✓' : '✗'} costs ${(cost * 100).toFixed(1)} % (${low} to ${high} %), at most ${MAX_COST * 100} %; ` +
      `reads ${(share * 100).toFixed(0)} % of the transactions, with ${node} µs of Node.js and ${postgres} µs of PostgreSQL each`,
  );
  return cost;
}

async function measure(
  ledger: Ledger,
  postmaster: number,
  service: number,
  followers: Readonly<Record<string, Follow>>,
) {
  const ids = await makeAccounts(ledger, ACCOUNTS);
  const pick = createPicker(
    'uniform',
    ids.map((id) => formatId('account', id)),
  );
  const post = async (follow: Follow = async () => 0): Promise<Round> => {
    const run = { isOver: false };
    const before = await cpuOf(postmaster, service);
    const following = follow(run);
    const load = await closedLoop(() => postByEngine(ledger, 'uniform', pick()), {
      callers: CALLERS,
      ...TIMING,
    });
    run.isOver = true;
    const read = await following;
    const after = await cpuOf(postmaster, service);
    return {
      perSecond: load.measured.perSecond,
      posted: load.acknowledged.length,
      read,
      cpu: { node: after.node - before.node, postgres: after.postgres - before.postgres },
    };
  };
  const names = Object.keys(followers);
  const rounds = new Map<string, Round[]>(['alone', ...names].map((name) => [name, []]));
  for (const follow of [undefined, ...Object.values(followers)]) await post(follow);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const [name, done] of rounds) done.push(await post(followers[name]));
    console.log(
      `round ${round + 1} of ${ROUNDS}: ${[...rounds].map(([name, done]) => `${name} ${Math.round(done.at(-1)?.perSecond ?? 0)}`).join(', ')}`,
    );
  }
  const alone = rounds.get('alone') ?? [];
  return [...rounds].map(([name, done]) => show(name, done, alone));
}

console.log(`${cpus().length} cores of ${cpus()[0]?.model ?? 'unknown make'}, Node ${process.version}`);
const run = async ({ ownerUrl, serviceUrl, pid }: EmbeddedPostgres): Promise<void> => {
  await migrate(ownerUrl, () => {});
  const ledger = await Engine.openMain({ databaseUrl: serviceUrl });
  const service = await startServiceProcess({ DATABASE_URL: serviceUrl, LOG_LEVEL: 'error' });
  try {
    const costs = await measure(ledger, pid, service.child.pid ?? 0, {
      'with a follower in the same process': followLedger(ledger),
      'with a follower of the API': followApi(service.graphqlUrl),
    });
    if (costs.some((cost) => cost > MAX_COST)) process.exitCode = 1;
  } finally {
    await service.stop();
    await ledger.close();
  }
};

await withTemporaryPostgres(run, { isDurable: true });
