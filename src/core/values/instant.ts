import { Malformed } from './text.ts';

/** Microseconds since 1970-01-01T00:00:00Z: the resolution of PostgreSQL's clock. */
export type Instant = bigint;

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,6}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/;

/** Reads an RFC 3339 instant in the years 0001 to 9999 with at most six decimals of a second. Leap seconds are invalid. */
export function parseInstant(text: string): Instant | Malformed {
  const match = text.length <= 40 ? RFC_3339.exec(text) : null;
  if (match === null) {
    return new Malformed(
      'must be an RFC 3339 instant such as "2026-01-31T12:00:00.000000Z", with a time zone',
    );
  }
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  // Date carries the excess of a field into the next one: February 30 becomes March 2.
  const exists =
    year >= 1 &&
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCSeconds() === second;
  const [offsetHours = 0, offsetMinutes = 0] = match.slice(9, 11).map((part) => Number(part ?? 0));
  if (!exists || hour > 23 || minute > 59 || offsetHours > 23 || offsetMinutes > 59) {
    return new Malformed('must be an existing date and time');
  }
  const offsetMs = (match[8] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes) * 60_000;
  const instant = BigInt(date.getTime() - offsetMs) * 1000n + BigInt((match[7] ?? '').padEnd(6, '0'));
  return instant < FIRST || instant > LAST ? new Malformed('must be in the years 0001 to 9999') : instant;
}

/** The last formatted instant: the rows of a block share theirs. */
let last: { readonly instant: Instant; readonly text: string } | undefined;

/** Formats an instant as RFC 3339 in UTC with six decimals: "2026-01-31T12:00:00.000000Z". PostgreSQL reads it exactly. */
export function formatInstant(instant: Instant): string {
  if (last?.instant !== instant) last = { instant, text: format(instant) };
  return last.text;
}

function format(instant: Instant): string {
  const micros = ((instant % 1000n) + 1000n) % 1000n;
  const iso = new Date(Number((instant - micros) / 1000n)).toISOString();
  return `${iso.slice(0, -1)}${micros.toString().padStart(3, '0')}Z`;
}

const FIRST = BigInt(Date.parse('0001-01-01T00:00:00Z')) * 1000n;
const LAST = BigInt(Date.parse('9999-12-31T23:59:59.999Z')) * 1000n + 999n;
