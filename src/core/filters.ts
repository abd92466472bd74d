import type { AccountKind, AccountStatus, Side } from './account.ts';
import type { HoldStatus } from './hold.ts';
import type { TransactionType } from './transaction.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import { checkMetadata, checkName, type Metadata } from './values/text.ts';

/** `from` is inclusive, `to` is exclusive. */
export interface TimeRange {
  readonly from?: Instant;
  readonly to?: Instant;
}

/** All conditions must match; absent ones are ignored. metadata matches where it contains all of these entries. */
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
  /** The account of any of its entries; null: the name in the filter resolved to no account. */
  readonly accountId?: Uuid | null;
  readonly metadata?: Metadata;
}

/** The layer PENDING matches every entry that is not POSTED. */
export interface HistoryFilter {
  readonly createdAt?: TimeRange;
  readonly effectiveAt?: TimeRange;
  readonly types?: readonly TransactionType[];
  readonly side?: Side;
  readonly layer?: 'POSTED' | 'PENDING';
}

export interface HoldFilter {
  /** The account that the hold is from or to; null: the name in the filter resolved to no account. */
  readonly accountId?: Uuid | null;
  readonly status?: HoldStatus;
  readonly expiresAt?: TimeRange;
}

/** Returns the filter that matches the same accounts, but only those of an owner; undefined if it matches none of them. */
export function restrictTo(ofOwner: string, filter: AccountFilter): AccountFilter | undefined {
  const { owner = ofOwner, kind = 'STANDARD' } = filter;
  return owner === ofOwner && kind === 'STANDARD' ? { ...filter, owner, kind } : undefined;
}

/** At most one of actor, action and subject. Null: the value in the filter can match nothing. */
export interface AuditFilter {
  readonly actor?: Uuid | null;
  readonly action?: string | null;
  /** The subject as events name it. */
  readonly subject?: string | null;
  readonly createdAt?: TimeRange;
}

/** Whether a filter has no condition. */
export function isUnfiltered(filter: object): boolean {
  return Object.keys(filter).length === 0;
}

/** Whether a filter can match anything: no stored text contains NUL or half a surrogate pair, or is longer than its limit. */
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
