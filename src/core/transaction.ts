import type { Side } from './account.ts';
import type { Refusal } from './errors.ts';
import type { Hold } from './hold.ts';
import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import type { Metadata } from './values/text.ts';

export type TransactionType =
  | 'DEPOSIT'
  | 'WITHDRAWAL'
  | 'TRANSFER'
  | 'JOURNAL'
  | 'REVERSAL'
  | 'HOLD'
  | 'CAPTURE'
  | 'RELEASE';

/** RELEASE is every entry that ends a PENDING one. */
export type Layer = 'POSTED' | 'PENDING' | 'RELEASE';

/** One debit or credit line of one account, and the account's sums right after it. Amounts are minor units. */
export interface Entry {
  readonly accountId: Uuid;
  /** This is the account's n-th entry. */
  readonly version: bigint;
  readonly currency: Currency;
  /** The account's, on which its balances are shown. */
  readonly normalSide: Side;
  readonly layer: Layer;
  /** Signed: a credit is positive, a debit negative. */
  readonly amount: bigint;
  readonly postedAfter: bigint;
  readonly pendingDebitsAfter: bigint;
  readonly pendingCreditsAfter: bigint;
  readonly totalDebitsAfter: bigint;
  readonly description: string | null;
}

/** What every outcome is recorded with, posted or declined. */
export interface Attempt {
  readonly id: Uuid;
  readonly type: TransactionType;
  /** Whose idempotency key it is. */
  readonly keyAccountId: Uuid;
  /** null: the ledger's own act. */
  readonly idempotencyKey: string | null;
  readonly externalId: string | null;
  readonly holdId: Uuid | null;
  readonly reverses: Uuid | null;
  /** null: createdAt. */
  readonly effectiveAt: Instant | null;
  readonly createdAt: Instant;
  readonly description: string | null;
  /** null: none. */
  readonly metadata: Metadata | null;
}

/** An immutable, balanced set of entries. */
export interface Transaction extends Attempt {
  readonly entries: readonly Entry[];
}

/** What the ledger answered to a command. */
export type Outcome = Posted | Refusal;
export interface Posted {
  readonly code: 'POSTED';
  readonly transaction: Transaction;
  /** What was placed just now. That of a replay has gone on since. */
  readonly hold?: Hold;
  /** This key had been answered before. */
  readonly replayed: boolean;
}

/** What became of a batch: one outcome for each operation, in order. */
export interface BatchProcessed {
  readonly code: 'PROCESSED';
  readonly outcomes: readonly Outcome[];
}
