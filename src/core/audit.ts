/** Audit events: the records of changes that are not in the journal, of accounts, currencies, periods, ledgers and API keys. */
import { hash } from 'node:crypto';
import { canonicalText } from './chain.ts';
import type { Metadata } from './values/text.ts';

/** Fields of the changed subject, as the API shows them; null where a field is absent. */
export type AuditFields = Readonly<Record<string, string | null>>;

/** One change of one subject: the fields that differ, with their values before and after. Both are null where no field differs. */
export interface AuditEvent {
  /** The name of the mutation. */
  readonly action: string;
  readonly subjectType: 'ACCOUNT' | 'CURRENCY' | 'LEDGER' | 'API_KEY';
  /** The UUID of an account, a ledger or an API key, or the code of a currency. */
  readonly subject: string;
  readonly before: AuditFields | null;
  readonly after: AuditFields | null;
  /** The key and the request's digest, for replays; null where the request has no key. */
  readonly attempt: { readonly idempotencyKey: string; readonly request: Uint8Array } | null;
  /** The salt of the metadata's digest; null where the request has no metadata. */
  readonly salt: Uint8Array | null;
}

/**
 * Returns SHA-256(salt ‖ RFC 8785 text) in hexadecimal digits. The audit log stores it in place of metadata, which may contain
 * personal data: the log is never edited, and short values could be guessed from an unsalted digest. Erasing the salt makes the
 * digest useless.
 */
export function metadataDigest(metadata: Metadata, salt: Uint8Array | null): string {
  return hash('sha256', Buffer.concat([salt ?? NO_SALT, Buffer.from(canonicalText(metadata))]));
}
const NO_SALT = Buffer.alloc(0);
