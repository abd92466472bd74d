import { refuse } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';
import { findUnfinished, outcomesOf, type Unit, type UnitAnswer } from './unit.ts';

const MAX_PASSES = 4;
/** What OVERLOADED tells callers. */
export const RETRY_AFTER_MS = 100;

/** A unit whose caller waits for its answer. */
export class Waiting {
  readonly unit: Unit;
  readonly since: number;
  /** When it first had to wait aside. */
  asideSince: number | undefined;
  /** When it first waited too long for a lock that is no held account's. */
  waitsSince: number | undefined;
  /** A COMMIT of it was sent whose answer is not known. */
  isUnknown: boolean;
  #isAnswered = false;
  /** Batches that had its accounts when it could have been taken. */
  #passes = 0;
  #last: object | undefined;
  readonly #answer: (answer: UnitAnswer) => void;
  /** Earlier operations of the same batch, which must be done first. */
  readonly #behind: Waiting | undefined;
  /** What it was cut from. */
  readonly #whole: Waiting | undefined;

  constructor(
    unit: Unit,
    answer: (answer: UnitAnswer) => void,
    { whole, behind }: { readonly whole?: Waiting; readonly behind?: Waiting | undefined } = {},
  ) {
    this.unit = unit;
    this.since = whole?.since ?? performance.now();
    this.asideSince = whole?.asideSince;
    this.waitsSince = whole?.waitsSince;
    this.isUnknown = whole?.isUnknown ?? false;
    this.#answer = answer;
    this.#behind = behind;
    this.#whole = whole;
  }

  /** Nobody waits for its answer any more. */
  get isAnswered(): boolean {
    return this.#isAnswered || (this.#whole?.isAnswered ?? false);
  }

  /** Commands. */
  get size(): number {
    return this.unit.commands.length;
  }

  get mayBegin(): boolean {
    return this.#behind === undefined || this.#behind.isAnswered;
  }

  /** Whether it has been passed over often enough; if not, another batch has its accounts before it. */
  isDueAfter(batch: object): boolean {
    if (this.#passes >= MAX_PASSES) return true;
    if (this.#last !== batch) this.#passes += 1;
    this.#last = batch;
    return false;
  }

  /** Answers its caller. Only the first answer counts: what the watchdog answered may still come to its end. */
  settle(answer: UnitAnswer): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#answer(answer);
  }

  /**
   * The commands before a place, and those from there on, which must wait for them. Both answer for the whole. Where a command
   * of the first part does not come to its end, the second part does not begin.
   */
  cut(place: number): readonly [Waiting, Waiting] {
    const { commands } = this.unit;
    const outcomes: Outcome[] = [];
    const part = (from: number, to: number, behind: Waiting | undefined): Waiting => {
      const own = commands.slice(from, to);
      const answer = (answered: UnitAnswer) => {
        outcomes.splice(from, 0, ...outcomesOf({ commands: own }, answered));
        if (outcomes.length === commands.length) return this.settle(outcomes);
        const isOver = findUnfinished(outcomes);
        if (isOver !== undefined) second.settle(second.isUnknown ? refuse('unavailable', {}) : isOver);
      };
      return new Waiting({ commands: own }, answer, { whole: this, behind });
    };
    const first = part(0, place, this.#behind);
    const second = part(place, commands.length, first);
    return [first, second];
  }
}
