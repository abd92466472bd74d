import { randomBytes } from 'node:crypto';
import type { Account } from '../core/account.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import { type AccountChange, decideChange } from '../core/update-account.ts';
import type { Uuid } from '../core/values/ids.ts';
import { countOpenHolds, findAccountIds, findLocked, lockAccount, updateAccount } from '../db/accounts.ts';
import { type AuditPlace, findRecordedChange, hasAuditEvent, insertAuditEvent } from '../db/audit.ts';
import type { AccountContext } from './accounts.ts';
import { AccountLockedError, failureOf, retry } from './retries.ts';

export interface AccountUpdated {
  readonly code: 'UPDATED';
  /** In its present state. */
  readonly account: Account;
  /** An earlier request recorded the key, and this one changed nothing. */
  readonly replayed: boolean;
}

/** A change, over all of its attempts. */
interface Order {
  readonly change: AccountChange;
  readonly requestId: string;
  /** The rows that its attempts appended to the audit log: if one of them exists, this change was committed. */
  readonly made: AuditPlace[];
}

/**
 * Changes an account. `find` resolves its name; it returns undefined if there is none. The account's row is locked, as by every
 * write that moves it, so that its state and its keys do not change before the change is written.
 */
export function changeAccountOf(
  context: AccountContext,
  accountId: string,
  { change, requestId }: Omit<Order, 'made'>,
  find: () => Promise<Uuid | undefined>,
): Promise<AccountUpdated | Refusal> {
  const order: Order = { change, requestId, made: [] };
  return retry(async () => {
    const id = await find();
    const answer = id === undefined ? undefined : await changeOnce(context, id, order);
    return answer ?? refuse('keyAccountNotFound', { accountId });
  });
}

/** Throws AccountLockedError if another session keeps the account locked. */
async function changeOnce(
  context: AccountContext,
  id: Uuid,
  order: Order,
): Promise<AccountUpdated | Refusal | undefined> {
  const { db, ledgerId, currencies } = context;
  try {
    return await currencies.reading(() => changeLocked(context, id, order));
  } catch (error) {
    if (failureOf(error) !== 'lockTimeout') throw error;
    const locked = await findLocked(db, ledgerId, [id]);
    throw locked.has(id) ? new AccountLockedError() : error;
  }
}

/**
 * Returns undefined if there is no such account. Fails with a unique violation if another transaction takes the externalId, or
 * records the key, at the same time; the next attempt reads the result.
 */
function changeLocked(
  { db, ledgerId, currencies, actor }: AccountContext,
  id: Uuid,
  { change, requestId, made }: Order,
): Promise<AccountUpdated | Refusal | undefined> {
  const { idempotencyKey } = change;
  const wanted = change.kind === 'UPDATE' ? change.externalId : null;
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx) => {
      const account = await lockAccount(trx, ledgerId, id, currencies.of);
      if (account === undefined) return undefined;
      if (await hasAuditEvent(trx, ledgerId, made)) return { code: 'UPDATED', account, replayed: false };
      const decision = decideChange(account, change, {
        recorded:
          idempotencyKey === null ? undefined : await findRecordedChange(trx, ledgerId, id, idempotencyKey),
        takenBy: wanted === null ? undefined : (await findAccountIds(trx, ledgerId, [wanted])).get(wanted),
        openHolds: change.kind === 'CLOSE' && hasHolds(account) ? await countOpenHolds(trx, ledgerId, id) : 0,
        salt: change.kind === 'UPDATE' && change.metadata !== null ? randomBytes(16) : null,
      });
      if ('facts' in decision) return decision;
      const changed =
        decision.account === account
          ? account
          : await updateAccount(trx, ledgerId, decision.account, currencies.of);
      // The head of the audit log is locked last, because all changes wait for it.
      if (decision.event !== null) {
        made.push(await insertAuditEvent(trx, ledgerId, decision.event, requestId, actor));
      }
      return { code: 'UPDATED', account: changed, replayed: decision.replayed };
    });
}

function hasHolds({ pendingDebits, pendingCredits }: Account): boolean {
  return pendingDebits !== 0n || pendingCredits !== 0n;
}
