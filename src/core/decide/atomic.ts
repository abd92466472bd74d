/**
 * Decides ATOMIC batches: either all operations are posted, or none is and the batch returns the refusal of the first operation
 * that could not be posted.
 *
 * An operation may target a hold or transaction that an earlier operation of the batch creates. Such a target is pending when
 * the batch is planned: its accounts are known, its id is not. The book has the id, under the target's externalId, as soon as
 * the earlier operation is decided.
 */

import { type Refusal, refuse } from '../errors.ts';
import type { Outcome } from '../transaction.ts';
import { formatId, type Uuid } from '../values/ids.ts';
import { attemptKey, type Book, draftOf } from './book.ts';
import { type Command, type PlannedCommand, plan, type Target, type TargetName } from './command.ts';
import { decide, isRecorded, type UnitDecision } from './decide.ts';
import { recordRefusal } from './record-outcome.ts';
import { replay } from './replay.ts';

/** An operation of a batch, as requested and as planned. */
export interface AtomicOperation {
  readonly command: Command;
  readonly planned: PlannedCommand;
}

/** The holds and transactions that a batch creates under an externalId, for later operations of the batch that name them. */
export class PendingTargets {
  readonly #byName = new Map<string, Target & { readonly isHold: boolean }>();

  readonly find = ({ kind, name }: TargetName): Target | undefined => {
    const target = name.by === 'externalId' ? this.#byName.get(name.externalId) : undefined;
    return target === undefined || (kind === 'hold' && !target.isHold) ? undefined : target;
  };

  add({ type, externalId, keyAccount, accounts }: PlannedCommand): void {
    if (externalId === null || this.#byName.has(externalId)) return;
    const target = { id: '', keyAccountId: keyAccount.id, accounts, pending: externalId };
    this.#byName.set(externalId, { ...target, isHold: type === 'HOLD' });
  }
}

/** Returns the planned command, with the id of a pending target once the book has it. */
export function resolveOperation(
  { externalIds }: Pick<Book, 'externalIds'>,
  { command, planned }: AtomicOperation,
) {
  const { target } = planned;
  const id = target?.pending === undefined ? undefined : externalIds.get(target.pending);
  if (id === undefined) return planned;
  const { keyAccount, accounts, salt, madeIds, actor } = planned;
  const lookUp = {
    account: () => undefined,
    external: () => undefined,
    target: () => ({ id, keyAccountId: keyAccount.id, accounts }),
    salt: () => salt ?? new Uint8Array(),
  };
  const resolved = plan(command, lookUp, actor);
  if ('code' in resolved) throw new TypeError(`a pending target is refused: ${resolved.code}`);
  return { ...resolved, madeIds };
}

/** The number of operations that are decided without a pause. */
const SLICE = 500;

/**
 * Decides a batch and updates the book: with all operations, or with the recorded refusal of the one that aborted the batch.
 * Operations whose key has a recorded decline or a conflict come first. It yields after every slice, so that the caller can let
 * the event loop run.
 */
export function* decideAtomic(
  book: Book,
  operations: readonly AtomicOperation[],
): Generator<void, UnitDecision> {
  const culprit = findRecordedCulprit(
    book,
    operations.map((operation) => resolveOperation(book, operation)),
  );
  if (culprit !== undefined) return { answer: aborted(culprit), ids: [] };

  const draft = draftOf(book);
  const outcomes: Outcome[] = [];
  const ids: (Uuid | null)[] = [];
  for (const [place, operation] of operations.entries()) {
    if (place > 0 && place % SLICE === 0) yield;
    const [decision] = decide(draft.book, [resolveOperation(draft.book, operation)]);
    if (decision === undefined) throw new TypeError('decide returned no decision');
    const { outcome, id } = decision;
    if (outcome.code !== 'POSTED') {
      const made = new Set(ids);
      const refusal = withoutBatch(outcome, made);
      ids.fill(null);
      ids.push(recordCulprit(book, operation, refusal, draft.book, made));
      return { answer: aborted({ place, refusal }), ids };
    }
    outcomes.push(outcome);
    ids.push(id);
  }
  draft.settle();
  return { answer: outcomes, ids };
}

/** The operation that aborts a batch, and its refusal. */
interface Culprit {
  readonly place: number;
  readonly refusal: Refusal;
}

/**
 * Returns the first operation whose key has a recorded decline or was used for another request. Operations whose key has already
 * posted count as done.
 */
function findRecordedCulprit(
  { recorded }: Pick<Book, 'recorded'>,
  commands: readonly PlannedCommand[],
): Culprit | undefined {
  for (const [place, command] of commands.entries()) {
    const { keyAccount, idempotencyKey } = command;
    const earlier = recorded.get(attemptKey(keyAccount.id, idempotencyKey ?? ''));
    if (earlier === undefined) continue;
    const outcome = replay(command, earlier);
    if (outcome.code !== 'POSTED') return { place, refusal: outcome };
  }
  return undefined;
}

/** Records a refusal as if the operation had been sent alone. Returns the id of the recording, null where nothing is recorded. */
function recordCulprit(
  book: Book,
  operation: AtomicOperation,
  refusal: Refusal,
  draft: Book,
  made: ReadonlySet<Uuid | null>,
): Uuid | null {
  if (!isRecorded(refusal) || refusal.replayed) return null;
  const { planned } = operation;
  const id =
    planned.target?.pending === undefined ? undefined : draft.externalIds.get(planned.target.pending);
  const targetIsGone = planned.target?.pending !== undefined && (id === undefined || made.has(id));
  // A target that this batch created does not exist after the abort. Then the request keeps its name instead of an id.
  const command = targetIsGone ? { ...planned, target: null } : resolveOperation(book, operation);
  return recordRefusal(book, command, refusal).id;
}

/** Returns the refusal without links to transactions and holds that are rolled back with the batch. */
function withoutBatch(refusal: Refusal, made: ReadonlySet<Uuid | null>): Refusal {
  const isGone = (id: Uuid | null | undefined) => id != null && made.has(id);
  switch (refusal.code) {
    case 'EXTERNAL_ID_TAKEN':
      return isGone(refusal.facts.takenBy?.id) ? refuse('externalIdTaken', { takenBy: null }) : refusal;
    case 'IDEMPOTENCY_CONFLICT':
      return isGone(refusal.facts.transaction)
        ? refuse('keyUsedOtherwise', { ...refusal.facts, transaction: null })
        : refusal;
    case 'HOLD_EXPIRED':
    case 'HOLD_NOT_OPEN':
    case 'HOLD_AMOUNT_EXCEEDED':
      return isGone(refusal.facts.hold)
        ? refuse('holdNotFound', { holdId: formatId('hold', refusal.facts.hold) })
        : refusal;
    case 'ALREADY_REVERSED':
    case 'NOT_REVERSIBLE':
      return isGone(refusal.facts.transaction)
        ? refuse('transactionNotFound', { transactionId: formatId('transaction', refusal.facts.transaction) })
        : refusal;
    default:
      return refusal;
  }
}

function aborted({ place, refusal }: Culprit): Refusal {
  return refuse('batchAborted', { index: place, cause: refusal });
}
