import type { Account } from '../core/account.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { Uuid } from '../core/ids.ts';
import { type AccountChange, changeAccount } from '../core/update-account.ts';
import { countOpenHolds, findAccountIds, lockAccount, updateAccount } from '../db/accounts.ts';
import type { AccountContext } from './accounts.ts';
import { untilAnswered } from './failures.ts';

export interface AccountUpdated {
  readonly code: 'UPDATED';
  readonly account: Account;
}

/**
 * Changes an account. `find` resolves its name, and answers undefined where that stands for nothing. The account's row is
 * locked, as by everything that moves it: what is decided on it stands until it is written.
 */
export function changeAccountOf(
  context: AccountContext,
  accountId: string,
  change: AccountChange,
  find: () => Promise<Uuid | undefined>,
): Promise<AccountUpdated | Refusal> {
  return untilAnswered(async () => {
    const id = await find();
    const account =
      id === undefined
        ? undefined
        : await context.currencies.reading(() => changeLocked(context, id, change));
    if (account === undefined) return refuse('keyAccountNotFound', { accountId });
    return 'facts' in account ? account : { code: 'UPDATED', account };
  });
}

/** undefined: there is no such account. An externalId that somebody takes in this moment fails, and the next attempt sees by whom. */
function changeLocked(
  { db, ledgerId, currencies }: AccountContext,
  id: Uuid,
  change: AccountChange,
): Promise<Account | Refusal | undefined> {
  const wanted = change.kind === 'UPDATE' ? change.externalId : null;
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx) => {
      const account = await lockAccount(trx, ledgerId, id, currencies.of);
      if (account === undefined) return undefined;
      const changed = changeAccount(account, change, {
        takenBy: wanted === null ? undefined : (await findAccountIds(trx, ledgerId, [wanted])).get(wanted),
        openHolds: change.kind === 'CLOSE' && hasHolds(account) ? await countOpenHolds(trx, ledgerId, id) : 0,
      });
      return 'facts' in changed || changed === account
        ? changed
        : updateAccount(trx, ledgerId, changed, currencies.of);
    });
}

function hasHolds({ pendingDebits, pendingCredits }: Account): boolean {
  return pendingDebits !== 0n || pendingCredits !== 0n;
}
