/**
 * Refusals: the typed business errors of the API. REFUSALS is the table of precedence: it alone defines the code and the step of
 * each cause, and whether its refusal is recorded and retryable. The texts that callers read are in refusal-messages.ts.
 */
import type { Scope } from './access/viewer.ts';
import type { Currency } from './values/currency.ts';
import type { Uuid } from './values/ids.ts';
import type { Instant } from './values/instant.ts';
import type { Money } from './values/money.ts';

interface Row {
  readonly code: RefusalCode;
  /** Where several causes apply, the lowest step wins; within a step, the first row. null: the cause can occur at any time. */
  readonly step: 1 | 2 | 3 | 4 | 5 | 6 | 7 | null;
  /** The refusal is recorded under its idempotency key: the same key always returns it. */
  readonly recorded: boolean;
  /** The same request with the same key may succeed later without any other change. */
  readonly retryable: boolean;
}

/** The order of precedence: one row per cause. A code has several rows where its causes belong to different steps. */
// biome-ignore format: the rows of the table are aligned
export const REFUSALS = {
  // Step 1: the request is rejected before it is read.
  forbidden:              { code: 'FORBIDDEN',                 step: 1,    recorded: false, retryable: false }, // the caller lacks the permission
  rateLimited:            { code: 'RATE_LIMITED',              step: 1,    recorded: false, retryable: true  }, // too many requests; nothing was done
  overloaded:             { code: 'OVERLOADED',                step: 1,    recorded: false, retryable: true  }, // the queue is full, or retries ended; nothing was done

  // Step 2: the input is malformed. See decide/request.ts, create-account.ts, update-account.ts.
  malformedInput:         { code: 'INVALID_INPUT',             step: 2,    recorded: false, retryable: false }, // the shape of a field
  malformedAmount:        { code: 'INVALID_AMOUNT',            step: 2,    recorded: false, retryable: false }, // the text of an amount

  // Step 3: the account of the idempotency key does not exist. See decide/command.ts, and decide.ts for ids of no account.
  keyAccountNotFound:     { code: 'ACCOUNT_NOT_FOUND',         step: 3,    recorded: false, retryable: false }, // the key account itself
  holdNotFound:           { code: 'HOLD_NOT_FOUND',            step: 3,    recorded: false, retryable: false }, // the hold that the request ends
  transactionNotFound:    { code: 'TRANSACTION_NOT_FOUND',     step: 3,    recorded: false, retryable: false }, // the transaction that the request reverses
  apiKeyNotFound:         { code: 'API_KEY_NOT_FOUND',         step: 3,    recorded: false, retryable: false }, // the key that the request revokes

  // Step 4: the idempotency key has a recorded outcome. See decide/replay.ts.
  keyUsedOtherwise:       { code: 'IDEMPOTENCY_CONFLICT',      step: 4,    recorded: false, retryable: false }, // the recorded request is a different one

  // Step 5: the request is impossible with any balances. See decide/plan-*.ts.
  sameAccount:            { code: 'SAME_ACCOUNT',              step: 5,    recorded: false, retryable: false }, // from and to are the same account
  impossibleInput:        { code: 'INVALID_INPUT',             step: 5,    recorded: false, retryable: false }, // keyAccountId is in no entry, expiresAt is in the past, …
  accountNotFound:        { code: 'ACCOUNT_NOT_FOUND',         step: 5,    recorded: false, retryable: false }, // any other account
  unknownCurrency:        { code: 'UNKNOWN_CURRENCY',          step: 5,    recorded: false, retryable: false }, // neither in ISO 4217 nor registered
  currencyMismatch:       { code: 'CURRENCY_MISMATCH',         step: 5,    recorded: false, retryable: false }, // from and to have different currencies
  amountUnfit:            { code: 'INVALID_AMOUNT',            step: 5,    recorded: false, retryable: false }, // the scale or size in its currency
  unbalanced:             { code: 'UNBALANCED',                step: 5,    recorded: false, retryable: false }, // debits and credits of a currency differ
  unsupportedAccount:     { code: 'UNSUPPORTED_ACCOUNT',       step: 5,    recorded: false, retryable: false }, // the kind or normal side of the account
  notReversible:          { code: 'NOT_REVERSIBLE',            step: 5,    recorded: false, retryable: false }, // an original of this type, or a partial reversal of other than two entries
  periodClosed:           { code: 'PERIOD_CLOSED',             step: 5,    recorded: false, retryable: false }, // effectiveAt is before the end of the closed period
  externalIdTaken:        { code: 'EXTERNAL_ID_TAKEN',         step: 5,    recorded: false, retryable: false }, // another account or transaction has the externalId

  // Step 6: the books do not allow it. See decide/plan-*.ts, account-checks.ts and conditions.ts.
  holdExpired:            { code: 'HOLD_EXPIRED',              step: 6,    recorded: true,  retryable: false }, // a capture after expiresAt
  holdNotOpen:            { code: 'HOLD_NOT_OPEN',             step: 6,    recorded: true,  retryable: false }, // the hold is captured or voided
  holdAmountExceeded:     { code: 'HOLD_AMOUNT_EXCEEDED',      step: 6,    recorded: true,  retryable: false }, // a capture above the remainder
  alreadyReversed:        { code: 'ALREADY_REVERSED',          step: 6,    recorded: true,  retryable: false }, // nothing remains to be reversed
  reversalAmountExceeded: { code: 'REVERSAL_AMOUNT_EXCEEDED',  step: 6,    recorded: true,  retryable: false }, // a reversal above the remainder
  accountClosed:          { code: 'ACCOUNT_CLOSED',            step: 6,    recorded: true,  retryable: false }, // any of the accounts
  accountFrozen:          { code: 'ACCOUNT_FROZEN',            step: 6,    recorded: true,  retryable: false }, // any of the accounts, except for a void or an expiry
  conditionFailed:        { code: 'CONDITION_FAILED',          step: 6,    recorded: true,  retryable: false }, // a condition of the request
  insufficientFunds:      { code: 'INSUFFICIENT_FUNDS',        step: 6,    recorded: true,  retryable: false }, // balance - held would be below minBalance
  balanceLimitExceeded:   { code: 'BALANCE_LIMIT_EXCEEDED',    step: 6,    recorded: true,  retryable: false }, // balance + incoming would be above maxBalance

  // Step 7: the account or currency does not allow the change. See create-account.ts, update-account.ts, create-currency.ts.
  accountNotEmpty:        { code: 'ACCOUNT_NOT_EMPTY',         step: 7,    recorded: false, retryable: false }, // closing an account with a balance or open holds
  limitUnmet:             { code: 'LIMIT_UNMET',               step: 7,    recorded: false, retryable: false }, // a limit that the account breaks already
  currencyTaken:          { code: 'CURRENCY_TAKEN',            step: 7,    recorded: false, retryable: false }, // the code is registered with other decimals, or in ISO 4217

  // No step: at any time.
  unavailable:            { code: 'UNAVAILABLE',               step: null, recorded: false, retryable: true  }, // the outcome is unknown, or the database cannot be reached
  internal:               { code: 'INTERNAL',                  step: null, recorded: false, retryable: false }, // a fault of the ledger; nothing was done
  counterparty:           { code: 'COUNTERPARTY',              step: null, recorded: false, retryable: false }, // how a restricted caller sees a refusal about a foreign account, recorded or not; see access/restricted-outcomes.ts
  batchAborted:           { code: 'BATCH_ABORTED',             step: null, recorded: false, retryable: false }, // an operation of an ATOMIC batch was refused
} as const satisfies Record<string, Row>;

export type Cause = keyof typeof REFUSALS;
type Code<C extends Cause> = (typeof REFUSALS)[C]['code'];

/** The codes of the table's recorded rows. */
export type RecordedCode = {
  [C in Cause]: (typeof REFUSALS)[C]['recorded'] extends true ? Code<C> : never;
}[Cause];

/** The data of each refusal. Accounts, holds and transactions are identified by their ids, which never change. */
export interface RefusalFacts {
  /** needs: a noun, such as "the scope POST". scopes: those of the caller. */
  FORBIDDEN: { readonly needs: string; readonly scopes: readonly Scope[] };
  RATE_LIMITED: { readonly retryAfterMs: number };
  OVERLOADED: { readonly retryAfterMs: number };
  INVALID_INPUT: { readonly field: string; readonly problem: string };
  INVALID_AMOUNT: { readonly field: string; readonly problem: string };
  /** Here and in the next three, the id is as the caller sent it. */
  ACCOUNT_NOT_FOUND: { readonly accountId: string };
  HOLD_NOT_FOUND: { readonly holdId: string };
  TRANSACTION_NOT_FOUND: { readonly transactionId: string };
  API_KEY_NOT_FOUND: { readonly apiKeyId: string };
  /**
   * differingFields: top-level fields of the input, or "type". transaction: the one that is recorded under the key; null where that
   * outcome is a refusal, or where the operation of the same ATOMIC batch that posted it was rolled back.
   */
  IDEMPOTENCY_CONFLICT: { readonly differingFields: readonly string[]; readonly transaction: Uuid | null };
  SAME_ACCOUNT: { readonly accountId: string };
  UNKNOWN_CURRENCY: { readonly currency: string };
  CURRENCY_MISMATCH: { readonly expected: string; readonly given: string };
  UNBALANCED: { readonly difference: Money };
  UNSUPPORTED_ACCOUNT: { readonly account: Uuid };
  NOT_REVERSIBLE: { readonly transaction: Uuid };
  PERIOD_CLOSED: { readonly closedBefore: Instant };
  /** takenBy: null where an earlier operation of the same ATOMIC batch took it, and was rolled back. */
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
  /** available: before the transaction. requested: the amount by which the transaction lowers the account. */
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
  COUNTERPARTY: { readonly account: Uuid };
  /** index: the position of the operation that aborted the batch. */
  BATCH_ABORTED: { readonly index: number; readonly cause: Refusal };
  UNAVAILABLE: Record<never, never>;
  /** faultId: identifies the fault in the log. Callers do not see it. */
  INTERNAL: { readonly faultId: string };
}
export type ConditionKind =
  | 'EXPECTED_VERSION'
  | 'BALANCE_AT_LEAST'
  | 'BALANCE_AT_MOST'
  | 'AVAILABLE_AT_LEAST';
export type RefusalCode = keyof RefusalFacts;

/** A typed business error: a value, discriminated by its code. */
export type Refusal<C extends RefusalCode = RefusalCode> = {
  [K in C]: {
    readonly code: K;
    readonly facts: RefusalFacts[K];
    readonly recorded: boolean;
    readonly retryable: boolean;
    /** The refusal was recorded by an earlier request with the same key. */
    readonly replayed: boolean;
  };
}[C];

/** Creates the refusal of a cause, with recorded and retryable from its row of the table. */
export function refuse<C extends Cause>(cause: C, facts: RefusalFacts[Code<C>]): Refusal<Code<C>> {
  const { code, recorded, retryable } = REFUSALS[cause];
  // The compiler does not relate the row's code to the cause through an index access.
  return { code, facts, recorded, retryable, replayed: false } as Refusal<Code<C>>;
}
