/** The steps that every batch has in common: what it names, what is found of that, and what is decided on it. */
import { randomBytes } from 'node:crypto';
import type { CompiledQuery, Transaction as Trx } from 'kysely';
import { decideAtomic, resolveStep } from '../../core/decide/atomic.ts';
import { type Book, type BookState, openBook } from '../../core/decide/book.ts';
import type { PlannedCommand } from '../../core/decide/command.ts';
import { decide, type UnitDecision } from '../../core/decide/decide.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { findHolds } from '../../db/holds.ts';
import { blockOf } from '../../db/journal/block.ts';
import { lockAndFind, type Naming } from '../../db/journal/locking.ts';
import { findOriginals } from '../../db/journal/originals.ts';
import { findRecorded } from '../../db/journal/transactions.ts';
import type { Database } from '../../db/postgres/database.ts';
import type { DB } from '../../db/tables.ts';
import type { Currencies } from '../currencies.ts';
import type { Work } from './turns.ts';
import type { Unit } from './unit.ts';

/** What a batch runs in. `answered` is called at each answer of the database. */
export interface BatchContext {
  readonly db: Database;
  readonly ledgerId: Uuid;
  readonly currencies: Currencies;
  readonly answered: () => void;
}

/** What a batch is decided on, all but the randomness of its ids. */
export type Findings = Omit<BookState, 'random'>;

/** Locks the accounts, then reads everything else that the units name. */
export async function findAll(
  trx: Trx<DB>,
  { ledgerId, currencies, answered }: BatchContext,
  named: Naming,
  units: readonly Unit[],
): Promise<Findings> {
  const { recorded, ...found } = await lockAndFind(trx, ledgerId, named, currencies.of);
  answered();
  const commands = units.flatMap(
    ({ commands, steps }) => steps?.map((step) => resolveStep(found, step)) ?? commands,
  );
  return {
    ...found,
    ...(await findTargets(trx, { ledgerId, currencies }, commands)),
    recorded: await findRecorded(trx, ledgerId, recorded, currencies.of),
  };
}

/** Runs one database transaction of a batch. */
export function transaction<T>({ db }: BatchContext, run: (trx: Trx<DB>) => Promise<T>): Promise<T> {
  return db.transaction().setIsolationLevel('read committed').execute(run);
}

/** A batch that is decided: what is left is to write its block. */
export interface Decided {
  readonly book: Book;
  /** Of each unit. */
  readonly decisions: readonly UnitDecision[];
  /** Statements that write it; none where nothing is recorded. */
  readonly block: readonly CompiledQuery[];
}

export function* decideOn(ledgerId: Uuid, found: Findings, units: readonly Unit[]): Work<Decided> {
  const book = openBookOn(found);
  const decisions: UnitDecision[] = [];
  for (const unit of units) decisions.push(yield* decideUnit(book, unit));
  return { book, decisions, block: yield* blockOf(ledgerId, book) };
}

function* decideUnit(book: Book, { commands, steps }: Unit): Work<UnitDecision> {
  if (steps !== undefined) return yield* decideAtomic(book, steps);
  const decisions = decide(book, commands);
  return { answer: decisions.map(({ outcome }) => outcome), ids: decisions.map(({ id }) => id) };
}

/** Opens a book on what was found; it carries its own maps forward. */
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

/** What a batch names, all commands together. */
export function nameAll(units: readonly Unit[]): Naming {
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

/** The holds and originals that the batch names, as they stand now that their accounts are locked. */
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
 * From here on COMMIT may make the outcomes stand without an answer: the ids that were made for a command tell its own effects
 * from those of others.
 */
export function rememberIds(units: readonly Unit[], decisions: readonly UnitDecision[]): void {
  for (const [place, { commands }] of units.entries()) {
    for (const [each, id] of decisions[place]?.ids.entries() ?? []) {
      if (id !== null) commands[each]?.madeIds.add(id);
    }
  }
}
