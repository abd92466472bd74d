/**
 * The journal's chain. Recomputing it reveals every recorded outcome that was changed, added, removed or reordered, unless all
 * later blocks were recomputed too: a hash that was stored elsewhere reveals that.
 *
 * The digest of a transaction is a leaf of its block's Merkle tree (RFC 6962). The hash of a block covers the hash of the
 * previous block. The format never changes, since other programs recompute it from the tables; tests/core/chain-vectors.json
 * has examples.
 *
 * leaf  = SHA-256(0x00 ‖ fields), each field preceded by its length in 4 bytes, big-endian; an absent field is 0xFFFFFFFF
 * node  = SHA-256(0x01 ‖ left ‖ right)
 * block = SHA-256('tls.block.v1' ‖ previous hash ‖ number in 8 bytes ‖ size in 4 bytes ‖ root)
 *
 * Fields: 'tls.txn.v1', id, type, key account, key, externalId, outcome, facts, hold, reversed transaction, effectiveAt,
 * createdAt, the hold's expiresAt, actor, description, metadata, and of each entry in order: account, currency, version,
 * layer, amount, posted after, pending debits after, pending credits after, total debits after, description.
 * UUIDs have 16 bytes. Instants (in µs) and versions have 8 bytes, big-endian. Amounts are decimal text of minor units. Facts
 * are RFC 8785. A description is SHA-256(salt ‖ text), and metadata is SHA-256(salt ‖ its RFC 8785): the digest can still be
 * checked after text and salt were erased.
 */
import { hash } from 'node:crypto';
import canonicalize from 'canonicalize';
import type { Transaction } from './transaction.ts';
import { FieldWriter } from './values/fields.ts';
import type { Instant } from './values/instant.ts';

/** The parts of a recorded outcome that its digest covers. Facts and metadata are flat objects of texts. */
export interface Leaf extends Transaction {
  readonly outcome: string;
  readonly facts: Readonly<Record<string, string>> | null;
  readonly expiresAt: Instant | null;
  readonly salt: Uint8Array | null;
}

/** Returns the digest of a transaction, 32 bytes. Throws where a text has no salt. */
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
  fields.uuid(leaf.actor);
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
/** Shared by all calls: each call finishes with it before the next one starts. */
const fields = new FieldWriter(4096);

/** Returns the Merkle root of a block's digests in the order of its transactions (RFC 6962, section 2.1). Throws without a digest. */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  let level = leaves;
  while (level.length > 1) {
    const parents: Buffer[] = [];
    for (let left = 0; left < level.length; left += 2) {
      const [a, b] = [level[left], level[left + 1]];
      // A last node without a partner moves up unchanged. That gives the tree of RFC 6962, which is split from the top.
      if (a !== undefined) parents.push(b === undefined ? a : nodeHash(a, b));
    }
    level = parents;
  }
  const [root] = level;
  if (root === undefined) throw new RangeError('A block needs at least one transaction');
  return root;
}

/** Returns the hash of a block, 32 bytes, as the database computes it. `previous` is empty for the first block. */
export function blockHash(previous: Uint8Array, number: bigint, size: number, root: Uint8Array): Buffer {
  const numbers = Buffer.alloc(12);
  numbers.writeBigInt64BE(number, 0);
  numbers.writeInt32BE(size, 8);
  return sha256(Buffer.concat([BLOCK, previous, numbers, root]));
}

/** Returns the canonical JSON of a flat object of texts and nulls (RFC 8785). */
export function canonicalText(object: Readonly<Record<string, string | null>>): string {
  const text = canonicalize(object);
  if (text === undefined) throw new TypeError('The object has no JSON form');
  return text;
}

/** Returns SHA-256(salt ‖ text), or null without a text. Throws where a text has no salt. */
export function salted(salt: Uint8Array | null, text: string | null): Buffer | null {
  if (text === null) return null;
  if (salt === null) throw new TypeError('A text needs a salt');
  return sha256(Buffer.concat([salt, Buffer.from(text)]));
}

const LEAF = 0;
const NODE = 1;
const BLOCK = Buffer.from('tls.block.v1');

function sha256(bytes: Uint8Array): Buffer {
  // A hash that returns a buffer takes twice as long: it allocates each one, and Buffer.from takes memory from Node's pool.
  return Buffer.from(hash('sha256', bytes, 'binary'), 'binary');
}

function nodeHash(left: Buffer, right: Buffer): Buffer {
  left.copy(node, 1);
  right.copy(node, 1 + 32);
  return sha256(node);
}
const node = Buffer.alloc(1 + 32 + 32, NODE);
