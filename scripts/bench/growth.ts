/**
 * How the ledger ages: what it posts a second, and the bytes that a transfer takes on disk, from the first transaction to the
 * last of some millions; then the same ledger with a hundred times as many accounts beside one with few.
 *
 * A shared machine drifts over the half hour that this takes, so that its first minutes and its last ones are no fair pair.
 * What counts is therefore measured in turns, on the same server: a slice of time of the one ledger, one of the other, in each
 * pair in the opposite order. Autovacuum runs by its defaults.
 */
import pg from 'pg';
import { FieldWriter } from '../../src/core/decide/fields.ts';
import { formatId } from '../../src/core/values/ids.ts';
import type { EmbeddedPostgres } from '../../src/db/embedded/embedded-postgres.ts';
import { migrate } from '../../src/db/postgres/migrator.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { quantile } from '../latency.ts';
import { checkBooks } from './books.ts';
import { closedLoop } from './callers.ts';
import { query, withDatabases, withName } from './databases.ts';
import { makeAccounts, postByEngine } from './engine.ts';
import type { Spread } from './report.ts';
import type { Acknowledged, Figure } from './stage.ts';
import type { Pair } from './workload.ts';

export interface GrowthOptions {
  readonly transactions: number;
  readonly accounts: number;
  /** Of the ledger that is compared with one of `accounts`. */
  readonly manyAccounts: number;
  readonly callers: number;
  /** How many slices of time each ledger of a comparison gets, and how long they are. */
  readonly pairs: number;
  readonly sliceMs: number;
}

export const GROWTH: GrowthOptions = {
  transactions: 10_000_000,
  accounts: 10_000,
  manyAccounts: 1_000_000,
  callers: 1000,
  pairs: 5,
  sliceMs: 10_000,
};

/** What was measured along the way: the throughput since the step before, the bytes since the first transaction. */
export interface GrowthStep {
  readonly transactions: number;
  readonly perSecond: number;
  readonly bytesPerTransfer: number;
}

export interface GrowthReport {
  /** Those of slices come once a pair. */
  readonly figures: readonly Figure[];
  readonly steps: readonly GrowthStep[];
  /** The throughput of the full ledger / a new one's, in turns. */
  readonly fullToNew: Spread;
  /** The throughput of the last 5 % / that of the first 5 % behind 1 % of warm-up, with the machine's drift in it. */
  readonly lastToFirst: number;
  /** The throughput on many accounts / that on few, in turns. */
  readonly manyToFew: Spread;
  /** On disk: transactions, entries and blocks with their indexes, without the write-ahead log. */
  readonly bytesPerTransfer: number;
}

/**
 * Measures in databases of its own, which it removes, and checks the books of each with all that was acknowledged. Throws
 * where they do not hold. Prints how far it is.
 */
export async function measureGrowth(
  server: Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>,
  options: GrowthOptions = GROWTH,
): Promise<GrowthReport> {
  const { accounts, manyAccounts } = options;
  const { grown, aged } = await withBooks(server, 'growth_full', accounts, async (full) => {
    const grown = await grow(full, options);
    const aged = await withBooks(server, 'growth_new', accounts, (empty) =>
      takeTurns(['full ledger', full], ['new ledger', empty], options),
    );
    return { grown, aged };
  });
  const spread = await withBooks(server, 'growth_many', manyAccounts, (many) =>
    withBooks(server, 'growth_few', accounts, (few) =>
      takeTurns(['many accounts', many], ['few accounts', few], options),
    ),
  );
  return {
    figures: [...grown.figures, ...aged.figures, ...spread.figures],
    steps: grown.steps,
    fullToNew: aged.ratio,
    lastToFirst: grown.lastToFirst,
    manyToFew: spread.ratio,
    bytesPerTransfer: grown.bytesPerTransfer,
  };
}

/** A ledger in a database of its own, with accounts that pay each other at random. */
interface Books {
  readonly name: string;
  readonly ownerUrl: string;
  /** All that was acknowledged. */
  readonly answers: Answers;
  /** Posts a transfer between any two accounts. */
  post(): Promise<Acknowledged>;
}

/** Runs with books of their own, and checks them before they go. */
async function withBooks<T>(
  server: Pick<EmbeddedPostgres, 'ownerUrl' | 'serviceUrl'>,
  name: string,
  accountCount: number,
  run: (books: Books) => Promise<T>,
): Promise<T> {
  return withDatabases(server.ownerUrl, [{ name, template: 'template1' }], async () => {
    const ownerUrl = withName(server.ownerUrl, name);
    await migrate(ownerUrl, () => {});
    const answers = new Answers();
    const ledger = await Ledger.open({
      databaseUrl: withName(server.serviceUrl, name),
      onFault: (error) => console.error(error),
    });
    const runWithAccounts = async (): Promise<T> => {
      console.log(`${name}: making ${thousands(accountCount)} accounts by the ledger`);
      const since = performance.now();
      const accounts = (await makeAccounts(ledger, accountCount)).map((id) => formatId('account', id));
      console.log(`${name}: made in ${seconds(performance.now() - since)}`);
      const post = async (): Promise<Acknowledged> => {
        const answer = await postByEngine(ledger, 'uniform', pickPair(accounts));
        answers.add(answer);
        return answer;
      };
      return run({ name, ownerUrl, answers, post });
    };
    const result = await runWithAccounts().finally(() => ledger.close());
    await check({ name, ownerUrl, answers });
    return result;
  });
}

/** Any two of all accounts, however many: other stages' workloads draw from the first ones only. */
function pickPair(accounts: readonly string[]): Pair {
  const place = Math.floor(Math.random() * accounts.length);
  const step = 1 + Math.floor(Math.random() * (accounts.length - 1));
  const [from, to] = [accounts[place], accounts[(place + step) % accounts.length]];
  if (from === undefined || to === undefined) throw new RangeError('two accounts at least');
  return { from, to };
}

async function check({ name, ownerUrl, answers }: Omit<Books, 'post'>): Promise<void> {
  const since = performance.now();
  const count = thousands(answers.count);
  console.log(`${name}: checking the books of ${count} transactions`);
  const progress = setInterval(
    () => console.log(`${name}: still checking, ${seconds(performance.now() - since)}`),
    30_000,
  );
  try {
    // Answers are too many for a list of objects, and are looked for by themselves.
    await checkBooks(ownerUrl, []);
    await answers.check(ownerUrl);
    console.log(
      `${name}: the invariants hold, and all ${count} acknowledged transactions are found again (I5), and no other; ` +
        `checked in ${seconds(performance.now() - since)}`,
    );
  } finally {
    clearInterval(progress);
  }
}

/** Steps of the way to the last transaction, whose throughput is told one by one. */
const STEPS = 100;
/** A shorter one says little: batches of hundreds are answered at once. */
const SMALLEST_STEP = 5000;

async function grow({ name, ownerUrl, answers, post }: Books, { transactions, callers }: GrowthOptions) {
  const size = Math.max(SMALLEST_STEP, Math.ceil(transactions / STEPS));
  const steps: GrowthStep[] = [];
  let [answered, failed] = [0, false];
  const start = performance.now();
  let since = start;
  const noteStep = async (): Promise<void> => {
    const [now, count] = [performance.now(), answered];
    const perSecond = (size * 1000) / (now - since);
    since = now;
    const leftMs = ((now - start) / count) * Math.max(0, transactions - count);
    const bytesPerTransfer = journalBytes(await sizesOf(ownerUrl)) / count;
    steps.push({ transactions: count, perSecond, bytesPerTransfer });
    console.log(
      `${name}: ${thousands(count)} of ${thousands(transactions)}, ${thousands(perSecond)} transfers/s, ` +
        `${thousands(bytesPerTransfer)} bytes a transfer, ${seconds(leftMs)} left`,
    );
  };
  const keepPosting = async (): Promise<void> => {
    try {
      while (answered < transactions && !failed) {
        await post();
        answered += 1;
        if (answered % size === 0) await noteStep();
      }
    } catch (error) {
      // The others are to end too, and not to go on for half an hour.
      failed = true;
      throw error;
    }
  };
  await Promise.all(Array.from({ length: callers }, keepPosting));
  const tookMs = performance.now() - start;

  const [warmUp, part] = [Math.ceil(steps.length * 0.01), Math.ceil(steps.length * 0.05)];
  const medianOf = (of: readonly GrowthStep[]) =>
    quantile(
      of.map(({ perSecond }) => perSecond),
      0.5,
    );
  const [first, last] = [medianOf(steps.slice(warmUp, warmUp + part)), medianOf(steps.slice(-part))];
  const sizes = await sizesOf(ownerUrl);
  const bytesOf = (table: keyof Sizes) => sizes[table] / answers.count;
  const bytesPerTransfer = journalBytes(sizes) / answers.count;
  console.log(`${name}: ${thousands(answers.count)} transactions in ${seconds(tookMs)}; transfers/s
  in the first 5 % ${thousands(first)}, in the last 5 % ${thousands(last)}: ${(last / first).toFixed(2)}
${name}: ${thousands(bytesPerTransfer)} bytes a transfer (${JOURNAL.map(
    (table) => `${table} ${thousands(bytesOf(table))}`,
  ).join(', ')}),
  and ${thousands(sizes.accounts)} bytes of accounts, ${thousands(sizes.holds)} of holds`);
  const figures: Figure[] = [
    { name: 'growth, first 5 %', unit: 'transfers/s', value: first },
    { name: 'growth, last 5 %', unit: 'transfers/s', value: last },
    { name: 'growth, bytes a transfer', unit: 'bytes', value: bytesPerTransfer },
    ...JOURNAL.map(
      (table): Figure => ({ name: `growth, ${table} a transfer`, unit: 'bytes', value: bytesOf(table) }),
    ),
  ];
  return { figures, steps, lastToFirst: last / first, bytesPerTransfer };
}

const SLICE_WARM_UP_MS = 1000;

/** Lets two ledgers post in turns; the ratio is the first one's throughput / the second one's. */
async function takeTurns(
  one: readonly [name: string, books: Books],
  other: readonly [name: string, books: Books],
  { callers, pairs, sliceMs }: GrowthOptions,
) {
  const sides = [one, other].map(([name, books]) => ({ name, books, rates: [] as number[] }));
  const turn = async ({ post }: Books, durationMs: number): Promise<number> => {
    const timing = { callers, warmUpMs: SLICE_WARM_UP_MS, durationMs };
    return (await closedLoop(post, timing)).measured.perSecond;
  };
  // The first seconds of a ledger are those of cold caches, and nobody's figure.
  for (const { books } of sides) await turn(books, sliceMs / 2);
  const ratios: number[] = [];
  while (ratios.length < pairs) {
    for (const { books, rates } of ratios.length % 2 === 0 ? sides : sides.toReversed()) {
      rates.push(await turn(books, sliceMs));
    }
    const [a = Number.NaN, b = Number.NaN] = sides.map(({ rates }) => rates.at(-1));
    ratios.push(a / b);
    console.log(
      `pair ${ratios.length} of ${pairs}: ${one[0]} ${thousands(a)}, ${other[0]} ${thousands(b)} transfers/s: ${(a / b).toFixed(2)}`,
    );
  }
  const ratio: Spread = {
    median: quantile(ratios, 0.5),
    min: Math.min(...ratios),
    max: Math.max(...ratios),
  };
  console.log(
    `${one[0]} / ${other[0]}: ${ratio.median.toFixed(2)} (${ratio.min.toFixed(2)} to ${ratio.max.toFixed(2)})`,
  );
  const figures = sides.flatMap(({ name, rates }) =>
    rates.map((value): Figure => ({ name: `growth, ${name}`, unit: 'transfers/s', value })),
  );
  return { ratio, figures };
}

/** So many are looked for at once. */
const SLICE = 100_000;

/**
 * What was acknowledged: keys and ids in the form in which PostgreSQL takes an array, 40 bytes a transaction. As objects ten
 * million of them would take gigabytes, and the collector's time with them.
 */
class Answers {
  readonly #slices: { readonly keys: FieldWriter; readonly ids: FieldWriter; count: number }[] = [];

  get count(): number {
    const last = this.#slices.at(-1);
    return last === undefined ? 0 : (this.#slices.length - 1) * SLICE + last.count;
  }

  add({ key, id }: Acknowledged): void {
    let slice = this.#slices.at(-1);
    if (slice === undefined || slice.count === SLICE) {
      slice = { keys: openArray(), ids: openArray(), count: 0 };
      this.#slices.push(slice);
    }
    slice.keys.uuid(key);
    slice.ids.uuid(id);
    slice.count += 1;
  }

  /** Throws unless the database has each of them, posted, under its key, and no other transaction. */
  async check(ownerUrl: string): Promise<void> {
    let found = 0;
    for (const { keys, ids, count } of this.#slices) {
      const rows = await query<{ found: string }>(
        ownerUrl,
        `select count(*) as found from unnest($1::uuid[], $2::uuid[]) as answer (key, id)
          where exists (
            select from transactions t
            where t.id = answer.id and t.idempotency_key = answer.key::text and t.outcome = 'POSTED' offset 0)`,
        [closeArray(keys, count), closeArray(ids, count)],
      );
      found += Number(rows[0]?.found);
    }
    const [row] = await query<{ count: string }>(ownerUrl, 'select count(*) from transactions');
    const all = Number(row?.count);
    if (found !== this.count || all !== this.count) {
      throw new Error(
        `I5: of ${this.count} acknowledged transactions ${found} are found as they were answered; there are ${all}`,
      );
    }
  }
}

/** Begins a uuid[] in PostgreSQL's binary form (array_recv), whose length is told when it is closed. */
function openArray(): FieldWriter {
  const fields = new FieldWriter(ARRAY_HEADER + SLICE * 20);
  for (const part of [1, 0, pg.types.builtins.UUID, 0, 1]) fields.int32(part);
  return fields;
}
function closeArray(fields: FieldWriter, count: number): Buffer {
  const bytes = fields.written();
  bytes.writeInt32BE(count, LENGTH_AT);
  return bytes;
}
const ARRAY_HEADER = 20;
/** Behind the number of dimensions, whether there are nulls, and the type. */
const LENGTH_AT = 12;

/** The tables to which each transfer adds. */
const JOURNAL = ['transactions', 'entries', 'blocks'] as const;
const TABLES = [...JOURNAL, 'accounts', 'holds'] as const;
type Sizes = Readonly<Record<(typeof TABLES)[number], number>>;

function journalBytes({ transactions, entries, blocks }: Sizes): number {
  return transactions + entries + blocks;
}

/** Bytes on disk, indexes included. */
async function sizesOf(ownerUrl: string): Promise<Sizes> {
  const rows = await query<{ name: keyof Sizes; size: string }>(
    ownerUrl,
    'select name, pg_total_relation_size(name::regclass) as size from unnest($1::text[]) as tables (name)',
    [TABLES],
  );
  return Object.fromEntries(rows.map(({ name, size }) => [name, Number(size)])) as Sizes;
}

function thousands(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function seconds(ms: number): string {
  return ms < 600_000 ? `${(ms / 1000).toFixed(0)} s` : `${(ms / 60_000).toFixed(0)} min`;
}
