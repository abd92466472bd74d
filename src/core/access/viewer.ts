import type { Uuid } from '../values/ids.ts';

/** The permissions that a credential can have. None contains another. */
export const SCOPES = ['READ', 'POST', 'MANAGE', 'ADMIN'] as const;
export type Scope = (typeof SCOPES)[number];

/** The permissions that a caller restricted to an owner can have. */
export const RESTRICTED_SCOPES: readonly Scope[] = ['READ', 'POST'];

export type ActorKind = 'API_KEY' | 'TOKEN' | 'CLI';

/** A caller who proved its identity. */
export interface Actor {
  readonly id: Uuid;
  readonly kind: ActorKind;
  /** The name of the key, or the subject of the token. */
  readonly name: string;
}

/** The owner of the external accounts. No caller is restricted to it. */
export const EXTERNAL_OWNER = 'external';

/** The caller of a request, and what the caller may do. Each request has exactly one viewer and one ledger. */
export interface Viewer {
  /** Null: no API key was ever created, so that callers need no credentials. */
  readonly actor: Actor | null;
  readonly scopes: ReadonlySet<Scope>;
  /** Whether the credential is for all ledgers. Otherwise it is for the ledger of the request only. */
  readonly allLedgers: boolean;
  /** Restricts the caller to the accounts of this owner. Null: no restriction. */
  readonly owner: string | null;
}

/** Any caller, as long as no API key was ever created. */
export const ANYBODY: Viewer = {
  actor: null,
  scopes: new Set(SCOPES),
  allLedgers: true,
  owner: null,
};
