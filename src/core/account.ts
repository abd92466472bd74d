import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import { MAX_MINOR } from './values/money.ts';
import type { Metadata } from './values/text.ts';

export type Side = 'DEBIT' | 'CREDIT';
export type AccountKind = 'STANDARD' | 'EXTERNAL';
export type AccountStatus = 'OPEN' | 'FROZEN' | 'CLOSED';

/**
 * The state of an account that decides whether entries may be posted to it. `posted` is signed: credits are positive. The limits
 * are on the normal side, on which the account's balance is positive. All amounts are in minor units.
 */
export interface AccountState {
  readonly id: Uuid;
  readonly kind: AccountKind;
  readonly currency: Currency;
  readonly normalSide: Side;
  readonly status: AccountStatus;
  readonly minBalance: bigint | null;
  readonly maxBalance: bigint | null;
  readonly posted: bigint;
  readonly pendingDebits: bigint;
  readonly pendingCredits: bigint;
  /** The sum of all posted debits. The posted credits follow from it and `posted`. */
  readonly totalDebits: bigint;
  /** The number of entries of the account. */
  readonly version: bigint;
  /** createdAt of the last entry; that of the next one is later. */
  readonly lastAt: Instant;
}

/** An account as the API shows it. */
export interface Account extends AccountState {
  readonly owner: string;
  readonly externalId: string | null;
  readonly metadata: Metadata;
  readonly createdAt: Instant;
  /** The id of the caller who created it. Null: the caller had no credential, or the ledger itself made it. */
  readonly actor: Uuid | null;
}

/** The sums of an account after any of its entries. */
export type Sums = Pick<AccountState, 'posted' | 'pendingDebits' | 'pendingCredits'>;

/** Converts a signed amount (credits positive) to a side: positive where it raises the balance on that side. */
export function onSide(side: Side, signed: bigint): bigint {
  return side === 'CREDIT' ? signed : -signed;
}

/** Returns the posted balance on the normal side. */
export function balanceOf(side: Side, { posted }: Pick<Sums, 'posted'>): bigint {
  return onSide(side, posted);
}

/** Returns the sum of the open holds that would lower the balance. */
export function heldOf(side: Side, { pendingDebits, pendingCredits }: Sums): bigint {
  return side === 'CREDIT' ? pendingDebits : pendingCredits;
}

/** Returns the sum of the open holds that would raise the balance. */
export function incomingOf(side: Side, { pendingDebits, pendingCredits }: Sums): bigint {
  return side === 'CREDIT' ? pendingCredits : pendingDebits;
}

/** Returns balance - held - minBalance. An unlimited minBalance counts as -MAX_MINOR. */
export function availableOf(account: AccountState): bigint {
  const { normalSide, minBalance } = account;
  return balanceOf(normalSide, account) - heldOf(normalSide, account) - (minBalance ?? -MAX_MINOR);
}
