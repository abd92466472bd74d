import type { AuditEvent } from './audit.ts';
import { type Refusal, refuse } from './errors.ts';
import type { Uuid } from './ids.ts';
import { formatInstant, type Instant } from './instant.ts';
import { Malformed } from './text.ts';

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

/** The refusal of a period that ends later than now: what is still to come cannot be final. */
export function refuseFutureEnd(): Refusal<'INVALID_INPUT'> {
  return refuse('impossibleInput', {
    field: 'before',
    problem: "must not be later than the database's clock",
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
