import { type Refusal, refuse } from '../errors.ts';
import { type Hold, isExpired, remainingOf } from '../hold.ts';
import { toMinor } from '../values/money.ts';
import { Malformed } from '../values/text.ts';
import type { Book } from './book.ts';
import type { PlannedCommand } from './command.ts';
import { checkAttempt, lockedAccount, type Movement, type MovementLeg, sumDeltas } from './movement.ts';

/** Plans a capture: RELEASE entries end the pending amount, POSTED entries move the captured one. */
export function planCapture(book: Book, command: PlannedCommand): Movement | Refusal {
  const hold = holdOf(book, command);
  const { currency } = hold;
  const part = command.part === null ? null : toMinor(command.part, currency);
  if (part instanceof Malformed) return refuse('amountUnfit', { field: 'amount', problem: part.problem });
  const refusal = checkAttempt(book, command);
  if (refusal !== undefined) return refusal;

  if (isExpired(hold, book.createdAt)) return refuse('holdExpired', { hold: hold.id });
  if (hold.status !== 'OPEN') return refuse('holdNotOpen', { hold: hold.id });
  const remaining = remainingOf(hold);
  const captured = part ?? remaining;
  if (captured > remaining) {
    return refuse('holdAmountExceeded', {
      hold: hold.id,
      remaining: { minor: remaining, currency },
      requested: { minor: captured, currency },
    });
  }

  const ends = command.final || captured === remaining;
  const legs = [
    ...legsBetween(book, hold, 'RELEASE', ends ? remaining : captured),
    ...legsBetween(book, hold, 'POSTED', captured),
  ];
  const status = ends ? 'CAPTURED' : 'OPEN';
  const holdAfter: Hold = { ...hold, captured: hold.captured + captured, status };
  return { legs, deltas: sumDeltas(legs), hold: holdAfter, reverses: null, allowsFrozen: false };
}

/** Plans a void, or an expiry, which has no idempotency key. */
export function planRelease(book: Book, command: PlannedCommand): Movement | Refusal {
  const hold = holdOf(book, command);
  const isExpiry = command.idempotencyKey === null;
  if (hold.status !== 'OPEN' || (isExpiry && !isExpired(hold, book.createdAt))) {
    return refuse('holdNotOpen', { hold: hold.id });
  }

  const legs = legsBetween(book, hold, 'RELEASE', remainingOf(hold));
  const holdAfter: Hold = { ...hold, status: isExpiry ? 'EXPIRED' : 'VOIDED' };
  return { legs, deltas: sumDeltas(legs), hold: holdAfter, reverses: null, allowsFrozen: true };
}

function legsBetween(book: Book, hold: Hold, layer: 'RELEASE' | 'POSTED', amount: bigint): MovementLeg[] {
  // A RELEASE entry is on the opposite side of the PENDING entry that it ends.
  const debit = layer === 'POSTED' ? -amount : amount;
  return [
    { account: lockedAccount(book, hold.fromAccountId), layer, amount: debit, description: null },
    { account: lockedAccount(book, hold.toAccountId), layer, amount: -debit, description: null },
  ];
}

function holdOf(book: Book, { target }: PlannedCommand): Hold {
  const hold = target === null ? undefined : book.holds.get(target.id);
  if (hold === undefined) throw new TypeError('the book lacks the hold of a command');
  return hold;
}
