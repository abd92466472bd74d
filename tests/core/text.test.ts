import { describe, expect, test } from 'vitest';
import {
  checkDescription,
  checkMetadata,
  checkName,
  excerpt,
  MAX_DESCRIPTION_BYTES,
  MAX_METADATA_BYTES,
  MAX_METADATA_KEYS,
  MAX_NAME_BYTES,
} from '../../src/core/values/text.ts';

const NUL = 'must not contain the character NUL';
const HALF = 'must not contain an unpaired surrogate';

describe('a key, an external id, an owner', () => {
  test('has 1 to 255 bytes of UTF-8', () => {
    expect(checkName('')).toBe('must not be empty');
    expect(checkName('k')).toBeUndefined();
    expect(checkName('k'.repeat(MAX_NAME_BYTES))).toBeUndefined();
    expect(checkName('k'.repeat(MAX_NAME_BYTES + 1))).toBe('must have at most 255 bytes, but has 256');
  });

  test.each([
    ['ü', 2],
    ['€', 3],
    ['😀', 4],
  ])('%s counts as %i bytes', (character, bytes) => {
    const fits = Math.floor(MAX_NAME_BYTES / bytes);
    expect(checkName(character.repeat(fits))).toBeUndefined();
    expect(checkName(character.repeat(fits + 1))).toBe(
      `must have at most 255 bytes, but has ${bytes * (fits + 1)}`,
    );
  });

  test('may be any text that PostgreSQL can store', () => {
    for (const text of [
      ' ',
      '\n',
      '\u0001',
      '"; drop table accounts',
      '\u202e',
      'e\u0301',
      '\uffff',
      '\u{10ffff}',
    ]) {
      expect(checkName(text)).toBeUndefined();
    }
    expect(checkName('a\0b')).toBe(NUL);
    expect(checkName('a\ud83d')).toBe(HALF);
    expect(checkName('\ude00a')).toBe(HALF);
  });
});

describe('a description', () => {
  test('has up to 1,000 bytes of UTF-8, and may be empty', () => {
    expect(checkDescription('')).toBeUndefined();
    expect(checkDescription('€'.repeat(333))).toBeUndefined();
    expect(checkDescription('d'.repeat(MAX_DESCRIPTION_BYTES))).toBeUndefined();
    expect(checkDescription('€'.repeat(334))).toBe('must have at most 1000 bytes, but has 1002');
    expect(checkDescription('\0')).toBe(NUL);
    expect(checkDescription('\udc00')).toBe(HALF);
  });
});

describe('metadata', () => {
  const keys = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));

  test('has at most 50 keys', () => {
    expect(checkMetadata({})).toBeUndefined();
    expect(checkMetadata(keys(MAX_METADATA_KEYS))).toBeUndefined();
    expect(checkMetadata(keys(MAX_METADATA_KEYS + 1))).toBe('must have at most 50 keys, but has 51');
  });

  test('has at most 8 KiB as JSON, quotes and escapes included', () => {
    const empty = Buffer.byteLength('{"k":""}');
    expect(checkMetadata({ k: 'v'.repeat(MAX_METADATA_BYTES - empty) })).toBeUndefined();
    expect(checkMetadata({ k: 'v'.repeat(MAX_METADATA_BYTES - empty + 1) })).toBe(
      'must have at most 8192 bytes as JSON, but has 8193',
    );
    expect(checkMetadata({ k: '"'.repeat(5000) })).toBe(
      'must have at most 8192 bytes as JSON, but has 10008',
    );
  });

  test('has neither NUL nor an unpaired surrogate in its keys and values', () => {
    expect(checkMetadata({ 'a\0': 'b' })).toBe(`${NUL} in its keys and values`);
    expect(checkMetadata({ a: '\0' })).toBe(`${NUL} in its keys and values`);
    expect(checkMetadata({ '\ud800': 'b' })).toBe(`${HALF} in its keys and values`);
    expect(checkMetadata({ a: '\udfff' })).toBe(`${HALF} in its keys and values`);
  });
});

test('an excerpt has at most 64 code units and an ellipsis, and never half a character', () => {
  expect(excerpt('a'.repeat(64))).toBe('a'.repeat(64));
  expect(excerpt('a'.repeat(65))).toBe(`${'a'.repeat(64)}…`);
  expect(excerpt(`${'a'.repeat(63)}😀b`)).toBe(`${'a'.repeat(63)}\ufffd…`);
});
