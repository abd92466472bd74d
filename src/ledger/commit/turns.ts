import { setImmediate } from 'node:timers/promises';

/** Work that yields at points where it can be interrupted. */
export type Work<T> = Generator<void, T>;

/** Runs the work without interruption. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Runs the work and lets other tasks run at each point where it can be interrupted. */
export async function inTurns<T>(work: Work<T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
