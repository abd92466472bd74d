/** The embedded PostgreSQL cannot be used. The message says why, and what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}
