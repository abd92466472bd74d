import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blockHash, canonicalText, type Leaf, leafDigest, merkleRoot } from '../../src/core/chain.ts';
import type { Layer, TransactionType } from '../../src/core/transaction.ts';
import vectors from './chain-vectors.json' with { type: 'json' };

type TransactionVector = (typeof vectors.transactions)[number];

const instantOf = (micros: string | null) => (micros === null ? null : BigInt(micros));
const bytesOf = (hex: string) => Buffer.from(hex, 'hex');

function leafOf(vector: TransactionVector): Leaf {
  return {
    ...vector,
    type: vector.type as TransactionType,
    // The type of the JSON file gives each object the keys of all other objects, as undefined.
    facts: vector.facts === null ? null : { ...(vector.facts as Record<string, string>) },
    metadata: vector.metadata === null ? null : { ...(vector.metadata as Record<string, string>) },
    salt: vector.salt === null ? null : bytesOf(vector.salt),
    effectiveAt: instantOf(vector.effectiveAt),
    createdAt: BigInt(vector.createdAt),
    expiresAt: instantOf(vector.expiresAt),
    entries: vector.entries.map((entry) => ({
      accountId: entry.accountId,
      currency: { code: entry.currency, exponent: 2 },
      normalSide: 'CREDIT',
      version: BigInt(entry.version),
      layer: entry.layer as Layer,
      amount: BigInt(entry.amount),
      postedAfter: BigInt(entry.postedAfter),
      pendingDebitsAfter: BigInt(entry.pendingDebitsAfter),
      pendingCreditsAfter: BigInt(entry.pendingCreditsAfter),
      totalDebitsAfter: BigInt(entry.totalDebitsAfter),
      description: entry.description,
    })),
  };
}

describe('the golden vectors give', () => {
  test.each(vectors.transactions)('the digest of $name', (vector) => {
    expect(leafDigest(leafOf(vector)).toString('hex')).toBe(vector.digest);
  });

  test.each(vectors.roots)('the root of $size leaves', ({ size, leaves, root }) => {
    expect(leaves).toHaveLength(size);
    expect(merkleRoot(leaves.map(bytesOf)).toString('hex')).toBe(root);
  });

  test('the hashes of a chain of blocks, which begins with an empty previous hash', () => {
    let previous: Buffer = Buffer.alloc(0);
    for (const { number, size, root, hash } of vectors.blocks) {
      previous = blockHash(previous, BigInt(number), size, bytesOf(root));
      expect(previous.toString('hex')).toBe(hash);
    }
  });
});

/** RFC 6962, section 2.1, over hashed leaves: splits the tree at the largest power of two below its size. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  const [first] = leaves;
  if (leaves.length === 1 && first !== undefined) return first;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return createHash('sha256')
    .update(Buffer.from([1]))
    .update(treeHash(leaves.slice(0, split)))
    .update(treeHash(leaves.slice(split)))
    .digest();
}

describe('a Merkle root', () => {
  test('is that of RFC 6962 for any number of leaves', () => {
    for (let size = 1; size <= 130; size += 1) {
      const leaves = Array.from({ length: size }, (_, n) => createHash('sha256').update(`${n}`).digest());
      expect(merkleRoot(leaves)).toEqual(treeHash(leaves));
    }
  });

  test('changes with the order, the number and each byte of the leaves', () => {
    const digests = fc.array(fc.uint8Array({ minLength: 32, maxLength: 32 }), {
      minLength: 2,
      maxLength: 20,
    });
    fc.assert(
      fc.property(digests, fc.nat(), fc.nat(), (bytes, place, bit) => {
        const leaves = bytes.map((one) => Buffer.from(one));
        const root = merkleRoot(leaves);
        const changed = leaves.map((leaf) => Buffer.from(leaf));
        const victim = changed[place % changed.length];
        if (victim !== undefined) victim[bit % 32] = (victim[bit % 32] ?? 0) ^ 1;
        expect(merkleRoot(changed)).not.toEqual(root);
        expect(merkleRoot(leaves.slice(0, -1))).not.toEqual(root);
        const [first, second, ...rest] = leaves;
        if (first === undefined || second === undefined || first.equals(second)) return;
        expect(merkleRoot([second, first, ...rest])).not.toEqual(root);
      }),
    );
  });

  test('needs a leaf', () => {
    expect(() => merkleRoot([])).toThrow('A block needs at least one transaction');
  });
});

describe('a digest', () => {
  const [transfer] = vectors.transactions;
  if (transfer === undefined) throw new TypeError('there is a first vector');
  const leaf: Leaf = { ...leafOf(transfer), salt: bytesOf('00'.repeat(16)) };
  const [first, ...others] = leaf.entries;
  if (first === undefined) throw new TypeError('a transfer has entries');
  const withFirst = (changes: Partial<typeof first>): Leaf => ({
    ...leaf,
    entries: [{ ...first, ...changes }, ...others],
  });
  const OTHER = 'ffffffff-ffff-7fff-bfff-ffffffffffff';

  const changed: readonly (readonly [what: string, leaf: Leaf])[] = [
    ['id', { ...leaf, id: OTHER }],
    ['type', { ...leaf, type: 'JOURNAL' }],
    ['key account', { ...leaf, keyAccountId: OTHER }],
    ['key', { ...leaf, idempotencyKey: 'another' }],
    ['missing key', { ...leaf, idempotencyKey: null }],
    ['externalId', { ...leaf, externalId: 'another' }],
    ['empty externalId, which differs from an absent one', { ...leaf, externalId: '' }],
    ['outcome', { ...leaf, outcome: 'ACCOUNT_FROZEN' }],
    ['facts', { ...leaf, facts: {} }],
    ['hold', { ...leaf, holdId: OTHER }],
    ['reversed transaction', { ...leaf, reverses: OTHER }],
    ['effectiveAt, even if it equals createdAt', { ...leaf, effectiveAt: leaf.createdAt }],
    ['createdAt', { ...leaf, createdAt: leaf.createdAt + 1n }],
    ['expiresAt', { ...leaf, expiresAt: 0n }],
    ['actor', { ...leaf, actor: OTHER }],
    ['description', { ...leaf, description: 'another' }],
    ['empty description', { ...leaf, description: '' }],
    ['salt of a description', { ...leaf, description: '', salt: bytesOf('01'.repeat(16)) }],
    ['metadata', { ...leaf, metadata: {} }],
    ['metadata key with an empty value', { ...leaf, metadata: { a: '' } }],
    ['account of an entry', withFirst({ accountId: OTHER })],
    ['currency of an entry', withFirst({ currency: { code: 'EUR', exponent: 2 } })],
    ['version of an entry', withFirst({ version: first.version + 1n })],
    ['layer of an entry', withFirst({ layer: 'PENDING' })],
    ['amount of an entry', withFirst({ amount: first.amount - 1n })],
    ['sign of an amount', withFirst({ amount: -first.amount })],
    ['posted after', withFirst({ postedAfter: first.postedAfter + 1n })],
    ['pending debits after', withFirst({ pendingDebitsAfter: 1n })],
    ['pending credits after', withFirst({ pendingCreditsAfter: 1n })],
    ['total of debits after', withFirst({ totalDebitsAfter: first.totalDebitsAfter + 1n })],
    ['description of an entry', withFirst({ description: '' })],
    ['missing entry', { ...leaf, entries: others }],
    ['order of the entries', { ...leaf, entries: [...others, first] }],
  ];

  test.each(changed)('covers the %s', (_, other) => {
    expect(leafDigest(other)).not.toEqual(leafDigest(leaf));
  });

  test('differs for all of these', () => {
    expect(new Set(changed.map(([, other]) => leafDigest(other).toString('hex'))).size).toBe(changed.length);
  });

  test('does not cover how an amount is displayed', () => {
    const shown = withFirst({ normalSide: 'DEBIT', currency: { ...first.currency, exponent: 9 } });
    expect(leafDigest(shown)).toEqual(leafDigest(leaf));
  });

  test('depends on the field boundaries: text cannot move into the next field', () => {
    // Characters of 1 to 4 bytes.
    const text = fc.string({ unit: fc.constantFrom('\0', 'a', 'é', '€', '😀', '\uffff'), minLength: 1 });
    fc.assert(
      fc.property(text, text, (one, other) => {
        const key = (idempotencyKey: string, externalId: string) =>
          leafDigest({ ...leaf, idempotencyKey, externalId });
        expect(key(one + other, one)).not.toEqual(key(one, other + one));
      }),
    );
  });

  test('covers long texts and many entries completely', () => {
    const long = { ...leaf, description: '€'.repeat(333), idempotencyKey: '😀'.repeat(63) };
    const many = { ...long, entries: Array.from({ length: 100 }, () => first) };
    const last = { ...many, entries: [...many.entries.slice(1), { ...first, version: first.version + 1n }] };
    expect(leafDigest(many)).not.toEqual(leafDigest(last));
    expect(leafDigest(many)).toEqual(leafDigest({ ...many }));
  });

  test('of a text requires a salt', () => {
    expect(() => leafDigest({ ...leaf, salt: null, description: 'a' })).toThrow('A text needs a salt');
  });
});

describe('the canonical text', () => {
  test.each([
    [{}, '{}'],
    [
      { b: '1', a: '2', A: '3', '': '4', '1': '5', '10': '6' },
      '{"":"4","1":"5","10":"6","A":"3","a":"2","b":"1"}',
    ],
    // In the order of UTF-16 units the surrogates of U+1F600 come before U+E000; by code points they would come last.
    [
      { '\u{1f600}': '1', '\ue000': '2', é: '3', '\ufb33': '4' },
      '{"é":"3","\u{1f600}":"1","\ue000":"2","\ufb33":"4"}',
    ],
    [
      { a: '"\\/\b\f\n\r\t\u0001\u001f\u007f\u2028' },
      '{"a":"\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\u007f\u2028"}',
    ],
  ])('of %o is that of RFC 8785', (object, text) => {
    expect(canonicalText(object)).toBe(text);
  });
});
