/** What is recorded of changes beside the journal: of accounts, currencies and periods. */
import { hash } from 'node:crypto';
import { canonicalText } from './chain.ts';
import type { Metadata } from './values/text.ts';

/** Fields of what was changed, as the API shows them; null where one is absent. */
export type AuditFields = Readonly<Record<string, string | null>>;

/** One change of one subject: the fields that differ, with their values before and after. Both are null where none does. */
export interface AuditEvent {
  /** The mutation's field. */
  readonly action: string;
  readonly subjectType: 'ACCOUNT' | 'CURRENCY' | 'LEDGER';
  /** The uuid of an account or a ledger, the code of a currency. */
  readonly subject: string;
  readonly before: AuditFields | null;
  readonly after: AuditFields | null;
  /** What the request is found by when it is sent again; null where it has no key. */
  readonly attempt: { readonly idempotencyKey: string; readonly request: Uint8Array } | null;
  /** Of the metadata's digests; null where no metadata was given. */
  readonly salt: Uint8Array | null;
}

/**
 * SHA-256(salt ‖ RFC 8785) in hexadecimal digits, in place of metadata. It may hold personal data: without a salt short values
 * could be guessed from the log, which is never edited. Once the salt is erased, the digest tells nothing.
 */
export function metadataDigest(metadata: Metadata, salt: Uint8Array | null): string {
  return hash('sha256', Buffer.concat([salt ?? NO_SALT, Buffer.from(canonicalText(metadata))]));
}
const NO_SALT = Buffer.alloc(0);
