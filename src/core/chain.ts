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
import type { Uuid } from './ids.ts';
import type { Instant } from './instant.ts';
import type { Metadata } from './text.ts';
import type { Transaction } from './transaction.ts';

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
  const fields = new FieldWriter();
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
  fields.salted(salt, leaf.description);
  fields.salted(salt, leaf.metadata === null ? null : canonicalText(leaf.metadata));
  for (const entry of leaf.entries) {
    fields.uuid(entry.accountId);
    fields.text(entry.currency.code);
    fields.int64(entry.version);
    fields.text(entry.layer);
    fields.amount(entry.amount);
    fields.amount(entry.postedAfter);
    fields.amount(entry.pendingDebitsAfter);
    fields.amount(entry.pendingCreditsAfter);
    fields.amount(entry.totalDebitsAfter);
    fields.salted(salt, entry.description);
  }
  return sha256(fields.written());
}

/** The Merkle root over a block's digests, at least one, in the order of its transactions (RFC 6962, section 2.1). */
export function merkleRoot(leaves: readonly Buffer[]): Buffer {
  let level = leaves;
  while (level.length > 1) {
    const above: Buffer[] = [];
    for (let left = 0; left < level.length; left += 2) {
      const [a, b] = [level[left], level[left + 1]];
      // One that is left over rises as it is: joined from below, the tree is the one that RFC 6962 splits from above.
      if (a !== undefined) above.push(b === undefined ? a : sha256(Buffer.concat([NODE, a, b])));
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

/** The one JSON text of an object of texts (RFC 8785). */
export function canonicalText(object: Metadata): string {
  const text = canonicalize(object);
  if (text === undefined) throw new TypeError('an object of texts has a JSON text');
  return text;
}

const NODE = Buffer.from([1]);
const BLOCK = Buffer.from('tls.block.v1');
const ABSENT = 0xffffffff;

function sha256(bytes: Uint8Array): Buffer {
  return hash('sha256', bytes, 'buffer');
}

/** What a leaf is written into, one after the other: a digest is made before the next leaf begins. */
let scratch = Buffer.allocUnsafe(4096);

/** Writes a leaf's fields one after the other, behind the byte that tells a leaf from a node. */
class FieldWriter {
  #bytes = scratch;
  #end = 1;

  constructor() {
    this.#bytes[0] = 0;
  }

  written(): Buffer {
    return this.#bytes.subarray(0, this.#end);
  }

  text(value: string | null): void {
    if (value === null) {
      this.#absent();
      return;
    }
    // A UTF-16 unit takes at most three bytes.
    this.#reserve(value.length * 3);
    const length = this.#bytes.write(value, this.#end + 4, 'utf8');
    this.#bytes.writeUInt32BE(length, this.#end);
    this.#end += 4 + length;
  }

  amount(minor: bigint): void {
    this.text(minor.toString());
  }

  uuid(value: Uuid | null): void {
    if (value === null) {
      this.#absent();
      return;
    }
    this.#reserve(16);
    this.#bytes.writeUInt32BE(16, this.#end);
    this.#bytes.write(value.replaceAll('-', ''), this.#end + 4, 'hex');
    this.#end += 20;
  }

  int64(value: bigint | null): void {
    if (value === null) {
      this.#absent();
      return;
    }
    this.#reserve(8);
    this.#bytes.writeUInt32BE(8, this.#end);
    this.#bytes.writeBigInt64BE(value, this.#end + 4);
    this.#end += 12;
  }

  salted(salt: Uint8Array | null, value: string | null): void {
    if (value === null) {
      this.#absent();
      return;
    }
    if (salt === null) throw new TypeError('a text without its salt');
    const digest = sha256(Buffer.concat([salt, Buffer.from(value)]));
    this.#reserve(digest.length);
    this.#bytes.writeUInt32BE(digest.length, this.#end);
    this.#end += 4 + digest.copy(this.#bytes, this.#end + 4);
  }

  #absent(): void {
    this.#reserve(0);
    this.#end = this.#bytes.writeUInt32BE(ABSENT, this.#end);
  }

  #reserve(length: number): void {
    if (this.#end + 4 + length <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#end + 4 + length));
    this.#bytes.copy(larger, 0, 0, this.#end);
    this.#bytes = larger;
    scratch = larger;
  }
}
