import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../../scripts/bench/main.ts');
/** Measures everything briefly. The speeds are meaningless. */
const SHORT = ['--quick', '--seconds', '0.4', '--accounts', '200', '--connections', '8', '--batches', '100'];

interface Report {
  readonly machine: Readonly<Record<string, unknown>>;
  readonly settings: Readonly<Record<'bare' | 'ledger', Readonly<Record<string, string>>>>;
  readonly figures: readonly { name: string; unit: string; median: number; values: number[] }[];
  readonly targets: readonly {
    name: string;
    floor: number | null;
    aim: number;
    median: number;
    met: boolean;
  }[];
  readonly checks: readonly { name: string; rounds: boolean[]; met: boolean }[];
  readonly books: readonly string[];
}

describe('a short run of the benchmark', () => {
  let folder: string;
  let output: string;
  let report: Report;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ledger-bench-test-'));
    const json = join(folder, 'report.json');
    // Rejects if the status is not 0.
    const run = await promisify(execFile)(process.execPath, [MAIN, ...SHORT, '--json', json]);
    output = run.stdout;
    report = JSON.parse(await readFile(json, 'utf8')) as Report;
  }, 180_000);
  afterAll(() => rm(folder, { recursive: true, force: true }));

  test('measures every stage, workload and load once per round', () => {
    const workloads = ['uniform', 'hot', 'zipf', 'deposits'];
    const throughputs = [
      ...workloads.flatMap((workload) => [
        `function, ${workload}`,
        `per request, ${workload}`,
        `engine, ${workload}`,
        `http, 256 connections, ${workload}`,
      ]),
      ...['1 connection', '16 connections', '64 connections', '1024 connections'].map(
        (connections) => `http, ${connections}, uniform`,
      ),
      ...['function', 'engine', 'http, 256 connections'].map((stage) => `${stage}, hot, commit_delay 1 ms`),
      'http, 256 connections, uniform, commit_delay 1 ms',
      ...['per request', 'http'].flatMap((stage) => [`${stage}, 500 a second`, `${stage}, 1000 a second`]),
      'function, 1 connection',
      'engine, 1 caller',
      'batch of 100',
      'limit, 1 backend',
      'limit, 2 backends',
    ];
    const latencies = ['engine, 1 caller', 'http, 1000 a second', 'http, 64 connections, uniform'].flatMap(
      (name) => [`${name}, p50`, `${name}, p99`],
    );
    const figures = new Map(report.figures.map((figure) => [figure.name, figure]));
    for (const name of throughputs) {
      expect(figures.get(name), name).toMatchObject({ unit: 'transfers/s', values: [expect.any(Number)] });
      expect(output).toContain(`  ${name} `);
    }
    for (const name of latencies) expect(figures.get(name), name).toMatchObject({ unit: 'ms' });
    expect(figures.get('memory over 1024 connections')).toMatchObject({ unit: 'MB' });
  });

  test('finds correct books with transfers in every stage', () => {
    const stages = ['function', 'per request', 'limit', 'engine', 'http and batch'];
    expect(report.books.map((line) => /^books of (.*): /.exec(line)?.[1])).toEqual(stages);
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

  test('judges the targets by the ratios of one run', () => {
    const medianOf = (name: string) =>
      report.figures.find((figure) => figure.name === name)?.median ?? Number.NaN;
    const target = report.targets.find(({ name }) => name === 'engine, hot / function, hot');
    expect(target).toMatchObject({ floor: 10, aim: 18 });
    expect(target?.median).toBeCloseTo(medianOf('engine, hot') / medianOf('function, hot'));
    expect(target?.met).toBe((target?.median ?? 0) >= 10);
    expect(report.checks.map(({ name }) => name)).toEqual(['memory over 1024 connections is flat']);
  });
});
