import type { Account } from '../account.ts';
import type { Transaction } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import { shownKey } from './restricted-commands.ts';
import type { Viewer } from './viewer.ts';

/**
 * Returns the part of a transaction that a viewer restricted to an owner may read: its own entries and, if its own account is the
 * key account, also the idempotency key, the metadata and the actor. `isOwn`: whether an account of the transaction belongs to the owner.
 */
export function ownPart(
  viewer: Pick<Viewer, 'owner'>,
  transaction: Transaction,
  isOwn: (accountId: Uuid) => boolean,
): Transaction {
  const entries = transaction.entries.filter(({ accountId }) => isOwn(accountId));
  if (!isOwn(transaction.keyAccountId))
    return { ...transaction, idempotencyKey: null, metadata: null, actor: null, entries };
  const { idempotencyKey: key } = transaction;
  return { ...transaction, idempotencyKey: key === null ? null : shownKey(viewer, key), entries };
}

/** Returns an own account as a viewer restricted to an owner may read it: without the caller who created it. */
export function ownAccount(account: Account): Account {
  return { ...account, actor: null };
}
