import type { Instant } from './instant.ts';

/** A UUID in its lower-case text form of 36 characters, as PostgreSQL prints it. */
export type Uuid = string;

/** The prefix of a public id, by kind. */
export const ID_PREFIX = {
  ledger: 'ldg',
  account: 'acct',
  transaction: 'txn',
  entry: 'ent',
  hold: 'hold',
  apiKey: 'key',
  actor: 'act',
  auditEvent: 'aud',
} as const;
export type IdKind = keyof typeof ID_PREFIX;

/** The prefix of a reference by externalId, such as `ext:order-42`. */
export const EXTERNAL_ID_MARK = 'ext:';

/** Crockford's base 32 in lower case, as TypeID uses it. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** The value of a character that is not in the alphabet. */
const NO_DIGIT = 32;
const BASE_32 = valuesOf(ALPHABET);
const BASE_16 = valuesOf('0123456789abcdef');
const HEX_BYTES = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function valuesOf(digits: string): Uint8Array {
  const values = new Uint8Array(128).fill(NO_DIGIT);
  for (const [value, digit] of [...digits].entries()) values[digit.charCodeAt(0)] = value;
  return values;
}

/** Returns the public id: a TypeID, a prefix and 26 characters for the UUID's 128 bits (TypeID specification 0.3). */
export function formatId(kind: IdKind, uuid: Uuid): string {
  let id = `${ID_PREFIX[kind]}_`;
  // 26 characters have 130 bits: the first two are zero.
  let buffered = 0;
  let bits = 2;
  for (let place = 0; place < uuid.length; place += 1) {
    const value = BASE_16[uuid.charCodeAt(place)] ?? NO_DIGIT;
    if (value === NO_DIGIT) continue; // a hyphen
    buffered = (buffered << 4) | value;
    bits += 4;
    if (bits >= 5) {
      bits -= 5;
      id += ALPHABET[buffered >> bits];
      buffered &= (1 << bits) - 1;
    }
  }
  return id;
}

/** Returns the UUID of a public id of this kind; undefined for any other text. */
export function parseId(kind: IdKind, id: string): Uuid | undefined {
  const prefix = `${ID_PREFIX[kind]}_`;
  if (id.length !== prefix.length + 26 || !id.startsWith(prefix)) return undefined;
  let hex = '';
  let buffered = 0;
  let bits = -2;
  for (let place = prefix.length; place < id.length; place += 1) {
    const value = BASE_32[id.charCodeAt(place)] ?? NO_DIGIT;
    if (value === NO_DIGIT) return undefined;
    // A first character above 7 would set one of the two bits that exceed 128.
    if (place === prefix.length && value > 7) return undefined;
    buffered = (buffered << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      hex += HEX_BYTES[buffered >> bits];
      buffered &= (1 << bits) - 1;
    }
  }
  return uuidOf(hex);
}

/** Writes a UUID's 16 bytes into `bytes` at `start`. */
export function writeUuid(uuid: Uuid, bytes: Uint8Array, start: number): void {
  let end = start;
  for (let place = 0; place < uuid.length; place += 2) {
    if (uuid.charCodeAt(place) === HYPHEN) place += 1;
    const high = BASE_16[uuid.charCodeAt(place)] ?? 0;
    const low = BASE_16[uuid.charCodeAt(place + 1)] ?? 0;
    bytes[end] = (high << 4) | low;
    end += 1;
  }
}
const HYPHEN = '-'.charCodeAt(0);

/** Returns the public id of an entry: the 26 characters of its account's id and the version. */
export function formatEntryId(accountId: Uuid, version: bigint): string {
  return `${formatId('entry', accountId)}_${version}`;
}

/** Returns the account and the version of an entry's public id; undefined for any other text. */
export function parseEntryId(id: string): { readonly accountId: Uuid; readonly version: bigint } | undefined {
  const match = /^(ent_.{26})_([1-9]\d{0,17})$/s.exec(id);
  const accountId = parseId('entry', match?.[1] ?? '');
  return accountId === undefined ? undefined : { accountId, version: BigInt(match?.[2] ?? '') };
}

/** Returns the public id of an audit event: the 26 characters of its ledger's id and the number. */
export function formatAuditEventId(ledgerId: Uuid, number: bigint): string {
  return `${formatId('auditEvent', ledgerId)}_${number}`;
}

/** Returns the ledger and the number of an audit event's public id; undefined for any other text. */
export function parseAuditEventId(
  id: string,
): { readonly ledgerId: Uuid; readonly number: bigint } | undefined {
  const match = /^(aud_.{26})_([1-9]\d{0,17})$/s.exec(id);
  const ledgerId = parseId('auditEvent', match?.[1] ?? '');
  return ledgerId === undefined ? undefined : { ledgerId, number: BigInt(match?.[2] ?? '') };
}

/** Returns the kind of a public id by its prefix; undefined for any other text. */
export function kindOfId(id: string): IdKind | undefined {
  const end = id.indexOf('_');
  const prefix = end < 0 ? undefined : id.slice(0, end);
  return (Object.keys(ID_PREFIX) as IdKind[]).find((kind) => ID_PREFIX[kind] === prefix);
}

/** The maximum number of transactions in a block: their ids count in the last 20 bits. */
export const MAX_BLOCK_SIZE = 2 ** 20;

/**
 * Returns the ids of a block's transactions by their position: UUIDv7 with the millisecond of createdAt, its fraction of a
 * millisecond in the next 12 bits (RFC 9562, method 3), 42 random bits, and the position in the last 20 bits.
 */
export function blockIds(createdAt: Instant, random: bigint): (place: number) => Uuid {
  const low = (0b10n << 62n) | (BigInt.asUintN(42, random) << 20n);
  const prefix = uuidAt(createdAt, low).slice(0, 31);
  return (place) => prefix + place.toString(16).padStart(5, '0');
}

/** Returns the last 20 bits of a transaction's id, which increase by one along a block. */
export function countInBlock(id: Uuid): number {
  return Number.parseInt(id.slice(31), 16);
}

/** Returns a lower bound of the ids of blocks created at the instant or later. Ids of earlier blocks are below it. */
export function firstIdAt(createdAt: Instant): Uuid {
  // The time of a UUIDv7 starts at 1970. No block is older.
  return uuidAt(createdAt < 0n ? 0n : createdAt, 0n);
}

/** Each microsecond has a distinct fraction, so the order of the ids is exactly the order in time. */
function uuidAt(createdAt: Instant, low: bigint): Uuid {
  const fraction = ((createdAt % 1000n) * 4096n) / 1000n;
  const high = ((createdAt / 1000n) << 16n) | 0x7000n | fraction;
  return uuidOf(((high << 64n) | low).toString(16).padStart(32, '0'));
}

function uuidOf(hex: string): Uuid {
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
