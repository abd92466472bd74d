import { NoAnswer } from './failures.ts';

export interface Patience {
  /** How long to try at most. One attempt takes half of it at most. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal | undefined;
  /** Whether a part of it may have been done before the first attempt. */
  readonly begun?: boolean | undefined;
  /** Whether it only reads, so that no attempt of it can have been done. */
  readonly reads?: boolean | undefined;
  /** Returns a random number below 1, for the pauses between attempts. */
  readonly random: () => number;
}

/** What became of trying: an answer, or none in time. */
export type Tried<T> =
  | { readonly answered: true; readonly answer: T }
  | { readonly answered: false; readonly attempts: number; readonly cause: unknown };

/** The codes of refusals after which the request is certainly not done. */
const NOT_DONE: readonly string[] = ['OVERLOADED', 'RATE_LIMITED'];
/** The codes of refusals that tell nothing of an earlier attempt: its key was not looked at. */
const TELL_NOTHING: readonly string[] = ['FORBIDDEN', 'INTERNAL'];
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/**
 * Sends until an answer is heard that will not change, with longer and longer pauses, and never shorter ones than the service
 * asks for. It ends unanswered at the deadline, where no further attempt can succeed, and where the service turns a request away
 * whose earlier attempt may have been done. A refusal that says `retryable` is the answer only where the deadline passed, and no attempt can have been done.
 * Throws what `send` throws, other than NoAnswer, where nothing can have been done before.
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
        const tellsNothing = isOpen && refusal !== undefined && TELL_NOTHING.includes(refusal.code);
        return tellsNothing ? unanswered(new NoAnswer(refusal.message)) : { answered: true, answer };
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

/** Aborts where the time is over, or where the caller's own signal does. */
export function signalOf({ deadlineMs, signal }: Pick<Patience, 'deadlineMs' | 'signal'>): AbortSignal {
  const timeout = AbortSignal.timeout(Math.ceil(deadlineMs));
  return signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
}

/** Ends early, and without an error, where the signal says so. */
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
