import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';

export type HoldStatus = 'OPEN' | 'CAPTURED' | 'VOIDED' | 'EXPIRED';

/** Reserved money. Its id is that of the transaction that placed it. Amounts are in minor units. */
export interface Hold {
  readonly id: Uuid;
  readonly fromAccountId: Uuid;
  readonly toAccountId: Uuid;
  readonly currency: Currency;
  readonly amount: bigint;
  readonly captured: bigint;
  /** EXPIRED once its release is recorded. */
  readonly status: HoldStatus;
  /** null: never. */
  readonly expiresAt: Instant | null;
  readonly createdAt: Instant;
}

/** Returns the amount that is still held and can be captured; zero once the hold has ended. */
export function remainingOf({ status, amount, captured }: Hold): bigint {
  return status === 'OPEN' ? amount - captured : 0n;
}

/** Whether a hold has expired at `at`, so that it cannot be captured. Its release may not be recorded yet. */
export function isExpired({ status, expiresAt }: Hold, at: Instant): boolean {
  return status === 'EXPIRED' || (status === 'OPEN' && expiresAt !== null && expiresAt <= at);
}
