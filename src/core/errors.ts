import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import { formatId } from './values/ids.ts';
import { formatInstant, type Instant } from './values/instant.ts';
import { formatMoney, type Money } from './values/money.ts';
import { excerpt } from './values/text.ts';

/** What each refusal says beside its code. Accounts, holds and transactions are named by what never changes, their id. */
export interface RefusalFacts {
  FORBIDDEN: Record<never, never>;
  RATE_LIMITED: { readonly retryAfterMs: number };
  OVERLOADED: { readonly retryAfterMs: number };
  INVALID_INPUT: { readonly field: string; readonly problem: string };
  INVALID_AMOUNT: { readonly field: string; readonly problem: string };
  /** accountId, holdId, transactionId: as the caller gave it. */
  ACCOUNT_NOT_FOUND: { readonly accountId: string };
  HOLD_NOT_FOUND: { readonly holdId: string };
  TRANSACTION_NOT_FOUND: { readonly transactionId: string };
  /** differingFields: names of the input's top-level fields, or "type". transaction: null where the key was declined. */
  IDEMPOTENCY_CONFLICT: { readonly differingFields: readonly string[]; readonly transaction: Uuid | null };
  SAME_ACCOUNT: { readonly accountId: string };
  UNKNOWN_CURRENCY: { readonly currency: string };
  CURRENCY_MISMATCH: { readonly expected: string; readonly given: string };
  UNBALANCED: { readonly difference: Money };
  UNSUPPORTED_ACCOUNT: { readonly account: Uuid };
  NOT_REVERSIBLE: { readonly transaction: Uuid };
  PERIOD_CLOSED: { readonly closedBefore: Instant };
  EXTERNAL_ID_TAKEN: {
    readonly takenBy: { readonly kind: 'account' | 'transaction'; readonly id: Uuid } | null;
  };
  HOLD_EXPIRED: { readonly hold: Uuid };
  HOLD_NOT_OPEN: { readonly hold: Uuid };
  HOLD_AMOUNT_EXCEEDED: { readonly hold: Uuid; readonly remaining: Money; readonly requested: Money };
  ALREADY_REVERSED: { readonly transaction: Uuid };
  REVERSAL_AMOUNT_EXCEEDED: { readonly remaining: Money; readonly requested: Money };
  ACCOUNT_CLOSED: { readonly account: Uuid };
  ACCOUNT_FROZEN: { readonly account: Uuid };
  CONDITION_FAILED: {
    readonly account: Uuid;
    readonly condition: ConditionKind;
    readonly actualBalance: Money;
    readonly actualAvailable: Money | null;
    readonly actualVersion: bigint;
  };
  /** available: before the transaction; requested: by how much the account falls in it. */
  INSUFFICIENT_FUNDS: { readonly account: Uuid; readonly available: Money; readonly requested: Money };
  BALANCE_LIMIT_EXCEEDED: { readonly account: Uuid; readonly limit: Money; readonly resulting: Money };
  ACCOUNT_NOT_EMPTY: { readonly account: Uuid; readonly balance: Money; readonly openHolds: number };
  LIMIT_UNMET: {
    readonly limit: Money;
    readonly balance: Money;
    readonly held: Money;
    readonly incoming: Money;
  };
  CURRENCY_TAKEN: { readonly registered: Currency };
  /** index: of the operation that could not be done. */
  BATCH_ABORTED: { readonly index: number; readonly cause: Refusal };
  UNAVAILABLE: Record<never, never>;
  /** faultId: under which the ledger has told of the fault; it is for the log, and not for callers. */
  INTERNAL: { readonly faultId: string };
}
export type ConditionKind =
  | 'EXPECTED_VERSION'
  | 'BALANCE_AT_LEAST'
  | 'BALANCE_AT_MOST'
  | 'AVAILABLE_AT_LEAST';
export type RefusalCode = keyof RefusalFacts;

interface Row {
  readonly code: RefusalCode;
  /** The lower step answers; inside a step the order of the rows. null: at any time. */
  readonly step: 1 | 2 | 3 | 4 | 5 | 6 | 7 | null;
  /** The key answers so forever. */
  readonly recorded: boolean;
  /** The same request with the same key may succeed without anything else being done first. */
  readonly retryable: boolean;
}

/** The order of precedence: one row a cause, the one place where its code, step, recorded and retryable are said. */
export const REFUSALS = {
  forbidden: { code: 'FORBIDDEN', step: 1, recorded: false, retryable: false },
  rateLimited: { code: 'RATE_LIMITED', step: 1, recorded: false, retryable: true },
  overloaded: { code: 'OVERLOADED', step: 1, recorded: false, retryable: true },

  malformedInput: { code: 'INVALID_INPUT', step: 2, recorded: false, retryable: false },
  malformedAmount: { code: 'INVALID_AMOUNT', step: 2, recorded: false, retryable: false },

  keyAccountNotFound: { code: 'ACCOUNT_NOT_FOUND', step: 3, recorded: false, retryable: false },
  holdNotFound: { code: 'HOLD_NOT_FOUND', step: 3, recorded: false, retryable: false },
  transactionNotFound: { code: 'TRANSACTION_NOT_FOUND', step: 3, recorded: false, retryable: false },

  keyUsedOtherwise: { code: 'IDEMPOTENCY_CONFLICT', step: 4, recorded: false, retryable: false },

  sameAccount: { code: 'SAME_ACCOUNT', step: 5, recorded: false, retryable: false },
  impossibleInput: { code: 'INVALID_INPUT', step: 5, recorded: false, retryable: false },
  accountNotFound: { code: 'ACCOUNT_NOT_FOUND', step: 5, recorded: false, retryable: false },
  unknownCurrency: { code: 'UNKNOWN_CURRENCY', step: 5, recorded: false, retryable: false },
  currencyMismatch: { code: 'CURRENCY_MISMATCH', step: 5, recorded: false, retryable: false },
  amountUnfit: { code: 'INVALID_AMOUNT', step: 5, recorded: false, retryable: false },
  unbalanced: { code: 'UNBALANCED', step: 5, recorded: false, retryable: false },
  unsupportedAccount: { code: 'UNSUPPORTED_ACCOUNT', step: 5, recorded: false, retryable: false },
  notReversible: { code: 'NOT_REVERSIBLE', step: 5, recorded: false, retryable: false },
  periodClosed: { code: 'PERIOD_CLOSED', step: 5, recorded: false, retryable: false },
  externalIdTaken: { code: 'EXTERNAL_ID_TAKEN', step: 5, recorded: false, retryable: false },

  holdExpired: { code: 'HOLD_EXPIRED', step: 6, recorded: true, retryable: false },
  holdNotOpen: { code: 'HOLD_NOT_OPEN', step: 6, recorded: true, retryable: false },
  holdAmountExceeded: { code: 'HOLD_AMOUNT_EXCEEDED', step: 6, recorded: true, retryable: false },
  alreadyReversed: { code: 'ALREADY_REVERSED', step: 6, recorded: true, retryable: false },
  reversalAmountExceeded: { code: 'REVERSAL_AMOUNT_EXCEEDED', step: 6, recorded: true, retryable: false },
  accountClosed: { code: 'ACCOUNT_CLOSED', step: 6, recorded: true, retryable: false },
  accountFrozen: { code: 'ACCOUNT_FROZEN', step: 6, recorded: true, retryable: false },
  conditionFailed: { code: 'CONDITION_FAILED', step: 6, recorded: true, retryable: false },
  insufficientFunds: { code: 'INSUFFICIENT_FUNDS', step: 6, recorded: true, retryable: false },
  balanceLimitExceeded: { code: 'BALANCE_LIMIT_EXCEEDED', step: 6, recorded: true, retryable: false },

  accountNotEmpty: { code: 'ACCOUNT_NOT_EMPTY', step: 7, recorded: false, retryable: false },
  limitUnmet: { code: 'LIMIT_UNMET', step: 7, recorded: false, retryable: false },
  currencyTaken: { code: 'CURRENCY_TAKEN', step: 7, recorded: false, retryable: false },

  unavailable: { code: 'UNAVAILABLE', step: null, recorded: false, retryable: true },
  internal: { code: 'INTERNAL', step: null, recorded: false, retryable: false },
  batchAborted: { code: 'BATCH_ABORTED', step: null, recorded: false, retryable: false },
} as const satisfies Record<string, Row>;
export type Cause = keyof typeof REFUSALS;

/** The codes that a key answers forever: those of the table's recorded rows. */
export type RecordedCode = {
  [C in Cause]: (typeof REFUSALS)[C]['recorded'] extends true ? Code<C> : never;
}[Cause];
type Code<C extends Cause> = (typeof REFUSALS)[C]['code'];

/** An answer that is no effect: a value of a closed family, discriminated by its code. */
export type Refusal<C extends RefusalCode = RefusalCode> = {
  [K in C]: {
    readonly code: K;
    readonly facts: RefusalFacts[K];
    readonly recorded: boolean;
    readonly retryable: boolean;
    /** This refusal had been recorded before. */
    readonly replayed: boolean;
  };
}[C];

/** Makes the refusal of a cause; its row in the table says the rest. */
export function refuse<C extends Cause>(cause: C, facts: RefusalFacts[Code<C>]): Refusal<Code<C>> {
  const { code, recorded, retryable } = REFUSALS[cause];
  // The row's code is the cause's, which the compiler does not see through an index access.
  return { code, facts, recorded, retryable, replayed: false } as Refusal<Code<C>>;
}

/** What is wrong, with the facts, and what to do. */
export function messageOf(refusal: Refusal): string {
  // The code chooses both the writer and its facts; the compiler cannot relate two lookups by one union.
  const write = MESSAGES[refusal.code] as (facts: Refusal['facts']) => string;
  const message = write(refusal.facts);
  return refusal.recorded ? `${message} ${NEW_ATTEMPT}` : message;
}

const NEW_ATTEMPT = 'This answer is kept for its idempotency key: to try again, send a new key.';

const MESSAGES: { readonly [C in RefusalCode]: (facts: RefusalFacts[C]) => string } = {
  FORBIDDEN: () => 'This key may not do that. Ask for one with the right to it.',
  RATE_LIMITED: ({ retryAfterMs }) =>
    `Too many requests. Nothing was done: try again after ${retryAfterMs} ms.`,
  OVERLOADED: ({ retryAfterMs }) =>
    `The ledger is busy. Nothing was done: try again after ${retryAfterMs} ms.`,
  INVALID_INPUT: ({ field, problem }) => `${field} ${problem}.`,
  INVALID_AMOUNT: ({ field, problem }) => `${field} ${problem}.`,
  ACCOUNT_NOT_FOUND: ({ accountId }) => `There is no account ${quote(accountId)}.${laterName(accountId)}`,
  HOLD_NOT_FOUND: ({ holdId }) => `There is no hold ${quote(holdId)}.${laterName(holdId)}`,
  TRANSACTION_NOT_FOUND: ({ transactionId }) =>
    `There is no transaction ${quote(transactionId)}.${laterName(transactionId)}`,
  IDEMPOTENCY_CONFLICT: ({ differingFields }) =>
    `This idempotency key was used before with other values of: ${differingFields.join(', ')}. ` +
    'Send the first request again to see its answer, or use a new key for a new request.',
  SAME_ACCOUNT: ({ accountId }) =>
    `Both sides are the account ${quote(accountId)}. Name two different accounts.`,
  UNKNOWN_CURRENCY: ({ currency }) =>
    `There is no currency ${quote(currency)}. Use a code of ISO 4217, or register it first.`,
  CURRENCY_MISMATCH: ({ expected, given }) =>
    `The accounts have different currencies, ${expected} and ${given}. Name accounts of one currency.`,
  UNBALANCED: ({ difference }) =>
    `Debits and credits differ by ${formatMoney(difference)}. They must be equal in each currency.`,
  UNSUPPORTED_ACCOUNT: ({ account }) =>
    `This cannot be done with the account ${formatId('account', account)}.`,
  NOT_REVERSIBLE: ({ transaction }) =>
    `The transaction ${formatId('transaction', transaction)} cannot be reversed in this way.`,
  PERIOD_CLOSED: ({ closedBefore }) =>
    `The books are closed before ${formatInstant(closedBefore)}. Give an effectiveAt from then on, or none.`,
  EXTERNAL_ID_TAKEN: ({ takenBy }) =>
    takenBy === null
      ? 'The externalId is taken by another operation of this batch.'
      : `The externalId is taken by ${formatId(takenBy.kind, takenBy.id)}. If that is what you meant to do, it is done.`,
  HOLD_EXPIRED: ({ hold }) => `The hold ${formatId('hold', hold)} has expired.`,
  HOLD_NOT_OPEN: ({ hold }) => `The hold ${formatId('hold', hold)} is no longer open.`,
  HOLD_AMOUNT_EXCEEDED: ({ remaining, requested }) =>
    `Of the hold ${formatMoney(remaining)} remain, and ${formatMoney(requested)} were requested.`,
  ALREADY_REVERSED: ({ transaction }) =>
    `The transaction ${formatId('transaction', transaction)} is reversed already.`,
  REVERSAL_AMOUNT_EXCEEDED: ({ remaining, requested }) =>
    `${formatMoney(remaining)} can still be reversed, and ${formatMoney(requested)} were requested.`,
  ACCOUNT_CLOSED: ({ account }) => `The account ${formatId('account', account)} is closed, which is final.`,
  ACCOUNT_FROZEN: ({ account }) =>
    `The account ${formatId('account', account)} is frozen. Nothing moves until it is unfrozen.`,
  CONDITION_FAILED: ({ account, condition, actualBalance, actualVersion }) => {
    const verb = condition === 'EXPECTED_VERSION' ? 'has' : 'would have';
    return (
      `The condition ${condition} does not hold: the account ${formatId('account', account)} ` +
      `${verb} ${formatMoney(actualBalance)} at version ${actualVersion}.`
    );
  },
  INSUFFICIENT_FUNDS: ({ account, available, requested }) =>
    `The account ${formatId('account', account)} has ${formatMoney(available)} available, ` +
    `and ${formatMoney(requested)} were requested.`,
  BALANCE_LIMIT_EXCEEDED: ({ account, limit, resulting }) =>
    `The account ${formatId('account', account)} may hold ${formatMoney(limit)}, ` +
    `and would hold ${formatMoney(resulting)}.`,
  ACCOUNT_NOT_EMPTY: ({ account, balance, openHolds }) =>
    `The account ${formatId('account', account)} has ${formatMoney(balance)} and ${openHolds} open holds. ` +
    'Empty it and end its holds first.',
  LIMIT_UNMET: ({ limit, balance, held, incoming }) =>
    `The limit ${formatMoney(limit)} is not met: the balance is ${formatMoney(balance)}, ` +
    `${formatMoney(held)} are held and ${formatMoney(incoming)} are incoming.`,
  CURRENCY_TAKEN: ({ registered }) =>
    `The currency ${registered.code} exists with ${registered.exponent} decimals, which never changes.`,
  BATCH_ABORTED: ({ index, cause }) =>
    `Nothing of the batch was done, because of its operation ${index}: ${messageOf(cause)}`,
  UNAVAILABLE: () =>
    'The ledger cannot reach its database, and it is not known whether this was done. ' +
    'Send the same request with the same idempotency key again.',
  INTERNAL: () => 'A fault of the ledger itself; nothing was done. The log has it under the request id.',
};

function quote(text: string): string {
  return JSON.stringify(excerpt(text));
}

function laterName(given: string): string {
  return given.startsWith('ext:')
    ? ' A name that is given later is found from then on, with the same key too.'
    : '';
}
