import { NoAnswer } from './failures.ts';

export interface Patience {
  /** The time for all attempts. One attempt takes at most half of it. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether a part of the call may have been done before its first attempt. */
  readonly begun?: boolean | undefined;
  /** Whether the call only reads, so that its attempts change nothing. */
  readonly reads?: boolean | undefined;
  /** Returns a random number below 1, for the pauses between attempts. */
  readonly random: () => number;
}

/** A result, or the reason why there is none. */
export type Tried<T> =
  | { readonly answered: true; readonly answer: T }
  | { readonly answered: false; readonly attempts: number; readonly cause: unknown };

/** Codes of refusals after which the request is certainly not done. */
const NOT_DONE: readonly string[] = ['OVERLOADED', 'RATE_LIMITED'];
/** Codes of refusals that say nothing of an earlier attempt, because the key was not read. */
const KEY_NOT_READ: readonly string[] = ['FORBIDDEN', 'INTERNAL'];
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/**
 * Sends until there is a final result. The pauses between attempts grow, and are never shorter than the service demands. Ends without
 * a result at the deadline, when no further attempt can succeed, and when the service rejects a request whose earlier attempt may
 * have been done. Returns a retryable refusal only at the deadline, if no attempt can have been done. Throws the errors of `send`
 * other than NoAnswer if no attempt can have been done.
 */
export async function untilAnswered<T>(
  send: (signal: AbortSignal) => Promise<T>,
  { deadlineMs, signal, begun = false, reads = false, random }: Patience,
): Promise<Tried<T>> {
  const endsAt = performance.now() + deadlineMs;
  let isOpen = begun;
  for (let attempts = 1; ; attempts += 1) {
    const unanswered = (cause: unknown): Tried<T> => ({ answered: false, attempts, cause });
    let last: Tried<T>;
    let retryAfterMs = 0;
    try {
      const timeLeft = Math.max(1, Math.min(deadlineMs / 2, endsAt - performance.now()));
      const answer = await send(signalOf({ deadlineMs: timeLeft, signal }));
      const refusal = asRefusal(answer);
      if (refusal?.retryable !== true) {
        const isUnknown = isOpen && refusal !== undefined && KEY_NOT_READ.includes(refusal.code);
        return isUnknown ? unanswered(new NoAnswer(refusal.message)) : { answered: true, answer };
      }
      isOpen ||= !reads && !NOT_DONE.includes(refusal.code);
      retryAfterMs = refusal.retryAfterMs ?? 0;
      last = isOpen ? unanswered(new NoAnswer(refusal.message)) : { answered: true, answer };
    } catch (error) {
      if (!(error instanceof NoAnswer)) {
        if (isOpen) return unanswered(error);
        throw error;
      }
      if (error.isLasting) return unanswered(error);
      isOpen ||= !reads;
      retryAfterMs = error.retryAfterMs;
      last = unanswered(error);
    }
    const pauseMs = Math.max(retryAfterMs, random() * longestPause(attempts));
    if (signal?.aborted === true || performance.now() + pauseMs >= endsAt) return last;
    await sleep(pauseMs, signal);
  }
}

interface RefusalFields {
  readonly code: string;
  readonly message: string;
  readonly retryable?: boolean;
  readonly retryAfterMs?: number;
}

function asRefusal(answer: unknown): RefusalFields | undefined {
  const fields = answer as RefusalFields | null;
  return fields?.retryable === undefined ? undefined : fields;
}

/** The pauses have full jitter: their upper bound doubles with each attempt. */
function longestPause(attempt: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** attempt, LONGEST_PAUSE_MS);
}

/** Returns a signal that aborts at the deadline, or with the caller's signal. */
export function signalOf({ deadlineMs, signal }: Pick<Patience, 'deadlineMs' | 'signal'>): AbortSignal {
  const timeout = AbortSignal.timeout(Math.ceil(deadlineMs));
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

/** Returns the result of work that has no signal. Throws the reason of the signal if that aborts first. */
export function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const end = () => reject(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', end));
  });
}

/** Waits, at most until the signal aborts. Never rejects. */
function sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
    signal?.addEventListener('abort', done);
  });
}
