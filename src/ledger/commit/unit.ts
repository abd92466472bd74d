import type { AtomicOperation } from '../../core/decide/atomic.ts';
import type { PlannedCommand } from '../../core/decide/command.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';

/** Commands that are posted together and in this order: a single one, operations of a batch, or a whole ATOMIC batch. */
export interface Unit {
  readonly commands: readonly PlannedCommand[];
  /** Present for an ATOMIC batch, which is posted or rejected whole. */
  readonly atomic?: readonly AtomicOperation[];
}

/** One outcome per command, or one refusal for all of them. */
export type UnitAnswer = readonly Outcome[] | Refusal;

export function atomicUnitOf(operations: readonly AtomicOperation[]): Unit {
  return { commands: operations.map(({ planned }) => planned), atomic: operations };
}

export function outcomesOf({ commands }: Unit, answer: UnitAnswer): readonly Outcome[] {
  return 'code' in answer ? commands.map(() => answer) : answer;
}

/** Returns the first OVERLOADED or UNAVAILABLE: operations after such a command must not begin. */
export function findUnfinished(outcomes: readonly Outcome[]): Refusal | undefined {
  return outcomes.find((outcome): outcome is Refusal => UNFINISHED.has(outcome.code));
}
const UNFINISHED: ReadonlySet<string> = new Set(['OVERLOADED', 'UNAVAILABLE'] satisfies Refusal['code'][]);
