const CHECK_EVERY_MS = 250;

/** Measures how long the database has been silent. It runs only while units wait or are in lanes. */
export class Watchdog {
  readonly #silenceMs: number;
  readonly #check: () => void;
  #timer: NodeJS.Timeout | undefined;
  #lastAnswerAt = 0;

  /** `check` is called periodically while the watchdog runs. */
  constructor(silenceMs: number, check: () => void) {
    this.#silenceMs = silenceMs;
    this.#check = check;
  }

  /** Records an answer of the database, or the end of a time without requests to it. */
  noteAnswer(): void {
    this.#lastAnswerAt = performance.now();
  }

  get isSilent(): boolean {
    return performance.now() - this.#lastAnswerAt >= this.#silenceMs;
  }

  /** Starts or stops the periodic calls of `check`. */
  run(isNeeded: boolean): void {
    if (!isNeeded) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      // Of the time before the start, at most one interval counts as silence.
      this.#lastAnswerAt = Math.max(this.#lastAnswerAt, performance.now() - CHECK_EVERY_MS);
      this.#timer = setInterval(this.#check, CHECK_EVERY_MS).unref();
    }
  }
}
