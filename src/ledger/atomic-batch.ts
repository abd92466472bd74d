/**
 * An ATOMIC batch: one database transaction and one block for all its operations.
 *
 * Every account is locked at the start; then the operations are decided in slices, with a turn of the event loop between, and
 * written by one statement, so that the ledger's row is locked for no longer than by any batch. At the first refusal nothing
 * is written but the culprit's answer, if its key is to answer so forever.
 */
import { setImmediate } from 'node:timers/promises';
import type { ControlledTransaction } from 'kysely';
import { type Culprit, findRecordedCulprit } from '../core/atomic.ts';
import { type Book, openBook } from '../core/book.ts';
import type { Command, PlannedCommand, Target, TargetName } from '../core/command.ts';
import { decide, isRecorded, recordRefusal } from '../core/decide.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import { formatId, type Uuid } from '../core/ids.ts';
import type { BatchProcessed, Outcome, Posted, Transaction } from '../core/transaction.ts';
import { blockOf, lockAndFind } from '../db/journal.ts';
import type { DB } from '../db/tables.ts';
import { findRecorded } from '../db/transactions.ts';
import { type BatchContext, findTargets, nameAll, randomBits } from './batch.ts';
import { untilAnswered } from './failures.ts';
import type { Scene } from './foresight.ts';
import type { Names } from './names.ts';

/** How long its caller waits at most while the database does not answer. */
const ANSWER_AFTER_MS = 60_000;

type Trx = ControlledTransaction<DB>;
/** What names an earlier operation of the batch is planned once that one is posted. */
type Step = PlannedCommand | Command;

/** Posts all operations, or none. `slices` are in order. */
export async function postAtomic(
  context: BatchContext,
  names: Names,
  slices: readonly (readonly Command[])[],
): Promise<BatchProcessed | Refusal> {
  const attempt = async () => {
    const steps = await planSlices(names, slices, madeIds);
    if (!Array.isArray(steps)) return steps as Refusal;
    const trx = await context.db.startTransaction().setIsolationLevel('read committed').execute();
    try {
      const answer = await new AtomicBatch(context, names, trx, madeIds).post(steps);
      await trx.commit().execute();
      return answer;
    } catch (error) {
      if (!trx.isCommitted && !trx.isRolledBack) await trx.rollback().execute();
      throw error;
    }
  };
  // Ids that attempts made, by the operation's place: they tell our own effects from others'.
  const madeIds = slices.flat().map(() => new Set<Uuid>());
  return untilAnswered(() => context.currencies.reading(attempt), ANSWER_AFTER_MS);
}

/** Looks the names up; those of operations of the batch itself are left for later. */
async function planSlices(
  names: Names,
  slices: readonly (readonly Command[])[],
  madeIds: readonly Set<Uuid>[],
): Promise<Step[][] | Refusal> {
  const taken = new Set<string>();
  const steps: Step[][] = [];
  let first = 0;
  for (const slice of slices) {
    await setImmediate();
    const planned = await Promise.all(slice.map((command) => names.plan(command)));
    const row: Step[] = [];
    for (const [place, command] of slice.entries()) {
      const plan = planned[place];
      const name = command.target?.name;
      if (plan === undefined) throw new TypeError('each command is planned');
      if (!isRefusal(plan)) row.push(withMadeIds(plan, madeIds[first + place]));
      else if (name?.by === 'externalId' && taken.has(name.externalId)) row.push(command);
      else return aborted({ place: first + place, refusal: plan });
    }
    steps.push(row);
    for (const { externalId } of slice) if (externalId !== null) taken.add(externalId);
    first += slice.length;
  }
  return steps;
}

class AtomicBatch {
  readonly #context: BatchContext;
  readonly #names: Names;
  readonly #trx: Trx;
  readonly #madeIds: readonly Set<Uuid>[];
  /** What this attempt made, and of that what later operations may name by an externalId. */
  readonly #made = new Set<Uuid>();
  readonly #posted = new Map<string, Transaction>();

  constructor(context: BatchContext, names: Names, trx: Trx, madeIds: readonly Set<Uuid>[]) {
    this.#context = context;
    this.#names = names;
    this.#trx = trx;
    this.#madeIds = madeIds;
  }

  async post(slices: readonly (readonly Step[])[]): Promise<BatchProcessed | Refusal> {
    const { ledgerId, currencies, foresight, answered } = this.#context;
    const steps = slices.flat();
    const planned = steps.filter(isPlanned);
    const named = nameAll(planned);
    const { recorded, ...findings } = await lockAndFind(this.#trx, ledgerId, named, currencies.of);
    answered();
    foresight.forget(named.accounts);
    const scene: Scene = {
      ...findings,
      ...(await findTargets(this.#trx, this.#context, planned)),
      recorded: await findRecorded(this.#trx, ledgerId, recorded, currencies.of),
    };
    const culprit = findRecordedCulprit(scene, planned);
    const command = culprit && planned[culprit.place];
    if (culprit !== undefined && command !== undefined) {
      return aborted({ ...culprit, place: steps.indexOf(command) });
    }
    return this.#postSlices(slices, scene);
  }

  async #postSlices(slices: readonly (readonly Step[])[], scene: Scene): Promise<BatchProcessed | Refusal> {
    const book = openBook({ ...copyOf(scene), random: randomBits() });
    const outcomes: Outcome[] = [];
    for (const slice of slices) {
      await setImmediate();
      for (const step of slice) {
        const command = isPlanned(step) ? step : this.#planBehind(step, book, outcomes.length);
        const [decision] = isRefusal(command) ? [{ outcome: command, id: null }] : decide(book, [command]);
        if (decision === undefined) throw new TypeError('each command is decided');
        const { outcome, id } = decision;
        if (outcome.code !== 'POSTED') {
          const culprit = { place: outcomes.length, refusal: this.#asItStands(outcome) };
          if (!isRefusal(command)) await this.#recordCulprit(command, culprit.refusal, scene);
          return aborted(culprit);
        }
        outcomes.push(outcome);
        if (id !== null) this.#note(outcome, id, outcomes.length - 1);
      }
    }
    await setImmediate();
    await this.#write(book);
    return { code: 'PROCESSED', outcomes };
  }

  async #write(book: Book): Promise<void> {
    for (const statement of blockOf(this.#context.ledgerId, book)) {
      await this.#trx.executeQuery(statement);
      this.#context.answered();
    }
  }

  #note({ transaction }: Posted, id: Uuid, place: number): void {
    this.#made.add(id);
    this.#madeIds[place]?.add(id);
    if (transaction.externalId !== null) this.#posted.set(transaction.externalId, transaction);
  }

  /** On what was found, as if the batch had been this operation alone. */
  async #recordCulprit(command: PlannedCommand, refusal: Refusal, scene: Scene): Promise<void> {
    if (!isRecorded(refusal) || refusal.replayed) return;
    const book = openBook({ ...copyOf(scene), random: randomBits() });
    const { id } = recordRefusal(book, command, refusal);
    if (id !== null) command.madeIds.add(id);
    await this.#write(book);
  }

  /** The refusal without what went with the batch: its links show only what stands. */
  #asItStands(refusal: Refusal): Refusal {
    switch (refusal.code) {
      case 'EXTERNAL_ID_TAKEN':
        return this.#made.has(refusal.facts.takenBy?.id ?? '')
          ? refuse('externalIdTaken', { takenBy: null })
          : refusal;
      case 'IDEMPOTENCY_CONFLICT':
        return this.#made.has(refusal.facts.transaction ?? '')
          ? refuse('keyUsedOtherwise', { ...refusal.facts, transaction: null })
          : refusal;
      case 'HOLD_EXPIRED':
      case 'HOLD_NOT_OPEN':
      case 'HOLD_AMOUNT_EXCEEDED':
        return this.#made.has(refusal.facts.hold)
          ? refuse('holdNotFound', { holdId: formatId('hold', refusal.facts.hold) })
          : refusal;
      case 'ALREADY_REVERSED':
      case 'NOT_REVERSIBLE':
        return this.#made.has(refusal.facts.transaction)
          ? refuse('transactionNotFound', {
              transactionId: formatId('transaction', refusal.facts.transaction),
            })
          : refusal;
      default:
        return refusal;
    }
  }

  /** Plans what names an operation of this very batch, which nobody else can see yet. */
  #planBehind(command: Command, book: Book, place: number): PlannedCommand | Refusal {
    const planned = this.#names.planBehind(command, ({ kind, name }: TargetName): Target | undefined => {
      const transaction = name.by === 'externalId' ? this.#posted.get(name.externalId) : undefined;
      if (transaction === undefined) return undefined;
      const { id, keyAccountId, entries } = transaction;
      const isThere = kind === 'hold' ? book.holds.has(id) : book.originals.has(id);
      if (!isThere) return undefined;
      return { id, keyAccountId, accounts: entries.map(({ accountId }) => accountId) };
    });
    return isRefusal(planned) ? planned : withMadeIds(planned, this.#madeIds[place]);
  }
}

function isPlanned(step: Step): step is PlannedCommand {
  return 'madeIds' in step;
}

function isRefusal(answer: PlannedCommand | Refusal): answer is Refusal {
  return 'code' in answer;
}

function withMadeIds(command: PlannedCommand, madeIds: Set<Uuid> | undefined): PlannedCommand {
  return madeIds === undefined ? command : { ...command, madeIds };
}

/** Its maps are carried forward; the scene itself stays what was found. */
function copyOf(scene: Scene): Scene {
  return {
    ...scene,
    accounts: new Map(scene.accounts),
    holds: new Map(scene.holds),
    originals: new Map(scene.originals),
    recorded: new Map(scene.recorded),
    externalIds: new Map(scene.externalIds),
  };
}

function aborted({ place, refusal }: Culprit): Refusal {
  return refuse('batchAborted', { index: place, cause: refusal });
}
