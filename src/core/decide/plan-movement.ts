import type { Refusal } from '../errors.ts';
import type { Book } from './book.ts';
import type { PlannedCommand } from './command.ts';
import type { Movement } from './movement.ts';
import { planEntries } from './plan-entries.ts';
import { planCapture, planRelease } from './plan-hold-end.ts';
import { planReversal } from './plan-reversal.ts';

/**
 * Returns the movement of a command, or its refusal: step 5 of the order of precedence, and the checks of step 6 on a hold or an
 * original transaction.
 */
export function planMovement(book: Book, command: PlannedCommand): Movement | Refusal {
  switch (command.type) {
    case 'CAPTURE':
      return planCapture(book, command);
    case 'RELEASE':
      return planRelease(book, command);
    case 'REVERSAL':
      return planReversal(book, command);
    default:
      return planEntries(book, command);
  }
}
