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

/** Returns the text of a `datetime-local` field for an instant, to the minute. */
export function writeLocalInstant(instant: Date): string {
  const local = new Date(instant.getTime() - instant.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 16);
}
