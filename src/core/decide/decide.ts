/**
 * Decides whether commands are posted or declined.
 *
 * `decide` is pure and synchronous. The caller opens a `Book` on the states of the accounts; `decide` takes the commands in the
 * order of arrival and updates the book, so that each command sees the effects of the earlier ones. A refusal affects only its own
 * command. The steps are those of the order of precedence: see REFUSALS in errors.ts. Step 2 comes before, in request.ts. So
 * does the part of step 3 that needs no account state: see command.ts.
 */
import { type RecordedCode, type Refusal, refuse } from '../errors.ts';
import type { Outcome } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import { checkBalances, checkStatus } from './account-checks.ts';
import { attemptKey, type Book } from './book.ts';
import type { PlannedCommand } from './command.ts';
import { checkConditions } from './conditions.ts';
import type { Movement } from './movement.ts';
import { planMovement } from './plan-movement.ts';
import { recordMovement, recordRefusal } from './record-outcome.ts';
import { replay } from './replay.ts';

/** The outcome of a command. id: that of its recording; null where this batch records nothing for the command. */
export interface Decision {
  readonly outcome: Outcome;
  readonly id: Uuid | null;
}

/** The decision on the commands of a unit. ids: those of the recordings, one per command; null or missing where there is none. */
export interface UnitDecision {
  readonly answer: readonly Outcome[] | Refusal;
  readonly ids: readonly (Uuid | null)[];
}

/** Decides commands in the order of arrival and updates the book. */
export function decide(book: Book, commands: readonly PlannedCommand[]): Decision[] {
  return commands.map((command) => decideOne(book, command));
}

function decideOne(book: Book, command: PlannedCommand): Decision {
  const { keyAccount, idempotencyKey } = command;
  // Step 3. An `ext:` name was resolved before, but an id is not looked up until here.
  if (!book.accounts.has(keyAccount.id)) {
    return unrecorded(refuse('keyAccountNotFound', { accountId: keyAccount.given }));
  }

  // Step 4.
  const recorded =
    idempotencyKey === null ? undefined : book.recorded.get(attemptKey(keyAccount.id, idempotencyKey));
  if (recorded !== undefined) return unrecorded(replay(command, recorded));

  // Step 5, and the checks of step 6 on a hold or an original.
  const movement = planMovement(book, command);
  if ('code' in movement) return decline(book, command, movement);

  // Step 6.
  const refusal = command.isRestricted
    ? checkOwnFirst(book, command, movement)
    : (checkStatus(movement) ?? checkConditions(book, command, movement) ?? checkBalances(movement));
  if (refusal !== undefined) return decline(book, command, refusal);

  return recordMovement(book, command, movement);
}

/**
 * Checks the key account and the conditions before the other accounts. Otherwise a caller who lacks the money would learn the status
 * of accounts that it may not read, without paying.
 */
function checkOwnFirst(book: Book, command: PlannedCommand, movement: Movement): Refusal | undefined {
  const partOf = (isOwn: boolean): Movement => ({
    ...movement,
    deltas: new Map([...movement.deltas].filter(([{ id }]) => (id === command.keyAccount.id) === isOwn)),
  });
  const [own, others] = [partOf(true), partOf(false)];
  return (
    checkStatus(own) ??
    checkConditions(book, command, movement) ??
    checkBalances(own) ??
    checkStatus(others) ??
    checkBalances(others)
  );
}

function decline(book: Book, command: PlannedCommand, refusal: Refusal): Decision {
  // A command of the ledger itself, such as an expiry, leaves no record when it is declined.
  return isRecorded(refusal) && command.idempotencyKey !== null
    ? recordRefusal(book, command, refusal)
    : unrecorded(refusal);
}

function unrecorded(outcome: Outcome): Decision {
  return { outcome, id: null };
}

/** Whether a refusal is recorded, so that its idempotency key always returns it. */
export function isRecorded(refusal: Refusal): refusal is Refusal<RecordedCode> {
  return refusal.recorded;
}
