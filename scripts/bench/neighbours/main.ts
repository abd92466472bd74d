/**
 * What some callers cost others: throughput with a neighbour over throughput without it, in turns on the same server, as
 * durable as it comes. Exit status 1 where a ratio does not reach its floor.
 *   npm run bench:neighbours                     all scenes
 *   npm run bench:neighbours -- locked closers   these
 *   npm run bench:neighbours -- --rounds 8 --seconds 2
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import type { EmbeddedPostgres } from '../../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../../src/db/postgres/migrator.ts';
import { withTemporaryPostgres } from '../../temporary-postgres.ts';
import { prepareBareTables } from '../bare.ts';
import { query, withDatabases, withName } from '../databases.ts';
import { Figures, printMedians, printResults } from '../report.ts';
import { batchAccount } from './batch-account.ts';
import { closers } from './closers.ts';
import { lockedAccount } from './locked-account.ts';
import { BARE_ACCOUNTS, type Scene } from './scene.ts';
import { smallBatches } from './small-batches.ts';

const SCENES: readonly Scene[] = [lockedAccount, batchAccount, smallBatches, closers];
const [LEDGER_TEMPLATE, BARE_TEMPLATE] = ['ledger_template', 'bare_template'];
const [LEDGER, BARE] = ['neighbours_ledger', 'neighbours_bare'];

const { values: options, positionals: names } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string', default: '4' },
    /** How long each turn is measured. It warms up for a sixth of that first. */
    seconds: { type: 'string', default: '3' },
  },
});
const unknown = names.filter((name) => !SCENES.some((scene) => scene.name === name));
if (unknown.length > 0) {
  console.error(`unknown scene ${unknown.join(', ')}; scenes: ${SCENES.map(({ name }) => name).join(', ')}`);
  process.exit(1);
}
const scenes = names.length === 0 ? SCENES : SCENES.filter(({ name }) => names.includes(name));
const rounds = Number(options.rounds);
const durationMs = Number(options.seconds) * 1000;

console.log(`${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown make'}, Node ${process.version}`);
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
  for (const { name, measure } of scenes) {
    console.log(`\n${name}: ${rounds} rounds`);
    await withDatabases(ownerUrl, clones, () => measure(stage));
  }
  const results = scenes.flatMap(({ targets }) => targets.flatMap((target) => figures.judge(target) ?? []));
  printMedians(figures);
  printResults(results, figures.checks());
  if (![...results, ...figures.checks()].every(({ met }) => met)) process.exitCode = 1;
}
