/** The embedded PostgreSQL cannot do what was asked. The message says why, and what to do. */
export class EmbeddedPostgresError extends Error {
  override readonly name: string = 'EmbeddedPostgresError';
}
