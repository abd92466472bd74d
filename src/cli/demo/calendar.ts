import type { Instant } from '../../core/values/instant.ts';

/** A day in UTC: the number of days since 1970-01-01. */
export type Day = number;

const DAY_US = 24n * 60n * 60n * 1_000_000n;
const MONTHS = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];

/** Returns the day of an instant after 1970. */
export function dayOf(instant: Instant): Day {
  return Number(instant / DAY_US);
}

/** Returns the instant at a second of a day. */
export function instantAt(day: Day, second: number): Instant {
  return BigInt(day) * DAY_US + BigInt(second) * 1_000_000n;
}

/** Returns the day of the week: 0 is Monday. */
export function weekdayOf(day: Day): number {
  return (day + 3) % 7;
}

/** Returns the date: "2026-10-31". */
export function dateOf(day: Day): string {
  return new Date(day * 86_400_000).toISOString().slice(0, 10);
}

export function dayOfMonth(day: Day): number {
  return Number(dateOf(day).slice(8));
}

/** Returns the month: "2026-10". */
export function monthOf(day: Day): string {
  return dateOf(day).slice(0, 7);
}

/** Returns the name of the month: "October 2026". */
export function monthNameOf(day: Day): string {
  const [year, month] = monthOf(day).split('-');
  return `${MONTHS[Number(month) - 1]} ${year}`;
}

/** Returns the week by ISO 8601: "2026-44". Its year is that of its Thursday. */
export function weekOf(day: Day): string {
  const thursday = day + 3 - weekdayOf(day);
  const year = dateOf(thursday).slice(0, 4);
  const first = Date.parse(`${year}-01-01T00:00:00Z`) / 86_400_000;
  const week = (thursday - first - ((thursday - first) % 7)) / 7 + 1;
  return `${year}-${String(week).padStart(2, '0')}`;
}
