/** Instants as people read them: in their own zone, with the zone shown. The API has RFC 3339 texts with microseconds. */

const FULL: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  timeZoneName: 'short',
};
const SHORT: Intl.DateTimeFormatOptions = {
  year: 'numeric',
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZoneName: 'short',
};

export interface Zone {
  readonly locale?: string;
  readonly timeZone?: string;
}

/** Returns an instant with the viewer's zone, to the minute or to the second. */
export function formatInstant(instant: string, length: 'short' | 'full' = 'short', zone: Zone = {}): string {
  const { locale, timeZone } = zone;
  const options = length === 'full' ? FULL : SHORT;
  return new Intl.DateTimeFormat(locale, timeZone === undefined ? options : { ...options, timeZone }).format(
    new Date(instant),
  );
}

/** Returns whether two instants are on one day of the viewer's zone. */
export function isSameDay(one: string, other: string): boolean {
  return new Date(one).toDateString() === new Date(other).toDateString();
}

/** Returns the name of the viewer's zone, such as `Europe/Berlin`. */
export function zoneName(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** Returns the instant of a `datetime-local` field, which has the viewer's zone; undefined if it is empty. */
export function readLocalInstant(value: string): string | undefined {
  if (value === '') return undefined;
  const instant = new Date(value);
  return Number.isNaN(instant.getTime()) ? undefined : instant.toISOString();
}

/**
 * Returns what a `datetime-local` field means where clocks are moved: a time that they skip or show twice. Undefined: its time is there
 * once, or it is empty.
 */
export function clockNote(value: string): string | undefined {
  const instant = new Date(value);
  const time = instant.getTime();
  if (value === '' || Number.isNaN(time)) return undefined;
  const meaning = `It means ${formatInstant(instant.toISOString(), 'full')}.`;
  if (writeLocalInstant(instant) !== value.slice(0, 16)) return `Clocks skip this time. ${meaning}`;
  // Of two instants, Date takes the first. The second one is later by what the clocks are moved.
  const soon = new Date(time + 6 * 3_600_000);
  const moved = soon.getTimezoneOffset() - instant.getTimezoneOffset();
  const isTwice = moved > 0 && writeLocalInstant(new Date(time + moved * 60_000)) === value.slice(0, 16);
  return isTwice ? `Clocks show this time twice. ${meaning}` : undefined;
}

/** Returns the text of a `datetime-local` field for an instant, to the minute. */
export function writeLocalInstant(instant: Date): string {
  const local = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
