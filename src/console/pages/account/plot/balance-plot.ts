import { toMinor } from '../../../../client/index.ts';
import { toHeight } from '../../../data/amounts.ts';

interface Money {
  readonly amount: string;
  readonly currency: string;
}

/** The balance of an account after one of its entries. */
export interface PlottedEntry {
  readonly version: string;
  readonly balanceAfter: Money;
  readonly effectiveAt: string;
}

/** Balances over time or over entries, as a picture shows them, with the amounts that its text names. */
export interface BalancePlot {
  /** The places of the entries are their effective dates or their numbers. */
  readonly axis: 'date' | 'entry';
  /** Oldest first, as are `xs` and `ys`. */
  readonly entries: readonly PlottedEntry[];
  /** Seconds since 1970, or numbers of entries. */
  readonly xs: readonly number[];
  readonly ys: readonly number[];
  readonly from: Money;
  readonly to: Money;
  readonly lowest: Money;
  readonly highest: Money;
}

/**
 * Returns the plot of entries that are given newest first; undefined if there are fewer than two. They are placed by their effective
 * dates where these are in the order of the entries and are not all the same. Otherwise the balance after an entry is not the balance
 * of its date, and they are placed by their numbers.
 */
export function plotBalances(
  newestFirst: readonly PlottedEntry[],
  exponent: number,
): BalancePlot | undefined {
  const entries = newestFirst.toReversed();
  const [first, last] = [entries[0], entries.at(-1)];
  if (first === undefined || last === undefined || entries.length < 2) return undefined;
  const times = entries.map(({ effectiveAt }) => Date.parse(effectiveAt) / 1000);
  const isInOrder = times.every((time, place) => place === 0 || time >= (times[place - 1] ?? time));
  const isByDate = isInOrder && times[0] !== times.at(-1);
  const byHeight = entries
    .map(({ balanceAfter }) => ({ balanceAfter, minor: toMinor(balanceAfter.amount, exponent) }))
    .toSorted((one, other) => (one.minor < other.minor ? -1 : one.minor > other.minor ? 1 : 0));
  return {
    axis: isByDate ? 'date' : 'entry',
    entries,
    xs: isByDate ? times : entries.map(({ version }) => Number(version)),
    ys: entries.map(({ balanceAfter }) => toHeight(balanceAfter.amount)),
    from: first.balanceAfter,
    to: last.balanceAfter,
    lowest: byHeight[0]?.balanceAfter ?? first.balanceAfter,
    highest: byHeight.at(-1)?.balanceAfter ?? first.balanceAfter,
  };
}

const DAY = 24 * 60 * 60;
/** Increments of a date axis from this one on are months. */
const MONTH = 28 * DAY;

/** Returns the labels of a date axis. `increment` is the distance of two labels in seconds. */
export function dateLabels(seconds: readonly number[], increment: number, locale?: string): string[] {
  const format = new Intl.DateTimeFormat(
    locale,
    increment >= MONTH
      ? { month: 'short', year: 'numeric' }
      : increment >= DAY
        ? { day: 'numeric', month: 'short' }
        : { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' },
  );
  return seconds.map((second) => format.format(second * 1000));
}

const MANY = 1_000_000;

/** Returns the labels of an axis of amounts, which are short from a million on. */
export function amountLabels(heights: readonly number[], locale?: string): string[] {
  const isLong = heights.some((height) => Math.abs(height) >= MANY);
  const format = new Intl.NumberFormat(
    locale,
    isLong ? { notation: 'compact', maximumFractionDigits: 2 } : { maximumFractionDigits: 8 },
  );
  return heights.map((height) => format.format(height));
}
