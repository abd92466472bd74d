/**
 * One batch, one database transaction: lock, read, decide, write, commit.
 *
 * | flight | statement           | what it is for                                                              |
 * |--------|---------------------|-----------------------------------------------------------------------------|
 * | 1      | start transaction   | read committed: each statement sees what others committed before it         |
 * |        | select … for update | every account that the batch names, lowest id first                         |
 * |        | select              | the keys' recorded outcomes, externalIds, the closed period, the clock      |
 * | 2      | with … insert       | transactions and entries; the triggers move the accounts and append a block |
 * |        | commit              | durable before anybody is answered                                          |
 *
 * The number of statements does not depend on the batch's size. A key's account is locked, so that nobody decides the same
 * key elsewhere. A batch of replays alone commits too: its commit waits behind that of the outcome which it repeats.
 */
import { randomBytes } from 'node:crypto';
import type { CompiledQuery } from 'kysely';
import type { PlannedCommand } from '../core/command.ts';
import { type Book, type Decision, decide, openBook } from '../core/decide.ts';
import type { Uuid } from '../core/ids.ts';
import type { Outcome } from '../core/transaction.ts';
import type { Database } from '../db/database.ts';
import { blockOf, lockAndFind, type Naming } from '../db/journal.ts';
import { findRecorded } from '../db/transactions.ts';
import type { Currencies } from './currencies.ts';
import { type Foresight, isSameScene, isTimely, type Scene } from './foresight.ts';

/** What a batch runs in, and who is told of each answer of the database. */
export interface BatchContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
  readonly foresight: Foresight;
  readonly answered: () => void;
}

/** Posts a batch; the outcomes are in the commands' order. An error says that nothing was done, or CommitUnknownError. */
export function postBatch(context: BatchContext, commands: readonly PlannedCommand[]): Promise<Outcome[]> {
  return context.currencies.reading(() => attempt(context, commands));
}

async function attempt(context: BatchContext, commands: readonly PlannedCommand[]): Promise<Outcome[]> {
  const { db, ledgerId, currencies, foresight, answered } = context;
  const line = foresight.join();
  return db
    .transaction()
    .setIsolationLevel('read committed')
    .execute(async (trx) => {
      const named = nameAll(commands);
      const ahead = decideAhead(context, line.before, named.accounts, commands);
      const { recorded, ...findings } = await lockAndFind(trx, ledgerId, named, currencies.of);
      answered();
      const found: Scene = {
        ...findings,
        recorded: await findRecorded(trx, ledgerId, recorded, currencies.of),
      };
      const early = ahead.take();
      const foreseen = early && isSameScene(early.scene, found);
      const stands = early && foreseen && isTimely(early.book.createdAt, found.clock);
      const { book, decisions, block } = stands ? early : decideOn(ledgerId, found, commands);
      foresight.learn(found, foreseen, book.accounts);
      line.leave();
      if (block !== null) {
        rememberIds(commands, decisions);
        await trx.executeQuery(block);
        answered();
      }
      return decisions.map(({ outcome }) => outcome);
    })
    .finally(line.leave);
}

/** A batch that is decided: what is left is to write its block. */
interface Decided {
  readonly scene: Scene;
  readonly book: Book;
  readonly decisions: readonly Decision[];
  readonly block: CompiledQuery | null;
}

/** Decides on what the locks will probably show, once the batches before are decided, unless it is `take`n first. */
function decideAhead(
  { ledgerId, foresight }: BatchContext,
  before: Promise<unknown>,
  ids: readonly Uuid[],
  commands: readonly PlannedCommand[],
): { readonly take: () => Decided | undefined } {
  let decided: Decided | undefined;
  let taken = false;
  const decideNow = () => {
    const scene = taken ? undefined : foresight.foresee(ids);
    if (scene !== undefined) decided = decideOn(ledgerId, scene, commands);
  };
  // What fails here fails again where the batch is decided on what was found, and is answered there.
  before.then(decideNow).catch(() => {});
  return {
    take: () => {
      taken = true;
      return decided;
    },
  };
}

function decideOn(ledgerId: Uuid, scene: Scene, commands: readonly PlannedCommand[]): Decided {
  const random = randomBytes(6).readUIntBE(0, 6);
  // The scene stays what it was: the book carries its accounts forward.
  const book = openBook({ ...scene, accounts: new Map(scene.accounts), random });
  const decisions = decide(book, commands);
  const block = book.recordings.length === 0 ? null : blockOf(ledgerId, book.createdAt, book.recordings);
  return { scene, book, decisions, block };
}

function nameAll(commands: readonly PlannedCommand[]): Naming {
  const accounts = new Set<Uuid>();
  for (const { keyAccount, legs } of commands) {
    accounts.add(keyAccount.id);
    for (const { account } of legs) if (account.id !== undefined) accounts.add(account.id);
  }
  return {
    accounts: [...accounts],
    keys: commands.map(({ keyAccount, idempotencyKey }) => [keyAccount.id, idempotencyKey]),
    externalIds: commands.flatMap(({ externalId }) => externalId ?? []),
  };
}

/** From here on COMMIT may make the outcomes stand without our hearing of it: their ids tell our own effects from others'. */
function rememberIds(commands: readonly PlannedCommand[], decisions: readonly Decision[]): void {
  for (const [place, { id }] of decisions.entries()) if (id !== null) commands[place]?.madeIds.add(id);
}
