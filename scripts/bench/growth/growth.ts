/**
 * How the ledger ages: throughput and bytes per transfer while one ledger grows to millions of transactions; then the full ledger
 * against an empty one, and a ledger with many accounts against one with few.
 *
 * The speed of a shared machine changes over minutes. Therefore two ledgers are compared in turns on the same server: one slice of
 * time each, in alternating order. Autovacuum runs with its defaults.
 */
import { formatId } from '../../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../../src/db/postgres/migrator.ts';
import { Engine } from '../../../src/ledger/engine.ts';
import { checkBooks } from '../books.ts';
import { JOURNAL_TABLES, tableSizes, withDatabases, withName } from '../databases.ts';
import { makeAccounts, postByEngine } from '../engine.ts';
import { closedLoop } from '../load/callers.ts';
import type { Figures } from '../report/figures.ts';
import type { Acknowledged } from '../stage.ts';
import type { Pair } from '../workload.ts';
import { AcknowledgedLog } from './acknowledged-log.ts';

type Server = Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>;

export interface GrowthOptions {
  /** The size to which the full ledger grows. */
  readonly transactions: number;
  readonly accounts: number;
  /** The number of accounts of the ledger with many of them. */
  readonly manyAccounts: number;
  readonly callers: number;
  /** The number of slices of each ledger in a comparison, and their duration. */
  readonly pairs: number;
  readonly sliceMs: number;
}

/** Throughput since the previous step, and bytes since the first transaction. */
export interface GrowthStep {
  readonly transactions: number;
  readonly perSecond: number;
  readonly bytesPerTransfer: number;
}

/** Measures in databases of its own and checks their books. Returns the steps of the growth. Prints its progress. */
export async function measureGrowth(
  server: Server,
  figures: Figures,
  options: GrowthOptions,
): Promise<GrowthStep[]> {
  const { accounts, manyAccounts } = options;
  const steps = await withBooks(server, 'growth_full', accounts, async (full) => {
    const grown = await grow(full, figures, options);
    await withBooks(server, 'growth_new', accounts, (empty) =>
      takeTurns(figures, ['full ledger', full], ['new ledger', empty], options),
    );
    return grown;
  });
  await withBooks(server, 'growth_many', manyAccounts, (many) =>
    withBooks(server, 'growth_few', accounts, (few) =>
      takeTurns(figures, ['many accounts', many], ['few accounts', few], options),
    ),
  );
  return steps;
}

/** A ledger in a database of its own. */
interface Books {
  readonly name: string;
  readonly ownerUrl: string;
  readonly acknowledged: AcknowledgedLog;
  /** Posts a transfer between any two accounts. */
  post(): Promise<Acknowledged>;
}

/** Runs with a ledger of its own, and checks its books at the end. */
async function withBooks<T>(
  server: Server,
  name: string,
  accountCount: number,
  run: (books: Books) => Promise<T>,
): Promise<T> {
  return withDatabases(server.ownerUrl, [{ name, template: 'template1' }], async () => {
    const ownerUrl = withName(server.ownerUrl, name);
    await migrate(ownerUrl, () => {});
    const acknowledged = new AcknowledgedLog();
    const ledger = await Engine.openMain({
      databaseUrl: withName(server.serviceUrl, name),
      onFault: (error) => console.error(error),
    });
    const runWithAccounts = async (): Promise<T> => {
      console.log(`${name}: creating ${thousands(accountCount)} accounts`);
      const accounts = (await makeAccounts(ledger, accountCount)).map((id) => formatId('account', id));
      const post = async (): Promise<Acknowledged> => {
        const one = await postByEngine(ledger, 'uniform', pickPair(accounts));
        acknowledged.add(one);
        return one;
      };
      return run({ name, ownerUrl, acknowledged, post });
    };
    const result = await runWithAccounts().finally(() => ledger.close());
    await check({ name, ownerUrl, acknowledged });
    return result;
  });
}

/** Draws two of all accounts; the workloads of other stages use only the first ones. */
function pickPair(accounts: readonly string[]): Pair {
  const place = Math.floor(Math.random() * accounts.length);
  const step = 1 + Math.floor(Math.random() * (accounts.length - 1));
  const [from, to] = [accounts[place], accounts[(place + step) % accounts.length]];
  if (from === undefined || to === undefined) throw new RangeError('growth needs at least two accounts');
  return { from, to };
}

async function check({ name, ownerUrl, acknowledged }: Omit<Books, 'post'>): Promise<void> {
  const since = performance.now();
  const count = thousands(acknowledged.count);
  console.log(`${name}: checking the books of ${count} transactions`);
  await checkBooks(ownerUrl, []);
  await acknowledged.check(ownerUrl);
  console.log(
    `${name}: the invariants hold, and exactly the ${count} acknowledged transactions are recorded (I5); ` +
      `checked in ${seconds(performance.now() - since)}`,
  );
}

/** The number of steps of the growth, and their minimum size: small steps vary too much. */
const STEPS = 100;
const SMALLEST_STEP = 5000;

async function grow(
  { name, ownerUrl, acknowledged, post }: Books,
  figures: Figures,
  { transactions, callers }: GrowthOptions,
): Promise<GrowthStep[]> {
  const size = Math.max(SMALLEST_STEP, Math.ceil(transactions / STEPS));
  const steps: GrowthStep[] = [];
  let [posted, failed] = [0, false];
  const start = performance.now();
  let since = start;
  const addStep = async (): Promise<void> => {
    const [now, count] = [performance.now(), posted];
    const perSecond = (size * 1000) / (now - since);
    since = now;
    const leftMs = ((now - start) / count) * Math.max(0, transactions - count);
    const bytesPerTransfer = (await journalBytes(ownerUrl)) / count;
    steps.push({ transactions: count, perSecond, bytesPerTransfer });
    console.log(
      `${name}: ${thousands(count)} of ${thousands(transactions)}, ${thousands(perSecond)} transfers/s, ` +
        `${thousands(bytesPerTransfer)} bytes per transfer, ${seconds(leftMs)} left`,
    );
  };
  const keepPosting = async (): Promise<void> => {
    try {
      while (posted < transactions && !failed) {
        await post();
        posted += 1;
        if (posted % size === 0) await addStep();
      }
    } catch (error) {
      // Ends the other callers too.
      failed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: callers }, keepPosting));
  const sizes = await tableSizes(ownerUrl);
  for (const table of JOURNAL_TABLES) {
    figures.add({
      name: `growth, ${table} per transfer`,
      unit: 'bytes',
      value: sizes[table] / acknowledged.count,
    });
  }
  const perTransfer = (await journalBytes(ownerUrl)) / acknowledged.count;
  figures.add({ name: 'growth, bytes per transfer', unit: 'bytes', value: perTransfer });
  return steps;
}

/** Returns the bytes on disk of the tables to which each transfer adds rows, without the write-ahead log. */
async function journalBytes(ownerUrl: string): Promise<number> {
  const sizes = await tableSizes(ownerUrl);
  return JOURNAL_TABLES.reduce((sum, table) => sum + sizes[table], 0);
}

const SLICE_WARM_UP_MS = 500;

/** Lets two ledgers post in turns. Adds one figure per slice. */
async function takeTurns(
  figures: Figures,
  one: readonly [name: string, books: Books],
  other: readonly [name: string, books: Books],
  { callers, pairs, sliceMs }: GrowthOptions,
): Promise<void> {
  const turn = async ({ post }: Books, durationMs: number): Promise<number> =>
    (await closedLoop(post, { callers, warmUpMs: SLICE_WARM_UP_MS, durationMs })).measured.perSecond;
  // The caches of both ledgers are filled before the first slice.
  for (const [, books] of [one, other]) await turn(books, sliceMs / 2);
  for (let pair = 0; pair < pairs; pair += 1) {
    for (const [name, books] of pair % 2 === 0 ? [one, other] : [other, one]) {
      figures.add({ name: `growth, ${name}`, unit: 'transfers/s', value: await turn(books, sliceMs) });
    }
  }
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function seconds(ms: number): string {
  return ms < 600_000 ? `${(ms / 1000).toFixed(0)} s` : `${(ms / 60_000).toFixed(0)} min`;
}
