import { setImmediate } from 'node:timers/promises';

/** Work that yields where it can be interrupted. */
export type Work<T> = Generator<void, T>;

/** Does all of it now. */
export function atOnce<T>(work: Work<T>): T {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
  }
}

/** Gives others a turn of the event loop wherever it can be interrupted. */
export async function inTurns<T>(work: Work<T>): Promise<T> {
  for (;;) {
    const step = work.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
