import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  formatKeyText,
  looksLikeKeyText,
  parseKeyText,
  prefixOfKey,
  secretDigest,
} from '../../../src/core/access/key-text.ts';
import { formatId } from '../../../src/core/values/ids.ts';

const id = '019a0000-0000-7000-8000-0123456789ab';
const secret = Buffer.alloc(32, 7);
const text = formatKeyText(id, secret);

describe('the text of a key', () => {
  it('has the id of the key and the secret', () => {
    expect(text).toBe(`tlsk_${formatId('apiKey', id).slice(4)}_BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc`);
    expect(text.startsWith(`${prefixOfKey(id)}_`)).toBe(true);
    expect(prefixOfKey(id)).not.toContain(secret.toString('base64url').slice(0, 4));
  });

  it('is parsed to the same id and secret, for random keys', () => {
    for (let count = 0; count < 500; count += 1) {
      const key = { id: randomUUID(), secret: randomBytes(32) };
      expect(parseKeyText(formatKeyText(key.id, key.secret)), key.id).toEqual(key);
    }
  });

  it('is the only text of its key: any changed character gives another key or no key', () => {
    const characters = 'abcABC019_-+/= \n\0é';
    for (let place = 0; place < text.length; place += 1) {
      for (const character of characters) {
        if (text[place] === character) continue;
        const changed = text.slice(0, place) + character + text.slice(place + 1);
        const parsed = parseKeyText(changed);
        if (parsed !== undefined) expect(formatKeyText(parsed.id, parsed.secret)).toBe(changed);
        expect(parsed).not.toEqual({ id, secret });
      }
    }
  });

  it.for([
    '',
    'tlsk_',
    'tlsk__',
    text.slice(0, -1),
    `${text}A`,
    `${text}=`,
    ` ${text}`,
    `${text}\n`,
    text.toUpperCase(),
    text.replace('tlsk_', 'tlsx_'),
    text.replace('tlsk_', 'key__'),
    // A last character with one of its two unused bits set.
    `${text.slice(0, -1)}d`,
    // An id above 128 bits.
    `tlsk_8${text.slice(6)}`,
    'tlsk_'.repeat(200_000),
    '\ud800'.repeat(text.length),
  ])('is not %j', (other) => {
    expect(parseKeyText(other)).toBeUndefined();
  });

  it('needs a secret of 32 bytes', () => {
    expect(() => formatKeyText(id, Buffer.alloc(31))).toThrow(RangeError);
  });

  it('is recognized where an id is expected', () => {
    expect(looksLikeKeyText(text)).toBe(true);
    expect(looksLikeKeyText(`Bearer ${text}`)).toBe(true);
    expect(looksLikeKeyText(formatId('apiKey', id))).toBe(false);
  });
});

it('the digest of a secret is its SHA-256', () => {
  expect(secretDigest(secret)).toEqual(createHash('sha256').update(secret).digest());
});
