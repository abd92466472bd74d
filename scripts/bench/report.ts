import { quantile } from '../latency.ts';
import type { Figure, Measured } from './stage.ts';
import type { Target } from './targets.ts';

/** What a figure or a ratio was: over all rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** What became of a target. */
export interface Result extends Spread {
  readonly name: string;
  readonly unit: Target['unit'];
  readonly better: Target['better'];
  /** null: it is looked at only. */
  readonly floor: number | null;
  readonly aim: number;
  /** Whether the floor is reached, or the aim where there is none. */
  readonly met: boolean;
}

/** Whether something held, in each round and in all of them. */
export interface Check {
  readonly name: string;
  readonly rounds: readonly boolean[];
  readonly met: boolean;
}

/** Collects what each round measured, and prints it as it comes. */
export class Figures {
  readonly #unitOf = new Map<string, Figure['unit']>();
  readonly #values = new Map<string, number[]>();
  readonly #checks = new Map<string, boolean[]>();

  /** `remark` is printed beside it. */
  add({ name, unit, value }: Figure, remark = ''): void {
    this.keep({ name, unit, value });
    console.log(
      `  ${name.padEnd(52)} ${show(value).padStart(9)} ${unit}${remark === '' ? '' : `   ${remark}`}`,
    );
  }

  /** The same without printing it. */
  keep({ name, unit, value }: Figure): void {
    this.#unitOf.set(name, unit);
    this.#values.set(name, [...this.of(name), value]);
  }

  /** A throughput, and the latencies under its name. */
  addMeasured(name: string, { perSecond, p50, p99 }: Measured, remark?: string): void {
    const remarks = [latencies({ p50, p99 }), ...(remark === undefined ? [] : [remark])];
    this.add({ name, unit: 'transfers/s', value: perSecond }, remarks.join('; '));
    this.addLatencies(name, { p50, p99 });
  }

  addLatencies(name: string, { p50, p99 }: Pick<Measured, 'p50' | 'p99'>): void {
    this.keep({ name: `${name}, p50`, unit: 'ms', value: p50 });
    this.keep({ name: `${name}, p99`, unit: 'ms', value: p99 });
  }

  /** Notes whether something held that is no number. */
  addCheck(name: string, held: boolean): void {
    this.#checks.set(name, [...(this.#checks.get(name) ?? []), held]);
  }

  checks(): Check[] {
    return [...this.#checks].map(([name, rounds]) => ({ name, rounds, met: rounds.every((held) => held) }));
  }

  /** One value a round. */
  of(name: string): readonly number[] {
    return this.#values.get(name) ?? [];
  }

  list(): (Spread & { name: string; unit: Figure['unit']; values: readonly number[] })[] {
    return [...this.#unitOf].map(([name, unit]) => {
      const values = this.of(name);
      return { name, unit, ...spread(values), values };
    });
  }

  /** What became of a target: a ratio is that of the medians, and spreads as those of each round do. undefined: not measured. */
  judge({ figure, over, unit, better, floor, aim }: Target): Result | undefined {
    const values = this.of(figure);
    const others = over === undefined ? [] : this.of(over);
    if (values.length === 0 || (over !== undefined && others.length === 0)) return undefined;
    const found =
      over === undefined
        ? spread(values)
        : {
            ...spread(values.map((value, round) => value / (others[round] ?? Number.NaN))),
            median: quantile(values, 0.5) / quantile(others, 0.5),
          };
    const name = over === undefined ? figure : `${figure} / ${over}`;
    return judged({ name, unit, better, floor: floor ?? null, aim, ...found });
  }
}

export function judged(result: Omit<Result, 'met'>): Result {
  const { median, better, floor, aim } = result;
  const least = floor ?? aim;
  return { ...result, met: better === 'more' ? median >= least : median <= least };
}

/** Latencies and shares of the CPU stand beside the throughput that they belong to. */
export function printMedians(figures: Figures): void {
  const list = figures.list();
  const throughputs = new Set(list.flatMap(({ name, unit }) => (isThroughput(unit) ? name : [])));
  /** The throughput's name and one part more is that of what belongs to it. */
  const ownerOf = ({ name, unit }: Pick<Figure, 'name' | 'unit'>) => {
    const owner = name.replace(/, [^,]+$/, '');
    return !isThroughput(unit) && throughputs.has(owner) ? owner : undefined;
  };
  const alone = list.filter((figure) => ownerOf(figure) === undefined);
  const width = Math.max(...alone.map(({ name }) => name.length));
  console.log(`\n${'medians of the rounds'.padEnd(width + 2)} ${'median'.padStart(9)}`);
  for (const { name, unit, median, min, max } of alone) {
    const beside = list
      .filter((figure) => ownerOf(figure) === name)
      .map((figure) => `${figure.name.slice(name.length)} ${show(figure.median)} ${figure.unit}`);
    const range = min === max ? '' : ` (${show(min)} to ${show(max)})`;
    console.log(`  ${name.padEnd(width)} ${show(median).padStart(9)} ${unit}${range}${beside.join('')}`);
  }
}

function isThroughput(unit: Figure['unit']): boolean {
  return unit === 'transfers/s' || unit === 'reads/s';
}

export function printResults(results: readonly Result[], checks: readonly Check[]): void {
  const width = Math.max(...results.map(({ name }) => name.length));
  const row = (mark: string, name: string, ...rest: readonly string[]) =>
    `${mark} ${name.padEnd(width)}${rest.map((text) => text.padStart(10)).join('')}`;
  console.log(`\n${row(' ', 'targets', 'floor', 'aim', 'measured')}`);
  for (const { name, unit, better, floor, aim, median, min, max, met } of results) {
    const sign = better === 'more' ? '≥ ' : '≤ ';
    const numbers = [floor === null ? '' : sign + show(floor), sign + show(aim), show(median)];
    const range = min === max ? '' : ` (${show(min)} to ${show(max)})`;
    console.log(`${row(met ? '✓' : floor === null ? '·' : '✗', name, ...numbers)} ${unit}${range}`);
  }
  for (const { name, rounds, met } of checks) {
    const held = rounds.filter((one) => one).length;
    console.log(`${met ? '✓' : '✗'} ${name}: in ${held} of ${rounds.length} rounds`);
  }
}

export function latencies({ p50, p99 }: Pick<Measured, 'p50' | 'p99'>): string {
  return `p50 ${show(p50)} ms, p99 ${show(p99)} ms`;
}

function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) };
}

/** Three digits at least. */
function show(value: number): string {
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
