/**
 * The effect of some callers on others: the throughput of bystanders with a neighbour over that without it, in turns on the same
 * server, with full durability. Exits with status 1 if a ratio is below its floor.
 *   npm run bench:neighbours                     all neighbours
 *   npm run bench:neighbours -- locked closers   only these
 *   npm run bench:neighbours -- --rounds 8 --seconds 2
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { EmbeddedPostgres } from '../../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../../src/db/postgres/migrator.ts';
import { withTemporaryPostgres } from '../../temporary-postgres.ts';
import { prepareBareTables } from '../baseline/bare.ts';
import { query, withDatabases, withName } from '../databases.ts';
import { Figures, printMedians, printReport } from '../report/figures.ts';
import { batchAccount } from './batch-account.ts';
import { closers } from './closers.ts';
import { lockedAccount } from './locked-account.ts';
import { BARE_ACCOUNTS, type Neighbour } from './neighbour.ts';
import { smallBatches } from './small-batches.ts';

const NEIGHBOURS: readonly Neighbour[] = [lockedAccount, batchAccount, smallBatches, closers];
const [LEDGER_TEMPLATE, BARE_TEMPLATE] = ['ledger_template', 'bare_template'];
const [LEDGER, BARE] = ['neighbours_ledger', 'neighbours_bare'];

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '4' },
    /** The duration of each turn. The warm-up takes a sixth of it in addition. */
    seconds: { type: 'string', default: '3' },
  },
});
const unknown = names.filter((name) => !NEIGHBOURS.some((neighbour) => neighbour.name === name));
if (unknown.length > 0) {
  console.error(
    `unknown neighbour ${unknown.join(', ')}; use some of: ${NEIGHBOURS.map(({ name }) => name).join(', ')}`,
  );
  process.exit(1);
}
const chosen = names.length === 0 ? NEIGHBOURS : NEIGHBOURS.filter(({ name }) => names.includes(name));
const rounds = Number(options.rounds);
const durationMs = Number(options.seconds) * 1000;

console.log(`${cpus().length} cores of ${cpus()[0]?.model ?? 'unknown make'}, Node ${process.version}`);
await withTemporaryPostgres(bench, { isDurable: true });

async function bench({ ownerUrl, serviceUrl }: EmbeddedPostgres): Promise<void> {
  await query(ownerUrl, `create database ${BARE_TEMPLATE}`);
  await prepareBareTables(withName(ownerUrl, BARE_TEMPLATE), BARE_ACCOUNTS);
  await query(ownerUrl, `create database ${LEDGER_TEMPLATE}`);
  await migrate(withName(ownerUrl, LEDGER_TEMPLATE), () => {});

  const figures = new Figures();
  const clones = [
    { name: LEDGER, template: LEDGER_TEMPLATE },
    { name: BARE, template: BARE_TEMPLATE },
  ];
  const stage = {
    serviceUrl: withName(serviceUrl, LEDGER),
    ownerUrl: withName(ownerUrl, LEDGER),
    bareUrl: withName(ownerUrl, BARE),
    figures,
    rounds,
    timing: { warmUpMs: durationMs / 6, durationMs },
  };
  for (const { name, measure } of chosen) {
    console.log(`\n${name}: ${rounds} rounds`);
    await withDatabases(ownerUrl, clones, () => measure(stage));
  }
  const rows = figures.rows(chosen.flatMap(({ comparisons }) => comparisons));
  printMedians(figures);
  printReport(rows, figures.checks());
  if (![...rows, ...figures.checks()].every(({ met }) => met)) process.exitCode = 1;
}
