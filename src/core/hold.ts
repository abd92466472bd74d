import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';

export type HoldStatus = 'OPEN' | 'CAPTURED' | 'VOIDED' | 'EXPIRED';

/** Money reserved. Its id is that of the transaction that placed it; amounts are minor units. */
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

/** What can still be captured of it, and is held: nothing once it has ended. */
export function remainingOf({ status, amount, captured }: Hold): bigint {
  return status === 'OPEN' ? amount - captured : 0n;
}

/** Whether nothing can be captured of it at `at` because its time is over, its release being recorded or not. */
export function isExpired({ status, expiresAt }: Hold, at: Instant): boolean {
  return status === 'EXPIRED' || (status === 'OPEN' && expiresAt !== null && expiresAt <= at);
}
