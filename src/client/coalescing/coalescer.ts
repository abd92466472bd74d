/**
 * Lets calls share requests. Calls wait until the turn of the event loop ends. A single call is then sent with the document of its
 * mutation or query; several calls are sent in one request. While MAX_IN_FLIGHT requests are in flight, further calls wait.
 */
import { PermissionDenied, RequestRejected, UnauthenticatedError } from '../errors.ts';
import { NoAnswer, outOfTime } from '../failures.ts';
import { afterTurn } from './turns.ts';

/** Thrown by `sendMany` where the service rejects the shared request as a whole. Each of its calls then has its own request. */
export class RequestNotShared extends Error {}

/** An answer to one call of a shared request, or the error that its caller receives. */
export type Settled<Answer> = { readonly answer: Answer } | { readonly error: unknown };

/** The requests of one kind: how their items are measured and sent. */
export interface Sender<Item, Answer> {
  /** The most that one shared request takes. */
  readonly limits: Size;
  sizeOf(item: Item): Size;
  sendOne(item: Item, signal: AbortSignal): Promise<Answer>;
  /** Returns one answer for each item, in their order. */
  sendMany(items: readonly Item[], signal: AbortSignal): Promise<readonly Settled<Answer>[]>;
}

/** The size of a call, of a request, or its limit. */
export interface Size {
  readonly count: number;
  readonly bytes: number;
  /** In the units of the service's cost limit. */
  readonly cost: number;
}

const MAX_IN_FLIGHT = 4;
/**
 * A request that takes more time does not count towards MAX_IN_FLIGHT. One locked account can keep a request waiting for seconds;
 * later calls must not wait for it too.
 */
const SLOW_MS = 2000;

/**
 * Calls that are settled in one turn of the event loop. Callers that call again at once then spread over several requests, so that
 * the service works on one while the client works on another.
 */
const SETTLED_AT_ONCE = 64;

interface Call<Item, Answer> {
  readonly item: Item;
  readonly size: Size;
  /** Whether it must have a request of its own. */
  isAlone: boolean;
  readonly signal: AbortSignal;
  resolve(answer: Answer): void;
  reject(error: unknown): void;
}

export class Coalescer<Item, Answer> {
  readonly #sender: Sender<Item, Answer>;
  readonly #waiting = new Set<Call<Item, Answer>>();
  #inFlight = 0;
  #isScheduled = false;

  constructor(sender: Sender<Item, Answer>) {
    this.#sender = sender;
  }

  /** Sends the item once, with others unless `isAlone`. Rejects with NoAnswer as soon as the signal aborts. */
  send(item: Item, signal: AbortSignal, isAlone = false): Promise<Answer> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(outOfTime(signal.reason));
        return;
      }
      const abort = () => {
        this.#waiting.delete(call);
        reject(outOfTime(signal.reason));
      };
      // A listener that stays would keep the call in memory as long as the caller's signal.
      const settled = () => signal.removeEventListener('abort', abort);
      const call: Call<Item, Answer> = {
        item,
        size: this.#sender.sizeOf(item),
        isAlone,
        signal,
        resolve: (answer) => {
          settled();
          resolve(answer);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      signal.addEventListener('abort', abort);
      this.#waiting.add(call);
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    afterTurn(() => {
      this.#isScheduled = false;
      while (this.#inFlight < MAX_IN_FLIGHT && this.#waiting.size > 0) void this.#dispatch(this.#take());
    });
  }

  /** Takes the next calls that may share a request: at least one. */
  #take(): Call<Item, Answer>[] {
    const { limits } = this.#sender;
    const taken: Call<Item, Answer>[] = [];
    let total: Size = { count: 0, bytes: 0, cost: 0 };
    for (const call of this.#waiting) {
      if (taken.length > 0) {
        const { count, bytes, cost } = call.size;
        total = { count: total.count + count, bytes: total.bytes + bytes, cost: total.cost + cost };
        const isFull = total.count > limits.count || total.bytes > limits.bytes || total.cost > limits.cost;
        if (call.isAlone || isFull) break;
      } else total = call.size;
      this.#waiting.delete(call);
      taken.push(call);
      if (call.isAlone) break;
    }
    return taken;
  }

  async #dispatch(calls: readonly Call<Item, Answer>[]): Promise<void> {
    let isCounted = true;
    // Called after SLOW_MS, at the end, or both.
    const release = () => {
      if (isCounted) this.#inFlight -= 1;
      isCounted = false;
      this.#schedule();
    };
    this.#inFlight += 1;
    const timer = setTimeout(release, SLOW_MS);
    await this.#exchange(calls);
    clearTimeout(timer);
    release();
  }

  /** Sends one request and settles its calls. Never rejects. */
  async #exchange(calls: readonly Call<Item, Answer>[]): Promise<void> {
    const [first] = calls;
    if (first === undefined) return;
    const { signal, stop } = allOf(calls.map((call) => call.signal));
    try {
      if (calls.length === 1) {
        first.resolve(await this.#sender.sendOne(first.item, signal));
        return;
      }
      const items = calls.map(({ item }) => item);
      const answers = await this.#sender.sendMany(items, signal);
      for (const [index, call] of calls.entries()) {
        if (index > 0 && index % SETTLED_AT_ONCE === 0) await anotherTurn();
        const settled = answers[index];
        if (settled === undefined) call.reject(new NoAnswer('The response has no result for this call.'));
        else if ('error' in settled) call.reject(settled.error);
        else call.resolve(settled.answer);
      }
    } catch (error) {
      const isSplit = calls.length > 1 && isCausedByCall(error);
      for (const call of calls) {
        if (!isSplit) {
          call.reject(error);
        } else if (!call.signal.aborted) {
          call.isAlone = true;
          this.#waiting.add(call);
        }
      }
    } finally {
      stop();
    }
  }
}

/** Returns whether one call can be the cause of the rejection, so that the others succeed in requests of their own. */
function isCausedByCall(error: unknown): boolean {
  if (error instanceof UnauthenticatedError || error instanceof PermissionDenied) return false;
  return error instanceof RequestNotShared || error instanceof RequestRejected;
}

/** Returns a signal that aborts when all of the given ones have aborted. `stop` removes its listeners. */
function allOf(signals: readonly AbortSignal[]): { readonly signal: AbortSignal; stop(): void } {
  const controller = new AbortController();
  let left = signals.length;
  const abort = () => {
    left -= 1;
    if (left === 0) controller.abort();
  };
  for (const signal of signals) signal.addEventListener('abort', abort, { once: true });
  return {
    signal: controller.signal,
    stop: () => {
      for (const signal of signals) signal.removeEventListener('abort', abort);
    },
  };
}

/** Resolves after the calls of this turn are sent. */
async function anotherTurn(): Promise<void> {
  for (let turn = 0; turn < 2; turn += 1) await new Promise<void>((resolve) => afterTurn(resolve));
}
