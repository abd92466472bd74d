/** Step 6 of the order of precedence, the checks of accounts: their status and their limits. */
import { type AccountState, availableOf, balanceOf, heldOf, incomingOf, onSide } from '../account.ts';
import { type RecordedCode, type Refusal, refuse } from '../errors.ts';
import { MAX_MINOR } from '../values/money.ts';
import type { Delta, Movement, MovementLeg } from './movement.ts';

/** Refuses closed accounts first, then frozen ones. */
export function checkStatus({ deltas, allowsFrozen }: Movement): Refusal<RecordedCode> | undefined {
  for (const { id, status } of deltas.keys())
    if (status === 'CLOSED') return refuse('accountClosed', { account: id });
  if (allowsFrozen) return undefined;
  for (const { id, status } of deltas.keys())
    if (status === 'FROZEN') return refuse('accountFrozen', { account: id });
  return undefined;
}

/**
 * Checks limits on the balances after the whole transaction: first funds on every account, then maximum balances. The held and
 * incoming amounts, and the balances between two entries of one account, are bounded by MAX_MINOR.
 */
export function checkBalances({ deltas, legs }: Movement): Refusal<RecordedCode> | undefined {
  // No balance between two entries differs from the balance before them by more than this.
  let reach = 0n;
  for (const { amount } of legs) reach += amount < 0n ? -amount : amount;
  for (const [account, delta] of deltas) {
    const refusal = checkFunds(account, delta) ?? checkLowest(account, legs, reach);
    if (refusal !== undefined) return refusal;
  }
  for (const [account, delta] of deltas) {
    const refusal = checkMaximum(account, delta) ?? checkHighest(account, legs, reach);
    if (refusal !== undefined) return refusal;
  }
  return undefined;
}

/** Checks balance - held ≥ minBalance, and held ≤ MAX_MINOR. A command that does not lower balance - held passes. */
function checkFunds(account: AccountState, delta: Delta): Refusal<'INSUFFICIENT_FUNDS'> | undefined {
  const { normalSide } = account;
  const held = heldOf(normalSide, delta);
  const requested = held - onSide(normalSide, delta.posted);
  if (requested <= 0n) return undefined;
  const room = MAX_MINOR - heldOf(normalSide, account);
  const free = availableOf(account);
  const available = held > room && room < free ? room : free;
  return available < requested ? insufficient(account, available, requested) : undefined;
}

/** Checks that the balance after each entry is at least -MAX_MINOR. */
function checkLowest(
  account: AccountState,
  legs: readonly MovementLeg[],
  reach: bigint,
): Refusal<'INSUFFICIENT_FUNDS'> | undefined {
  const balance = balanceOf(account.normalSide, account);
  if (balance - reach >= -MAX_MINOR) return undefined;
  const { lowest } = extremesOf(account, legs);
  return lowest < -MAX_MINOR ? insufficient(account, balance + MAX_MINOR, balance - lowest) : undefined;
}

/** Checks balance + incoming ≤ maxBalance, and incoming ≤ MAX_MINOR. A command that does not raise balance + incoming passes. */
function checkMaximum(account: AccountState, delta: Delta): Refusal<'BALANCE_LIMIT_EXCEEDED'> | undefined {
  const { normalSide } = account;
  const gained = onSide(normalSide, delta.posted);
  if (gained + incomingOf(normalSide, delta) <= 0n) return undefined;
  const incoming = incomingOf(normalSide, account) + incomingOf(normalSide, delta);
  const highest = balanceOf(normalSide, account) + gained + incoming;
  const limit = account.maxBalance ?? MAX_MINOR;
  if (highest > limit) return exceeded(account, limit, highest);
  return incoming > MAX_MINOR ? exceeded(account, MAX_MINOR, incoming) : undefined;
}

/** Checks that the balance after each entry is at most MAX_MINOR. */
function checkHighest(
  account: AccountState,
  legs: readonly MovementLeg[],
  reach: bigint,
): Refusal<'BALANCE_LIMIT_EXCEEDED'> | undefined {
  if (balanceOf(account.normalSide, account) + reach <= MAX_MINOR) return undefined;
  const { highest } = extremesOf(account, legs);
  return highest > MAX_MINOR ? exceeded(account, MAX_MINOR, highest) : undefined;
}

/** Returns the lowest and the highest balance of an account after any of its entries, on its normal side. */
function extremesOf(
  account: AccountState,
  legs: readonly MovementLeg[],
): { readonly lowest: bigint; readonly highest: bigint } {
  let balance = balanceOf(account.normalSide, account);
  let [lowest, highest] = [balance, balance];
  for (const leg of legs) {
    if (leg.account !== account || leg.layer !== 'POSTED') continue;
    balance += onSide(account.normalSide, leg.amount);
    if (balance < lowest) lowest = balance;
    if (balance > highest) highest = balance;
  }
  return { lowest, highest };
}

function insufficient({ id, currency }: AccountState, available: bigint, requested: bigint) {
  return refuse('insufficientFunds', {
    account: id,
    available: { minor: available, currency },
    requested: { minor: requested, currency },
  });
}

function exceeded({ id, currency }: AccountState, limit: bigint, resulting: bigint) {
  return refuse('balanceLimitExceeded', {
    account: id,
    limit: { minor: limit, currency },
    resulting: { minor: resulting, currency },
  });
}
