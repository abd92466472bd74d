/**
 * Retries. `RETRIES` is the one table of failures: for how long each is retried and which refusal the caller receives if no
 * attempt succeeds. Two loops use it:
 *
 * - `retry`, below: accounts, currencies, periods, names and reads;
 * - the group commit: it also parks commands on locked accounts, and splits a batch to find the command at fault.
 *
 * docs/architecture.md describes the same table for operators.
 *
 * The three refusals have one meaning each:
 * - UNAVAILABLE: the outcome is unknown, or the database cannot be reached or does not commit. Repeat the request with the same
 *   key.
 * - OVERLOADED: nothing was done. Repeat the request later.
 * - INTERNAL: nothing was done, and a repetition would fail too. The log has the fault under its faultId.
 *
 * After a COMMIT whose outcome is unknown, the refusal is UNAVAILABLE for every later failure.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Refusal, refuse } from '../core/errors.ts';
import { CommitUnknownError, ConnectionLostError } from '../db/postgres/checked-pool.ts';
import { constraintOf, sqlStateOf } from '../db/postgres/pg-errors.ts';

/** A caller waits this long while the database does not answer, then it receives UNAVAILABLE. */
export const UNAVAILABLE_AFTER_MS = 4000;
/** Shorter, so that the last attempt ends, and its result is certain, before the caller would receive UNAVAILABLE. */
const RETRY_FOR_MS = 3000;
/** After this many failed attempts, one command of the batch may be the cause. */
const SPLIT_AFTER = 6;

interface Rule {
  /** Milliseconds from the first failure to the refusal. */
  readonly forMs: number;
  /** Failed attempts before the group commit splits the batch. Infinity: the batch stays whole. */
  readonly splitAfter: number;
  readonly refusal: 'unavailable' | 'overloaded' | 'internal';
  /** The failure is an answer of the database: the watchdog of the group commit does not count it as silence. */
  readonly provesLife: boolean;
  /** The group commit reports the failure to the log when it refuses a command because of it. */
  readonly isReported: boolean;
}

/** The database answered: the failure is about this attempt. */
const answered = {
  forMs: RETRY_FOR_MS,
  splitAfter: SPLIT_AFTER,
  refusal: 'overloaded',
  provesLife: true,
} as const;
/** The database does not answer or does not commit. */
const silent = {
  forMs: UNAVAILABLE_AFTER_MS,
  splitAfter: Infinity,
  refusal: 'unavailable',
  provesLife: false,
} as const;

export const RETRIES = {
  /** No connection, or it was lost before COMMIT. Outages are logged where connections are made. */
  connectionLost: { ...silent, isReported: false },
  /** COMMIT was sent; its answer is missing or carries a warning. The retry waits for the locks of the old backend. */
  commitUnknown: { ...silent, isReported: false },
  /** Deadlock or serialization failure. */
  conflict: { ...answered, isReported: true },
  /** Another transaction took an externalId or a key after it was looked up. */
  taken: { ...answered, isReported: true },
  /** A period was closed meanwhile, the clock was set back, or another process changed what was read. */
  overtaken: { ...answered, isReported: true },
  /** Statement timeout, cancellation, disk full, out of memory. */
  exhausted: { ...answered, isReported: true },
  /**
   * A lock wait that was too long. The group commit parks the commands on locked accounts; this row is for the others, which often
   * wait for a COMMIT that hangs, as without its standby.
   */
  lockTimeout: { ...silent, isReported: false },
  /**
   * Another session keeps an account locked. `retry` receives it as AccountLockedError. In the group commit it is not a failure of an
   * attempt: it is the time for which commands are parked.
   */
  accountLocked: { ...answered, forMs: 10_000, splitAfter: Infinity, provesLife: false, isReported: false },
  /** Any other error: a repetition would fail too. */
  fault: { forMs: 0, splitAfter: 1, refusal: 'internal', provesLife: true, isReported: true },
} as const satisfies Record<string, Rule>;
export type Failure = keyof typeof RETRIES;

/** Another process changed what this one had read. Nothing was done; the next attempt reads again. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
}

/** Another session keeps an account locked. Nothing was done. Only a probe of the accounts tells this from `lockTimeout`. */
export class AccountLockedError extends Error {
  override readonly name = 'AccountLockedError';
}

/** Constraints that a concurrent change, a paused process or a clock that was set back can violate. */
const OVERTAKEN_CONSTRAINTS: ReadonlySet<string> = new Set([
  'period_open',
  'blocks_in_time',
  'ledgers_closed_forward',
]);

/** Returns the row of the table for an error. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CommitUnknownError) return 'commitUnknown';
  if (error instanceof ConnectionLostError) return 'connectionLost';
  if (error instanceof OvertakenError) return 'overtaken';
  if (error instanceof AccountLockedError) return 'accountLocked';
  switch (sqlStateOf(error)) {
    case '53300': // too many connections
      return 'connectionLost';
    case '40001': // serialization failure
    case '40P01': // deadlock
      return 'conflict';
    case '23505': // unique violation
      return 'taken';
    case '55P03': // lock timeout
      return 'lockTimeout';
    case '57014': // statement timeout, or cancelled by an administrator
    case '53100': // disk full
    case '53200': // out of memory
      return 'exhausted';
    default:
      return OVERTAKEN_CONSTRAINTS.has(constraintOf(error) ?? '') ? 'overtaken' : 'fault';
  }
}

/** Receives faults; `faultId` is set if a caller received INTERNAL for it. */
export type OnFault = (error: unknown, faultId?: string) => void;

/** Reports a fault and returns the refusal for its caller. */
export function refuseFault(onFault: OnFault, error: unknown): Refusal {
  if (error instanceof CommitUnknownError) {
    onFault(error.cause);
    return refuse('unavailable', {});
  }
  const faultId = randomUUID();
  onFault(error, faultId);
  return refuse('internal', { faultId });
}

/** How long an overloaded caller should wait: a full queue is worked off in about this time. */
const RETRY_AFTER_MS = 1000;

/** Returns the refusal of a command for which nothing was done. */
export function overloaded(): Refusal<'OVERLOADED'> {
  return refuse('overloaded', { retryAfterMs: RETRY_AFTER_MS });
}

/** Reports the error of the last attempt if the table says so, and returns the refusal for the caller. */
export function refuseAfter(failure: Failure, error: unknown, onFault: OnFault): Refusal {
  const { refusal, isReported } = RETRIES[failure];
  if (refusal === 'internal') return refuseFault(onFault, error);
  if (isReported) onFault(error);
  return refusal === 'overloaded' ? overloaded() : refuse('unavailable', {});
}

/** Waits before the next attempt: longer each time, with jitter so that competitors do not meet again. */
export async function pauseBefore(attempt: number): Promise<void> {
  await sleep(Math.random() * Math.min(5 * 2 ** attempt, 200));
}

/**
 * Runs `run` until it succeeds or the table ends its retries. Resolves with UNAVAILABLE if the database is silent; the attempt
 * in flight may still succeed, and its result is discarded. Rejects with the error of a fault; after a COMMIT whose outcome is
 * unknown, with a CommitUnknownError that has the fault as its cause.
 */
export async function retry<T>(run: (attempt: number) => Promise<T>): Promise<T | Refusal> {
  const { promise: silence, resolve } = Promise.withResolvers<Refusal>();
  const caller = { hasLeft: false };
  const timer = setTimeout(() => {
    caller.hasLeft = true;
    resolve(refuse('unavailable', {}));
  }, UNAVAILABLE_AFTER_MS);
  try {
    return await Promise.race([silence, retryFor(caller, run)]);
  } finally {
    clearTimeout(timer);
  }
}

async function retryFor<T>(
  caller: { readonly hasLeft: boolean },
  run: (attempt: number) => Promise<T>,
): Promise<T | Refusal> {
  const since = performance.now();
  let isUnknown = false;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(attempt);
    } catch (error) {
      const failure = failureOf(error);
      const { forMs, refusal } = RETRIES[failure];
      isUnknown ||= failure === 'commitUnknown';
      if (refusal === 'internal') {
        throw isUnknown
          ? new CommitUnknownError('a fault followed an unknown COMMIT', { cause: error })
          : error;
      }
      // The caller does not wait as long as a parked command.
      const limitMs = refusal === 'overloaded' ? RETRY_FOR_MS : forMs;
      if (caller.hasLeft || performance.now() - since >= limitMs) {
        return isUnknown || refusal === 'unavailable' ? refuse('unavailable', {}) : overloaded();
      }
      await pauseBefore(attempt);
    }
  }
}
