import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { TypeID } from 'typeid-js';
import { describe, expect, test } from 'vitest';
import {
  blockIds,
  firstIdAt,
  formatEntryId,
  formatId,
  ID_PREFIX,
  type IdKind,
  kindOfId,
  MAX_BLOCK_SIZE,
  parseEntryId,
  parseId,
} from '../../src/core/values/ids.ts';

const KINDS = Object.keys(ID_PREFIX) as IdKind[];
/** All patterns of 128 bits, whether or not RFC 9562 defines their version. */
const uuids = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map((bits) =>
  bits
    .toString(16)
    .padStart(32, '0')
    .replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-'),
);
const LOWEST = '00000000-0000-0000-0000-000000000000';
const HIGHEST = 'ffffffff-ffff-ffff-ffff-ffffffffffff';

describe('a public id', () => {
  test.each(KINDS)('of a %s is the TypeID of its UUID', (kind) => {
    fc.assert(
      fc.property(uuids, (uuid) => {
        expect(formatId(kind, uuid)).toBe(TypeID.fromUUID(ID_PREFIX[kind], uuid).toString());
      }),
      { examples: [[LOWEST], [HIGHEST]] },
    );
  });

  test.each(KINDS)('of a %s is read as its UUID, and not as another kind', (kind) => {
    fc.assert(
      fc.property(uuids, (uuid) => {
        const id = formatId(kind, uuid);
        expect(KINDS.map((other) => parseId(other, id))).toEqual(
          KINDS.map((other) => (other === kind ? uuid : undefined)),
        );
        expect(kindOfId(id)).toBe(kind);
      }),
      { examples: [[LOWEST], [HIGHEST]] },
    );
  });

  test('sorts as its UUID does', () => {
    fc.assert(
      fc.property(uuids, uuids, (one, other) => {
        expect(formatId('transaction', one) < formatId('transaction', other)).toBe(one < other);
      }),
    );
  });

  const id = formatId('account', '0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f0');
  test.each([
    ['nothing', ''],
    ['the prefix alone', 'acct_'],
    ['the UUID itself', '0190d5e8-7a2b-7c3d-8e4f-a5b6c7d8e9f0'],
    ['upper case', id.toUpperCase()],
    ['one letter in upper case', `acct_${id.slice(5).replace(/[a-z]/, (letter) => letter.toUpperCase())}`],
    ['a character too few', id.slice(0, -1)],
    ['a character too many', `${id}0`],
    ['a space before it', ` ${id}`],
    ['a line break after it', `${id.slice(0, -1)}\n`],
    ['a letter that the alphabet lacks', `${id.slice(0, -1)}u`],
    ['a letter that is easily mistaken', `${id.slice(0, -1)}l`],
    ['a digit of another script', `${id.slice(0, -1)}٣`],
    ['more than 128 bits', `acct_8${id.slice(6)}`],
    ['far more than 128 bits', `acct_${'z'.repeat(26)}`],
    ['another separator', id.replace('_', '-')],
    ['a longer prefix', `my_${id}`],
  ])('is not read from %s', (_, text) => {
    expect(parseId('account', text)).toBeUndefined();
  });

  test('has exactly one form', () => {
    const alphabet = fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyzilouA-_ ');
    fc.assert(
      fc.property(fc.string({ unit: alphabet, minLength: 26, maxLength: 26 }), (suffix) => {
        const uuid = parseId('hold', `hold_${suffix}`);
        if (uuid !== undefined) expect(formatId('hold', uuid)).toBe(`hold_${suffix}`);
      }),
      { numRuns: 1000 },
    );
  });

  test.each(['', 'acct', '_x', 'user_00000000000000000000000000', '__proto___x'])(
    '%j has no kind',
    (text) => {
      expect(kindOfId(text)).toBeUndefined();
    },
  );
});

describe("an entry's public id", () => {
  test('names an account and a version', () => {
    fc.assert(
      fc.property(uuids, fc.bigInt({ min: 1n, max: 10n ** 18n - 1n }), (accountId, version) => {
        expect(parseEntryId(formatEntryId(accountId, version))).toEqual({ accountId, version });
      }),
    );
  });

  const entry = formatEntryId(randomUUID(), 7n);
  const head = entry.slice(0, -1);
  test.each([
    `${head}0`,
    `${head}07`,
    `${head}-7`,
    `${head}+7`,
    `${head}7 `,
    `${head}7\n`,
    head,
    head.slice(0, -1),
  ])('is not read from %j', (text) => {
    expect(parseEntryId(text)).toBeUndefined();
  });

  test('is invalid if the version does not fit an int8', () => {
    expect(parseEntryId(`${head}${'9'.repeat(18)}`)?.version).toBe(10n ** 18n - 1n);
    expect(parseEntryId(`${head}${'9'.repeat(19)}`)).toBeUndefined();
  });
});

describe("a block's ids", () => {
  const instants = fc.bigInt({ min: 0n, max: 253_402_300_799_999_999n });
  const randoms = fc.bigInt({ min: 0n, max: 2n ** 42n - 1n });

  test('are UUIDs of version 7 by method 3 of RFC 9562: milliseconds, then the fraction of one in 12 bits', () => {
    fc.assert(
      fc.property(instants, randoms, fc.nat(MAX_BLOCK_SIZE - 1), (createdAt, random, place) => {
        const bits = BigInt(`0x${blockIds(createdAt, random)(place).replaceAll('-', '')}`);
        expect(bits >> 80n).toBe(createdAt / 1000n);
        expect((bits >> 76n) & 0xfn).toBe(7n);
        // A millisecond has 4096 steps, a microsecond 4.096.
        expect((bits >> 64n) & 0xfffn).toBe(BigInt(Math.floor((Number(createdAt % 1000n) / 1000) * 4096)));
        expect((bits >> 62n) & 0b11n).toBe(0b10n);
        expect((bits >> 20n) & (2n ** 42n - 1n)).toBe(random);
        expect(bits & 0xfffffn).toBe(BigInt(place));
      }),
    );
  });

  test('count from zero to the last position and sort in that order', () => {
    const idAt = blockIds(1_769_860_800_123_456n, 0n);
    expect(idAt(0).slice(31)).toBe('00000');
    expect(idAt(MAX_BLOCK_SIZE - 1).slice(31)).toBe('fffff');
    const ids = Array.from({ length: 300 }, (_, place) => idAt(place));
    expect([...ids].sort()).toEqual(ids);
    expect(new Set(ids.map((id) => id.slice(0, 31))).size).toBe(1);
  });

  test('sort as the instants of their blocks do', () => {
    fc.assert(
      fc.property(
        instants,
        fc.integer({ min: 1, max: 2000 }),
        randoms,
        randoms,
        (createdAt, micros, one, other) => {
          const earlier = blockIds(createdAt, one)(MAX_BLOCK_SIZE - 1);
          const later = blockIds(createdAt + BigInt(micros), other)(0);
          expect(earlier < later).toBe(true);
        },
      ),
    );
  });

  test('of an instant are between its bound and that of the next microsecond', () => {
    fc.assert(
      fc.property(
        instants,
        fc.integer({ min: 0, max: MAX_BLOCK_SIZE - 1 }),
        randoms,
        (createdAt, place, random) => {
          const id = blockIds(createdAt, random)(place);
          expect(firstIdAt(createdAt) < id && id < firstIdAt(createdAt + 1n)).toBe(true);
        },
      ),
    );
  });

  test('are above every bound before 1970', () => {
    expect(firstIdAt(-1n)).toBe(firstIdAt(0n));
    expect(firstIdAt(-62_135_596_800_000_000n) < blockIds(0n, 0n)(0)).toBe(true);
  });
});
