import { type Refusal, refuse } from '../errors.ts';
import type { Transaction } from '../transaction.ts';
import { type Decimal, toMinor } from '../values/money.ts';
import { Malformed } from '../values/text.ts';
import type { Book, Original } from './book.ts';
import type { PlannedCommand } from './command.ts';
import { checkAttempt, lockedAccount, type Movement, type MovementLeg, sumDeltas } from './movement.ts';

/**
 * Plans a reversal: the POSTED entries of the original with the sides swapped. A partial reversal needs exactly two of them. A
 * reversal is itself not reversible.
 */
export function planReversal(book: Book, command: PlannedCommand): Movement | Refusal {
  const { transaction, reversed } = originalOf(book, command);
  const given = readPart(command.part, transaction);
  if (given instanceof Malformed) {
    return refuse('amountUnfit', { field: 'amount', problem: given.problem });
  }
  const posted = transaction.entries.filter(({ layer }) => layer === 'POSTED');
  const [first, second] = posted;
  const hasTwo = posted.length === 2;
  if (first === undefined || second === undefined || transaction.type === 'REVERSAL') {
    return refuse('notReversible', { transaction: transaction.id });
  }
  if (command.part !== null && !hasTwo) {
    return refuse('notReversible', { transaction: transaction.id });
  }
  const refusal = checkAttempt(book, command);
  if (refusal !== undefined) return refusal;

  const { currency } = first;
  const remaining = absolute(first.amount) - reversed;
  if (remaining === 0n) return refuse('alreadyReversed', { transaction: transaction.id });
  const part = given ?? remaining;
  if (part > remaining) {
    return refuse('reversalAmountExceeded', {
      remaining: { minor: remaining, currency },
      requested: { minor: part, currency },
    });
  }

  const legs = posted.map(({ accountId, amount }): MovementLeg => {
    const size = hasTwo ? part : absolute(amount);
    const account = lockedAccount(book, accountId);
    return { account, layer: 'POSTED', amount: amount < 0n ? size : -size, description: null };
  });
  return { legs, deltas: sumDeltas(legs), hold: null, reverses: transaction.id, allowsFrozen: false };
}

/** Converts the amount of a partial reversal. null: there is none, or the original has several currencies and cannot be reversed in part. */
function readPart(part: Decimal | null, { entries }: Transaction): bigint | null | Malformed {
  const [first, ...others] = entries;
  const hasOneCurrency = others.every(({ currency }) => currency.code === first?.currency.code);
  return part === null || first === undefined || !hasOneCurrency ? null : toMinor(part, first.currency);
}

function originalOf(book: Book, { target }: PlannedCommand): Original {
  const original = target === null ? undefined : book.originals.get(target.id);
  if (original === undefined) throw new TypeError('the book lacks the original of a reversal');
  return original;
}

function absolute(amount: bigint): bigint {
  return amount < 0n ? -amount : amount;
}
