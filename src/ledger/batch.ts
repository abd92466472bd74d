/**
 * One batch, one database transaction: lock, read, decide, write, commit.
 *
 * | statement            | what it is for                                                              |
 * |----------------------|-----------------------------------------------------------------------------|
 * | start transaction    | read committed: each statement sees what others committed before it         |
 * | select … for update  | every account that the batch names, lowest id first                         |
 * | select               | the keys' recorded outcomes, externalIds, the closed period, the clock      |
 * | with … insert        | transactions and entries; the triggers move the accounts and append a block |
 * | commit               | durable before anybody is answered                                          |
 *
 * The number of statements does not depend on the batch's size. A key's account is locked, so that nobody decides the same
 * key elsewhere. A batch of replays alone commits too: its commit waits behind that of the outcome which it repeats.
 */
import { randomBytes } from 'node:crypto';
import { merkleRoot } from '../core/chain.ts';
import type { PlannedCommand } from '../core/command.ts';
import { type Decision, decide, openBook } from '../core/decide.ts';
import type { Uuid } from '../core/ids.ts';
import type { Outcome } from '../core/transaction.ts';
import type { Database } from '../db/database.ts';
import { findBeside, lockAccounts, writeBlock } from '../db/journal.ts';
import { findRecorded } from '../db/transactions.ts';
import type { Currencies } from './currencies.ts';

/** What a batch runs in, and who is told of each answer of the database. */
export interface BatchContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
  readonly answered: () => void;
}

/** Posts a batch; the outcomes are in the commands' order. An error says that nothing was done, or CommitUnknownError. */
export function postBatch(context: BatchContext, commands: readonly PlannedCommand[]): Promise<Outcome[]> {
  return context.currencies.reading(() => attempt(context, commands));
}

async function attempt(
  { db, ledgerId, currencies, answered }: BatchContext,
  commands: readonly PlannedCommand[],
): Promise<Outcome[]> {
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx) => {
      const accounts = await lockAccounts(trx, ledgerId, accountIds(commands), currencies.of);
      answered();
      // What the lock did not return does not exist: its keys are not looked up.
      const keyed = commands.filter(({ keyAccount }) => accounts.has(keyAccount.id));
      const { recorded, ...beside } = await findBeside(
        trx,
        ledgerId,
        keyed.map(({ keyAccount }) => keyAccount.id),
        keyed.map(({ idempotencyKey }) => idempotencyKey),
        keyed.flatMap(({ externalId }) => externalId ?? []),
      );
      answered();
      const book = openBook({
        ...beside,
        accounts,
        recorded: await findRecorded(trx, ledgerId, recorded, currencies.of),
        random: randomBytes(6).readUIntBE(0, 6),
      });
      const decisions = decide(book, commands);
      if (book.recordings.length > 0) {
        rememberIds(commands, decisions);
        const root = merkleRoot(book.recordings.map(({ digest }) => digest));
        await writeBlock(trx, ledgerId, book.createdAt, root, book.recordings);
        answered();
      }
      return decisions.map(({ outcome }) => outcome);
    });
}

function accountIds(commands: readonly PlannedCommand[]): Uuid[] {
  const ids = new Set<Uuid>();
  for (const { keyAccount, legs } of commands) {
    ids.add(keyAccount.id);
    for (const { account } of legs) if (account.id !== undefined) ids.add(account.id);
  }
  return [...ids];
}

/** From here on COMMIT may make the outcomes stand without our hearing of it: their ids tell our own effects from others'. */
function rememberIds(commands: readonly PlannedCommand[], decisions: readonly Decision[]): void {
  for (const [place, { id }] of decisions.entries()) if (id !== null) commands[place]?.madeIds.add(id);
}
