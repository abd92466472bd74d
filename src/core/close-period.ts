import type { AuditEvent } from './audit.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './values/ids.ts';
import { formatInstant, type Instant } from './values/instant.ts';
import { Malformed } from './values/text.ts';

/** The input of closePeriod. */
export interface ClosePeriodInput {
  readonly before: Instant | Malformed;
}

/** A well-formed request to close a period. */
export interface PeriodEnd {
  /** An effectiveAt before this instant is refused once the period is closed. */
  readonly before: Instant;
}

/** Reads the input of closePeriod. */
export function toPeriodEnd({ before }: ClosePeriodInput): PeriodEnd | Refusal<'INVALID_INPUT'> {
  return before instanceof Malformed
    ? refuse('malformedInput', { field: 'before', problem: before.problem })
    : { before };
}

/** Microseconds. A period must end at least this long ago, so that closing it never refuses a command in flight without effectiveAt. */
const SETTLED_AFTER = 5_000_000n;

/**
 * Decides whether a period can be closed, by the database's clock. Returns CLOSED where it is already closed up to this instant
 * or a later one: then nothing changes.
 */
export function decideClosing(
  { closedBefore, clock }: { readonly closedBefore: Instant | null; readonly clock: Instant },
  { before }: PeriodEnd,
): 'CLOSE' | 'CLOSED' | Refusal<'INVALID_INPUT'> {
  if (closedBefore !== null && before <= closedBefore) return 'CLOSED';
  if (before <= clock - SETTLED_AFTER) return 'CLOSE';
  return refuse('impossibleInput', {
    field: 'before',
    problem:
      `must be at least 5 seconds before the database's clock (${formatInstant(clock)}): ` +
      'use an earlier instant, or repeat the request later',
  });
}

/** Returns the audit event of closing a period. `closedBefore`: the end of the period that was closed before; null: none. */
export function auditClosing(
  ledgerId: Uuid,
  closedBefore: Instant | null,
  { before }: PeriodEnd,
): AuditEvent {
  return {
    action: 'closePeriod',
    subjectType: 'LEDGER',
    subject: ledgerId,
    before: { closedBefore: closedBefore === null ? null : formatInstant(closedBefore) },
    after: { closedBefore: formatInstant(before) },
    attempt: null,
    salt: null,
  };
}
