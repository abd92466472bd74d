/**
 * What a command moves, account by account: step 5 of the order of precedence, what the request itself makes impossible, and
 * of step 6 what is about a hold or an original. Whether the accounts allow it is decided beside the movement.
 */
import type { AccountState } from '../account.ts';
import { type Refusal, refuse } from '../errors.ts';
import { type Hold, isExpired, remainingOf } from '../hold.ts';
import type { Entry, Layer, Transaction } from '../transaction.ts';
import type { Uuid } from '../values/ids.ts';
import { type Decimal, toMinor } from '../values/money.ts';
import { Malformed } from '../values/text.ts';
import type { Book } from './book.ts';
import type { PlannedCommand, PlannedLeg } from './command.ts';

/** What a command moves, were it posted. */
export interface Movement {
  /** In the order of its entries. */
  readonly legs: readonly MovementLeg[];
  /** The accounts in the order in which the request names them, and what each gains. */
  readonly gains: ReadonlyMap<AccountState, Gain>;
  /** The hold as it is left; null where none changes. One that is placed takes the transaction's id. */
  readonly hold: Hold | null;
  readonly reverses: Uuid | null;
  /** What ends a hold moves frozen accounts too. */
  readonly evenFrozen: boolean;
}
export interface MovementLeg {
  readonly account: AccountState;
  readonly layer: Layer;
  /** Signed, credits positive. */
  readonly amount: bigint;
  readonly description: string | null;
}

/** By how much an account's sums change: `posted` signed, credits positive; the open holds on each side. */
export interface Gain {
  readonly posted: bigint;
  readonly pendingDebits: bigint;
  readonly pendingCredits: bigint;
}

/** What an entry adds to its account's sums. A RELEASE takes away what a PENDING entry of the other side added. */
export function gainOf({ layer, amount }: Pick<Entry, 'layer' | 'amount'>): Gain {
  if (layer === 'POSTED') return { posted: amount, pendingDebits: 0n, pendingCredits: 0n };
  const isDebit = layer === 'PENDING' ? amount < 0n : amount > 0n;
  return isDebit
    ? { posted: 0n, pendingDebits: -amount, pendingCredits: 0n }
    : { posted: 0n, pendingDebits: 0n, pendingCredits: amount };
}

/** What the command moves, or why it cannot. */
export function planMovement(book: Book, command: PlannedCommand): Movement | Refusal {
  switch (command.type) {
    case 'CAPTURE':
      return planCapture(book, command);
    case 'RELEASE':
      return planRelease(book, command);
    case 'REVERSAL':
      return planReversal(book, command);
    default:
      return planLegs(book, command);
  }
}

/** A deposit, withdrawal, transfer, journal or hold. */
function planLegs(book: Book, command: PlannedCommand): Movement | Refusal {
  const { type, legs, keyAccount, conditions } = command;
  const [from, to] = legs;
  const betweenTwo = type === 'TRANSFER' || type === 'HOLD';
  if (betweenTwo && from?.account.id === to?.account.id) {
    return refuse('sameAccount', { accountId: to?.account.given ?? '' });
  }
  if (type === 'JOURNAL' && !legs.some(({ account }) => account.id === keyAccount.id)) {
    return refuse('impossibleInput', {
      field: 'keyAccountId',
      problem: "must be one of the entries' accounts",
    });
  }
  if (command.expiresAt !== null && command.expiresAt <= book.createdAt) {
    return refuse('impossibleInput', { field: 'expiresAt', problem: 'must lie in the future' });
  }

  const found: { readonly leg: PlannedLeg; readonly account: AccountState }[] = [];
  for (const leg of legs) {
    const account = accountOf(book, leg.account.id);
    if (account === undefined) return refuse('accountNotFound', { accountId: leg.account.given });
    found.push({ leg, account });
  }
  for (const { account } of conditions) {
    if (accountOf(book, account.id) === undefined) {
      return refuse('accountNotFound', { accountId: account.given });
    }
  }

  const expected = found[0]?.account.currency.code ?? '';
  const stranger = found.find(({ account }) => account.currency.code !== expected);
  if (stranger !== undefined && type !== 'JOURNAL') {
    return refuse('currencyMismatch', { expected, given: stranger.account.currency.code });
  }

  const layer = type === 'HOLD' ? 'PENDING' : 'POSTED';
  const moved: MovementLeg[] = [];
  for (const [place, { leg, account }] of found.entries()) {
    const field = type === 'JOURNAL' ? `entries[${place}].amount` : 'amount';
    const minor = toMinor(leg.amount, account.currency);
    if (minor instanceof Malformed) return refuse('amountUnfit', { field, problem: minor.problem });
    const { description } = leg;
    moved.push({ account, layer, amount: leg.side === 'CREDIT' ? minor : -minor, description });
  }
  const unfit = checkBounds(book, command);
  if (unfit !== undefined) return unfit;
  const unbalanced = type === 'JOURNAL' ? checkBalance(moved) : undefined;
  if (unbalanced !== undefined) return unbalanced;

  const unsupported = findUnsupported(book, command, moved);
  if (unsupported !== undefined) return refuse('unsupportedAccount', { account: unsupported });
  const refusal = checkAttempt(book, command);
  if (refusal !== undefined) return refusal;
  // A deposit's request names the account that receives; the external one, which its entries name first, comes after it.
  const gains = sumGains(type === 'DEPOSIT' ? moved.toReversed() : moved);
  const hold = type === 'HOLD' ? placedHold(book, command, moved) : null;
  return { legs: moved, gains, hold, reverses: null, evenFrozen: false };
}

/** Conditions' bounds in the currencies of their accounts, which are all there. */
function checkBounds(book: Book, { conditions }: PlannedCommand): Refusal<'INVALID_AMOUNT'> | undefined {
  for (const [place, { account, balanceAtLeast, balanceAtMost, availableAtLeast }] of conditions.entries()) {
    const currency = accountOf(book, account.id)?.currency;
    for (const [name, bound] of Object.entries({ balanceAtLeast, balanceAtMost, availableAtLeast })) {
      const minor = bound === null || currency === undefined ? 0n : toMinor(bound, currency);
      if (minor instanceof Malformed) {
        const field = `conditions[${place}].${name}`;
        return refuse('amountUnfit', { field, problem: minor.problem });
      }
    }
  }
  return undefined;
}

/** Debits equal credits in each currency; the first by code that does not is named. */
function checkBalance(legs: readonly MovementLeg[]): Refusal<'UNBALANCED'> | undefined {
  const byCurrency = Map.groupBy(legs, ({ account }) => account.currency.code);
  for (const code of [...byCurrency.keys()].sort()) {
    const [first, ...rest] = byCurrency.get(code) ?? [];
    if (first === undefined) continue;
    const sum = rest.reduce((total, { amount }) => total + amount, first.amount);
    if (sum !== 0n) {
      return refuse('unbalanced', {
        difference: { minor: sum < 0n ? -sum : sum, currency: first.account.currency },
      });
    }
  }
  return undefined;
}

/** Deposits and withdrawals are between a CREDIT account and the external one; a hold is between two that are not external. */
function findUnsupported(
  book: Book,
  { type, keyAccount }: PlannedCommand,
  legs: readonly MovementLeg[],
): Uuid | undefined {
  if (type === 'HOLD') return legs.find(({ account }) => account.kind === 'EXTERNAL')?.account.id;
  const takesCreditOnly = type === 'DEPOSIT' || type === 'WITHDRAWAL';
  return takesCreditOnly && accountOf(book, keyAccount.id)?.normalSide !== 'CREDIT'
    ? keyAccount.id
    : undefined;
}

function placedHold(book: Book, command: PlannedCommand, legs: readonly MovementLeg[]): Hold | null {
  const [from, to] = legs;
  if (from === undefined || to === undefined) return null;
  return {
    id: book.idAt(book.recordings.length),
    fromAccountId: from.account.id,
    toAccountId: to.account.id,
    currency: from.account.currency,
    amount: to.amount,
    captured: 0n,
    status: 'OPEN',
    expiresAt: command.expiresAt,
    createdAt: book.createdAt,
  };
}

/** Captures end with RELEASE entries what the hold placed, and post what is captured of it. */
function planCapture(book: Book, command: PlannedCommand): Movement | Refusal {
  const hold = holdOf(book, command);
  const given = partOf(command.part, hold);
  if (given instanceof Malformed) {
    return refuse('amountUnfit', { field: 'amount', problem: given.problem });
  }
  const refusal = checkAttempt(book, command);
  if (refusal !== undefined) return refusal;

  if (isExpired(hold, book.createdAt)) return refuse('holdExpired', { hold: hold.id });
  if (hold.status !== 'OPEN') return refuse('holdNotOpen', { hold: hold.id });
  const remaining = remainingOf(hold);
  const captured = given ?? remaining;
  if (captured > remaining) {
    const { currency } = hold;
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
  const left: Hold = {
    ...hold,
    captured: hold.captured + captured,
    status: ends ? 'CAPTURED' : 'OPEN',
  };
  return { legs, gains: sumGains(legs), hold: left, reverses: null, evenFrozen: false };
}

/** A void, by a key, or an expiry, which has none. */
function planRelease(book: Book, command: PlannedCommand): Movement | Refusal {
  const hold = holdOf(book, command);
  const expires = command.idempotencyKey === null;
  if (hold.status !== 'OPEN' || (expires && !isExpired(hold, book.createdAt))) {
    return refuse('holdNotOpen', { hold: hold.id });
  }
  const legs = legsBetween(book, hold, 'RELEASE', remainingOf(hold));
  const left: Hold = { ...hold, status: expires ? 'EXPIRED' : 'VOIDED' };
  return { legs, gains: sumGains(legs), hold: left, reverses: null, evenFrozen: true };
}

/** The POSTED entries with the sides swapped, all that is not reversed yet or a part of two. */
function planReversal(book: Book, command: PlannedCommand): Movement | Refusal {
  const original = command.target === null ? undefined : book.originals.get(command.target.id);
  if (original === undefined) throw new TypeError('a reversal comes with its original');
  const { transaction, reversed } = original;
  const given = partOfOriginal(command.part, transaction);
  if (given instanceof Malformed) {
    return refuse('amountUnfit', { field: 'amount', problem: given.problem });
  }
  const posted = transaction.entries.filter(({ layer }) => layer === 'POSTED');
  const [first, second] = posted;
  if (first === undefined || second === undefined || transaction.type === 'REVERSAL') {
    return refuse('notReversible', { transaction: transaction.id });
  }
  const isOfTwo = posted.length === 2;
  if (command.part !== null && !isOfTwo) {
    return refuse('notReversible', { transaction: transaction.id });
  }
  const { currency } = first;
  const refusal = checkAttempt(book, command);
  if (refusal !== undefined) return refusal;

  const whole = first.amount < 0n ? -first.amount : first.amount;
  const remaining = whole - reversed;
  if (remaining === 0n) return refuse('alreadyReversed', { transaction: transaction.id });
  const part = given ?? remaining;
  if (part > remaining) {
    return refuse('reversalAmountExceeded', {
      remaining: { minor: remaining, currency },
      requested: { minor: part, currency },
    });
  }
  const legs = posted.map(({ accountId, amount }): MovementLeg => {
    const account = lockedAccount(book, accountId);
    const size = isOfTwo ? part : amount < 0n ? -amount : amount;
    return { account, layer: 'POSTED', amount: amount < 0n ? size : -size, description: null };
  });
  return { legs, gains: sumGains(legs), hold: null, reverses: transaction.id, evenFrozen: false };
}

/** Step 5, what is asked of any attempt. */
function checkAttempt(book: Book, command: PlannedCommand): Refusal | undefined {
  const { closedBefore } = book;
  if (closedBefore !== null && command.effectiveAt !== null && command.effectiveAt < closedBefore) {
    return refuse('periodClosed', { closedBefore });
  }
  const takenBy = command.externalId === null ? undefined : book.externalIds.get(command.externalId);
  if (takenBy === undefined) return undefined;
  return refuse('externalIdTaken', { takenBy: { kind: 'transaction', id: takenBy } });
}

function legsBetween(book: Book, hold: Hold, layer: 'RELEASE' | 'POSTED', amount: bigint): MovementLeg[] {
  // What was PENDING is ended on the other side.
  const debit = layer === 'POSTED' ? -amount : amount;
  return [
    { account: lockedAccount(book, hold.fromAccountId), layer, amount: debit, description: null },
    { account: lockedAccount(book, hold.toAccountId), layer, amount: -debit, description: null },
  ];
}

function sumGains(legs: readonly MovementLeg[]): ReadonlyMap<AccountState, Gain> {
  const gains = new Map<AccountState, Gain>();
  for (const leg of legs) {
    const more = gainOf(leg);
    const before = gains.get(leg.account);
    gains.set(leg.account, before === undefined ? more : addGains(before, more));
  }
  return gains;
}

function addGains(a: Gain, b: Gain): Gain {
  return {
    posted: a.posted + b.posted,
    pendingDebits: a.pendingDebits + b.pendingDebits,
    pendingCredits: a.pendingCredits + b.pendingCredits,
  };
}

function partOf(part: Decimal | null, { currency }: Hold): bigint | null | Malformed {
  return part === null ? null : toMinor(part, currency);
}

/** In the currency of its entries; where they have several there is none to read it in, nor a part to reverse. */
function partOfOriginal(part: Decimal | null, { entries }: Transaction): bigint | null | Malformed {
  const [first, ...others] = entries;
  const isOfOne = others.every(({ currency }) => currency.code === first?.currency.code);
  return part === null || first === undefined || !isOfOne ? null : toMinor(part, first.currency);
}

function accountOf(book: Book, id: Uuid | undefined): AccountState | undefined {
  return id === undefined ? undefined : book.accounts.get(id);
}

function lockedAccount(book: Book, id: Uuid): AccountState {
  const account = book.accounts.get(id);
  if (account === undefined) throw new TypeError(`the account ${id} is not locked`);
  return account;
}

function holdOf(book: Book, { target }: PlannedCommand): Hold {
  const hold = target === null ? undefined : book.holds.get(target.id);
  if (hold === undefined) throw new TypeError('what ends a hold comes with it');
  return hold;
}
