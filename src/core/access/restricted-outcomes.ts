/** How a caller restricted to an owner sees refusals: those about accounts of others become COUNTERPARTY, without facts. */
import { type Refusal, refuse } from '../errors.ts';
import type { Uuid } from '../values/ids.ts';

/** Returns the account that a refusal is about; undefined if it is about none. */
export function accountOf(refusal: Refusal): Uuid | undefined {
  if (refusal.code === 'BATCH_ABORTED') return accountOf(refusal.facts.cause);
  return 'account' in refusal.facts ? refusal.facts.account : undefined;
}

/**
 * Returns a refusal as a restricted caller sees it. `isOwn` tells which accounts are the caller's own. Whether the refusal is
 * recorded, retryable or replayed does not change.
 */
export function showRefusal(refusal: Refusal, isOwn: (account: Uuid) => boolean): Refusal {
  const account = accountOf(refusal);
  if (account === undefined || isOwn(account)) return refusal;
  const { recorded, retryable, replayed } = refusal;
  if (refusal.code !== 'BATCH_ABORTED') {
    return { ...refuse('counterparty', { account }), recorded, retryable, replayed };
  }
  const { index, cause } = refusal.facts;
  const shown = refuse('batchAborted', { index, cause: showRefusal(cause, isOwn) });
  return { ...shown, recorded, retryable, replayed };
}
