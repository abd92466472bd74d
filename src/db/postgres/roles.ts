/** Owns the ledger's tables and functions; see db/roles.sql. */
export const OWNER_ROLE = 'tls_owner';
/** What the service may be, and nothing else. */
export const SERVICE_ROLE = 'tls_app';
