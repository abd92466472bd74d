/** The functions that optimistic and regular batches share: collect the names, find them, decide, and prepare the block. */
import { randomBytes } from 'node:crypto';
import type { CompiledQuery, Transaction as Trx } from 'kysely';
import { decideAtomic, resolveOperation } from '../../core/decide/atomic.ts';
import { type Book, type BookState, openBook } from '../../core/decide/book.ts';
import type { PlannedCommand } from '../../core/decide/command.ts';
import { decide, type UnitDecision } from '../../core/decide/decide.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findHolds } from '../../db/holds.ts';
import { blockOf } from '../../db/journal/block.ts';
import { type BatchNames, lockAndFind } from '../../db/journal/locking.ts';
import { findOriginals } from '../../db/journal/originals.ts';
import { findRecorded } from '../../db/journal/transactions.ts';
import type { Database } from '../../db/postgres/database.ts';
import type { DB } from '../../db/tables.ts';
import type { Currencies } from '../currencies.ts';
import type { Work } from './turns.ts';
import type { Unit } from './unit.ts';

/** The context of a batch. */
export interface BatchContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
  /** Called at each answer of the database. */
  readonly onAnswer: () => void;
}

/** Everything that a batch is decided on, except the randomness of its ids. */
export type Findings = Omit<BookState, 'random'>;

/** Locks the accounts, then reads everything else that the units refer to. */
export async function findAll(
  trx: Trx<DB>,
  { ledgerId, currencies, onAnswer }: BatchContext,
  names: BatchNames,
  units: readonly Unit[],
): Promise<Findings> {
  const { recorded, ...found } = await lockAndFind(trx, ledgerId, names, currencies.of);
  onAnswer();
  const commands = units.flatMap(
    ({ commands, atomic }) => atomic?.map((operation) => resolveOperation(found, operation)) ?? commands,
  );
  return {
    ...found,
    ...(await findTargets(trx, { ledgerId, currencies }, commands)),
    recorded: await findRecorded(trx, ledgerId, recorded, currencies.of),
  };
}

/** Runs the database transaction of a batch. */
export function transaction<T>({ db }: BatchContext, run: (trx: Trx<DB>) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('read committed').execute(run);
}

/** A batch that is decided and whose block is not written yet. */
export interface Decided {
  readonly book: Book;
  /** One per unit. */
  readonly decisions: readonly UnitDecision[];
  /** The statements that write the block. Empty if nothing is to be recorded. */
  readonly block: readonly CompiledQuery[];
}

export function* decideOn(ledgerId: Uuid, found: Findings, units: readonly Unit[]): Work<Decided> {
  const book = openBookOn(found);
  const decisions: UnitDecision[] = [];
  for (const unit of units) decisions.push(yield* decideUnit(book, unit));
  return { book, decisions, block: yield* blockOf(ledgerId, book) };
}

function* decideUnit(book: Book, { commands, atomic }: Unit): Work<UnitDecision> {
  if (atomic !== undefined) return yield* decideAtomic(book, atomic);
  const decisions = decide(book, commands);
  return { answer: decisions.map(({ outcome }) => outcome), ids: decisions.map(({ id }) => id) };
}

/** Opens a book on the findings. The book changes its own copies of the maps. */
export function openBookOn(found: Findings): Book {
  return openBook({
    ...found,
    accounts: new Map(found.accounts),
    holds: new Map(found.holds),
    originals: new Map(found.originals),
    recorded: new Map(found.recorded),
    externalIds: new Map(found.externalIds),
    random: randomBytes(6).readUIntBE(0, 6),
  });
}

/** Collects the accounts, keys and externalIds of all commands. */
export function collectNames(units: readonly Unit[]): BatchNames {
  const commands = units.flatMap((unit) => unit.commands);
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

/** Reads the holds and original transactions that commands refer to. Their accounts are locked, so that they do not change. */
export async function findTargets(
  trx: Trx<DB>,
  { ledgerId, currencies }: Pick<BatchContext, 'ledgerId' | 'currencies'>,
  commands: readonly PlannedCommand[],
): Promise<Pick<Findings, 'holds' | 'originals'>> {
  const idsOf = (kind: 'hold' | 'transaction') => [
    ...new Set(
      commands.flatMap(({ target }) =>
        target?.kind === kind && target.pending === undefined ? target.id : [],
      ),
    ),
  ];
  const holds = await findHolds(trx, ledgerId, idsOf('hold'), currencies.of);
  const originals = await findOriginals(trx, ledgerId, idsOf('transaction'), currencies.of);
  return {
    holds: new Map(holds.map((hold) => [hold.id, hold])),
    originals: new Map(originals.map((original) => [original.transaction.id, original])),
  };
}

/**
 * Stores the ids in their commands. Call it before the write: if the outcome of COMMIT is unknown, a later attempt recognizes the
 * command's own recorded outcome by these ids.
 */
export function rememberIds(units: readonly Unit[], decisions: readonly UnitDecision[]): void {
  for (const [place, { commands }] of units.entries()) {
    for (const [each, id] of decisions[place]?.ids.entries() ?? []) {
      if (id !== null) commands[each]?.madeIds.add(id);
    }
  }
}
