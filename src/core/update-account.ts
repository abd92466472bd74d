/**
 * The life of an account: its limits, its name, its metadata, and whether it takes part. `changeAccount` is decided on the
 * locked account; the steps below are the order of precedence. Nothing of it is recorded, so that it may turn out otherwise
 * the next time.
 */
import { type Account, balanceOf, heldOf, incomingOf } from './account.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './ids.ts';
import { checkLimits, type LimitInput, readLimits, toMinorLimits } from './limit.ts';
import type { Decimal } from './money.ts';
import { checkMetadata, checkName, Malformed, type Metadata } from './text.ts';

/** What updateAccount takes, as the API does. null and undefined both mean absent. */
export interface UpdateAccountInput {
  readonly accountId: string;
  readonly externalId?: string | null | undefined;
  readonly minBalance?: LimitInput | null | undefined;
  readonly maxBalance?: LimitInput | null | undefined;
  readonly metadata?: Metadata | Malformed | null | undefined;
}

/** What is to become of an account, well formed. Of an update, what is absent stays as it is: null, or a limit undefined. */
export type AccountChange =
  | { readonly kind: 'FREEZE' | 'UNFREEZE' | 'CLOSE' }
  | {
      readonly kind: 'UPDATE';
      readonly externalId: string | null;
      readonly minBalance: Decimal | null | undefined;
      readonly maxBalance: Decimal | null | undefined;
      readonly metadata: Metadata | null;
    };

/** Reads the input of updateAccount. */
export function toAccountUpdate(input: UpdateAccountInput): AccountChange | Refusal {
  const { externalId = null, metadata = null } = input;
  const wrong = (field: string, problem: string) => refuse('malformedInput', { field, problem });

  const externalIdProblem = externalId === null ? undefined : checkName(externalId);
  if (externalIdProblem !== undefined) return wrong('externalId', externalIdProblem);
  const limitProblem = checkLimits(input, '');
  if (limitProblem !== undefined) return limitProblem;
  if (metadata instanceof Malformed) return wrong('metadata', metadata.problem);
  const metadataProblem = metadata === null ? undefined : checkMetadata(metadata);
  if (metadataProblem !== undefined) return wrong('metadata', metadataProblem);

  const limits = readLimits(input, { minBalance: undefined, maxBalance: undefined }, '');
  if ('code' in limits) return limits;
  return { kind: 'UPDATE', externalId, ...limits, metadata };
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
