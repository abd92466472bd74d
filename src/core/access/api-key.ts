import type { Uuid } from '../values/ids.ts';
import type { Instant } from '../values/instant.ts';
import type { Malformed } from '../values/text.ts';
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

/** The input of createApiKey. */
export interface KeyInput {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly owner?: string | null | undefined;
  /** Default: the key is for the ledger of the request. */
  readonly allLedgers?: boolean | null | undefined;
  readonly expiresAt?: Instant | Malformed | null | undefined;
  readonly requestsPerSecond?: number | null | undefined;
}
