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
import { setImmediate } from 'node:timers/promises';
import type { CompiledQuery, Transaction as Trx } from 'kysely';
import { type Book, openBook } from '../core/book.ts';
import type { PlannedCommand } from '../core/command.ts';
import { type Decision, decide } from '../core/decide.ts';
import type { Uuid } from '../core/ids.ts';
import type { Outcome } from '../core/transaction.ts';
import { COMMIT, follow } from '../db/checked-pool.ts';
import type { Database } from '../db/database.ts';
import { findHolds, findOriginals } from '../db/holds.ts';
import { blockOf, lockAndFind, type Naming } from '../db/journal.ts';
import type { DB } from '../db/tables.ts';
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
        ...(await findTargets(trx, context, commands)),
        recorded: await findRecorded(trx, ledgerId, recorded, currencies.of),
      };
      const early = ahead.take();
      const foreseen = early && isSameScene(early.scene, found);
      const stands = early && foreseen && isTimely(early.book.createdAt, found.clock);
      const { book, decisions, block } = stands ? early : decideOn(ledgerId, found, commands);
      foresight.learn(found, foreseen, book.accounts);
      line.leave();
      rememberIds(commands, decisions);
      for (const [place, statement] of block.entries()) {
        await trx.executeQuery(place === block.length - 1 ? follow(statement, COMMIT) : statement);
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
  /** Statements that write it; none where nothing is recorded. */
  readonly block: readonly CompiledQuery[];
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
  // What holds and originals have become is not foreseen.
  const hasTargets = commands.some(({ target }) => target !== null);
  const decideNow = () => {
    const scene = taken || hasTargets ? undefined : foresight.foresee(ids);
    if (scene !== undefined) decided = decideOn(ledgerId, scene, commands);
  };
  // A turn later the batch before has sent what it writes: PostgreSQL works on that meanwhile.
  // What fails here fails again where the batch is decided on what was found, and is answered there.
  before
    .then(() => setImmediate())
    .then(decideNow)
    .catch(() => {});
  return {
    take: () => {
      taken = true;
      return decided;
    },
  };
}

function decideOn(ledgerId: Uuid, scene: Scene, commands: readonly PlannedCommand[]): Decided {
  // The scene stays what it was: the book carries its accounts forward.
  const book = openBook({ ...scene, accounts: new Map(scene.accounts), random: randomBits() });
  const decisions = decide(book, commands);
  return { scene, book, decisions, block: blockOf(ledgerId, book) };
}

/** For the ids of a block. */
export function randomBits(): number {
  return randomBytes(6).readUIntBE(0, 6);
}

/** What a batch names, all commands together. */
export function nameAll(commands: readonly PlannedCommand[]): Naming {
  const accounts = new Set<Uuid>();
  for (const command of commands) for (const account of command.accounts) accounts.add(account);
  return {
    accounts: [...accounts],
    keys: commands.flatMap(({ keyAccount, idempotencyKey }) =>
      idempotencyKey === null ? [] : [[keyAccount.id, idempotencyKey] as const],
    ),
    externalIds: commands.flatMap(({ externalId }) => externalId ?? []),
  };
}

/** The holds and originals that the batch names, as they stand now that their accounts are locked. */
export async function findTargets(
  trx: Trx<DB>,
  { ledgerId, currencies }: Pick<BatchContext, 'ledgerId' | 'currencies'>,
  commands: readonly PlannedCommand[],
): Promise<Pick<Scene, 'holds' | 'originals'>> {
  const idsOf = (kind: 'hold' | 'transaction') => [
    ...new Set(commands.flatMap(({ target }) => (target?.kind === kind ? target.id : []))),
  ];
  const holds = await findHolds(trx, ledgerId, idsOf('hold'), currencies.of);
  const originals = await findOriginals(trx, ledgerId, idsOf('transaction'), currencies.of);
  return {
    holds: new Map(holds.map((hold) => [hold.id, hold])),
    originals: new Map(originals.map((original) => [original.transaction.id, original])),
  };
}

/** From here on COMMIT may make the outcomes stand without our hearing of it: their ids tell our own effects from others'. */
function rememberIds(commands: readonly PlannedCommand[], decisions: readonly Decision[]): void {
  for (const [place, { id }] of decisions.entries()) if (id !== null) commands[place]?.madeIds.add(id);
}
