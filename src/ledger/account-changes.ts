import { randomBytes } from 'node:crypto';
import type { Account } from '../core/account.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import { type AccountChange, decideChange } from '../core/update-account.ts';
import type { Uuid } from '../core/values/ids.ts';
import { countOpenHolds, findAccountIds, lockAccount, updateAccount } from '../db/accounts.ts';
import { type AuditPlace, findRecordedChange, hasAuditEvent, insertAuditEvent } from '../db/audit.ts';
import type { AccountContext } from './accounts.ts';
import { untilAnswered } from './commit/failures.ts';

export interface AccountUpdated {
  readonly code: 'UPDATED';
  /** As it is now. */
  readonly account: Account;
  /** The change's key had been recorded before, by another request: nothing was changed. */
  readonly replayed: boolean;
}

/** A change that is being made, whatever the number of attempts. */
interface Order {
  readonly change: AccountChange;
  readonly requestId: string;
  /** What attempts of it have appended to the audit log: where one of these rows stands, this very change has been made. */
  readonly made: AuditPlace[];
}

/**
 * Changes an account. `find` resolves its name, and answers undefined where that stands for nothing. The account's row is
 * locked, as by everything that moves it: what is decided on it stands until it is written, and its keys are looked up and
 * recorded by one at a time.
 */
export function changeAccountOf(
  context: AccountContext,
  accountId: string,
  { change, requestId }: Omit<Order, 'made'>,
  find: () => Promise<Uuid | undefined>,
): Promise<AccountUpdated | Refusal> {
  const order: Order = { change, requestId, made: [] };
  return untilAnswered(async () => {
    const id = await find();
    const answer =
      id === undefined ? undefined : await context.currencies.reading(() => changeLocked(context, id, order));
    return answer ?? refuse('keyAccountNotFound', { accountId });
  });
}

/**
 * undefined: there is no such account. An externalId that somebody takes in this moment fails, and the next attempt sees by whom;
 * so does a key that was recorded without the account's lock.
 */
function changeLocked(
  { db, ledgerId, currencies }: AccountContext,
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
      // The end of the audit log is locked last.
      if (decision.event !== null) {
        made.push(await insertAuditEvent(trx, ledgerId, decision.event, requestId));
      }
      return { code: 'UPDATED', account: changed, replayed: decision.replayed };
    });
}

function hasHolds({ pendingDebits, pendingCredits }: Account): boolean {
  return pendingDebits !== 0n || pendingCredits !== 0n;
}
