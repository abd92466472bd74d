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
 *
 * Unseen. Where this process itself moved all the accounts last, it knows what the locks would show, and what is left goes in
 * one flight: start, lock, insert, commit. Such a batch is all new, posted transactions: each account has entries in it, which
 * the triggers let in only where they continue what stands there, and a key or an externalId that is taken is refused by its
 * unique key. Whatever refuses it, nothing was done, and the batch goes by the road above. Refusals, conditions, and what ends
 * holds or reverses are always decided on what the locks show.
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
import { blockOf, lockAndFind, type Naming, writeUnseen } from '../db/journal.ts';
import type { DB } from '../db/tables.ts';
import { findRecorded } from '../db/transactions.ts';
import type { Currencies } from './currencies.ts';
import { isPassing } from './failures.ts';
import { type Foresight, isSameScene, isTimely, type Line, type Scene } from './foresight.ts';

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
  const batch = { commands, named: nameAll(commands) };
  const line = context.foresight.join(batch.named.accounts);
  try {
    const unseen = await postUnseen(context, batch, line);
    return Array.isArray(unseen) ? unseen : await postFound(context, batch, line, unseen);
  } finally {
    line.leave();
  }
}

interface Batch {
  readonly commands: readonly PlannedCommand[];
  readonly named: Naming;
}

/** Decides on what the locks found; what was decided early, or is while they are waited for, stands where it is just that. */
function postFound(
  context: BatchContext,
  { commands, named }: Batch,
  line: Line,
  decided: Decided | undefined,
): Promise<Outcome[]> {
  const { ledgerId, currencies, foresight, answered } = context;
  return transaction(context, async (trx) => {
    const ahead =
      decided === undefined
        ? decideAhead(context, line.before, named.accounts, commands)
        : { take: () => decided };
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
    const fit = decisions.every(isPosted) && commands.every(isPlain);
    foresight.learn(found, { foreseen, fit }, book.accounts);
    line.leave();
    rememberIds(commands, decisions);
    for (const [place, statement] of block.entries()) {
      await trx.executeQuery(place === block.length - 1 ? follow(statement, COMMIT) : statement);
      answered();
    }
    return decisions.map(({ outcome }) => outcome);
  });
}

/** Decides on what is foreseen and writes it. Where that cannot be nothing is done, but it may be decided. */
async function postUnseen(
  context: BatchContext,
  { commands, named }: Batch,
  line: Line,
): Promise<Outcome[] | Decided | undefined> {
  const { ledgerId, foresight, answered } = context;
  if (!commands.every(isPlain) || !foresight.knows(named.accounts)) return undefined;
  if (line.before !== undefined) await decidedAndSent(line.before);
  const scene = foresight.foresee(named.accounts);
  if (scene === undefined) return undefined;
  const decided = decideOn(ledgerId, scene, commands);
  const { book, decisions, block } = decided;
  const [write] = block;
  if (write === undefined || block.length > 1 || !decisions.every(isPosted)) {
    foresight.noteUnwritten([]);
    return decided;
  }
  foresight.expect(scene, book.accounts);
  line.leave();
  rememberIds(commands, decisions);
  try {
    const clock = await transaction(context, (trx) => writeUnseen(trx, ledgerId, named.accounts, write));
    answered();
    foresight.noteWritten(clock);
    return decisions.map(({ outcome }) => outcome);
  } catch (error) {
    foresight.noteUnwritten(named.accounts);
    if (isPassing(error) === 'no answer') throw error;
    return undefined;
  }
}

/** Whether it is decided on the accounts that it moves alone, and was never sent before. */
function isPlain({ target, conditions, madeIds }: PlannedCommand): boolean {
  return target === null && conditions.length === 0 && madeIds.size === 0;
}

function isPosted({ id, outcome }: Decision): boolean {
  return id !== null && outcome.code === 'POSTED';
}

function transaction<T>({ db }: BatchContext, run: (trx: Trx<DB>) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('read committed').execute(run);
}

/** A turn after the batches before are decided they have sent what they write: PostgreSQL works on that meanwhile. */
function decidedAndSent(before: Promise<unknown>): Promise<unknown> {
  return before.then(() => setImmediate());
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
  before: Promise<unknown> | undefined,
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
  // What fails here fails again where the batch is decided on what was found, and is answered there.
  decidedAndSent(before ?? Promise.resolve())
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
