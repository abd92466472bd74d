/**
 * The journal's chain: what makes a changed, added, removed or reordered outcome show.
 *
 * A transaction's digest is a leaf of its block's Merkle tree (RFC 6962); a block's hash covers the hash before it. The
 * format never changes: other programs recompute it from the tables alone, and tests/core/chain-vectors.json has examples.
 *
 * leaf  = SHA-256(0x00 ‖ fields), each field behind its length in 4 bytes, big-endian; 0xFFFFFFFF alone where it is absent
 * node  = SHA-256(0x01 ‖ left ‖ right)
 * block = SHA-256('tls.block.v1' ‖ hash before ‖ number in 8 bytes ‖ size in 4 bytes ‖ root)
 *
 * Fields: 'tls.txn.v1', id, type, key account, key, externalId, outcome, facts, hold, reversed transaction, effectiveAt,
 * createdAt, the hold's expiresAt, description, metadata, and of each entry in order: account, currency, version, layer,
 * amount, posted after, pending debits after, pending credits after, total debits after, description.
 * Ids are 16 bytes; instants (µs) and versions 8 bytes, big-endian; amounts decimal text of minor units; facts RFC 8785.
 * Descriptions and metadata (RFC 8785) enter as SHA-256(salt ‖ text), so that text and salt can be erased and the digest
 * still be checked.
 */
import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Transaction } from './transaction.ts';
import { FieldWriter } from './values/fields.ts';
import type { Instant } from './values/instant.ts';

/** What of a recorded outcome enters its digest. Facts and metadata are objects of texts. */
export interface Leaf extends Transaction {
  readonly outcome: string;
  readonly facts: Readonly<Record<string, string>> | null;
  readonly expiresAt: Instant | null;
  readonly salt: Uint8Array | null;
}

/** A transaction's digest, 32 bytes: the leaf of its block's tree. */
export function leafDigest(leaf: Leaf): Buffer {
  const { salt } = leaf;
  fields.clear();
  fields.byte(LEAF);
  fields.text('tls.txn.v1');
  fields.uuid(leaf.id);
  fields.text(leaf.type);
  fields.uuid(leaf.keyAccountId);
  fields.text(leaf.idempotencyKey);
  fields.text(leaf.externalId);
  fields.text(leaf.outcome);
  fields.text(leaf.facts === null ? null : canonicalText(leaf.facts));
  fields.uuid(leaf.holdId);
  fields.uuid(leaf.reverses);
  fields.int64(leaf.effectiveAt);
  fields.int64(leaf.createdAt);
  fields.int64(leaf.expiresAt);
  fields.bytes(salted(salt, leaf.description));
  fields.bytes(salted(salt, leaf.metadata === null ? null : canonicalText(leaf.metadata)));
  for (const entry of leaf.entries) {
    fields.uuid(entry.accountId);
    fields.text(entry.currency.code);
    fields.int64(entry.version);
    fields.text(entry.layer);
    fields.text(`${entry.amount}`);
    fields.text(`${entry.postedAfter}`);
    fields.text(`${entry.pendingDebitsAfter}`);
    fields.text(`${entry.pendingCreditsAfter}`);
    fields.text(`${entry.totalDebitsAfter}`);
    fields.bytes(salted(salt, entry.description));
  }
  return sha256(fields.written());
}
/** Written over for each leaf: a digest is made before the next one begins. */
const fields = new FieldWriter(4096);

/** The Merkle root over a block's digests, at least one, in the order of its transactions (RFC 6962, section 2.1). */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  let level = leaves;
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let left = 0; left < level.length; left += 2) {
      const [a, b] = [level[left], level[left + 1]];
      // One that is left over rises as it is: joined from below, the tree is the one that RFC 6962 splits from above.
      if (a !== undefined) above.push(b === undefined ? a : nodeHash(a, b));
    }
    level = above;
  }
  const [root] = level;
  if (root === undefined) throw new RangeError('a block has at least one transaction');
  return root;
}

/** A block's hash, 32 bytes; `previous` is empty for the first block. The database computes the same when it appends one. */
export function blockHash(previous: Uint8Array, number: bigint, size: number, root: Uint8Array): Buffer {
  const place = Buffer.alloc(12);
  place.writeBigInt64BE(number, 0);
  place.writeInt32BE(size, 8);
  return sha256(Buffer.concat([BLOCK, previous, place, root]));
}

/** The one JSON text of an object of texts and nulls (RFC 8785). */
export function canonicalText(object: Readonly<Record<string, string | null>>): string {
  const text = canonicalize(object);
  if (text === undefined) throw new TypeError('an object of texts has a JSON text');
  return text;
}

/** SHA-256(salt ‖ text): a text in a digest that still holds once text and salt are erased. */
export function salted(salt: Uint8Array | null, text: string | null): Buffer | null {
  if (text === null) return null;
  if (salt === null) throw new TypeError('a text without its salt');
  return sha256(Buffer.concat([salt, Buffer.from(text)]));
}

const LEAF = 0;
const NODE = 1;
const BLOCK = Buffer.from('tls.block.v1');

function sha256(bytes: Uint8Array): Buffer {
  // By way of a text of bytes, in half the time: that buffer comes from the pool.
  return Buffer.from(hash('sha256', bytes, 'binary'), 'binary');
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(node, 1);
  right.copy(node, 1 + 32);
  return sha256(node);
}
const node = Buffer.alloc(1 + 32 + 32, NODE);
