/**
 * Optimistic writes. A process caches the states of the accounts that it moved last. A batch on such accounts is decided on the
 * cached states and sent in one pipeline: start, lock, write, commit.
 *
 * The rule: a batch may be written optimistically only if every command in it
 * - is new: no earlier attempt sent it to the database;
 * - has no hold or original transaction as its target, and no condition;
 * - is decided POSTED, so that its key and externalId are inserted, and their unique indexes reject a repetition.
 *
 * The statement that locks the accounts compares every value that the decision used with the locked rows: compare-and-set, in
 * the database, under the lock. The trigger that appends the block compares the closed period. If the database rejects the write,
 * nothing was done, the cached states of these accounts are dropped, and the batch takes the regular path (batch.ts). After a lost
 * connection or a lock timeout, the group commit retries the batch, on the regular path because it is not new.
 *
 * A cached state may be a prediction: the state that another batch leaves if its write succeeds. So on an account that every
 * batch moves, one lane decides while the other writes. A wrong prediction is harmless, because the database compares it.
 */
import type { Book } from '../../core/decide/book.ts';
import type { UnitDecision } from '../../core/decide/decide.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { writeExpected } from '../../db/journal/locking.ts';
import { sqlStateOf } from '../../db/postgres/pg-errors.ts';
import { failureOf } from '../retries.ts';
import type { CachedStates } from './cached-states.ts';
import { type BatchContext, decideOn, type Findings, rememberIds, transaction } from './deciding.ts';
import { atOnce } from './turns.ts';
import type { Unit, UnitAnswer } from './unit.ts';

/** A larger batch would block the event loop, because it is decided without interruption. */
const MAX_COMMANDS = 1000;

/** The context of a batch, with the cached states of its ledger. */
export interface PostingContext extends BatchContext {
  readonly states: CachedStates;
}

/** Posts a batch on the regular path. Calls `note` with the states that it found and those that it leaves, before it writes. */
export type RegularPath = (note: (found: Findings, left: Book['accounts']) => void) => Promise<UnitAnswer[]>;

/** Posts a batch optimistically if the rule allows it and the database accepts it, else on the regular path. */
export async function postOptimistically(
  context: PostingContext,
  units: readonly Unit[],
  ids: readonly Uuid[],
  postRegularly: RegularPath,
): Promise<UnitAnswer[]> {
  const { states } = context;
  const answers = await tryOptimistically(context, units, ids);
  if (answers !== undefined) return answers;
  const endDeciding = states.announce(ids);
  try {
    return await postRegularly((found, left) => {
      states.learn(found, left);
      endDeciding();
    });
  } catch (error) {
    states.drop(ids);
    throw error;
  } finally {
    endDeciding();
  }
}

/** Returns undefined if the rule does not allow an optimistic write or the database rejected it. Then nothing was done. */
async function tryOptimistically(
  context: PostingContext,
  units: readonly Unit[],
  ids: readonly Uuid[],
): Promise<UnitAnswer[] | undefined> {
  const { ledgerId, states, onAnswer } = context;
  if (!isShort(units) || !units.every(isPlain) || !(await states.areReady(ids))) return undefined;
  const predicted = states.predict(ids);
  if (predicted === undefined) return undefined;
  const { book, decisions, block } = atOnce(decideOn(ledgerId, predicted, units));
  const [write] = block;
  if (write === undefined || !decisions.every(isPosted)) {
    states.noteMiss([]);
    return undefined;
  }
  states.cache(book.accounts);
  rememberIds(units, decisions);
  try {
    const expected = [...predicted.accounts.values()];
    const clock = await transaction(context, (trx) =>
      writeExpected(trx, ledgerId, expected, book.createdAt, write),
    );
    onAnswer();
    states.noteHit(clock);
    return decisions.map(({ answer }) => answer);
  } catch (error) {
    states.noteMiss(ids);
    // The regular path would wait for the same lock again.
    if (sqlStateOf(error) === undefined || failureOf(error) === 'lockTimeout') throw error;
    return undefined;
  }
}

function isShort(units: readonly Unit[]): boolean {
  return units.reduce((sum, { commands }) => sum + commands.length, 0) <= MAX_COMMANDS;
}

function isPlain({ commands }: Unit): boolean {
  return commands.every(
    ({ target, conditions, madeIds }) => target === null && conditions.length === 0 && madeIds.size === 0,
  );
}

function isPosted({ answer, ids }: UnitDecision): boolean {
  return !('code' in answer) && answer.every(({ code }) => code === 'POSTED') && !ids.includes(null);
}
