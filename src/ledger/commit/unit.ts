import type { Step } from '../../core/decide/atomic.ts';
import type { PlannedCommand } from '../../core/decide/command.ts';
import type { Refusal } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';

/** Commands that are written together and in this order: one that came alone, operations of a batch, or a whole ATOMIC batch. */
export interface Unit {
  readonly commands: readonly PlannedCommand[];
  /** Of an ATOMIC batch, which is taken or rejected whole. */
  readonly steps?: readonly Step[];
}

/** One outcome a command; or a refusal of them all. */
export type UnitAnswer = readonly Outcome[] | Refusal;

export function unitOf(steps: readonly Step[]): Unit {
  return { commands: steps.map(({ planned }) => planned), steps };
}

export function outcomesOf({ commands }: Unit, answer: UnitAnswer): readonly Outcome[] {
  return 'code' in answer ? commands.map(() => answer) : answer;
}

/** The outcome of a command that did not come to its end: what must come after it does not begin. */
export function findUnfinished(outcomes: readonly Outcome[]): Refusal | undefined {
  return outcomes.find((outcome): outcome is Refusal => UNFINISHED.has(outcome.code));
}
const UNFINISHED: ReadonlySet<string> = new Set(['OVERLOADED', 'UNAVAILABLE'] satisfies Refusal['code'][]);
