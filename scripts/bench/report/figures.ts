import { quantile } from '../../latency.ts';
import type { Figure, Measured } from '../stage.ts';
import { type Comparison, SECTIONS, type Section } from './comparisons.ts';

/** A figure or ratio over all rounds. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** A row of the report with its result. */
export interface Row extends Spread {
  readonly section: Section;
  readonly name: string;
  readonly unit: Comparison['unit'];
  readonly better: Comparison['better'];
  readonly floor: number | null;
  readonly aim: number | null;
  /** Whether the floor is reached; true where there is none. */
  readonly met: boolean;
}

/** A condition that was checked in each round. */
export interface Check {
  readonly name: string;
  readonly rounds: readonly boolean[];
  readonly met: boolean;
}

/** Collects the figures of all rounds, and prints them as they come. */
export class Figures {
  readonly #unitOf = new Map<string, Figure['unit']>();
  readonly #values = new Map<string, number[]>();
  readonly #checks = new Map<string, boolean[]>();

  /** Keeps a figure and prints it with a remark. */
  add({ name, unit, value }: Figure, remark = ''): void {
    this.keep({ name, unit, value });
    console.log(
      `  ${name.padEnd(52)} ${show(value).padStart(9)} ${unit}${remark === '' ? '' : `   ${remark}`}`,
    );
  }

  /** Keeps a figure without printing it. */
  keep({ name, unit, value }: Figure): void {
    this.#unitOf.set(name, unit);
    this.#values.set(name, [...this.of(name), value]);
  }

  /** Adds a throughput, and keeps its latencies under `name, p50` and `name, p99`. */
  addMeasured(name: string, { perSecond, p50, p99 }: Measured, remark?: string): void {
    const remarks = [`p50 ${show(p50)} ms, p99 ${show(p99)} ms`, ...(remark === undefined ? [] : [remark])];
    this.add({ name, unit: 'transfers/s', value: perSecond }, remarks.join('; '));
    this.keep({ name: `${name}, p50`, unit: 'ms', value: p50 });
    this.keep({ name: `${name}, p99`, unit: 'ms', value: p99 });
  }

  /** Keeps the result of a check. */
  addCheck(name: string, held: boolean): void {
    this.#checks.set(name, [...(this.#checks.get(name) ?? []), held]);
  }

  checks(): Check[] {
    return [...this.#checks].map(([name, rounds]) => ({ name, rounds, met: rounds.every((held) => held) }));
  }

  /** Returns the values of a figure, one per round. */
  of(name: string): readonly number[] {
    return this.#values.get(name) ?? [];
  }

  list(): (Spread & { name: string; unit: Figure['unit']; values: readonly number[] })[] {
    return [...this.#unitOf].map(([name, unit]) => {
      const values = this.of(name);
      return { name, unit, ...spread(values), values };
    });
  }

  /** Returns the rows of the comparisons that were measured. A ratio is that of the medians; its spread is that of the rounds. */
  rows(comparisons: readonly Comparison[]): Row[] {
    return comparisons.flatMap((comparison) => {
      const { section, figure, over, unit, better, floor = null, aim = null } = comparison;
      const found = over === undefined ? this.#spreadOf(figure) : this.#ratioOf(figure, over);
      if (found === undefined) return [];
      const name = over === undefined ? figure : `${figure} / ${over}`;
      const met = floor === null || (better === 'more' ? found.median >= floor : found.median <= floor);
      return { section, name, unit, better, floor, aim, met, ...found };
    });
  }

  #spreadOf(figure: string): Spread | undefined {
    const values = this.of(figure);
    return values.length === 0 ? undefined : spread(values);
  }

  #ratioOf(figure: string, over: string): Spread | undefined {
    const [values, others] = [this.of(figure), this.of(over)];
    if (values.length === 0 || others.length === 0) return undefined;
    return {
      ...spread(values.map((value, round) => value / (others[round] ?? Number.NaN))),
      median: quantile(values, 0.5) / quantile(others, 0.5),
    };
  }
}

/** Prints the median of each figure. Latencies and CPU shares follow the throughput that they belong to. */
export function printMedians(figures: Figures): void {
  const list = figures.list();
  const throughputs = new Set(list.flatMap(({ name, unit }) => (unit === 'transfers/s' ? name : [])));
  // The name of a detail is that of its throughput and one more part.
  const ownerOf = ({ name, unit }: Pick<Figure, 'name' | 'unit'>) => {
    const owner = name.replace(/, [^,]+$/, '');
    return unit !== 'transfers/s' && throughputs.has(owner) ? owner : undefined;
  };
  const alone = list.filter((figure) => ownerOf(figure) === undefined);
  const width = Math.max(...alone.map(({ name }) => name.length));
  console.log(`\n${'medians of the rounds'.padEnd(width + 2)} ${'median'.padStart(9)}`);
  for (const { name, unit, median, min, max } of alone) {
    const details = list
      .filter((figure) => ownerOf(figure) === name)
      .map((figure) => `${figure.name.slice(name.length)} ${show(figure.median)} ${figure.unit}`);
    console.log(
      `  ${name.padEnd(width)} ${show(median).padStart(9)} ${unit}${rangeOf(min, max)}${details.join('')}`,
    );
  }
}

/** Prints the rows of the report by section, then the checks. ✗ marks a row below its floor. */
export function printReport(rows: readonly Row[], checks: readonly Check[]): void {
  const width = Math.max(...rows.map(({ name }) => name.length));
  const line = (mark: string, name: string, ...rest: readonly string[]) =>
    `${mark} ${name.padEnd(width)}${rest.map((text) => text.padStart(10)).join('')}`;
  for (const [section, inSection] of Map.groupBy(rows, (row) => row.section)) {
    console.log(`\n${line(' ', SECTIONS[section], 'floor', 'aim', 'measured')}`);
    for (const { name, unit, better, floor, aim, median, min, max, met } of inSection) {
      const bound = (value: number | null) =>
        value === null ? '' : `${better === 'more' ? '≥' : '≤'} ${show(value)}`;
      const mark = floor === null ? '·' : met ? '✓' : '✗';
      console.log(`${line(mark, name, bound(floor), bound(aim), show(median))} ${unit}${rangeOf(min, max)}`);
    }
  }
  for (const { name, rounds, met } of checks) {
    const held = rounds.filter((one) => one).length;
    console.log(`${met ? '✓' : '✗'} ${name}: in ${held} of ${rounds.length} rounds`);
  }
}

function rangeOf(min: number, max: number): string {
  return min === max ? '' : ` (${show(min)} to ${show(max)})`;
}

function spread(values: readonly number[]): Spread {
  return { median: quantile(values, 0.5), min: Math.min(...values), max: Math.max(...values) };
}

/** Formats a number with at least three significant digits. */
function show(value: number): string {
  const decimals = Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2;
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
}
