/**
 * The life of an account: its limits, its name, its metadata, and whether it takes part. A change is decided on the locked
 * account; the steps below are the order of precedence. Only changes are recorded: a refusal may turn out otherwise the next
 * time, with the same key too.
 */
import { type Account, balanceOf, heldOf, incomingOf } from './account.ts';
import { type AuditEvent, type AuditFields, metadataDigest } from './audit.ts';
import { differingFields, digestRequest, type Request } from './decide/command.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './values/ids.ts';
import { checkLimits, type LimitInput, limitText, readLimits, toMinorLimits } from './values/limit.ts';
import { type Decimal, formatMinor } from './values/money.ts';
import { checkMetadata, checkName, Malformed, type Metadata } from './values/text.ts';

/** What updateAccount takes, as the API does. null and undefined both mean absent. */
export interface UpdateAccountInput {
  readonly accountId: string;
  readonly externalId?: string | null | undefined;
  readonly minBalance?: LimitInput | null | undefined;
  readonly maxBalance?: LimitInput | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
  readonly idempotencyKey?: string | null | undefined;
}

/** What freezing, unfreezing and closing take, as the API does. */
export type ChangeStatusInput = Pick<UpdateAccountInput, 'accountId' | 'idempotencyKey'>;

/**
 * What is to become of an account, well formed. Of an update, what is absent stays as it is: null, or a limit undefined. The
 * key names this one change among those of the account; null: none.
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

/** What a key of the account stands for. */
export interface RecordedChange extends Pick<AuditEvent, 'action' | 'salt'> {
  readonly request: Uint8Array;
}

/** What became of a change: the account as it leaves it, and what is to be recorded of it; null where nothing is. */
export interface ChangeDecision {
  readonly account: Account;
  readonly event: AuditEvent | null;
  /** Its key had been recorded before: nothing changes, whatever has happened since. */
  readonly replayed: boolean;
}

/**
 * Decides a change. `recorded` is what its key stands for. A change that changes nothing is recorded where it has a key: sent
 * again later, it still changes nothing.
 */
export function decideChange(
  account: Account,
  change: AccountChange,
  surroundings: Surroundings & {
    readonly recorded: RecordedChange | undefined;
    /** 16 random bytes, where the change gives metadata. */
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

/** The names of the fields in which a change differs from the one that its key stands for; none: the same. */
function differingFromRecorded(change: AccountChange, { action, request, salt }: RecordedChange): string[] {
  return action === ACTIONS[change.kind] ? differingFields(digestChange(change, salt), request) : ['type'];
}

/** Metadata enters by its salted digest, so that the request's digest tells nothing of it either. */
function digestChange(change: AccountChange, salt: Uint8Array | null): Request {
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
 * The fields in which an account differs from what it was, and the version at which it was changed: later entries keep the new
 * limits. Null: it does not differ.
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

/** What a change is decided beside. */
export interface Surroundings {
  /** Who has the externalId that the account is to take; undefined where nobody has. */
  readonly takenBy: Uuid | undefined;
  /** The open holds from the account or to it, where it is to be closed. */
  readonly openHolds: number;
}

/** The account as the change leaves it, the very same where it is so already, or why it cannot be changed. */
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
      problem: 'must be the one that the account has: it is given once',
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

/** A new limit that the account breaks now. */
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

/** What the limits of an account are for, on its normal side. */
function stateOf(account: Account) {
  const { normalSide } = account;
  const balance = balanceOf(normalSide, account);
  const held = heldOf(normalSide, account);
  const incoming = incomingOf(normalSide, account);
  return { balance, held, incoming, lowest: balance - held, highest: balance + incoming };
}

/** No key keeps this answer. */
function closed({ id }: Account): Refusal<'ACCOUNT_CLOSED'> {
  return { ...refuse('accountClosed', { account: id }), recorded: false };
}
