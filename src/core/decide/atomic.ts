/**
 * ATOMIC batches: all operations are posted, or none and the batch is answered with the first one that could not be.
 *
 * The target of an operation may be what an earlier one of the batch makes. That is pending when the batch is planned: its
 * accounts are known, its id is not. The book has the id as soon as the earlier operation is decided, under its externalId.
 */

import { type Refusal, refuse } from '../errors.ts';
import type { Outcome } from '../transaction.ts';
import { formatId, type Uuid } from '../values/ids.ts';
import { attemptKey, type Book, draftOf } from './book.ts';
import { type Command, type PlannedCommand, plan, type Target, type TargetName } from './command.ts';
import { answerAgain, decide, isRecorded, recordRefusal, type UnitDecision } from './decide.ts';

/** An operation as its caller sent it, and as it is planned. */
export interface Step {
  readonly command: Command;
  readonly planned: PlannedCommand;
}

/** What operations of a batch make under an externalId, for later ones that name it. */
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

/** The planned command, with the id of a pending target as soon as the book has it. */
export function resolveStep({ externalIds }: Pick<Book, 'externalIds'>, { command, planned }: Step) {
  const { target } = planned;
  const id = target?.pending === undefined ? undefined : externalIds.get(target.pending);
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

/** Steps that are decided without a pause. */
const SLICE = 500;

/**
 * Decides a batch on the book and carries the book forward: by all operations, or by the refusal of one, where that is recorded.
 * Recorded refusals and conflicts of keys come first. It yields now and then, so that others can have a turn.
 */
export function* decideAtomic(book: Book, steps: readonly Step[]): Generator<void, UnitDecision> {
  const culprit = findRecordedCulprit(
    book,
    steps.map((step) => resolveStep(book, step)),
  );
  if (culprit !== undefined) return { answer: aborted(culprit), ids: [] };

  const draft = draftOf(book);
  const outcomes: Outcome[] = [];
  const ids: (Uuid | null)[] = [];
  for (const [place, step] of steps.entries()) {
    if (place > 0 && place % SLICE === 0) yield;
    const [decision] = decide(draft.book, [resolveStep(draft.book, step)]);
    if (decision === undefined) throw new TypeError('each command is decided');
    const { outcome, id } = decision;
    if (outcome.code !== 'POSTED') {
      const made = new Set(ids);
      const refusal = asItStands(outcome, made);
      ids.fill(null);
      ids.push(recordCulprit(book, step, refusal, draft.book, made));
      return { answer: aborted({ place, refusal }), ids };
    }
    outcomes.push(outcome);
    ids.push(id);
  }
  draft.settle();
  return { answer: outcomes, ids };
}

/** The operation that a batch fails by: it names itself, and nothing else happens. */
interface Culprit {
  readonly place: number;
  readonly refusal: Refusal;
}

/**
 * The first operation whose key was declined before, or used for another request: what the keys answered comes before anything
 * is decided. Keys that posted count as done.
 */
function findRecordedCulprit(
  { recorded }: Pick<Book, 'recorded'>,
  commands: readonly PlannedCommand[],
): Culprit | undefined {
  for (const [place, command] of commands.entries()) {
    const { keyAccount, idempotencyKey } = command;
    const earlier = recorded.get(attemptKey(keyAccount.id, idempotencyKey ?? ''));
    if (earlier === undefined) continue;
    const outcome = answerAgain(command, earlier);
    if (outcome.code !== 'POSTED') return { place, refusal: outcome };
  }
  return undefined;
}

/** As if the batch had been this operation alone. Answers the id of what is recorded, null where nothing is. */
function recordCulprit(
  book: Book,
  step: Step,
  refusal: Refusal,
  draft: Book,
  made: ReadonlySet<Uuid | null>,
): Uuid | null {
  if (!isRecorded(refusal) || refusal.replayed) return null;
  const { planned } = step;
  const id =
    planned.target?.pending === undefined ? undefined : draft.externalIds.get(planned.target.pending);
  const isGone = planned.target?.pending !== undefined && (id === undefined || made.has(id));
  // What it names of the batch is gone when that aborts: then its request stays as it was planned, by that name.
  const command = isGone ? { ...planned, target: null } : resolveStep(book, step);
  return recordRefusal(book, command, refusal).id;
}

/** The refusal without what went with the batch: its links show only what stands. */
function asItStands(refusal: Refusal, made: ReadonlySet<Uuid | null>): Refusal {
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
