import { attemptKey, type Book } from './book.ts';
import type { PlannedCommand } from './command.ts';
import { answerAgain } from './decide.ts';
import type { Refusal } from './errors.ts';

/** The operation that an ATOMIC batch fails by: it names itself, and nothing else happens. */
export interface Culprit {
  readonly place: number;
  readonly refusal: Refusal;
}

/**
 * The first operation whose key was declined before, or used for another request: what the keys answered comes before anything
 * is decided. Keys that posted count as done.
 */
export function findRecordedCulprit(
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
