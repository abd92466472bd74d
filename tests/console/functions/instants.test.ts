import fc from 'fast-check';
import { afterEach, describe, expect, test } from 'vitest';
import { clockNote } from '../../../src/console/data/instants.ts';

const QUARTER_MS = 900_000;
const ZONES = Intl.supportedValuesOf('timeZone');
const before = process.env['TZ'];

afterEach(() => {
  if (before === undefined) delete process.env['TZ'];
  else process.env['TZ'] = before;
});

/** Returns how often the clocks of a zone show a text, by looking at each quarter of an hour in the two days around it. */
function timesOf(text: string, timeZone: string): number {
  const format = new Intl.DateTimeFormat('sv', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const near = Date.parse(`${text}:00Z`);
  const instants = Array.from({ length: 241 }, (_, index) => near + (index - 120) * QUARTER_MS);
  return instants.filter((instant) => format.format(instant).replace(' ', 'T') === text).length;
}

/** Returns the next instant, to the quarter of an hour, at which the clocks are moved within a year; the given one if there is none. */
function nextMove(from: number): number {
  const offsetAt = (quarters: number) => new Date(from + quarters * QUARTER_MS).getTimezoneOffset();
  const day = Array.from({ length: 365 }, (_, index) => index).find(
    (days) => offsetAt(days * 96) !== offsetAt(0),
  );
  if (day === undefined) return from;
  let [low, high] = [(day - 1) * 96, day * 96];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(middle) === offsetAt(0)) low = middle;
    else high = middle;
  }
  return from + high * QUARTER_MS;
}

describe('a local time', () => {
  test.each([
    ['2026-03-29T02:30', /^Clocks skip this time\. It means .*03:30:00/],
    ['2026-10-25T02:30', /^Clocks show this time twice\. It means .*02:30:00.*(?:CEST|GMT\+2)/],
    ['2026-10-25T03:00', undefined],
    ['2026-10-25T01:59', undefined],
    ['', undefined],
  ])('%s in Berlin has its note', (text, note) => {
    process.env['TZ'] = 'Europe/Berlin';
    if (note === undefined) expect(clockNote(text)).toBeUndefined();
    else expect(clockNote(text)).toMatch(note);
  });

  test('has a note exactly where the clocks of its zone skip it or show it twice', () => {
    const found = { 0: 0, 1: 0, 2: 0 };
    fc.assert(
      fc.property(
        fc.constantFrom(...ZONES),
        fc.integer({ min: Date.UTC(2000, 0) / QUARTER_MS, max: Date.UTC(2036, 0) / QUARTER_MS }),
        fc.integer({ min: -10, max: 10 }),
        (zone, quarter, more) => {
          process.env['TZ'] = zone;
          const from = new Date(quarter * QUARTER_MS);
          const moved = nextMove(from.getTime()) - from.getTimezoneOffset() * 60_000;
          const text = new Date(moved + more * QUARTER_MS).toISOString().slice(0, 16);
          const times = timesOf(text, zone) as 0 | 1 | 2;
          found[times] += 1;
          const note = clockNote(text)?.split('.')[0];
          expect(note).toBe(
            { 0: 'Clocks skip this time', 1: undefined, 2: 'Clocks show this time twice' }[times],
          );
        },
      ),
      { numRuns: 1000 },
    );
    expect(found[0]).toBeGreaterThan(0);
    expect(found[2]).toBeGreaterThan(0);
  });
});
