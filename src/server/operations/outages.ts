import type { Logger } from 'pino';
import { describeCause } from './fault.ts';

/** A database that answered this recently is available, even if a request failed. */
const ANSWERED_LATELY_MS = 2000;
/** How long the database must answer before an outage is over, so that repeated short failures are one outage. */
const STEADY_MS = 1000;

const OVER = 'the database is available again';

/** Writes one line when an outage of the database begins, and one when it is over, for any number of failed requests. */
export class Outages {
  readonly #log: Pick<Logger, 'error' | 'warn'>;
  /** When the outage began; undefined if there is none. */
  #since: number | undefined;
  #requests = 0;
  #answeredAt = performance.now();
  #firstAnswerAt = 0;
  #ending: NodeJS.Timeout | undefined;

  constructor(log: Pick<Logger, 'error' | 'warn'>) {
    this.#log = log;
  }

  /** Call it after each failed attempt to connect. */
  readonly connectionFailed = (error: unknown): void => {
    clearTimeout(this.#ending);
    this.#ending = undefined;
    this.#begin(describeCause(error));
  };

  /** Call it after each answer of the database. */
  readonly databaseAnswered = (): void => {
    this.#answeredAt = performance.now();
    if (this.#since === undefined || this.#ending !== undefined) return;
    this.#firstAnswerAt = this.#answeredAt;
    this.#ending = setTimeout(() => this.#end(OVER), STEADY_MS).unref();
  };

  /** Call it after each request that failed with UNAVAILABLE. */
  requestFailed(): void {
    // A database that does not respond causes no failed connection, and statements fail only at their deadlines.
    if (performance.now() - this.#answeredAt > ANSWERED_LATELY_MS) this.#begin('no answer in time');
    if (this.#since !== undefined) this.#requests += 1;
  }

  /** Writes the last line of an outage that lasts until the service stops. */
  close(): void {
    if (this.#since === undefined) return;
    const isOver = this.#ending !== undefined;
    if (!isOver) this.#firstAnswerAt = performance.now();
    this.#end(isOver ? OVER : 'the service stops before the database is available again');
  }

  #begin(cause: string): void {
    if (this.#since !== undefined) return;
    this.#since = performance.now();
    this.#log.error({ cause }, 'the database is unavailable');
  }

  #end(message: string): void {
    clearTimeout(this.#ending);
    const seconds = Math.round((this.#firstAnswerAt - (this.#since ?? 0)) / 100) / 10;
    this.#log.warn({ seconds, requests: this.#requests }, message);
    this.#ending = undefined;
    this.#since = undefined;
    this.#requests = 0;
  }
}
