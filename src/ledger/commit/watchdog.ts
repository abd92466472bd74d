const LOOK_EVERY_MS = 250;

/** Notices that the database has been silent for too long. It runs only while units wait. */
export class Watchdog {
  readonly #silenceMs: number;
  readonly #look: () => void;
  #timer: NodeJS.Timeout | undefined;
  #lastAnswerAt = 0;

  /** `look` is called periodically. */
  constructor(silenceMs: number, look: () => void) {
    this.#silenceMs = silenceMs;
    this.#look = look;
  }

  /** Records an answer of the database, or the end of a time without requests to it. */
  noteAnswer(): void {
    this.#lastAnswerAt = performance.now();
  }

  get isSilent(): boolean {
    return performance.now() - this.#lastAnswerAt >= this.#silenceMs;
  }

  run(isNeeded: boolean): void {
    if (!isNeeded) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    } else if (this.#timer === undefined) {
      this.#lastAnswerAt = Math.max(this.#lastAnswerAt, performance.now() - LOOK_EVERY_MS);
      this.#timer = setInterval(this.#look, LOOK_EVERY_MS).unref();
    }
  }
}
