/** Audit events: the records of changes that are not in the journal, of accounts, currencies, periods, ledgers and API keys. */
import { hash } from 'node:crypto';
import { canonicalText } from './chain.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import type { Metadata } from './values/text.ts';

/** Fields of the changed subject, as the API shows them; null where a field is absent. */
export type AuditFields = Readonly<Record<string, string | null>>;

/** The kind of the changed object. */
export type AuditSubjectType = 'ACCOUNT' | 'CURRENCY' | 'LEDGER' | 'API_KEY';

/** One change of one subject: the fields that differ, with their values before and after. Both are null where no field differs. */
export interface AuditEvent {
  /** The name of the mutation. */
  readonly action: string;
  readonly subjectType: AuditSubjectType;
  /** The UUID of an account, a ledger or an API key, or the code of a currency. */
  readonly subject: string;
  readonly before: AuditFields | null;
  readonly after: AuditFields | null;
  /** The key and the request's digest, for replays; null where the request has no key. */
  readonly attempt: { readonly idempotencyKey: string; readonly request: Uint8Array } | null;
  /** The salt of the metadata's digest; null where the request has no metadata. */
  readonly salt: Uint8Array | null;
}

/** An event of an audit log. */
export interface RecordedEvent extends Pick<AuditEvent, 'action' | 'subjectType' | 'subject'> {
  /** The ledger of the log. */
  readonly ledgerId: Uuid;
  readonly number: bigint;
  readonly actor: Uuid | null;
  /** JSON objects, as they are recorded. */
  readonly before: string | null;
  readonly after: string | null;
  readonly requestId: string;
  readonly createdAt: Instant;
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
