import { describe, expect, test } from 'vitest';
import { parseCount, parseExpiry, parseScopes } from '../../src/cli/arguments.ts';
import { formatTable, printable, withoutSecrets } from '../../src/cli/report.ts';
import { parseInstant } from '../../src/core/values/instant.ts';

describe('scopes', () => {
  test.each([
    ['READ', ['READ']],
    ['ADMIN,READ', ['ADMIN', 'READ']],
    ['ADMIN, READ,ADMIN', ['ADMIN', 'READ']],
  ])('%j are read', (text, scopes) => {
    expect(parseScopes(text)).toEqual(scopes);
  });

  test.each(['', ',', 'READ,', 'read', 'WRITE', 'READ POST', 'READ;POST', 'READ\n,'.repeat(2)])(
    '%j are rejected with the possible ones',
    (text) => {
      expect(() => parseScopes(text)).toThrow('READ, POST, MANAGE, ADMIN');
    },
  );
});

describe('an expiry', () => {
  test.each([
    ['90d', 90 * 86_400_000],
    ['12h', 12 * 3_600_000],
    ['30m', 30 * 60_000],
    ['0d', 0],
  ])('%s is a duration from now', (text, durationMs) => {
    const before = Date.now();
    const expiryMs = Number(parseExpiry(text) / 1000n);
    expect(expiryMs - durationMs).toBeGreaterThanOrEqual(before);
    expect(expiryMs - durationMs).toBeLessThanOrEqual(Date.now());
  });

  test('may be an instant', () => {
    expect(parseExpiry('2027-01-31T13:00:00.000001+01:00')).toBe(parseInstant('2027-01-31T12:00:00.000001Z'));
  });

  test.each([
    '',
    'never',
    '90',
    'd',
    '-1d',
    '1.5h',
    '1w',
    '9999999d',
    '90 d',
    '2027-01-31',
    '2027-02-30T00:00:00Z',
  ])('%j is rejected', (text) => {
    expect(() => parseExpiry(text)).toThrow(/90d, 12h or 30m/);
  });

  test('after the year 9999 is rejected', () => {
    expect(() => parseExpiry('999999999d')).toThrow();
    // 999,999 days are some 2,738 years.
    expect(Number(parseExpiry('999999d') / 1000n)).toBeGreaterThan(Date.parse('4700-01-01T00:00:00Z'));
  });
});

test.each(['', '-1', '1.5', '1e3', '0x10', '1 ', '٣', '9999999999'])('the number %j is rejected', (text) => {
  expect(() => parseCount(text)).toThrow('whole number');
  expect(parseCount('100')).toBe(100);
});

describe('a table', () => {
  test('has aligned columns without trailing blanks', () => {
    expect(
      formatTable([
        ['A', 'LONG TITLE', 'C'],
        ['longer', 'x', ''],
        ['ü', 'naïve 🙂', 'z'],
      ]),
    ).toEqual(['A       LONG TITLE  C', 'longer  x', 'ü       naïve 🙂     z']);
  });

  test('shows no character that changes the display of a terminal', () => {
    const lines = formatTable([['NAME'], ['\u001b[2Ja\nb\u202ec\u009b1m\u2028']]);
    expect(lines).toEqual(['NAME', '\\u{1b}[2Ja\\u{a}b\\u{202e}c\\u{9b}1m\\u{2028}']);
    expect(printable('plain, ünïcode 🙂')).toBe('plain, ünïcode 🙂');
  });
});

test('messages contain no text of a key', () => {
  expect(withoutSecrets('error: unknown command "tlsk_01ab_-_x9" (Did you mean tlsk_?)')).toBe(
    'error: unknown command "tlsk_…" (Did you mean tlsk_?)',
  );
});
