/** The movement that a command plans, and the parts that all plans share. */
import type { AccountState } from '../account.ts';
import { type Refusal, refuse } from '../errors.ts';
import type { Hold } from '../hold.ts';
import type { Entry, Layer } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import type { Book } from './book.ts';
import type { PlannedCommand } from './command.ts';

/** The entries that a command would post, and their effect. */
export interface Movement {
  /** In the order of the entries. */
  readonly legs: readonly MovementLeg[];
  /** The change of each account's sums, in the order in which the request names the accounts. */
  readonly deltas: ReadonlyMap<AccountState, Delta>;
  /** The hold after the command; null where no hold changes. A placed hold has the id of its transaction. */
  readonly hold: Hold | null;
  readonly reverses: Uuid | null;
  /** True for a void and an expiry: they also move frozen accounts. */
  readonly allowsFrozen: boolean;
}

export interface MovementLeg {
  readonly account: AccountState;
  readonly layer: Layer;
  /** Signed: credits are positive. */
  readonly amount: bigint;
  readonly description: string | null;
}

/** A change of an account's sums. `posted` is signed: credits are positive. */
export interface Delta {
  readonly posted: bigint;
  readonly pendingDebits: bigint;
  readonly pendingCredits: bigint;
}

/** Returns the effect of an entry on its account's sums. A RELEASE undoes a PENDING entry of the opposite side. */
export function deltaOf({ layer, amount }: Pick<Entry, 'layer' | 'amount'>): Delta {
  if (layer === 'POSTED') return { posted: amount, pendingDebits: 0n, pendingCredits: 0n };
  const isDebit = layer === 'PENDING' ? amount < 0n : amount > 0n;
  return isDebit
    ? { posted: 0n, pendingDebits: -amount, pendingCredits: 0n }
    : { posted: 0n, pendingDebits: 0n, pendingCredits: amount };
}

/** Returns sums changed by a delta, or a copy of them without one. */
export function addDelta(sums: Delta, delta: Delta | undefined): Delta {
  return {
    posted: sums.posted + (delta?.posted ?? 0n),
    pendingDebits: sums.pendingDebits + (delta?.pendingDebits ?? 0n),
    pendingCredits: sums.pendingCredits + (delta?.pendingCredits ?? 0n),
  };
}

/** Returns the delta of each account; the accounts are in the order of the legs. */
export function sumDeltas(legs: readonly MovementLeg[]): ReadonlyMap<AccountState, Delta> {
  const deltas = new Map<AccountState, Delta>();
  for (const leg of legs) {
    const earlier = deltas.get(leg.account);
    deltas.set(leg.account, earlier === undefined ? deltaOf(leg) : addDelta(earlier, deltaOf(leg)));
  }
  return deltas;
}

/** The last checks of step 5: effectiveAt in a closed period, and an externalId that is taken. */
export function checkAttempt(book: Book, command: PlannedCommand): Refusal | undefined {
  const { closedBefore } = book;
  if (closedBefore !== null && command.effectiveAt !== null && command.effectiveAt < closedBefore) {
    return refuse('periodClosed', { closedBefore });
  }
  const takenBy = command.externalId === null ? undefined : book.externalIds.get(command.externalId);
  if (takenBy === undefined) return undefined;
  return refuse('externalIdTaken', { takenBy: { kind: 'transaction', id: takenBy } });
}

/** Returns an account that every batch with this command has in its book; throws where the book lacks it. */
export function lockedAccount(book: Book, id: Uuid): AccountState {
  const account = book.accounts.get(id);
  if (account === undefined) throw new TypeError(`account ${id} is not locked`);
  return account;
}
