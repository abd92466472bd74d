/** Creating and revoking API keys: who may do it, and what the input must be. Missing permissions come before malformed input. */
import { hash } from 'node:crypto';
import type { AuditEvent } from '../audit.ts';
import { type Refusal, refuse } from '../errors.ts';
import { formatId, type Uuid } from '../values/ids.ts';
import { formatInstant, type Instant } from '../values/instant.ts';
import { checkName, excerpt, Malformed } from '../values/text.ts';
import type { ApiKey } from './api-key.ts';
import { ALL_LEDGERS, forbid } from './forbid.ts';
import { looksLikeKeyText } from './key-text.ts';
import { EXTERNAL_OWNER, RESTRICTED_SCOPES, SCOPES, type Scope, type Viewer } from './viewer.ts';

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

/** A well-formed key to create. */
export interface NewKey {
  readonly name: string;
  /** In the order of `SCOPES`. */
  readonly scopes: readonly Scope[];
  readonly owner: string | null;
  readonly allLedgers: boolean;
  readonly expiresAt: Instant | null;
  readonly requestsPerSecond: number | null;
}

const MAX_REQUESTS_PER_SECOND = 1_000_000;

/** Tells which keys a viewer may see and revoke: all, those of the ledger of the request, or none. */
export function visibleKeys({ scopes, allLedgers, owner }: Viewer): 'ALL' | 'LEDGER' | 'NONE' {
  if (!scopes.has('ADMIN') || owner !== null) return 'NONE';
  return allLedgers ? 'ALL' : 'LEDGER';
}

interface Grant {
  readonly scopes: readonly Scope[];
  readonly allLedgers: boolean;
}

/** Whether a viewer may create a key with these scopes. No caller grants a scope or a ledger that it lacks. */
export function mayGrant(viewer: Viewer, grant: Grant): boolean {
  return findLacked(viewer, grant) === undefined;
}

/** Returns what a viewer lacks to create a key. */
function findLacked(viewer: Viewer, { scopes, allLedgers }: Grant): string | undefined {
  if (visibleKeys(viewer) === 'NONE') return 'the scope ADMIN';
  const scope = scopes.find((each) => !viewer.scopes.has(each));
  if (scope !== undefined) return `the scope ${scope}, which the new key would have`;
  return allLedgers && !viewer.allLedgers ? ALL_LEDGERS : undefined;
}

/** Reads the input of createApiKey. */
export function toNewKey(viewer: Viewer, input: KeyInput, now: Instant): NewKey | Refusal {
  const { name, owner = null, expiresAt = null, requestsPerSecond = null } = input;
  const allLedgers = input.allLedgers ?? false;
  // Texts that are not scopes are malformed, not forbidden.
  const scopes = SCOPES.filter((scope) => input.scopes.includes(scope));
  const lacked = findLacked(viewer, { scopes, allLedgers });
  if (lacked !== undefined) return forbid(viewer, lacked);

  const wrong = (field: string, problem: string) => refuse('malformedInput', { field, problem });
  const nameProblem = checkName(name);
  if (nameProblem !== undefined) return wrong('name', nameProblem);
  if (looksLikeKeyText(name)) return wrong('name', 'must not contain the text of an API key');
  if (input.scopes.length === 0) return wrong('scopes', 'must name at least one scope');
  if (input.scopes.length !== scopes.length) {
    return wrong('scopes', `must be different ones of ${SCOPES.join(', ')}`);
  }
  const ownerProblem = owner === null ? undefined : checkOwner(owner, scopes);
  if (ownerProblem !== undefined) return wrong('owner', ownerProblem);
  if (expiresAt instanceof Malformed) return wrong('expiresAt', expiresAt.problem);
  if (requestsPerSecond !== null && !isWithin(requestsPerSecond, 1, MAX_REQUESTS_PER_SECOND)) {
    return wrong('requestsPerSecond', `must be a whole number from 1 to ${MAX_REQUESTS_PER_SECOND}`);
  }
  if (expiresAt !== null && expiresAt <= now) {
    const problem = `must be later than the present (${formatInstant(now)})`;
    return refuse('impossibleInput', { field: 'expiresAt', problem });
  }
  return { name, scopes, owner, allLedgers, expiresAt, requestsPerSecond };
}

/** Returns the problem of the owner that a credential with these scopes is restricted to. */
function checkOwner(owner: string, scopes: readonly Scope[]): string | undefined {
  const problem = checkName(owner);
  if (problem !== undefined) return problem;
  if (owner === EXTERNAL_OWNER) return `must not be ${EXTERNAL_OWNER}: these accounts belong to the ledger`;
  const excess = scopes.find((scope) => !RESTRICTED_SCOPES.includes(scope));
  return excess === undefined
    ? undefined
    : `requires the scopes ${RESTRICTED_SCOPES.join(' and ')} alone, but the key has ${excess}`;
}

function isWithin(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** Returns the refusal of a key whose name is taken. A repetition after a lost answer receives it, as the secret is shown once. */
export function refuseTakenName(name: string): Refusal<'INVALID_INPUT'> {
  const problem =
    `must be unique: a key with the name ${JSON.stringify(excerpt(name))} exists. ` +
    'Revoke that key, or choose another name';
  return refuse('impossibleInput', { field: 'name', problem });
}

/** Returns the audit event of creating a key. `secret`: the digest of its secret. */
export function auditKeyCreation(key: ApiKey, secret: Buffer): AuditEvent {
  return {
    ...UNKEYED,
    action: 'createApiKey',
    subjectType: 'API_KEY',
    subject: key.id,
    before: null,
    after: {
      name: key.name,
      scopes: key.scopes.join(' '),
      ledger: key.ledger === null ? null : formatId('ledger', key.ledger.id),
      owner: key.owner,
      expiresAt: key.expiresAt === null ? null : formatInstant(key.expiresAt),
      requestsPerSecond: key.requestsPerSecond === null ? null : `${key.requestsPerSecond}`,
      // The digest that the database stores is not shown: the log is.
      secretDigest: hash('sha256', secret),
    },
  };
}

/** Returns the audit event of revoking a key. */
export function auditKeyRevocation(id: Uuid, revokedAt: Instant): AuditEvent {
  return {
    ...UNKEYED,
    action: 'revokeApiKey',
    subjectType: 'API_KEY',
    subject: id,
    before: { revokedAt: null },
    after: { revokedAt: formatInstant(revokedAt) },
  };
}

/** These requests have no idempotency keys. */
const UNKEYED = { attempt: null, salt: null } as const;
