// The monotonic clock of this process, which a test moves instead of waiting for what the program keeps for a while.

const now = performance.now.bind(performance);
let ahead = 0;
performance.now = () => now() + ahead;

/** Moves `performance.now()` forward. Timers and other processes are not affected. */
export function passMs(milliseconds: number): void {
  ahead += milliseconds;
}
