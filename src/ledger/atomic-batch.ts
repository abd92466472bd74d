/**
 * An ATOMIC batch: one database transaction and one block for all its operations.
 *
 * 1. Plan all operations, in the slices of an INDEPENDENT batch. The target of an operation that names an earlier one of the
 *    batch is pending: its accounts are known, its id is not.
 * 2. Lock every account and read what all keys, externalIds and targets stand for.
 * 3. The first recorded refusal or conflict of a key aborts the batch.
 * 4. Decide slice by slice, with a turn of the event loop between. The first refusal aborts the batch: only it is recorded, if
 *    its key is to keep it.
 * 5. Write everything by one statement, so that the ledger's row is locked for no longer than by any batch.
 */
import { randomUUID } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { Transaction as Trx } from 'kysely';
import { type Culprit, findRecordedCulprit } from '../core/atomic.ts';
import { attemptKey, type Book } from '../core/book.ts';
import { type Command, type PlannedCommand, plan, type Target, type TargetName } from '../core/command.ts';
import { decide, isRecorded, recordRefusal } from '../core/decide.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import { formatId, type Uuid } from '../core/ids.ts';
import type { BatchProcessed, Outcome } from '../core/transaction.ts';
import { blockOf, lockAndFind } from '../db/journal.ts';
import type { DB } from '../db/tables.ts';
import { findRecorded } from '../db/transactions.ts';
import { type Findings, findTargets, nameAll, openBookOn, transaction } from './deciding.ts';
import { untilAnswered } from './failures.ts';
import type { Names } from './names.ts';
import type { PostingContext } from './optimistic.ts';

/** How long its caller waits at most while the database does not answer. */
const ANSWER_AFTER_MS = 60_000;

/** An operation as its caller sent it, and as it is planned. */
interface Step {
  readonly command: Command;
  readonly planned: PlannedCommand;
}

/** Posts all operations, or none. `slices` are in order, each without an operation that names another one of its slice. */
export async function postAtomic(
  context: PostingContext,
  names: Names,
  slices: readonly (readonly Command[])[],
): Promise<BatchProcessed | Refusal> {
  // Ids that attempts made, by the operation's place: they tell our own effects from others'.
  const madeIds = slices.flat().map(() => new Set<Uuid>());
  const attempt = async () => {
    const pending = new PendingTargets();
    const steps = await planSlices(names, pending, slices, madeIds);
    if ('code' in steps) return steps;
    return transaction(context, (trx) => new AtomicBatch(context, pending, trx).post(steps.slices));
  };
  return untilAnswered(() => context.currencies.reading(attempt), ANSWER_AFTER_MS);
}

async function planSlices(
  names: Names,
  pending: PendingTargets,
  slices: readonly (readonly Command[])[],
  madeIds: readonly Set<Uuid>[],
): Promise<{ readonly slices: Step[][] } | Refusal> {
  const planned: Step[][] = [];
  let first = 0;
  for (const slice of slices) {
    await setImmediate();
    const answers = await Promise.all(slice.map((command) => names.plan(command, pending.find)));
    const steps: Step[] = [];
    for (const [place, command] of slice.entries()) {
      const answer = answers[place];
      const ids = madeIds[first + place];
      if (answer === undefined || ids === undefined) throw new TypeError('each command is planned');
      if ('code' in answer) return aborted({ place: first + place, refusal: answer });
      steps.push({ command, planned: { ...answer, madeIds: ids } });
    }
    for (const step of steps) pending.add(step);
    planned.push(steps);
    first += slice.length;
  }
  return { slices: planned };
}

/** What operations of the batch make under an externalId, for later ones that name it. */
class PendingTargets {
  readonly #byName = new Map<string, Target & { readonly isHold: boolean }>();
  /** What stands in place of an id until that is known, and the ids that are. */
  readonly #names = new Set<Uuid>();
  readonly #ids = new Map<Uuid, Uuid>();

  readonly find = ({ kind, name }: TargetName): Target | undefined => {
    const target = name.by === 'externalId' ? this.#byName.get(name.externalId) : undefined;
    return target === undefined || (kind === 'hold' && !target.isHold) ? undefined : target;
  };

  add({ planned: { type, externalId, keyAccount, accounts } }: Step): void {
    if (externalId === null || this.#byName.has(externalId)) return;
    const target = { id: randomUUID(), keyAccountId: keyAccount.id, accounts, isPending: true } as const;
    this.#byName.set(externalId, { ...target, isHold: type === 'HOLD' });
    this.#names.add(target.id);
  }

  /** The transaction that was made under an externalId is known. */
  settle(externalId: string | null, id: Uuid): void {
    const target = this.#byName.get(externalId ?? '');
    if (target !== undefined) this.#ids.set(target.id, id);
  }

  /** Whether the step names an operation of the batch that no recorded transaction stands for. */
  isOpen({ planned: { target } }: Step, made: ReadonlySet<Uuid>): boolean {
    const isPending = this.#names.has(target?.id ?? '');
    const id = this.#ids.get(target?.id ?? '');
    return isPending && (id === undefined || made.has(id));
  }

  /** The planned command, with the id of its target as soon as that is known. */
  resolve({ command, planned }: Step): PlannedCommand {
    const id = this.#ids.get(planned.target?.id ?? '');
    if (id === undefined) return planned;
    const { keyAccount, accounts, salt, madeIds } = planned;
    const resolved = plan(command, {
      account: () => undefined,
      external: () => undefined,
      target: () => ({ id, keyAccountId: keyAccount.id, accounts }),
      salt: () => salt ?? new Uint8Array(),
    });
    if ('code' in resolved) throw new TypeError('its target is there');
    return { ...resolved, madeIds };
  }
}

class AtomicBatch {
  readonly #context: PostingContext;
  readonly #pending: PendingTargets;
  readonly #trx: Trx<DB>;
  /** Ids that this attempt made. */
  readonly #made = new Set<Uuid>();

  constructor(context: PostingContext, pending: PendingTargets, trx: Trx<DB>) {
    this.#context = context;
    this.#pending = pending;
    this.#trx = trx;
  }

  async post(slices: readonly (readonly Step[])[]): Promise<BatchProcessed | Refusal> {
    const steps = slices.flat();
    const found = await this.#find(steps);
    const culprit = findRecordedCulprit(
      found,
      steps.map((step) => this.#pending.resolve(step)),
    );
    if (culprit !== undefined) return aborted(culprit);

    const book = openBookOn(found);
    const outcomes: Outcome[] = [];
    for (const slice of slices) {
      await setImmediate();
      for (const step of slice) {
        const command = this.#pending.resolve(step);
        const [decision] = decide(book, [command]);
        if (decision === undefined) throw new TypeError('each command is decided');
        const { outcome, id } = decision;
        if (outcome.code !== 'POSTED') {
          const refusal = this.#asItStands(outcome);
          await this.#recordCulprit(step, refusal, found);
          return aborted({ place: outcomes.length, refusal });
        }
        if (id !== null) {
          this.#made.add(id);
          command.madeIds.add(id);
        }
        this.#pending.settle(command.externalId, outcome.transaction.id);
        outcomes.push(outcome);
      }
    }
    await setImmediate();
    await this.#write(book);
    return { code: 'PROCESSED', outcomes };
  }

  /** Locks the accounts and reads everything else that the steps name. */
  async #find(steps: readonly Step[]): Promise<Findings> {
    const { ledgerId, currencies, memory, answered } = this.#context;
    const named = nameAll(steps.map(({ planned }) => planned));
    const { recorded: ids, ...found } = await lockAndFind(this.#trx, ledgerId, named, currencies.of);
    answered();
    memory.forget(named.accounts);
    const recorded = await findRecorded(this.#trx, ledgerId, ids, currencies.of);
    // Another process may have posted an operation since it was planned: then later ones that name it mean that one.
    for (const { planned } of steps) {
      const earlier = recorded.get(attemptKey(planned.keyAccount.id, planned.idempotencyKey ?? ''));
      if (earlier?.outcome.code === 'POSTED') this.#pending.settle(planned.externalId, earlier.id);
    }
    const resolved = steps.map((step) => this.#pending.resolve(step));
    return { ...found, ...(await findTargets(this.#trx, this.#context, resolved)), recorded };
  }

  async #write(book: Book): Promise<void> {
    for (const statement of blockOf(this.#context.ledgerId, book)) {
      await this.#trx.executeQuery(statement);
      this.#context.answered();
    }
  }

  /** On what was found, as if the batch had been this operation alone. */
  async #recordCulprit(step: Step, refusal: Refusal, found: Findings): Promise<void> {
    if (!isRecorded(refusal) || refusal.replayed) return;
    // What it names of the batch is gone when that aborts: then its request stays as it was planned, by that name.
    const command = this.#pending.isOpen(step, this.#made)
      ? { ...step.planned, target: null }
      : this.#pending.resolve(step);
    const book = openBookOn(found);
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
}

function aborted({ place, refusal }: Culprit): Refusal {
  return refuse('batchAborted', { index: place, cause: refusal });
}
