/**
 * The text of an API key: `tlsk_<id>_<secret>`. The id is that of the key's public id, in 26 characters of base 32. The secret is
 * 32 random bytes in base64url, 43 characters. Each key has exactly one text.
 */
import { hash } from 'node:crypto';
import { formatId, ID_PREFIX, parseId, type Uuid } from '../values/ids.ts';

export const SECRET_BYTES = 32;
const MARK = 'tlsk_';
const PREFIX_LENGTH = MARK.length + 26;
const TEXT_LENGTH = PREFIX_LENGTH + 1 + 43;
const KEY_ID = `${ID_PREFIX.apiKey}_`;

/** Whether a text looks like that of a key, valid or not. Such a text must not be repeated in messages. */
export function looksLikeKeyText(text: string): boolean {
  return text.includes(MARK);
}

/** Returns the part of a key's text that may be shown: all but the secret. */
export function prefixOfKey(id: Uuid): string {
  return MARK + formatId('apiKey', id).slice(KEY_ID.length);
}

/** Returns the text of a key. */
export function formatKeyText(id: Uuid, secret: Buffer): string {
  if (secret.length !== SECRET_BYTES) throw new RangeError('the secret of a key has 32 bytes');
  return `${prefixOfKey(id)}_${secret.toString('base64url')}`;
}

/** Returns the id and the secret of a key's text; undefined for any other text. */
export function parseKeyText(text: string): { readonly id: Uuid; readonly secret: Buffer } | undefined {
  if (text.length !== TEXT_LENGTH || !text.startsWith(MARK) || text[PREFIX_LENGTH] !== '_') return undefined;
  const id = parseId('apiKey', KEY_ID + text.slice(MARK.length, PREFIX_LENGTH));
  const encoded = text.slice(PREFIX_LENGTH + 1);
  const secret = Buffer.from(encoded, 'base64url');
  // Node ignores invalid characters, and the last character's two unused bits.
  return id === undefined || secret.toString('base64url') !== encoded ? undefined : { id, secret };
}

/** Returns the SHA-256 of a secret, which the database stores. */
export function secretDigest(secret: Uint8Array): Buffer {
  return hash('sha256', secret, 'buffer');
}
