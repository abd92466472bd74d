/**
 * How fast the service is, beside what else one could do with the same database: on a PostgreSQL of its own, as durable as it
 * comes, in turns. Ratios count; absolute figures are this machine's in this moment. It fails where money is lost.
 *   npm run bench                  some 25 minutes
 *   npm run bench -- --quick       a minute, to see that it works and about how fast
 *   npm run bench -- --reads --growth --json FILE
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { Uuid } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { withTemporaryPostgres } from '../temporary-postgres.ts';
import { prepareBareTables } from './bare.ts';
import { query, withName } from './databases.ts';
import { makeAccounts } from './engine.ts';
import { findCaller } from './function.ts';
import { GROWTH, type GrowthOptions, type GrowthReport, measureGrowth } from './growth.ts';
import { printMachine, readMachine, readSettings } from './machine.ts';
import { measureReads } from './reads.ts';
import { Figures, judged, printMedians, printResults, type Result } from './report.ts';
import { BARE_TEMPLATE, LEDGER_TEMPLATE, runRound } from './round.ts';
import { GROWTH_TARGETS, TARGETS } from './targets.ts';
import { MOST_ACCOUNTS } from './workload.ts';

const FULL = { rounds: '3', seconds: '5', accounts: `${MOST_ACCOUNTS}`, connections: '8,16,32,64' };
const QUICK = { rounds: '1', seconds: '0.8', accounts: '20000', connections: '8,32' };

const QUICK_GROWTH = { transactions: 20_000, accounts: 1000, manyAccounts: 20_000, pairs: 1 };

const { values: given } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    /** Of each measurement, beside a fifth of it before for warming up. */
    seconds: { type: 'string' },
    accounts: { type: 'string' },
    /** Of the function and of one transaction a request: the best of these numbers counts. */
    connections: { type: 'string' },
    /** Of the engine. */
    callers: { type: 'string', default: '1000' },
    /** How many operations each postBatch has. */
    batches: { type: 'string', default: '100,1000,10000' },
    reads: { type: 'boolean', default: false },
    growth: { type: 'boolean', default: false },
    /** How far the ledger grows. */
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
  const noteBooks = (checked: readonly string[]) => {
    for (const line of checked) console.log(line);
    books.push(...checked);
  };
  const connections = options.connections.split(',').map(Number);
  const batches = options.batches.split(',').map(Number);
  for (let round = 1; round <= rounds; round += 1) {
    console.log(`\nround ${round} of ${rounds}, ${options.seconds} s a measurement`);
    const shared = { server, figures, callFunction, accounts, timing };
    noteBooks(await runRound({ ...shared, connections, callers, batches }));
  }
  if (options.reads) {
    const template = LEDGER_TEMPLATE;
    noteBooks([await measureReads({ server, template, accounts, figures, rounds, timing })]);
  }
  const growth = options.growth ? await measureGrowth(server, growthOptions()) : undefined;
  for (const figure of growth?.figures ?? []) figures.keep(figure);

  const targets = [
    ...TARGETS.flatMap((target) => figures.judge(target) ?? []),
    ...(growth === undefined ? [] : judgeGrowth(growth)),
  ];
  printMedians(figures);
  printResults(targets, figures.checks());
  console.log(`\n${((Date.now() - startedAt.getTime()) / 60_000).toFixed(1)} minutes`);
  if (options.json === undefined) return;
  const report = {
    startedAt,
    options,
    machine,
    settings,
    figures: figures.list(),
    targets,
    checks: figures.checks(),
    books,
    growth: growth?.steps ?? [],
  };
  await writeFile(options.json, `${JSON.stringify(report, null, 2)}\n`);
}

function judgeGrowth({ fullToNew, manyToFew }: GrowthReport): Result[] {
  return [
    judged({ ...GROWTH_TARGETS.fullToNew, ...fullToNew }),
    judged({ ...GROWTH_TARGETS.manyToFew, ...manyToFew }),
  ];
}

function growthOptions(): GrowthOptions {
  const usual = options.quick ? { ...QUICK_GROWTH, sliceMs: durationMs } : GROWTH;
  return { ...usual, callers, transactions: Number(options.transactions ?? usual.transactions) };
}

/** Makes the databases that each round clones, and answers the ledger's accounts. */
async function prepareTemplates({ ownerUrl, serviceUrl }: EmbeddedPostgres, count: number): Promise<Uuid[]> {
  await query(ownerUrl, `create database ${BARE_TEMPLATE}`);
  await prepareBareTables(withName(ownerUrl, BARE_TEMPLATE), count);

  await query(ownerUrl, `create database ${LEDGER_TEMPLATE}`);
  await migrate(withName(ownerUrl, LEDGER_TEMPLATE), () => {});
  const ledger = await Ledger.open({
    databaseUrl: withName(serviceUrl, LEDGER_TEMPLATE),
    onFault: (error) => console.error(error),
  });
  const accounts = await makeAccounts(ledger, count).finally(() => ledger.close());
  await query(withName(ownerUrl, LEDGER_TEMPLATE), 'vacuum analyze');
  return accounts;
}
