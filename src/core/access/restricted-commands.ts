/**
 * The commands that a caller restricted to an owner may post, and its idempotency keys, which are kept apart from those of all other
 * callers. The accounts that are its own are known when the names are resolved.
 */
import type { Command } from '../decide/command.ts';
import { type Refusal, refuse } from '../errors.ts';
import type { Instant } from '../values/instant.ts';
import { MAX_NAME_BYTES, Malformed } from '../values/text.ts';
import { forbid, noOwner } from './forbid.ts';
import type { Viewer } from './viewer.ts';

/** The beginning of the idempotency keys of all restricted callers, as they are recorded. No other key begins with it. */
const MARK = 'owner:';
const MAX_KEY_BYTES = MAX_NAME_BYTES - MARK.length;
const MAX_HOLD_DAYS = 7;
const OPERATION = 'this operation';
const AS_RESTRICTED = 'as the credential is restricted to an owner';
const MICROSECONDS_PER_DAY = 86_400_000_000n;

/** Returns the form in which the idempotency key of a restricted caller is recorded. */
export function recordedKey(idempotencyKey: string): string {
  return MARK + idempotencyKey;
}

/** Returns a recorded idempotency key as the viewer sees it: a restricted caller sees its keys as it sent them. */
export function shownKey({ owner }: Pick<Viewer, 'owner'>, recorded: string): string {
  return owner !== null && recorded.startsWith(MARK) ? recorded.slice(MARK.length) : recorded;
}

/** Refuses a key of an unrestricted caller that only restricted callers can have. A command of the ledger itself has no key. */
export function checkUnrestrictedKey({ idempotencyKey }: Command): Refusal<'INVALID_INPUT'> | undefined {
  if (idempotencyKey === null || !idempotencyKey.startsWith(MARK)) return undefined;
  const problem = `must not begin with ${JSON.stringify(MARK)}: such keys belong to callers restricted to an owner`;
  return refuse('malformedInput', { field: 'idempotencyKey', problem });
}

/** The properties of an operation that decide whether a restricted caller may post it. */
type Restrictable = Pick<Command, 'type' | 'externalId'> & { readonly expiresAt: Instant | Malformed | null };

/**
 * Refuses an operation that a viewer may not post because it is restricted to an owner: step 1 of the order of precedence. It only
 * transfers or reserves money, within the ledger. Otherwise it could take an externalId that a backend needs, or the room below a
 * stranger's maxBalance for good.
 */
export function forbidRestricted(
  viewer: Viewer,
  { type, externalId, expiresAt }: Restrictable,
  now: Instant,
): Refusal<'FORBIDDEN'> | undefined {
  if (viewer.owner === null) return undefined;
  if (type !== 'TRANSFER' && type !== 'HOLD') return forbid(viewer, noOwner(OPERATION));
  if (externalId !== null) return forbid(viewer, `an operation without externalId, ${AS_RESTRICTED}`);
  if (type === 'TRANSFER' || expiresAt instanceof Malformed) return undefined;
  const latest = now + BigInt(MAX_HOLD_DAYS) * MICROSECONDS_PER_DAY;
  return expiresAt === null || expiresAt > latest
    ? forbid(viewer, `an expiresAt at most ${MAX_HOLD_DAYS} days ahead, ${AS_RESTRICTED}`)
    : undefined;
}

/** Returns the command of a restricted caller as it may be posted, or its refusal: steps 1 and 2 of the order of precedence. */
export function restrictCommand(viewer: Viewer, command: Command, now: Instant): Command | Refusal {
  const { idempotencyKey } = command;
  const forbidden = forbidRestricted(viewer, command, now);
  if (forbidden !== undefined) return forbidden;
  if (idempotencyKey === null) return forbid(viewer, noOwner(OPERATION));
  const bytes = Buffer.byteLength(idempotencyKey);
  if (bytes > MAX_KEY_BYTES) {
    const problem = `must have at most ${MAX_KEY_BYTES} bytes, ${AS_RESTRICTED}, but has ${bytes}`;
    return refuse('malformedInput', { field: 'idempotencyKey', problem });
  }
  return { ...command, idempotencyKey: recordedKey(idempotencyKey), isRestricted: true };
}
