import type { AccountState } from '../account.ts';
import { type Refusal, refuse } from '../errors.ts';
import type { Hold } from '../hold.ts';
import type { Uuid } from '../values/ids.ts';
import { toMinor } from '../values/money.ts';
import { Malformed } from '../values/text.ts';
import type { Book } from './book.ts';
import type { PlannedCommand, PlannedLeg } from './command.ts';
import { checkBounds } from './conditions.ts';
import { checkAttempt, type Movement, type MovementLeg, sumDeltas } from './movement.ts';

/** A leg and the account that its name resolved to. */
interface FoundLeg {
  readonly leg: PlannedLeg;
  readonly account: AccountState;
}

/** Plans a deposit, withdrawal, transfer, journal or hold: step 5 of the order of precedence, in its order. */
export function planEntries(book: Book, command: PlannedCommand): Movement | Refusal {
  const impossible = checkRequest(book, command);
  if (impossible !== undefined) return impossible;
  const found = findAccounts(book, command);
  if ('code' in found) return found;
  const mismatch = checkCurrencies(command, found);
  if (mismatch !== undefined) return mismatch;
  const legs = readAmounts(command, found);
  if ('code' in legs) return legs;
  const unfitBound = checkBounds(book, command);
  if (unfitBound !== undefined) return unfitBound;
  const unbalanced = command.type === 'JOURNAL' ? checkBalance(legs) : undefined;
  if (unbalanced !== undefined) return unbalanced;
  const unsupported = findUnsupported(book, command, legs);
  if (unsupported !== undefined) return refuse('unsupportedAccount', { account: unsupported });
  const refusal = checkAttempt(book, command);
  if (refusal !== undefined) return refusal;

  // The request of a deposit names only the credited account, so the external account, which its first entry debits, comes last.
  const deltas = sumDeltas(command.type === 'DEPOSIT' ? legs.toReversed() : legs);
  const hold = command.type === 'HOLD' ? placedHold(book, command, legs) : null;
  return { legs, deltas, hold, reverses: null, allowsFrozen: false };
}

/** Refuses a request that no state of its accounts could satisfy. */
function checkRequest(
  book: Book,
  { type, legs, keyAccount, expiresAt }: PlannedCommand,
): Refusal | undefined {
  const [from, to] = legs;
  if ((type === 'TRANSFER' || type === 'HOLD') && from?.account.id === to?.account.id) {
    return refuse('sameAccount', { accountId: to?.account.given ?? '' });
  }
  if (type === 'JOURNAL' && !legs.some(({ account }) => account.id === keyAccount.id)) {
    const problem = 'must be the account of one of the entries';
    return refuse('impossibleInput', { field: 'keyAccountId', problem });
  }
  if (expiresAt !== null && expiresAt <= book.createdAt) {
    return refuse('impossibleInput', { field: 'expiresAt', problem: 'must be in the future' });
  }
  return undefined;
}

/** Returns each leg with its account. Refuses the first account of the legs or conditions that does not exist. */
function findAccounts(
  book: Book,
  { legs, conditions }: PlannedCommand,
): readonly FoundLeg[] | Refusal<'ACCOUNT_NOT_FOUND'> {
  const found: FoundLeg[] = [];
  for (const leg of legs) {
    const account = book.accounts.get(leg.account.id ?? '');
    if (account === undefined) return refuse('accountNotFound', { accountId: leg.account.given });
    found.push({ leg, account });
  }
  const missing = conditions.find(({ account }) => !book.accounts.has(account.id ?? ''));
  return missing === undefined ? found : refuse('accountNotFound', { accountId: missing.account.given });
}

/** Refuses different currencies; only a journal may have several. */
function checkCurrencies(
  { type }: PlannedCommand,
  found: readonly FoundLeg[],
): Refusal<'CURRENCY_MISMATCH'> | undefined {
  if (type === 'JOURNAL') return undefined;
  const expected = found[0]?.account.currency.code ?? '';
  const other = found.find(({ account }) => account.currency.code !== expected);
  return other === undefined
    ? undefined
    : refuse('currencyMismatch', { expected, given: other.account.currency.code });
}

/** Converts the amounts to minor units. Refuses the first one that its account's currency cannot express. */
function readAmounts(
  { type }: PlannedCommand,
  found: readonly FoundLeg[],
): readonly MovementLeg[] | Refusal<'INVALID_AMOUNT'> {
  const layer = type === 'HOLD' ? 'PENDING' : 'POSTED';
  const legs: MovementLeg[] = [];
  for (const [place, { leg, account }] of found.entries()) {
    const minor = toMinor(leg.amount, account.currency);
    if (minor instanceof Malformed) {
      const field = type === 'JOURNAL' ? `entries[${place}].amount` : 'amount';
      return refuse('amountUnfit', { field, problem: minor.problem });
    }
    const amount = leg.side === 'CREDIT' ? minor : -minor;
    legs.push({ account, layer, amount, description: leg.description });
  }
  return legs;
}

/** Refuses the first currency, by code, whose debits and credits differ. */
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

/**
 * Returns the account that a command does not support: a hold, or that of a restricted caller, no external one; a
 * deposit or withdrawal no DEBIT-normal one.
 */
function findUnsupported(
  book: Book,
  { type, keyAccount, isRestricted }: PlannedCommand,
  legs: readonly MovementLeg[],
): Uuid | undefined {
  if (type === 'HOLD' || isRestricted) {
    return legs.find(({ account }) => account.kind === 'EXTERNAL')?.account.id;
  }
  const takesCreditOnly = type === 'DEPOSIT' || type === 'WITHDRAWAL';
  return takesCreditOnly && book.accounts.get(keyAccount.id)?.normalSide !== 'CREDIT'
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
