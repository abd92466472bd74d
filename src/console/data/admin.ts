import type { AuditFilter, LedgerClient } from '../../client/index.ts';
import {
  AuditListDocument,
  type AuditRowFragment,
  KeyListDocument,
  type KeyRowFragment,
  LedgerListDocument,
} from './generated.ts';
import { type Place, pageQuery, rangeOf } from './pages.ts';

export type AuditEvent = AuditRowFragment;
export type ApiKey = KeyRowFragment;

/** Returns the API keys that the viewer may see, newest first. */
export function keysQuery(client: LedgerClient, place: Place, rows?: number) {
  return pageQuery(client, 'keys', KeyListDocument, rangeOf(place, rows), ({ apiKeys }) => apiKeys);
}

/** Returns the ledgers that the viewer may enter, newest first. */
export function ledgersQuery(client: LedgerClient, place: Place, rows?: number) {
  return pageQuery(client, 'ledgers', LedgerListDocument, rangeOf(place, rows), ({ ledgers }) => ledgers);
}

/** Returns the audit events of the ledger, newest first. */
export function auditQuery(client: LedgerClient, filter: AuditFilter, place: Place, rows?: number) {
  const variables = { filter, ...rangeOf(place, rows) };
  return pageQuery(client, 'audit', AuditListDocument, variables, ({ auditEvents }) => auditEvents);
}
