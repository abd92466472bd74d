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

/** A RELEASE entry ends a PENDING one. */
export type Layer = 'POSTED' | 'PENDING' | 'RELEASE';

/** One debit or credit of one account, and the account's sums after it. Amounts are in minor units. */
export interface Entry {
  readonly accountId: Uuid;
  /** The position among the account's entries, from 1. */
  readonly version: bigint;
  readonly currency: Currency;
  /** The account's normal side, on which its balances are shown. */
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

/** The recorded properties of every outcome, posted or declined. */
export interface Attempt {
  readonly id: Uuid;
  readonly type: TransactionType;
  /** The account that the idempotency key belongs to. */
  readonly keyAccountId: Uuid;
  /** null: a command of the ledger itself. */
  readonly idempotencyKey: string | null;
  readonly externalId: string | null;
  readonly holdId: Uuid | null;
  readonly reverses: Uuid | null;
  /** null: same as createdAt. */
  readonly effectiveAt: Instant | null;
  readonly createdAt: Instant;
  /** The id of the caller. Null: the caller had no credential, or the ledger itself made the command. */
  readonly actor: Uuid | null;
  readonly description: string | null;
  readonly metadata: Metadata | null;
}

/** An immutable, balanced set of entries. */
export interface Transaction extends Attempt {
  readonly entries: readonly Entry[];
}

/** The outcome of a command. */
export type Outcome = Posted | Refusal;
export interface Posted {
  readonly code: 'POSTED';
  readonly transaction: Transaction;
  /** The placed hold, as it was placed. Absent in a replay of an earlier batch: the hold may have changed since. */
  readonly hold?: Hold;
  /** The outcome was recorded by an earlier request with the same key. */
  readonly replayed: boolean;
}

/** The result of a batch: one outcome per operation, in order. */
export interface BatchProcessed {
  readonly code: 'PROCESSED';
  readonly outcomes: readonly Outcome[];
}
