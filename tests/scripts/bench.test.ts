import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const SCRIPTS = join(import.meta.dirname, '../../scripts');
const run = promisify(execFile);
/** Runs every stage for a short time; the speeds do not matter. */
const SHORT = [
  '--quick',
  '--seconds',
  '0.4',
  '--accounts',
  '200',
  '--connections',
  '8',
  '--batches',
  '100,1000',
];

interface Report {
  readonly machine: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<'bare' | 'ledger', Readonly<Record<string, string>>>>;
  readonly figures: readonly { name: string; unit: string; median: number; values: number[] }[];
  readonly rows: readonly {
    section: string;
    name: string;
    floor: number | null;
    aim: number | null;
    median: number;
    met: boolean;
  }[];
  readonly checks: readonly { name: string; rounds: boolean[]; met: boolean }[];
  readonly books: readonly string[];
}

describe('a short run of the benchmark', () => {
  let folder: string;
  let json: string;
  let output: string;
  let report: Report;
  const medianOf = (name: string) =>
    report.figures.find((figure) => figure.name === name)?.median ?? Number.NaN;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ledger-bench-test-'));
    json = join(folder, 'report.json');
    // Rejects if the exit status is not 0.
    const { stdout } = await run(process.execPath, [
      join(SCRIPTS, 'bench/main.ts'),
      ...SHORT,
      '--json',
      json,
    ]);
    output = stdout;
    report = JSON.parse(await readFile(json, 'utf8')) as Report;
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('measures every stage, workload and load once per round', () => {
    const workloads = ['uniform', 'hot', 'zipf', 'deposits'];
    const throughputs = [
      ...workloads.flatMap((workload) => [`engine, ${workload}`, `http, 256 connections, ${workload}`]),
      ...['', ', commit +1 ms'].flatMap((commit) =>
        ['function', 'engine', 'http, 256 connections'].flatMap((stage) => [
          `${stage}, uniform${commit}`,
          `${stage}, hot${commit}`,
        ]),
      ),
      'client, 256 callers',
      'client, 1000 callers',
      'postBatch of 100',
      'postBatch of 1000',
      'limit, 1 backend',
      'limit, 2 backends',
      'function, 1 connection',
      'engine, 1 caller',
      'http, 1 connection, uniform',
      'http, 500 a second',
      'http, 1000 a second',
      'http, 4000 a second',
      'http, 1024 connections, uniform',
    ];
    const figures = new Map(report.figures.map((figure) => [figure.name, figure]));
    for (const name of throughputs) {
      expect(figures.get(name), name).toMatchObject({ unit: 'transfers/s', values: [expect.any(Number)] });
      expect(output).toContain(`  ${name} `);
    }
    for (const name of ['engine, 1 caller', 'http, 1000 a second', 'client, 256 callers']) {
      expect(figures.get(`${name}, p50`), name).toMatchObject({ unit: 'ms' });
      expect(figures.get(`${name}, p99`), name).toMatchObject({ unit: 'ms' });
    }
    expect(figures.get('memory over 1024 connections')).toMatchObject({ unit: 'MB' });
  });

  test('finds the books of every stage correct, with transfers in them', () => {
    const stages = ['function', 'limit', 'engine', 'http, client and postBatch'];
    expect(report.books.map((line) => /^books of (.*?): /.exec(line)?.[1])).toEqual(stages);
    for (const line of report.books) {
      expect(output).toContain(line);
      expect(line).toMatch(/all [1-9][\d,]* (acknowledged )?transfers are/);
    }
    for (const line of report.books.slice(-2)) {
      for (const invariant of ['I1', 'I2', 'I3', 'I4', 'I5', 'I9']) expect(line).toContain(invariant);
    }
  });

  test('reports the machine, and that commits were durable on both sides', () => {
    expect(report.machine).toEqual({
      cores: expect.any(Number),
      cpu: expect.any(String),
      memoryGb: expect.any(Number),
      node: process.version,
      postgresql: expect.stringMatching(/^\d+\.\d+$/),
      functionCaller: expect.any(String),
    });
    for (const side of ['bare', 'ledger'] as const) {
      const durable = { fsync: 'on', full_page_writes: 'on', synchronous_commit: 'on', commit_delay: '0' };
      expect(report.settings[side]).toMatchObject(durable);
    }
  });

  test('reports the ratios of one run by section, with their floors and aims', () => {
    const rowOf = (name: string) => report.rows.find((row) => row.name === name);
    const client = rowOf('client, 256 callers / http, 256 connections, uniform');
    expect(client).toMatchObject({ section: 'limit', floor: 1.5, aim: 2 });
    const ratio = medianOf('client, 256 callers') / medianOf('http, 256 connections, uniform');
    expect(client?.median).toBeCloseTo(ratio);
    expect(client?.met).toBe(ratio >= 1.5);
    expect(rowOf('client, 256 callers / limit, 1 backend')).toMatchObject({ aim: 0.5, met: true });
    expect(new Set(report.rows.map(({ section }) => section))).toEqual(
      new Set(['limit', 'hot', 'zipf', 'latency', 'growth', 'commit']),
    );
    expect(report.checks.map(({ name }) => name)).toEqual(['memory over 1024 connections is flat']);
  });

  test('measures a longer commit where each commit is delayed', () => {
    expect(medianOf('commit, commit +1 ms')).toBeGreaterThan(1);
    expect(medianOf('commit')).toBeGreaterThan(0);
  });

  test('is drawn as one bar per stage, whose lengths are in proportion to the throughputs', async () => {
    const image = join(folder, 'performance.svg');
    await run(process.execPath, [join(SCRIPTS, 'plot.ts'), json, image]);
    const svg = await readFile(image, 'utf8');
    const widths = [...svg.matchAll(/<rect [^>]*width="([\d.]+)"/g)].map(([, width]) => Number(width));
    const medians = [
      'limit, 1 backend',
      'engine, uniform',
      'postBatch of 1000',
      'client, 1000 callers',
      'http, 256 connections, uniform',
    ].map(medianOf);
    expect(widths).toHaveLength(medians.length);
    const most = Math.max(...medians);
    for (const [place, width] of widths.entries()) {
      expect(width / Math.max(...widths)).toBeCloseTo((medians[place] ?? Number.NaN) / most, 2);
      expect(svg).toContain(`>${Math.round(medians[place] ?? Number.NaN).toLocaleString('en-US')}`);
    }
    expect(svg).toContain('prefers-color-scheme: dark');
  });
});
