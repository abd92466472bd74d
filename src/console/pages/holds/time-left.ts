const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** Returns how long it is to an instant, or since it: "in 3 days", "2 hours ago". Parts of the unit are left out. */
export function timeLeft(instant: string, now: number, locale?: string): string {
  const ms = Date.parse(instant) - now;
  const [unit, size] = UNITS.find(([, unitMs]) => Math.abs(ms) >= unitMs) ?? UNITS[3];
  return new Intl.RelativeTimeFormat(locale).format(Math.trunc(ms / size), unit);
}
