import { type Refusal, refuse } from '../../core/errors.ts';
import type { Outcome } from '../../core/transaction.ts';
import type { Uuid } from '../../core/values/ids.ts';
import { type Failure, RETRIES } from '../retries.ts';
import { findUnfinished, outcomesOf, type Unit, type UnitAnswer } from './unit.ts';

/** A unit is taken at the latest after so many other batches on its accounts. */
const MAX_PASSES = 4;

/** A unit whose caller waits for the answer: in the queue, parked, or in a lane. */
export class QueuedUnit {
  readonly unit: Unit;
  readonly since: number;
  /** The time when it was first parked. */
  parkedSince: number | undefined;
  /** A COMMIT was sent for it, and its outcome is unknown. */
  isUnknown: boolean;
  #failingSince: number | undefined;
  #isAnswered = false;
  /** The number of batches on its accounts that it was passed over for, and the last of them. */
  #passes = 0;
  #lastPass: object | undefined;
  readonly #answer: (answer: UnitAnswer) => void;
  /** The earlier operations of the same batch, which must be answered first. */
  readonly #previous: QueuedUnit | undefined;
  /** The unit that this one was cut from. */
  readonly #whole: QueuedUnit | undefined;

  constructor(
    unit: Unit,
    answer: (answer: UnitAnswer) => void,
    { whole, previous }: { readonly whole?: QueuedUnit; readonly previous?: QueuedUnit | undefined } = {},
  ) {
    this.unit = unit;
    this.since = whole?.since ?? performance.now();
    this.parkedSince = whole?.parkedSince;
    this.isUnknown = whole?.isUnknown ?? false;
    this.#failingSince = whole === undefined ? undefined : whole.#failingSince;
    this.#answer = answer;
    this.#previous = previous;
    this.#whole = whole;
  }

  get isAnswered(): boolean {
    return this.#isAnswered || (this.#whole?.isAnswered ?? false);
  }

  /** The number of commands. */
  get size(): number {
    return this.unit.commands.length;
  }

  get mayBegin(): boolean {
    return this.#previous === undefined || this.#previous.isAnswered;
  }

  /** Whether the unit was passed over often enough. Otherwise counts the batch as one more that has its accounts. */
  isDueAfter(batch: object): boolean {
    if (this.#passes >= MAX_PASSES) return true;
    if (this.#lastPass !== batch) this.#passes += 1;
    this.#lastPass = batch;
    return false;
  }

  /** Whether the time for retries after this failure is over. It runs from the first failure, of whichever kind. */
  isOverdueAfter(failure: Failure): boolean {
    const now = performance.now();
    this.#failingSince ??= now;
    return now - this.#failingSince >= RETRIES[failure].forMs;
  }

  /** Answers the caller. Only the first answer counts: after UNAVAILABLE, the unit may still be posted. */
  settle(answer: UnitAnswer): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#answer(answer);
  }

  /** Answers with a refusal that says that nothing was done; with UNAVAILABLE if that is not certain. */
  refuse(refusal: Refusal): void {
    this.settle(this.isUnknown ? refuse('unavailable', {}) : refusal);
  }

  /**
   * Cuts the unit into the commands before a place and the rest, which begins after them. Each part answers its share. If a
   * command of the first part is OVERLOADED or UNAVAILABLE, the second part is refused too.
   */
  cut(place: number): readonly [QueuedUnit, QueuedUnit] {
    const { commands } = this.unit;
    const outcomes: Outcome[] = [];
    const part = (from: number, to: number, previous: QueuedUnit | undefined): QueuedUnit => {
      const own = commands.slice(from, to);
      const answer = (answered: UnitAnswer) => {
        outcomes.splice(from, 0, ...outcomesOf({ commands: own }, answered));
        if (outcomes.length === commands.length) return this.settle(outcomes);
        const unfinished = findUnfinished(outcomes);
        if (unfinished !== undefined) second.refuse(unfinished);
      };
      return new QueuedUnit({ commands: own }, answer, { whole: this, previous });
    };
    const first = part(0, place, this.#previous);
    const second = part(place, commands.length, first);
    return [first, second];
  }
}

/** Returns the number of commands in the units. */
export function sizeOf(units: readonly QueuedUnit[]): number {
  return units.reduce((sum, { size }) => sum + size, 0);
}

export function accountsOf(units: readonly QueuedUnit[]): Set<Uuid> {
  const accounts = new Set<Uuid>();
  for (const { unit } of units) {
    for (const command of unit.commands) for (const account of command.accounts) accounts.add(account);
  }
  return accounts;
}
