/** Owns the ledger's tables and functions; see db/roles.sql. */
export const OWNER_ROLE = 'tls_owner';
/** The service's role. It has the privileges that the service needs, and no others. */
export const SERVICE_ROLE = 'tls_app';
