/**
 * Limits on building an answer, in addition to its cost: the bytes that its request reads, the time that it occupies the event loop,
 * and the number of large answers that are built at once. The answer of a mutation is limited before execution and never stopped.
 */
import { setImmediate as setImmediateCallback } from 'node:timers';
import { setImmediate } from 'node:timers/promises';
import { GraphQLError } from 'graphql';
import type { RateLimit } from './caller-limits.ts';

/** The maximum bytes of rows that a query reads. */
export const MAX_READ_BYTES = 64 * 2 ** 20;
/** A query that has read more than this is large. Large queries are answered one at a time, which bounds their memory. */
const LARGE_BYTES = 2 ** 20;
/** Bytes that are counted in one turn of the event loop. */
const COUNTED_AT_ONCE = 2 ** 17;
/** Elements of a list that are completed at once. */
const SLICE = 10;
/** A turn of the event loop ends after this time, or this number of slices. */
const TURN_MS = 4;
const TURN_SLICES = 100;
/** Links of a request that are completed in one turn of the event loop. */
const TURN_LINKS = 100;

/** Returns the error of a query that exceeds a size which is unknown before execution. */
export function sizeExceeded(limit: string, name: string, allowed: number): GraphQLError {
  return new GraphQLError(
    `The query ${name} more than ${allowed.toLocaleString('en')} bytes. Select fewer fields or request smaller pages.`,
    { extensions: { code: 'INVALID_INPUT', limit, given: allowed + 1, allowed, http: { status: 400 } } },
  );
}

/** The slices of all requests in order of arrival. A few run in each turn of the event loop. */
class Slices {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  next(): Promise<void> {
    const turn = new Promise<void>((resolve) => this.#waiting.push(resolve));
    if (!this.#isRunning) void this.#run();
    return turn;
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    while (this.#waiting.length > 0) {
      await setImmediate();
      const began = performance.now();
      for (let count = 0; count < TURN_SLICES && performance.now() - began < TURN_MS; count += 1) {
        const begin = this.#waiting.shift();
        if (begin === undefined) break;
        begin();
        // Continues after the slice's promise callbacks.
        await new Promise<void>((resolve) => process.nextTick(resolve));
      }
    }
    this.#isRunning = false;
  }
}

/** The permission to build a large answer. One request has it at a time. */
class Place {
  readonly #waiting: (() => void)[] = [];
  #isTaken = false;

  async take(): Promise<void> {
    if (this.#isTaken) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isTaken = true;
  }

  leave(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isTaken = false;
    else next();
  }
}

const slices = new Slices();
const place = new Place();

/** The budget of one request. Its creator calls `end` when the answer has been written. */
export class AnswerBudget {
  /** Whether the answer reports the cost of the operation in `extensions.cost`. */
  readonly showsCost: boolean;
  /** The limits of the caller. Undefined: there are none. */
  readonly rateLimit: RateLimit | undefined;
  #cost: number | undefined;
  #isMutation = false;
  #readBytes = 0;
  #refusal: GraphQLError | undefined;
  #place: Promise<void> | undefined;
  #hasEnded = false;
  /** The number of unfinished slices, and the callbacks that run after the last of them. */
  #slices = 0;
  #afterSlices: (() => void)[] = [];
  /** Links that were completed in this turn of the event loop. */
  #links = 0;

  constructor({
    showsCost = false,
    rateLimit,
  }: { readonly showsCost?: boolean; readonly rateLimit?: RateLimit | undefined } = {}) {
    this.showsCost = showsCost;
    this.rateLimit = rateLimit;
  }

  /** Units of cost of the operation. Undefined: the request was rejected before its cost was known. */
  get cost(): number | undefined {
    return this.#cost;
  }

  /** The error of a query that exceeded the budget. */
  get refusal(): GraphQLError | undefined {
    return this.#refusal;
  }

  get isMutation(): boolean {
    return this.#isMutation;
  }

  /** Marks the operation as a mutation, whose answer is never stopped. */
  expectMutation(): void {
    this.#isMutation = true;
  }

  noteCost(cost: number): void {
    this.#cost = Math.min(cost, Number.MAX_SAFE_INTEGER);
  }

  /** Counts rows that were read. Throws if they exceed the budget. Waits for permission if the query has become large. */
  async read<Rows extends readonly object[]>(rows: Rows): Promise<Rows> {
    let counted = 0;
    for (const row of rows) {
      counted += bytesOf(row);
      if (counted < COUNTED_AT_ONCE) continue;
      this.#readBytes += counted;
      counted = 0;
      await this.turn();
    }
    this.#readBytes += counted;
    if (this.#isMutation) return rows;
    if (this.#readBytes > MAX_READ_BYTES) {
      this.#refusal ??= sizeExceeded('readBytes', 'reads', MAX_READ_BYTES);
      throw this.#refusal;
    }
    if (this.#readBytes > LARGE_BYTES) await this.#waitForPlace();
    return rows;
  }

  /** Returns the elements of a list, a slice of them in each turn. The executor completes the elements that it has at once. */
  inTurns<T>(elements: readonly T[]): readonly (T | Promise<T>)[] {
    if (elements.length <= SLICE) return elements;
    let turn: Promise<void> | undefined;
    return elements.map((element, at) => {
      if (at % SLICE === 0 && at > 0) turn = this.#slice();
      return turn === undefined ? element : turn.then(() => element);
    });
  }

  /** Returns the target of a link, at once or in a later turn. All targets of one load would otherwise be completed in one turn. */
  inTurn<T>(value: T): T | Promise<T> {
    this.#links += 1;
    if (this.#links === 1) {
      setImmediateCallback(() => {
        this.#links = 0;
      });
    }
    return this.#links <= TURN_LINKS ? value : this.#slice().then(() => value);
  }

  /** Waits for a turn of the event loop. */
  turn(): Promise<void> {
    return slices.next();
  }

  /** Runs the callback when the slices of all lists are completed, so that their loads share one statement. */
  schedule(callback: () => void): void {
    if (this.#slices > 0) this.#afterSlices.push(callback);
    else void Promise.resolve().then(() => process.nextTick(callback));
  }

  end(): void {
    this.#hasEnded = true;
    if (this.#place !== undefined) void this.#place.then(() => place.leave());
    this.#place = undefined;
  }

  async #slice(): Promise<void> {
    this.#slices += 1;
    await slices.next();
    // The elements are completed in this turn.
    process.nextTick(() => {
      this.#slices -= 1;
      if (this.#slices > 0) return;
      const callbacks = this.#afterSlices;
      this.#afterSlices = [];
      for (const callback of callbacks) callback();
    });
    if (this.#refusal !== undefined) throw this.#refusal;
  }

  async #waitForPlace(): Promise<void> {
    if (this.#hasEnded) return;
    this.#place ??= place.take();
    await this.#place;
    if (this.#refusal !== undefined) throw this.#refusal;
  }
}

/** Returns the approximate number of bytes of a row's texts and fields. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return FIELD_BYTES;
  let bytes = FIELD_BYTES;
  for (const name in value) bytes += bytesOf(Reflect.get(value, name)) + FIELD_BYTES;
  return bytes;
}
const FIELD_BYTES = 8;
