import type { PlannedCommand } from '../core/decide/command.ts';
import { decide } from '../core/decide/decide.ts';
import type { Refusal } from '../core/errors.ts';
import type { Entry } from '../core/transaction.ts';
import { findAccounts } from '../db/accounts.ts';
import { findTransactionIds } from '../db/journal/transactions.ts';
import { findPresent } from '../db/ledgers.ts';
import type { AccountContext } from './accounts.ts';
import { findTargets, openBookOn } from './commit/deciding.ts';

/** The entries that a command would have. */
export interface Preview {
  readonly code: 'PREVIEWED';
  readonly entries: readonly Entry[];
}

/**
 * Decides a command on the present books, in one snapshot and without locks. The outcome of the real command can differ, because
 * others may be posted before it. The command's key is ignored and nothing is recorded, not even a refusal.
 */
export function previewOf(
  { db, ledgerId, currencies }: Omit<AccountContext, 'actor'>,
  command: PlannedCommand,
): Promise<Preview | Refusal> {
  const { accounts: ids, externalId } = command;
  const snapshot = db.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  return snapshot.execute(async (trx) => {
    const accounts = await findAccounts(trx, ledgerId, ids, currencies.of);
    const book = openBookOn({
      ...(await findPresent(trx, ledgerId)),
      accounts: new Map(accounts.map((account) => [account.id, account])),
      ...(await findTargets(trx, { ledgerId, currencies }, [command])),
      externalIds: externalId === null ? new Map() : await findTransactionIds(trx, ledgerId, [externalId]),
      recorded: new Map(),
    });
    const [decision] = decide(book, [command]);
    if (decision === undefined) throw new TypeError('each command has an outcome');
    const { outcome } = decision;
    return outcome.code === 'POSTED'
      ? { code: 'PREVIEWED', entries: outcome.transaction.entries }
      : { ...outcome, recorded: false };
  });
}
