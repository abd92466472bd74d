/**
 * Measures the service against the limits of its own server, in rounds, on an embedded PostgreSQL of its own with full durability.
 * Compare ratios within one run: absolute figures depend on the machine. Fails if any books are wrong.
 *   npm run bench                          about 14 minutes
 *   npm run bench -- --quick               about a minute, without growth
 *   npm run bench -- --json FILE           also writes the results; `npm run bench:plot -- FILE` draws them
 *   npm run bench -- --transactions 10000000
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Uuid } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Engine } from '../../src/ledger/engine.ts';
import { withTemporaryPostgres } from '../temporary-postgres.ts';
import { prepareBareTables } from './baseline/bare.ts';
import { findCaller } from './baseline/function.ts';
import { query, withName } from './databases.ts';
import { makeAccounts } from './engine.ts';
import { type GrowthOptions, measureGrowth } from './growth/growth.ts';
import { COMPARISONS } from './report/comparisons.ts';
import { Figures, printMedians, printReport } from './report/figures.ts';
import { printMachine, readMachine, readSettings } from './report/machine.ts';
import { BARE_TEMPLATE, LEDGER_TEMPLATE, runRound } from './round.ts';
import { MOST_ACCOUNTS } from './workload.ts';

const FULL = { rounds: '3', seconds: '3', accounts: `${MOST_ACCOUNTS}`, connections: '16,64', growth: true };
const QUICK = { rounds: '1', seconds: '0.8', accounts: '20000', connections: '16', growth: false };

const FULL_GROWTH = {
  transactions: 2_000_000,
  accounts: 10_000,
  manyAccounts: 200_000,
  pairs: 3,
  sliceMs: 5000,
};
const QUICK_GROWTH = { transactions: 20_000, accounts: 1000, manyAccounts: 20_000, pairs: 1, sliceMs: 1000 };

const { values: given } = parseArgs({
  allowNegative: true,
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    /** The duration of each measurement. The warm-up takes a fifth of it in addition. */
    seconds: { type: 'string' },
    accounts: { type: 'string' },
    /** The numbers of connections of the function; the best one counts. */
    connections: { type: 'string' },
    /** The number of concurrent callers of the engine. */
    callers: { type: 'string', default: '1000' },
    /** The numbers of operations per postBatch. */
    batches: { type: 'string', default: '100,1000,10000' },
    growth: { type: 'boolean' },
    /** The size to which the ledger grows. */
    transactions: { type: 'string' },
    json: { type: 'string' },
  },
});
const options = { ...(given.quick ? QUICK : FULL), ...given };
const rounds = Number(options.rounds);
const durationMs = Number(options.seconds) * 1000;
const callers = Number(options.callers);
const timing = { warmUpMs: durationMs / 5, durationMs };

const startedAt = new Date();
await withTemporaryPostgres(bench, { isDurable: true });

async function bench(server: EmbeddedPostgres): Promise<void> {
  const { name: functionCaller, call: callFunction } = await findCaller();
  const machine = readMachine({ postgresql: server.version, functionCaller });
  const accounts = await prepareTemplates(server, Number(options.accounts));
  const settings = {
    bare: await readSettings(withName(server.ownerUrl, BARE_TEMPLATE)),
    ledger: await readSettings(withName(server.serviceUrl, LEDGER_TEMPLATE)),
  };
  printMachine(machine, settings);
  console.log(`${accounts.length} accounts, ${callers} callers of the engine`);

  const figures = new Figures();
  const books: string[] = [];
  const connections = options.connections.split(',').map(Number);
  const batches = options.batches.split(',').map(Number);
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`\nround ${round} of ${rounds}, ${options.seconds} s per measurement`);
    const shared = { server, figures, callFunction, accounts, timing };
    const checked = await runRound({ ...shared, connections, callers, batches });
    for (const line of checked) console.log(line);
    books.push(...checked);
  }
  if (options.growth) console.log('\ngrowth');
  const growth = options.growth ? await measureGrowth(server, figures, growthOptions()) : [];

  const rows = figures.rows(COMPARISONS);
  printMedians(figures);
  printReport(rows, figures.checks());
  console.log(`\n${((Date.now() - startedAt.getTime()) / 60_000).toFixed(1)} minutes`);
  if (options.json === undefined) return;
  const list = figures.list();
  const report = { startedAt, options, machine, settings, figures: list, rows, checks: figures.checks() };
  await writeFile(options.json, `${JSON.stringify({ ...report, books, growth }, null, 2)}\n`);
}

function growthOptions(): GrowthOptions {
  const usual = options.quick ? QUICK_GROWTH : FULL_GROWTH;
  return { ...usual, callers, transactions: Number(options.transactions ?? usual.transactions) };
}

/** Creates the databases that each round clones. Returns the ledger's accounts. */
async function prepareTemplates({ ownerUrl, serviceUrl }: EmbeddedPostgres, count: number): Promise<Uuid[]> {
  await query(ownerUrl, `create database ${BARE_TEMPLATE}`);
  await prepareBareTables(withName(ownerUrl, BARE_TEMPLATE), count);

  await query(ownerUrl, `create database ${LEDGER_TEMPLATE}`);
  await migrate(withName(ownerUrl, LEDGER_TEMPLATE), () => {});
  const ledger = await Engine.openMain({
    databaseUrl: withName(serviceUrl, LEDGER_TEMPLATE),
    onFault: (error) => console.error(error),
  });
  const accounts = await makeAccounts(ledger, count).finally(() => ledger.close());
  await query(withName(ownerUrl, LEDGER_TEMPLATE), 'vacuum analyze');
  return accounts;
}
