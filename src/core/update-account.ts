/**
 * Changes of an account: limits, externalId, metadata and status. A change is decided on the locked account, in the order of
 * precedence. Refusals are not recorded: a request that was refused may succeed later with the same idempotency key.
 */
import { type Account, balanceOf, heldOf, incomingOf } from './account.ts';
import { type AuditEvent, type AuditFields, metadataDigest } from './audit.ts';
import { differingFields, digestRequest, type RequestDigest } from './decide/command.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './values/ids.ts';
import { checkLimits, type LimitInput, limitText, readLimits, toMinorLimits } from './values/limit.ts';
import { type Decimal, formatMinor } from './values/money.ts';
import { checkMetadata, checkName, Malformed, type Metadata } from './values/text.ts';

/** The input of updateAccount. null and undefined both mean absent. */
export interface UpdateAccountInput {
  readonly accountId: string;
  readonly externalId?: string | null | undefined;
  readonly minBalance?: LimitInput | null | undefined;
  readonly maxBalance?: LimitInput | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** The input of freezeAccount, unfreezeAccount and closeAccount. */
export type ChangeStatusInput = Pick<UpdateAccountInput, 'accountId' | 'idempotencyKey'>;

/**
 * A well-formed change. An update leaves absent fields unchanged: null, or undefined for a limit. The idempotency key is unique
 * among the changes of the account; null: there is none.
 */
export type AccountChange = { readonly idempotencyKey: string | null } & (
  | { readonly kind: StatusChange }
  | {
      readonly kind: 'UPDATE';
      readonly externalId: string | null;
      readonly minBalance: Decimal | null | undefined;
      readonly maxBalance: Decimal | null | undefined;
      readonly metadata: Metadata | null;
    }
);
type StatusChange = 'FREEZE' | 'UNFREEZE' | 'CLOSE';

/** Reads the input of freezeAccount, unfreezeAccount or closeAccount. */
export function toStatusChange(
  kind: StatusChange,
  { idempotencyKey = null }: ChangeStatusInput,
): AccountChange | Refusal {
  return checkKey(idempotencyKey) ?? { kind, idempotencyKey };
}

/** Reads the input of updateAccount. */
export function toAccountUpdate(input: UpdateAccountInput): AccountChange | Refusal {
  const { externalId = null, metadata = null, idempotencyKey = null } = input;
  const wrong = (field: string, problem: string) => refuse('malformedInput', { field, problem });

  const externalIdProblem = externalId === null ? undefined : checkName(externalId);
  if (externalIdProblem !== undefined) return wrong('externalId', externalIdProblem);
  const limitProblem = checkLimits(input, '');
  if (limitProblem !== undefined) return limitProblem;
  if (metadata instanceof Malformed) return wrong('metadata', metadata.problem);
  const metadataProblem = metadata === null ? undefined : checkMetadata(metadata);
  if (metadataProblem !== undefined) return wrong('metadata', metadataProblem);
  const keyProblem = checkKey(idempotencyKey);
  if (keyProblem !== undefined) return keyProblem;

  const limits = readLimits(input, { minBalance: undefined, maxBalance: undefined }, '');
  if ('code' in limits) return limits;
  return { kind: 'UPDATE', externalId, ...limits, metadata, idempotencyKey };
}

function checkKey(idempotencyKey: string | null): Refusal<'INVALID_INPUT'> | undefined {
  const problem = idempotencyKey === null ? undefined : checkName(idempotencyKey);
  return problem === undefined ? undefined : refuse('malformedInput', { field: 'idempotencyKey', problem });
}

/** The recorded change of an idempotency key. */
export interface RecordedChange extends Pick<AuditEvent, 'action' | 'salt'> {
  readonly request: Uint8Array;
}

/** The decision on a change: the account after it, and its audit event; null where nothing is recorded. */
export interface ChangeDecision {
  readonly account: Account;
  readonly event: AuditEvent | null;
  /** The key's change was recorded by an earlier request: the account does not change again. */
  readonly replayed: boolean;
}

/**
 * Decides a change. `recorded` is the recorded change of its key. A change without effect is recorded too if it has a key, so
 * that a repetition has no effect either, even after other changes.
 */
export function decideChange(
  account: Account,
  change: AccountChange,
  surroundings: Surroundings & {
    readonly recorded: RecordedChange | undefined;
    /** 16 random bytes where the change has metadata. */
    readonly salt: Uint8Array | null;
  },
): ChangeDecision | Refusal {
  const { recorded, salt } = surroundings;
  if (recorded !== undefined) {
    const differing = differingFromRecorded(change, recorded);
    return differing.length === 0
      ? { account, event: null, replayed: true }
      : refuse('keyUsedOtherwise', { differingFields: differing, transaction: null });
  }
  const changed = changeAccount(account, change, surroundings);
  if ('facts' in changed) return changed;
  const fields = changedFields(account, changed, salt);
  const { idempotencyKey } = change;
  if (fields === null && idempotencyKey === null) return { account, event: null, replayed: false };
  const event: AuditEvent = {
    action: ACTIONS[change.kind],
    subjectType: 'ACCOUNT',
    subject: account.id,
    before: fields?.before ?? null,
    after: fields?.after ?? null,
    attempt: idempotencyKey === null ? null : { idempotencyKey, request: digestChange(change, salt).digest },
    salt,
  };
  return { account: fields === null ? account : changed, event, replayed: false };
}

const ACTIONS = {
  UPDATE: 'updateAccount',
  FREEZE: 'freezeAccount',
  UNFREEZE: 'unfreezeAccount',
  CLOSE: 'closeAccount',
} as const;

/** Returns the names of the fields in which a change differs from the recorded one; empty: they are the same. */
function differingFromRecorded(change: AccountChange, { action, request, salt }: RecordedChange): string[] {
  return action === ACTIONS[change.kind] ? differingFields(digestChange(change, salt), request) : ['type'];
}

/** Metadata enters as its salted digest: otherwise the request's digest would reveal short values. */
function digestChange(change: AccountChange, salt: Uint8Array | null): RequestDigest {
  if (change.kind !== 'UPDATE') return digestRequest(ACTIONS[change.kind], []);
  const { externalId, minBalance, maxBalance, metadata } = change;
  return digestRequest(ACTIONS.UPDATE, [
    ['externalId', externalId],
    ['minBalance', minBalance === undefined ? null : limitText(minBalance)],
    ['maxBalance', maxBalance === undefined ? null : limitText(maxBalance)],
    ['metadata', metadata === null ? null : metadataDigest(metadata, salt)],
  ]);
}

/**
 * Returns the changed fields, before and after, and the account's version at the change: entries after that version meet the new
 * limits. Returns null where no field changed.
 */
function changedFields(
  account: Account,
  changed: Account,
  salt: Uint8Array | null,
): { readonly before: AuditFields; readonly after: AuditFields } | null {
  const [before, after] = [shownFields(account, salt), shownFields(changed, salt)];
  const names = Object.keys(after).filter((name) => before[name] !== after[name]);
  if (names.length === 0) return null;
  const pick = (fields: AuditFields) => Object.fromEntries(names.map((name) => [name, fields[name] ?? null]));
  return { before: pick(before), after: { ...pick(after), version: `${account.version}` } };
}

function shownFields(account: Account, salt: Uint8Array | null): AuditFields {
  const { externalId, status, minBalance, maxBalance, currency, metadata } = account;
  const limit = (minor: bigint | null) => (minor === null ? null : formatMinor(minor, currency));
  return {
    externalId,
    status,
    minBalance: limit(minBalance),
    maxBalance: limit(maxBalance),
    metadata: Object.keys(metadata).length === 0 ? null : metadataDigest(metadata, salt),
  };
}

/** The state around the account that a change depends on. */
export interface Surroundings {
  /** The account that has the requested externalId; undefined where no account has it. */
  readonly takenBy: Uuid | undefined;
  /** For closing: the number of open holds from or to the account. */
  readonly openHolds: number;
}

/** Returns the account after the change, the same object where nothing changes, or the refusal. */
export function changeAccount(
  account: Account,
  change: AccountChange,
  surroundings: Surroundings,
): Account | Refusal {
  switch (change.kind) {
    case 'UPDATE':
      return update(account, change, surroundings);
    case 'FREEZE':
      return freeze(account);
    case 'UNFREEZE':
      return unfreeze(account);
    case 'CLOSE':
      return close(account, surroundings);
  }
}

function update(
  account: Account,
  change: AccountChange & { readonly kind: 'UPDATE' },
  { takenBy }: Surroundings,
): Account | Refusal {
  const { id, kind, currency, status } = account;
  const { externalId, metadata } = change;
  if (externalId !== null && account.externalId !== null && externalId !== account.externalId) {
    return refuse('impossibleInput', {
      field: 'externalId',
      problem: 'must equal the externalId that the account has: it cannot be changed',
    });
  }
  const limits = toMinorLimits(change, currency, '');
  if ('code' in limits) return limits;
  const { minBalance = account.minBalance, maxBalance = account.maxBalance } = limits;
  const isForOwners =
    externalId !== null || limits.minBalance !== undefined || limits.maxBalance !== undefined;
  if (kind === 'EXTERNAL' && isForOwners) return refuse('unsupportedAccount', { account: id });
  if (takenBy !== undefined && takenBy !== id) {
    return refuse('externalIdTaken', { takenBy: { kind: 'account', id: takenBy } });
  }
  if (status === 'CLOSED') return closed(account);
  return (
    checkLimit(account, limits.minBalance, (minor) => stateOf(account).lowest >= minor) ??
    checkLimit(account, limits.maxBalance, (minor) => stateOf(account).highest <= minor) ?? {
      ...account,
      externalId: externalId ?? account.externalId,
      minBalance,
      maxBalance,
      metadata: metadata ?? account.metadata,
    }
  );
}

function freeze(account: Account): Account | Refusal {
  if (account.kind === 'EXTERNAL') return refuse('unsupportedAccount', { account: account.id });
  if (account.status === 'CLOSED') return closed(account);
  return account.status === 'FROZEN' ? account : { ...account, status: 'FROZEN' };
}

function unfreeze(account: Account): Account | Refusal {
  if (account.status === 'CLOSED') return closed(account);
  return account.status === 'OPEN' ? account : { ...account, status: 'OPEN' };
}

function close(account: Account, { openHolds }: Surroundings): Account | Refusal {
  const { id, kind, currency, status, posted, pendingDebits, pendingCredits } = account;
  if (kind === 'EXTERNAL') return refuse('unsupportedAccount', { account: id });
  if (status === 'CLOSED') return account;
  if (posted !== 0n || pendingDebits !== 0n || pendingCredits !== 0n) {
    const balance = { minor: stateOf(account).balance, currency };
    return refuse('accountNotEmpty', { account: id, balance, openHolds });
  }
  return { ...account, status: 'CLOSED' };
}

/** Refuses a limit that the account does not meet. */
function checkLimit(
  account: Account,
  limit: bigint | null | undefined,
  isMet: (limit: bigint) => boolean,
): Refusal<'LIMIT_UNMET'> | undefined {
  if (limit === null || limit === undefined || isMet(limit)) return undefined;
  const { balance, held, incoming } = stateOf(account);
  const money = (minor: bigint) => ({ minor, currency: account.currency });
  return refuse('limitUnmet', {
    limit: money(limit),
    balance: money(balance),
    held: money(held),
    incoming: money(incoming),
  });
}

/** Returns the balances that the limits apply to, on the account's normal side. */
function stateOf(account: Account) {
  const { normalSide } = account;
  const balance = balanceOf(normalSide, account);
  const held = heldOf(normalSide, account);
  const incoming = incomingOf(normalSide, account);
  return { balance, held, incoming, lowest: balance - held, highest: balance + incoming };
}

/** ACCOUNT_CLOSED as a refusal that is not recorded. */
function closed({ id }: Account): Refusal<'ACCOUNT_CLOSED'> {
  return { ...refuse('accountClosed', { account: id }), recorded: false };
}
