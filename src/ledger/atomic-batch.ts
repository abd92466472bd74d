import { setImmediate } from 'node:timers/promises';
import { type AtomicOperation, PendingTargets } from '../core/decide/atomic.ts';
import type { Command } from '../core/decide/command.ts';
import { type Refusal, refuse } from '../core/errors.ts';
import type { Planner } from './planner.ts';

/**
 * Plans all operations of an ATOMIC batch, slice by slice, with a turn of the event loop between. No operation refers to another
 * one of its slice. A hold or transaction that an operation of an earlier slice creates is pending until it is in the database.
 */
export async function planAtomic(
  planner: Planner,
  slices: readonly (readonly Command[])[],
): Promise<readonly AtomicOperation[] | Refusal> {
  const pending = new PendingTargets();
  const operations: AtomicOperation[] = [];
  for (const [turn, slice] of slices.entries()) {
    if (turn > 0) await setImmediate();
    const answers = await Promise.all(slice.map((command) => planner.plan(command, pending.find)));
    const first = operations.length;
    for (const [place, command] of slice.entries()) {
      const planned = answers[place];
      if (planned === undefined) throw new TypeError('each command is planned');
      if ('code' in planned) return refuse('batchAborted', { index: first + place, cause: planned });
      operations.push({ command, planned });
    }
    for (const { planned } of operations.slice(first)) pending.add(planned);
  }
  return operations;
}
