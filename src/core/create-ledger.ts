import type { Viewer } from './access/viewer.ts';
import type { AuditEvent } from './audit.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './values/ids.ts';

/** The name of the ledger that every database has. Its audit log also has the changes that belong to no single ledger. */
export const MAIN = 'main';

/** Whether a text has the form of a ledger's name. */
export function isLedgerName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,62}$/.test(name);
}

/** Reads the input of createLedger. */
export function toLedgerName(viewer: Viewer, name: string): { readonly name: string } | Refusal {
  if (!viewer.scopes.has('ADMIN') || !viewer.allLedgers) return refuse('forbidden', {});
  if (isLedgerName(name)) return { name };
  const problem =
    'must have 1 to 63 characters of a-z, 0-9, "-", "_" and ".", and begin with a letter or a digit';
  return refuse('malformedInput', { field: 'name', problem });
}

/** Returns the audit event of creating a ledger. */
export function auditLedgerCreation(id: Uuid, name: string): AuditEvent {
  return {
    action: 'createLedger',
    subjectType: 'LEDGER',
    subject: id,
    before: null,
    after: { name },
    attempt: null,
    salt: null,
  };
}
