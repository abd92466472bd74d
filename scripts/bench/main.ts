/**
 * How fast the group commit is: transfers a second, in process, beside one Kysely transaction a request on bare tables, on
 * the same server with stock durability, in turns. Ratios count; absolute figures are this machine's in this moment.
 *   npm run bench -- [--seconds 5] [--rounds 3] [--callers 1000] [--accounts 10000]
 */
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import pg from 'pg';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/db/embedded.ts';
import { migrate } from '../../src/db/migrator.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { measure } from './callers.ts';
import { makeAccounts, transferByEngine } from './engine.ts';
import { openPerRequest, prepareBareTables } from './per-request.ts';
import type { Workload } from './workload.ts';

const { values: given } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string', default: '3' },
    callers: { type: 'string', default: '1000' },
    accounts: { type: 'string', default: '10000' },
    lanes: { type: 'string', default: '2' },
    batch: { type: 'string' },
  },
});
const rounds = Number(given.rounds);
const callers = Number(given.callers);
const accounts = Number(given.accounts);
const timing = { warmUpMs: 1000, durationMs: Number(given.seconds) * 1000 };
const CONNECTIONS = [8, 16, 32];
const WORKLOADS: readonly Workload[] = ['uniform', 'hot'];

const folder = await mkdtemp(join(tmpdir(), 'ledger-bench-'));
// Under root the server runs as another user, who must be able to enter the folder.
await chmod(folder, 0o711);
const server = await startEmbeddedPostgres({ dataDir: join(folder, 'data') });
try {
  await printMachine(server);
  await run(server);
} finally {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
}

async function run({ ownerUrl, serviceUrl }: EmbeddedPostgres): Promise<void> {
  await migrate(ownerUrl, () => {});
  const bare = await createDatabase(ownerUrl, 'bare');
  const bareAccounts = await prepareBareTables(bare.href, accounts);
  const ledger = await Ledger.open({
    databaseUrl: serviceUrl,
    lanes: Number(given.lanes),
    ...(given.batch === undefined ? {} : { maxBatch: Number(given.batch) }),
    onFault: (error) => console.error(error),
  });
  try {
    const ledgerAccounts = await makeAccounts(ledger, accounts);
    const figures = new Map<string, number[]>();
    const note = (name: string, perSecond: number) => {
      figures.set(name, [...(figures.get(name) ?? []), perSecond]);
      console.log(`${name.padEnd(40)} ${perSecond.toFixed(0).padStart(8)} transfers/s`);
    };
    for (let round = 1; round <= rounds; round += 1) {
      console.log(`\nround ${round} of ${rounds}, ${given.seconds} s each`);
      for (const workload of WORKLOADS) {
        for (const connections of CONNECTIONS) {
          const perRequest = openPerRequest(bare.href, 'ledger_admin', connections);
          const { perSecond } = await measure(() => perRequest.call(workload, bareAccounts), {
            callers: connections,
            ...timing,
          });
          await perRequest.close();
          note(`${workload}, per request, ${connections} connections`, perSecond);
        }
        const { perSecond } = await measure(() => transferByEngine(ledger, workload, ledgerAccounts), {
          callers,
          ...timing,
        });
        note(`${workload}, engine, ${callers} callers`, perSecond);
      }
    }
    console.log('\nmedians');
    for (const workload of WORKLOADS) {
      const perRequest = CONNECTIONS.map((connections) =>
        median(figures.get(`${workload}, per request, ${connections} connections`) ?? []),
      );
      const engine = median(figures.get(`${workload}, engine, ${callers} callers`) ?? []);
      const best = Math.max(...perRequest);
      console.log(
        `${workload.padEnd(8)} engine ${engine.toFixed(0)}/s, per request at its best ${best.toFixed(0)}/s: ` +
          `${(engine / best).toFixed(1)} times as fast`,
      );
    }
  } finally {
    await ledger.close();
  }
}

async function printMachine({ ownerUrl, version }: EmbeddedPostgres): Promise<void> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  const { rows } = await client.query<{ name: string; setting: string }>(
    `select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes') order by name`,
  );
  await client.end();
  const [cpu] = cpus();
  console.log(
    `${cpus().length} cores of ${cpu?.model ?? 'unknown'}, Node ${process.version}, PostgreSQL ${version}`,
  );
  console.log(rows.map(({ name, setting }) => `${name} ${setting}`).join(', '));
  console.log(`${accounts} accounts, ${callers} callers of the engine`);
}

async function createDatabase(ownerUrl: string, name: string): Promise<URL> {
  const client = new pg.Client({ connectionString: ownerUrl });
  await client.connect();
  await client.query(`create database ${name}`);
  await client.end();
  const url = new URL(ownerUrl);
  url.pathname = name;
  return url;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
