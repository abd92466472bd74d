import type { AuditEvent } from './audit.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './values/ids.ts';
import { formatInstant, type Instant } from './values/instant.ts';
import { Malformed } from './values/text.ts';

/** What closePeriod takes, as the API does. */
export interface ClosePeriodInput {
  readonly before: Instant | Malformed;
}

/** A period that is to be closed, well formed. */
export interface PeriodEnd {
  /** No effectiveAt before it from then on. */
  readonly before: Instant;
}

/** Reads the input of closePeriod. */
export function toPeriodEnd({ before }: ClosePeriodInput): PeriodEnd | Refusal<'INVALID_INPUT'> {
  return before instanceof Malformed
    ? refuse('malformedInput', { field: 'before', problem: before.problem })
    : { before };
}

/** So long ago at least a period ends, in microseconds: what is being posted without an effectiveAt counts later. */
const SETTLED_AFTER = 5_000_000n;

/**
 * Whether a period is to be closed before an instant, by the database's clock. CLOSED: it is closed until then, or until a later
 * instant, and nothing changes.
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
      `must be at least 5 seconds before the database's clock, which is ${formatInstant(clock)}: ` +
      'give an earlier instant, or repeat the request later',
  });
}

/** What is recorded of a ledger whose period is closed until an instant; it was closed until another one, or until none. */
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
