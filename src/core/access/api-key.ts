import type { Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import type { Actor, Scope } from './viewer.ts';

/** An API key, without its secret. */
export interface ApiKey {
  readonly id: Uuid;
  readonly actor: Actor;
  readonly name: string;
  /** The part of the key's text that may be shown. */
  readonly prefix: string;
  readonly scopes: readonly Scope[];
  readonly owner: string | null;
  /** Null: the key is for all ledgers. */
  readonly ledger: { readonly id: Uuid; readonly name: string } | null;
  readonly requestsPerSecond: number | null;
  readonly createdAt: Instant;
  readonly expiresAt: Instant | null;
  /** Accurate to a minute. */
  readonly lastUsedAt: Instant | null;
  readonly revokedAt: Instant | null;
}

/** Returns whether a key can be used at an instant. A key expires at its expiresAt: it cannot be used at that instant. */
export function stateOfKey(
  { expiresAt, revokedAt }: Pick<ApiKey, 'expiresAt' | 'revokedAt'>,
  now: Instant,
): 'VALID' | 'EXPIRED' | 'REVOKED' {
  if (revokedAt !== null) return 'REVOKED';
  return expiresAt !== null && expiresAt <= now ? 'EXPIRED' : 'VALID';
}
