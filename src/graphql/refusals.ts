import type { ObjectRef } from '@pothos/core';
import type { ConditionKind, Refusal, RefusalCode } from '../core/errors.ts';
import { messageOf } from '../core/refusal-messages.ts';
import { formatId } from '../core/values/ids.ts';
import { builder, type SchemaTypes } from './builder.ts';
import { getAccount, getHold, getTransaction } from './context.ts';
import { TRANSACTION_COST } from './protection/cost.ts';

const CODES: Readonly<Record<RefusalCode, string>> = {
  INVALID_INPUT:
    'A field of the input is malformed or impossible; `field` names it. Mend it and send it again.',
  INVALID_AMOUNT:
    'An amount is malformed, not above zero, too large, or has more decimals than its currency; `field` names it.',
  UNKNOWN_CURRENCY: 'There is no currency of that code. Use one of ISO 4217, or register it first.',
  CURRENCY_TAKEN: 'The currency exists, with another exponent, or is one of ISO 4217.',
  EXTERNAL_ID_TAKEN:
    'Something else has that externalId. If it is what you meant to make, it is made: use `takenBy`.',
  ACCOUNT_NOT_FOUND: 'There is no such account. Check the id.',
  TRANSACTION_NOT_FOUND: 'There is no such transaction. Check the id.',
  HOLD_NOT_FOUND: 'There is no such hold. Check the id.',
  SAME_ACCOUNT: 'Both sides are the same account. Name two.',
  CURRENCY_MISMATCH: 'The accounts have different currencies. Name accounts of one currency.',
  UNBALANCED: 'Debits and credits of a currency differ. Make them equal.',
  UNSUPPORTED_ACCOUNT: 'This cannot be done with an account of this kind or normal side.',
  PERIOD_CLOSED: 'The effectiveAt lies where the books are closed. Give a later one, or none.',
  ACCOUNT_CLOSED: 'The account is closed, which is final. Use another.',
  ACCOUNT_FROZEN: 'The account is frozen. Unfreeze it, then send a new attempt with a new key.',
  ACCOUNT_NOT_EMPTY: 'The account has a balance or open holds. Empty it first.',
  LIMIT_UNMET: 'The balance and the open holds break the new limit already. Give another limit.',
  HOLD_NOT_OPEN: 'The hold was captured or voided before.',
  HOLD_EXPIRED: 'The hold expired before it was captured. Place another.',
  HOLD_AMOUNT_EXCEEDED: 'More was asked for than remains of the hold. Ask for less, with a new key.',
  NOT_REVERSIBLE: 'A transaction of this kind cannot be reversed, or not in part.',
  ALREADY_REVERSED: 'All of the transaction is reversed already; see `reversals` of `original`.',
  REVERSAL_AMOUNT_EXCEEDED: 'More was asked for than is left to reverse. Ask for less, with a new key.',
  CONDITION_FAILED: 'A condition of the request does not hold. Read the account again, then decide anew.',
  INSUFFICIENT_FUNDS: 'An account would fall by more than it has available. Nothing moved.',
  BALANCE_LIMIT_EXCEEDED: 'An account would rise above its maxBalance. Nothing moved.',
  IDEMPOTENCY_CONFLICT:
    'The idempotency key was used before for another request; `differingFields` says where. Use a new key for a new request.',
  BATCH_ABORTED: 'One operation could not be done, so that none of the batch was.',
  FORBIDDEN: 'The caller may not do that.',
  RATE_LIMITED: 'Too many requests. Certainly not done: send the same again after `retryAfterMs`.',
  OVERLOADED: 'The ledger is busy. Certainly not done: send the same again after `retryAfterMs`.',
  UNAVAILABLE:
    'It is not known whether it was done. Send the same request with the same idempotency key again: it is never done twice.',
  INTERNAL: 'A fault of the ledger itself, which its log has under the request id.',
};

const JOURNAL_REWOUND =
  'The cursor’s block is not in these books: they were restored to an earlier state, or it is from another ledger. Compare what ' +
  'you have processed with the ledger, then read the journal from the beginning or from `ledger.head.cursor`.';

const LedgerErrorCode = builder.enumType('LedgerErrorCode', {
  description:
    'Why something was refused. A later release may add codes: treat those that you do not know by `retryable` and `message`.',
  values: described({ ...CODES, JOURNAL_REWOUND }),
});

const ConditionKindEnum = builder.enumType('ConditionKind', {
  description: 'What a condition asks of an account.',
  values: described<ConditionKind>({
    EXPECTED_VERSION: 'The account has exactly that version when the transaction finds it.',
    BALANCE_AT_LEAST: 'The transaction leaves a balance of at least that.',
    BALANCE_AT_MOST: 'The transaction leaves a balance of at most that.',
    AVAILABLE_AT_LEAST: 'The transaction leaves at least that available.',
  }),
});

/** The name of a refusal's type: INVALID_INPUT is an InvalidInputError. */
export function refusalTypeName(code: RefusalCode): string {
  const words = code.split('_').map((word) => word.charAt(0) + word.slice(1).toLowerCase());
  return `${words.join('')}Error`;
}

const LedgerError = builder.interfaceType('LedgerError', {
  description:
    'A refusal: why nothing happened. Every type of it implements this, so that `... on LedgerError` reads any of them. ' +
    'Amounts are as they were when it was refused; accounts, holds and transactions are as they are now.',
  fields: (t) => ({
    code: t.field({ type: LedgerErrorCode, description: 'Why, for programs.', resolve: ({ code }) => code }),
    message: t.string({
      description: 'Why, for people: what is wrong, with the facts, and what to do. Its words may change.',
      resolve: (refusal) => messageOf(refusal),
    }),
    retryable: t.exposeBoolean('retryable', {
      description: 'The same request with the same key may succeed without anything else being done first.',
    }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'This refusal was recorded before, and the key answers so forever. False: it is new, or it is of those that are not ' +
        'recorded.',
    }),
  }),
  resolveType: ({ code }) => refusalTypeName(code),
});

/** The type of a code's refusals. */
function typeOf<C extends RefusalCode>(code: C) {
  return builder.objectRef<Refusal<C>>(refusalTypeName(code));
}

/** Any of these types. Which refusals a union can meet is the rules' affair: to the compiler it is any. */
export type RefusalType = ObjectRef<SchemaTypes, Refusal>;

const InvalidInputError = typeOf('INVALID_INPUT').implement({
  interfaces: [LedgerError],
  description: CODES.INVALID_INPUT,
  fields: (t) => ({
    field: t.string({
      description: 'The path of the field in the input, such as `metadata`.',
      resolve: ({ facts }) => facts.field,
    }),
  }),
});

export const InvalidAmountError = typeOf('INVALID_AMOUNT').implement({
  interfaces: [LedgerError],
  description: CODES.INVALID_AMOUNT,
  fields: (t) => ({
    field: t.string({
      description: 'The path of the field in the input, such as `minBalance.amount`.',
      resolve: ({ facts }) => facts.field,
    }),
  }),
});

export const UnknownCurrencyError = typeOf('UNKNOWN_CURRENCY').implement({
  interfaces: [LedgerError],
  description: CODES.UNKNOWN_CURRENCY,
  fields: (t) => ({
    currency: t.string({ description: 'The code as it was given.', resolve: ({ facts }) => facts.currency }),
  }),
});

export const CurrencyTakenError = typeOf('CURRENCY_TAKEN').implement({
  interfaces: [LedgerError],
  description: CODES.CURRENCY_TAKEN,
  fields: (t) => ({
    registered: t.field({
      type: 'Currency',
      description: 'The currency that there is.',
      resolve: ({ facts }) => facts.registered,
    }),
  }),
});

export const ExternalIdTakenError = typeOf('EXTERNAL_ID_TAKEN').implement({
  interfaces: [LedgerError],
  description: CODES.EXTERNAL_ID_TAKEN,
  fields: (t) => ({
    takenBy: t.node({
      complexity: TRANSACTION_COST,
      description:
        'What has the externalId, as it is now: an Account or a Transaction. Null where another operation of the same ' +
        'aborted batch had taken it.',
      id: ({ facts: { takenBy } }) => (takenBy === null ? null : formatId(takenBy.kind, takenBy.id)),
    }),
  }),
});

export const AccountNotFoundError = typeOf('ACCOUNT_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_NOT_FOUND,
  fields: (t) => ({
    accountId: t.id({ description: 'The account as it was given.', resolve: ({ facts }) => facts.accountId }),
  }),
});

export const TransactionNotFoundError = typeOf('TRANSACTION_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.TRANSACTION_NOT_FOUND,
  fields: (t) => ({
    transactionId: t.id({
      description: 'The transaction as it was given.',
      resolve: ({ facts }) => facts.transactionId,
    }),
  }),
});

export const HoldNotFoundError = typeOf('HOLD_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_NOT_FOUND,
  fields: (t) => ({
    holdId: t.id({ description: 'The hold as it was given.', resolve: ({ facts }) => facts.holdId }),
  }),
});

export const SameAccountError = typeOf('SAME_ACCOUNT').implement({
  interfaces: [LedgerError],
  description: CODES.SAME_ACCOUNT,
  fields: (t) => ({
    accountId: t.id({ description: 'The account as it was given.', resolve: ({ facts }) => facts.accountId }),
  }),
});

export const CurrencyMismatchError = typeOf('CURRENCY_MISMATCH').implement({
  interfaces: [LedgerError],
  description: CODES.CURRENCY_MISMATCH,
  fields: (t) => ({
    expected: t.string({
      description: 'The currency of the first account.',
      resolve: ({ facts }) => facts.expected,
    }),
    given: t.string({
      description: 'The currency of the account that differs.',
      resolve: ({ facts }) => facts.given,
    }),
  }),
});

export const UnbalancedError = typeOf('UNBALANCED').implement({
  interfaces: [LedgerError],
  description: CODES.UNBALANCED,
  fields: (t) => ({
    difference: t.field({
      type: 'Money',
      description: 'How far debits and credits are apart, in the first such currency by code.',
      resolve: ({ facts }) => facts.difference,
    }),
  }),
});

export const UnsupportedAccountError = typeOf('UNSUPPORTED_ACCOUNT').implement({
  interfaces: [LedgerError],
  description: CODES.UNSUPPORTED_ACCOUNT,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
  }),
});

export const PeriodClosedError = typeOf('PERIOD_CLOSED').implement({
  interfaces: [LedgerError],
  description: CODES.PERIOD_CLOSED,
  fields: (t) => ({
    closedBefore: t.field({
      type: 'DateTime',
      description: 'The earliest effectiveAt that is taken.',
      resolve: ({ facts }) => facts.closedBefore,
    }),
  }),
});

export const AccountClosedError = typeOf('ACCOUNT_CLOSED').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_CLOSED,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
  }),
});

export const AccountFrozenError = typeOf('ACCOUNT_FROZEN').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_FROZEN,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
  }),
});

export const AccountNotEmptyError = typeOf('ACCOUNT_NOT_EMPTY').implement({
  interfaces: [LedgerError],
  description: CODES.ACCOUNT_NOT_EMPTY,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
    balance: t.field({ type: 'Money', description: 'Its balance.', resolve: ({ facts }) => facts.balance }),
    openHolds: t.int({
      description: 'How many holds, from it or to it, were open.',
      resolve: ({ facts }) => facts.openHolds,
    }),
  }),
});

export const LimitUnmetError = typeOf('LIMIT_UNMET').implement({
  interfaces: [LedgerError],
  description: CODES.LIMIT_UNMET,
  fields: (t) => ({
    limit: t.field({
      type: 'Money',
      description: 'The limit that was asked for.',
      resolve: ({ facts }) => facts.limit,
    }),
    balance: t.field({ type: 'Money', description: 'The balance.', resolve: ({ facts }) => facts.balance }),
    held: t.field({
      type: 'Money',
      description: 'Open holds that would lower the balance: a lower limit is for balance - held.',
      resolve: ({ facts }) => facts.held,
    }),
    incoming: t.field({
      type: 'Money',
      description: 'Open holds that would raise the balance: an upper limit is for balance + incoming.',
      resolve: ({ facts }) => facts.incoming,
    }),
  }),
});

export const HoldNotOpenError = typeOf('HOLD_NOT_OPEN').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_NOT_OPEN,
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold, as it is now.',
      resolve: ({ facts }, _, context) => getHold(context, facts.hold),
    }),
  }),
});

export const HoldExpiredError = typeOf('HOLD_EXPIRED').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_EXPIRED,
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold, as it is now: OPEN until its release is recorded.',
      resolve: ({ facts }, _, context) => getHold(context, facts.hold),
    }),
  }),
});

export const HoldAmountExceededError = typeOf('HOLD_AMOUNT_EXCEEDED').implement({
  interfaces: [LedgerError],
  description: CODES.HOLD_AMOUNT_EXCEEDED,
  fields: (t) => ({
    hold: t.field({
      type: 'Hold',
      description: 'The hold, as it is now.',
      resolve: ({ facts }, _, context) => getHold(context, facts.hold),
    }),
    remaining: t.field({
      type: 'Money',
      description: 'What could still be captured of it.',
      resolve: ({ facts }) => facts.remaining,
    }),
    requested: t.field({
      type: 'Money',
      description: 'What was asked for.',
      resolve: ({ facts }) => facts.requested,
    }),
  }),
});

export const NotReversibleError = typeOf('NOT_REVERSIBLE').implement({
  interfaces: [LedgerError],
  description: CODES.NOT_REVERSIBLE,
  fields: (t) => ({
    transactionId: t.id({
      description: 'The id of the transaction.',
      resolve: ({ facts }) => formatId('transaction', facts.transaction),
    }),
  }),
});

export const AlreadyReversedError = typeOf('ALREADY_REVERSED').implement({
  interfaces: [LedgerError],
  description: CODES.ALREADY_REVERSED,
  fields: (t) => ({
    original: t.field({
      type: 'Transaction',
      complexity: TRANSACTION_COST,
      description: 'The transaction that is reversed already. Its `reversals` show by which.',
      resolve: ({ facts }, _, context) => getTransaction(context, facts.transaction),
    }),
  }),
});

export const ReversalAmountExceededError = typeOf('REVERSAL_AMOUNT_EXCEEDED').implement({
  interfaces: [LedgerError],
  description: CODES.REVERSAL_AMOUNT_EXCEEDED,
  fields: (t) => ({
    remaining: t.field({
      type: 'Money',
      description: 'What was left to reverse.',
      resolve: ({ facts }) => facts.remaining,
    }),
    requested: t.field({
      type: 'Money',
      description: 'What was asked for.',
      resolve: ({ facts }) => facts.requested,
    }),
  }),
});

export const ConditionFailedError = typeOf('CONDITION_FAILED').implement({
  interfaces: [LedgerError],
  description: CODES.CONDITION_FAILED,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account that the condition names, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
    condition: t.field({
      type: ConditionKindEnum,
      description: 'Which condition of it failed.',
      resolve: ({ facts }) => facts.condition,
    }),
    actualBalance: t.field({
      type: 'Money',
      description: 'The balance that the condition met.',
      resolve: ({ facts }) => facts.actualBalance,
    }),
    actualAvailable: t.field({
      type: 'Money',
      nullable: true,
      description: 'What it met as available; null where the account has no lower limit.',
      resolve: ({ facts }) => facts.actualAvailable,
    }),
    actualVersion: t.field({
      type: 'BigInt',
      description: 'The version that the condition met.',
      resolve: ({ facts }) => facts.actualVersion,
    }),
  }),
});

export const InsufficientFundsError = typeOf('INSUFFICIENT_FUNDS').implement({
  interfaces: [LedgerError],
  description: CODES.INSUFFICIENT_FUNDS,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account that would have fallen, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
    available: t.field({
      type: 'Money',
      description:
        'What it had available before the transaction. Without a lower limit, an account still cannot fall below minus 38 ' +
        'nines of minor units.',
      resolve: ({ facts }) => facts.available,
    }),
    requested: t.field({
      type: 'Money',
      description: 'By how much it would have fallen.',
      resolve: ({ facts }) => facts.requested,
    }),
  }),
});

export const BalanceLimitExceededError = typeOf('BALANCE_LIMIT_EXCEEDED').implement({
  interfaces: [LedgerError],
  description: CODES.BALANCE_LIMIT_EXCEEDED,
  fields: (t) => ({
    account: t.field({
      type: 'Account',
      description: 'The account that would have risen, as it is now.',
      resolve: ({ facts }, _, context) => getAccount(context, facts.account),
    }),
    limit: t.field({
      type: 'Money',
      description: 'How high balance + incoming may be.',
      resolve: ({ facts }) => facts.limit,
    }),
    resulting: t.field({
      type: 'Money',
      description: 'How high it would have been.',
      resolve: ({ facts }) => facts.resulting,
    }),
  }),
});

export const IdempotencyConflictError = typeOf('IDEMPOTENCY_CONFLICT').implement({
  interfaces: [LedgerError],
  description: CODES.IDEMPOTENCY_CONFLICT,
  fields: (t) => ({
    differingFields: t.stringList({
      description:
        'The fields of the input that differ; `type` where the key was used for another kind of request.',
      resolve: ({ facts }) => facts.differingFields,
    }),
    recordedTransaction: t.field({
      type: 'Transaction',
      nullable: true,
      complexity: TRANSACTION_COST,
      description: 'What the key did. Null where its request was declined, or made an account.',
      resolve: ({ facts }, _, { loaders: { transactions } }) =>
        facts.transaction === null ? null : transactions.load(facts.transaction),
    }),
  }),
});

export const BatchAbortedError = typeOf('BATCH_ABORTED').implement({
  interfaces: [LedgerError],
  description: CODES.BATCH_ABORTED,
  fields: (t) => ({
    index: t.int({
      description: 'The place, from 0 on, of the operation that could not be done.',
      resolve: ({ facts }) => facts.index,
    }),
    cause: t.field({
      type: LedgerError,
      description:
        'Why it could not. Its facts are what the batch would have left; its links show what stands.',
      resolve: ({ facts }) => facts.cause,
    }),
  }),
});

const ForbiddenError = typeOf('FORBIDDEN').implement({
  interfaces: [LedgerError],
  description: CODES.FORBIDDEN,
});

const RateLimitedError = typeOf('RATE_LIMITED').implement({
  interfaces: [LedgerError],
  description: CODES.RATE_LIMITED,
  fields: (t) => ({
    retryAfterMs: t.int({ description: 'Milliseconds to wait.', resolve: ({ facts }) => facts.retryAfterMs }),
  }),
});

const OverloadedError = typeOf('OVERLOADED').implement({
  interfaces: [LedgerError],
  description: CODES.OVERLOADED,
  fields: (t) => ({
    retryAfterMs: t.int({ description: 'Milliseconds to wait.', resolve: ({ facts }) => facts.retryAfterMs }),
  }),
});

const UnavailableError = typeOf('UNAVAILABLE').implement({
  interfaces: [LedgerError],
  description: CODES.UNAVAILABLE,
});

const InternalError = typeOf('INTERNAL').implement({
  interfaces: [LedgerError],
  description: CODES.INTERNAL,
});

/** What any mutation can be refused by. */
export const COMMON_REFUSALS: readonly RefusalType[] = [
  InvalidInputError,
  ForbiddenError,
  RateLimitedError,
  OverloadedError,
  UnavailableError,
  InternalError,
];

function described<Name extends string>(descriptions: Readonly<Record<Name, string>>) {
  const values = Object.entries<string>(descriptions).map(([name, description]) => [name, { description }]);
  // Object.fromEntries forgets which names there are.
  return Object.fromEntries(values) as Record<Name, { description: string }>;
}
