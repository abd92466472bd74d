/**
 * Limits on making an answer, in addition to its cost: the bytes that its request reads, the time that it keeps the event loop,
 * and the number of large answers that are made at once. A mutation's answer is bounded before it is executed, and is never stopped.
 */
import { setImmediate as setImmediateCallback } from 'node:timers';
import { setImmediate } from 'node:timers/promises';
import { GraphQLError } from 'graphql';

/** Bytes of rows that a query reads at most. */
export const MAX_READ_BYTES = 64 * 2 ** 20;
/** A query that has read more is large: one of these is answered at a time, so that the memory of many is never needed at once. */
const LARGE_BYTES = 2 ** 20;
/** Bytes that are counted at once. */
const COUNTED_AT_ONCE = 2 ** 17;
/** Elements of a list that are completed at once. */
const SLICE = 10;
/** A turn of the event loop ends after so many milliseconds, or slices. */
const TURN_MS = 4;
const TURN_SLICES = 100;
/** Links of a request that are completed in one turn. */
const TURN_LINKS = 100;

/** Refuses a query for a size that was not known before it was executed. */
export function sizeExceeded(limit: string, name: string, allowed: number): GraphQLError {
  return new GraphQLError(
    `The query ${name} more than ${allowed.toLocaleString('en')} bytes. Ask for fewer fields, or for smaller pages.`,
    { extensions: { code: 'INVALID_INPUT', limit, given: allowed + 1, allowed, http: { status: 400 } } },
  );
}

/** The slices of all requests, in the order in which they came: a few in each turn of the event loop. */
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
        // After all that the slice does by promises that are settled.
        await new Promise<void>((resolve) => process.nextTick(resolve));
      }
    }
    this.#isRunning = false;
  }
}

/** The right to make a large answer. */
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

/** The budget of one request. `end` must be called when its answer has been written. */
export class AnswerBudget {
  #isMutation = false;
  #readBytes = 0;
  #refusal: GraphQLError | undefined;
  #place: Promise<void> | undefined;
  #hasEnded = false;
  /** Slices that are not completed yet, and what waits for all of them. */
  #slices = 0;
  #afterSlices: (() => void)[] = [];
  /** Links that were completed in this turn. */
  #links = 0;

  /** Why the query is not answered. */
  get refusal(): GraphQLError | undefined {
    return this.#refusal;
  }

  get isMutation(): boolean {
    return this.#isMutation;
  }

  /** What is executed is a mutation. */
  expectMutation(): void {
    this.#isMutation = true;
  }

  /** Takes account of rows that were read. Throws where they are too many; waits where the query has become a large one. */
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

  /** The elements of a list, of which the executor gets a slice at a time: it completes what it has at once. */
  inTurns<T>(elements: readonly T[]): readonly (T | Promise<T>)[] {
    if (elements.length <= SLICE) return elements;
    let turn: Promise<void> | undefined;
    return elements.map((element, at) => {
      if (at % SLICE === 0 && at > 0) turn = this.#slice();
      return turn === undefined ? element : turn.then(() => element);
    });
  }

  /** What a link leads to, at once or in a later turn: what is read together would be completed together. */
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

  /** Calls back when the slices of all lists are completed, so that what they ask for can be read together. */
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

/** About as many bytes as the texts and fields of rows have. */
function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return FIELD_BYTES;
  let bytes = FIELD_BYTES;
  for (const name in value) bytes += bytesOf(Reflect.get(value, name)) + FIELD_BYTES;
  return bytes;
}
const FIELD_BYTES = 8;
