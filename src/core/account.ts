import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import { MAX_MINOR } from './values/money.ts';
import type { Metadata } from './values/text.ts';

export type Side = 'DEBIT' | 'CREDIT';
export type AccountKind = 'STANDARD' | 'EXTERNAL';
export type AccountStatus = 'OPEN' | 'FROZEN' | 'CLOSED';

/**
 * What decides whether an account may move. `posted` is signed, credits positive; the limits are on the normal side,
 * where the account's balance is positive. All amounts are minor units.
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
  /** Of posted entries, since the account exists; what totalCredits are follows from it and `posted`. */
  readonly totalDebits: bigint;
  /** How many entries the account has. */
  readonly version: bigint;
  /** createdAt of the last of them; the next one's is later. */
  readonly lastAt: Instant;
}

/** An account as readers see it. */
export interface Account extends AccountState {
  readonly owner: string;
  readonly externalId: string | null;
  readonly metadata: Metadata;
  readonly createdAt: Instant;
}

/** What of an account a reader may see at any of its entries. */
export type Sums = Pick<AccountState, 'posted' | 'pendingDebits' | 'pendingCredits'>;

/** A signed amount, credits positive, as it counts on the side: positive where it raises the balance. */
export function onSide(side: Side, signed: bigint): bigint {
  return side === 'CREDIT' ? signed : -signed;
}

/** The posted balance on the normal side. */
export function balanceOf(side: Side, { posted }: Pick<Sums, 'posted'>): bigint {
  return onSide(side, posted);
}

/** Open holds that would lower the balance. */
export function heldOf(side: Side, { pendingDebits, pendingCredits }: Sums): bigint {
  return side === 'CREDIT' ? pendingDebits : pendingCredits;
}

/** Open holds that would raise the balance. */
export function incomingOf(side: Side, { pendingDebits, pendingCredits }: Sums): bigint {
  return side === 'CREDIT' ? pendingCredits : pendingDebits;
}

/** What the account can still fall by: balance - held - minBalance, an unlimited minBalance being the lowest there is. */
export function availableOf(account: AccountState): bigint {
  const { normalSide, minBalance } = account;
  return balanceOf(normalSide, account) - heldOf(normalSide, account) - (minBalance ?? -MAX_MINOR);
}
