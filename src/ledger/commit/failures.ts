import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Refusal, refuse } from '../../core/errors.ts';
import { CommitUnknownError, ConnectionLostError } from '../../db/postgres/checked-pool.ts';
import { constraintOf, sqlStateOf } from '../../db/postgres/pg-errors.ts';

const LOCK_TIMEOUT = '55P03';

/** SQLSTATEs after which the same batch may well succeed: what it met was another's doing, or the server's. */
const PASSING_STATES: ReadonlySet<string> = new Set([
  '40001', // serialization failure
  '40P01', // deadlock
  LOCK_TIMEOUT,
  '57014', // statement timeout, or cancelled by an administrator
  '53100', // disk full
  '53200', // out of memory
  '53300', // too many connections
  '23505', // an externalId that another process took since it was looked up
]);

/** Constraints of the triggers that another process, a pause of this one or a clock that is set back can break: the next attempt sees why. */
const PASSING_CONSTRAINTS: ReadonlySet<string> = new Set([
  'period_open',
  'blocks_in_time',
  'ledgers_closed_forward',
]);

/** Another process changed what was read before: nothing was done, and the next attempt reads it again. */
export class OvertakenError extends Error {
  override readonly name = 'OvertakenError';
}

/**
 * Whether a batch that failed so may be run again as it is: `answered`, the database is there; `no answer`, the connection is
 * lost or COMMIT's answer is; `no`, one of its commands will always fail so.
 */
export function isPassing(error: unknown): 'answered' | 'no answer' | 'no' {
  if (error instanceof CommitUnknownError || error instanceof ConnectionLostError) return 'no answer';
  if (error instanceof OvertakenError || PASSING_STATES.has(sqlStateOf(error) ?? '')) return 'answered';
  return PASSING_CONSTRAINTS.has(constraintOf(error) ?? '') ? 'answered' : 'no';
}

/** Whether something stayed locked by others for longer than a batch waits. */
export function isLockTimeout(error: unknown): boolean {
  return sqlStateOf(error) === LOCK_TIMEOUT;
}

/** Told of a fault, and under which id, where a command was refused for it: the refusal has the id too. */
export type OnFault = (error: unknown, faultId?: string) => void;

/** Tells of a fault, and refuses what met it. */
export function refuseFault(onFault: OnFault, error: unknown): Refusal<'INTERNAL'> {
  const faultId = randomUUID();
  onFault(error, faultId);
  return refuse('internal', { faultId });
}

/** How long a caller waits at most while the database does not answer. */
export const ANSWER_AFTER_MS = 4000;
/** What fails so often in the same way is no coincidence. */
export const MAX_ATTEMPTS = 12;

/** How long to wait before the next attempt: longer each time, and not at the same time as others. */
export async function backOff(attempt: number): Promise<void> {
  await sleep(Math.random() * Math.min(5 * 2 ** attempt, 200));
}

/**
 * Runs what may be run again, until it succeeds or fails for good. UNAVAILABLE where the database does not answer in time;
 * what is under way then may still come to its end, and nobody hears of it.
 */
export async function untilAnswered<T>(
  run: (attempt: number) => Promise<T>,
  answerAfterMs = ANSWER_AFTER_MS,
): Promise<T | Refusal> {
  const { promise: outOfPatience, resolve } = Promise.withResolvers<Refusal>();
  const patience = { isOver: false };
  const timer = setTimeout(() => {
    patience.isOver = true;
    resolve(refuse('unavailable', {}));
  }, answerAfterMs);
  try {
    return await Promise.race([outOfPatience, runUntil(patience, run)]);
  } finally {
    clearTimeout(timer);
  }
}

async function runUntil<T>(
  patience: { readonly isOver: boolean },
  run: (attempt: number) => Promise<T>,
): Promise<T | Refusal> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await run(attempt);
    } catch (error) {
      const passing = isPassing(error);
      if (passing === 'no') throw error;
      if (patience.isOver || (passing === 'answered' && attempt >= MAX_ATTEMPTS)) {
        return refuse('unavailable', {});
      }
      await backOff(attempt);
    }
  }
}
