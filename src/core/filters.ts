import type { AccountKind, AccountStatus, Side } from './account.ts';
import type { HoldStatus } from './hold.ts';
import type { TransactionType } from './transaction.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import { checkMetadata, checkName, type Metadata } from './values/text.ts';

/** From inclusive, to exclusive. */
export interface TimeRange {
  readonly from?: Instant;
  readonly to?: Instant;
}

/** All conditions hold together, and an absent one always does. Metadata: contains all of these. */
export interface AccountFilter {
  readonly owner?: string;
  readonly currency?: string;
  readonly kind?: AccountKind;
  readonly status?: AccountStatus;
  readonly externalIdPrefix?: string;
  readonly metadata?: Metadata;
}

export interface TransactionFilter {
  readonly createdAt?: TimeRange;
  readonly effectiveAt?: TimeRange;
  readonly types?: readonly TransactionType[];
  /** The account of any of its entries; null: what was given stands for no account. */
  readonly accountId?: Uuid | null;
  readonly metadata?: Metadata;
}

/** The layer PENDING is everything that is not POSTED. */
export interface HistoryFilter {
  readonly createdAt?: TimeRange;
  readonly effectiveAt?: TimeRange;
  readonly types?: readonly TransactionType[];
  readonly side?: Side;
  readonly layer?: 'POSTED' | 'PENDING';
}

export interface HoldFilter {
  /** The account that it is from or to; null: what was given stands for no account. */
  readonly accountId?: Uuid | null;
  readonly status?: HoldStatus;
  readonly expiresAt?: TimeRange;
}

/** Whether the filter has no condition at all. */
export function isUnfiltered(filter: object): boolean {
  return Object.keys(filter).length === 0;
}

/** Whether anything in the books can match: they hold no text with a NUL, with half a surrogate pair, or too long. */
export function canMatch(filter: Omit<AccountFilter, 'status'> & TransactionFilter): boolean {
  const { owner, currency, externalIdPrefix = '', accountId, metadata = {} } = filter;
  return (
    accountId !== null &&
    (owner === undefined || checkName(owner) === undefined) &&
    (currency === undefined || checkName(currency) === undefined) &&
    (externalIdPrefix === '' || checkName(externalIdPrefix) === undefined) &&
    checkMetadata(metadata) === undefined
  );
}
