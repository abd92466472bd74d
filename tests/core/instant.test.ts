import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatInstant, parseInstant } from '../../src/core/values/instant.ts';
import { Malformed } from '../../src/core/values/text.ts';

describe('an instant', () => {
  test.each([
    ['1970-01-01T00:00:00Z', 0n],
    ['1970-01-01T00:00:00.000001Z', 1n],
    ['1969-12-31T23:59:59.999999Z', -1n],
    ['2026-01-31T12:00:00.5Z', 1_769_860_800_500_000n],
    ['2026-01-31T12:00:00.05Z', 1_769_860_800_050_000n],
    ['2026-01-31T13:30:00+01:30', 1_769_860_800_000_000n],
    ['2026-01-31T04:00:00-08:00', 1_769_860_800_000_000n],
    ['2026-01-31T12:00:00-00:00', 1_769_860_800_000_000n],
    ['2026-02-01T11:59:00+23:59', 1_769_860_800_000_000n],
    ['2026-01-31t12:00:00z', 1_769_860_800_000_000n],
    ['2026-01-31 12:00:00Z', 1_769_860_800_000_000n],
    ['2024-02-29T00:00:00Z', 1_709_164_800_000_000n],
    ['2000-02-29T00:00:00Z', 951_782_400_000_000n],
    ['0001-01-01T00:00:00Z', -62_135_596_800_000_000n],
    ['9999-12-31T23:59:59.999999Z', 253_402_300_799_999_999n],
  ])('%s is read to the microsecond', (text, micros) => {
    expect(parseInstant(text)).toBe(micros);
  });

  test.each([
    // Not the format.
    ...[
      '',
      '2026-01-31',
      '2026-01-31T12:00:00',
      '2026-01-31T12:00Z',
      '2026-1-31T12:00:00Z',
      '1769860800',
      'now',
    ],
    ...['20260131T120000Z', '2026-01-31T12:00:00,5Z', '2026-01-31T12:00:00.Z', '2026-01-31T12:00:00 Z'],
    ...[
      ' 2026-01-31T12:00:00Z',
      '2026-01-31T12:00:00Z\n',
      '2026-01-31T12:00:00+01',
      '2026-01-31T12:00:00+0100',
    ],
    ...['2026-W05-6T12:00:00Z', '+002026-01-31T12:00:00Z', '-0001-01-01T00:00:00Z', '２０26-01-31T12:00:00Z'],
    // Finer than a microsecond: nothing is rounded.
    ...['2026-01-31T12:00:00.1234567Z', '2026-01-31T12:00:00.0000000Z'],
  ])('%j is none', (text) => {
    expect(parseInstant(text)).toMatchObject({
      problem: 'must be an RFC 3339 instant such as "2026-01-31T12:00:00.000000Z", with a time zone',
    });
  });

  test.each([
    ...['2026-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2026-02-30T00:00:00Z', '2026-04-31T00:00:00Z'],
    ...['2026-00-10T00:00:00Z', '2026-13-10T00:00:00Z', '2026-01-00T00:00:00Z', '2026-01-32T00:00:00Z'],
    ...['2026-01-31T24:00:00Z', '2026-01-31T25:00:00Z', '2026-01-31T12:60:00Z', '2026-12-31T23:59:60Z'],
    ...['2026-01-31T12:00:00+24:00', '2026-01-31T12:00:00-01:60', '0000-01-01T00:00:00Z'],
  ])('%s does not exist', (text) => {
    expect(parseInstant(text)).toEqual(new Malformed('must be an existing date and time'));
  });

  test.each(['0001-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01'])(
    '%s is outside the years because of its offset',
    (text) => {
      expect(parseInstant(text)).toEqual(new Malformed('must be in the years 0001 to 9999'));
    },
  );

  const instants = fc.bigInt({ min: -62_135_596_800_000_000n, max: 253_402_300_799_999_999n });

  test('is written in UTC with six decimals and read back unchanged', () => {
    fc.assert(
      fc.property(instants, (instant) => {
        const text = formatInstant(instant);
        expect(text).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
        expect(parseInstant(text)).toBe(instant);
      }),
    );
  });

  test('does not depend on the offset of its text', () => {
    const offsets = fc.record({ minutes: fc.integer({ min: 0, max: 1439 }), sign: fc.constantFrom(1n, -1n) });
    const inner = fc.bigInt({ min: -62_000_000_000_000_000n, max: 253_000_000_000_000_000n });
    fc.assert(
      fc.property(inner, offsets, (instant, { minutes, sign }) => {
        const local = formatInstant(instant + sign * BigInt(minutes) * 60_000_000n).slice(0, -1);
        const [hh, mm] = [Math.floor(minutes / 60), minutes % 60].map((part) => `${part}`.padStart(2, '0'));
        expect(parseInstant(`${local}${sign > 0n ? '+' : '-'}${hh}:${mm}`)).toBe(instant);
      }),
    );
  });

  test('texts sort as their instants do', () => {
    fc.assert(
      fc.property(instants, instants, (one, other) => {
        expect(formatInstant(one) < formatInstant(other)).toBe(one < other);
      }),
    );
  });
});
