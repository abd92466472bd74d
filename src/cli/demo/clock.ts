import { type Day, instantAt } from './calendar.ts';
import type { PlanBook } from './plan-book.ts';

const LAST_SECOND = 86_399;

/** The time of a day, which only moves forward, so that the order of the postings is that of their effective times. */
export class Clock {
  readonly #book: PlanBook;
  #day: Day = 0;
  #second = 0;

  constructor(book: PlanBook) {
    this.#book = book;
  }

  startDay(day: Day): void {
    this.#day = day;
    this.#second = 0;
    this.#book.setTime(instantAt(day, 0));
  }

  /** Moves to a second of the day, or by one second where that has passed. */
  moveTo(second: number): void {
    this.#second = Math.min(LAST_SECOND, Math.max(this.#second + 1, second));
    this.#book.setTime(instantAt(this.#day, this.#second));
  }
}
