import type { ObjectRef } from '@pothos/core';
import type { Refusal, RefusalCode } from '../../core/errors.ts';
import { messageOf } from '../../core/refusal-messages.ts';
import { builder, type SchemaTypes } from '../builder.ts';

/** Describes each code. The description of a code is also that of its type. */
export const CODES: Readonly<Record<RefusalCode, string>> = {
  INVALID_INPUT:
    'An input field is malformed or has an impossible value. `field` names it. Correct it and send it again.',
  INVALID_AMOUNT:
    'An amount is malformed, not above zero, too large, or has more decimals than its currency. `field` names it.',
  UNKNOWN_CURRENCY: 'No currency has this code. Use an ISO 4217 code, or register the currency first.',
  CURRENCY_TAKEN: 'The currency already exists with another exponent, or is an ISO 4217 currency.',
  EXTERNAL_ID_TAKEN:
    'The externalId is already in use. If `takenBy` is what you meant to create, use it: it is already done.',
  ACCOUNT_NOT_FOUND: 'No account has this id. Check the id.',
  TRANSACTION_NOT_FOUND: 'No transaction has this id. Check the id.',
  HOLD_NOT_FOUND: 'No hold has this id. Check the id.',
  API_KEY_NOT_FOUND: 'No API key has this id. Check the id.',
  SAME_ACCOUNT: 'Both sides are the same account. Use two different accounts.',
  CURRENCY_MISMATCH: 'The accounts have different currencies. Use accounts of one currency.',
  UNBALANCED: 'The debits and credits of a currency differ. Make them equal.',
  UNSUPPORTED_ACCOUNT: 'An account of this kind or normal side does not support the operation.',
  PERIOD_CLOSED: 'The effectiveAt is in a closed period. Use a later one, or omit it.',
  ACCOUNT_CLOSED: 'The account is closed for good. Use another account.',
  ACCOUNT_FROZEN: 'The account is frozen. Unfreeze it, then send a new attempt with a new key.',
  ACCOUNT_NOT_EMPTY: 'The account has a balance or open holds. Empty it first.',
  LIMIT_UNMET: 'The current balance and open holds already break the requested limit. Choose another limit.',
  HOLD_NOT_OPEN: 'The hold was captured or voided before.',
  HOLD_EXPIRED: 'The hold expired before it was captured. Place a new hold.',
  HOLD_AMOUNT_EXCEEDED:
    'The requested amount exceeds what remains of the hold. Request less, with a new key.',
  NOT_REVERSIBLE: 'A transaction of this type cannot be reversed, or cannot be reversed in part.',
  ALREADY_REVERSED: 'The whole transaction is already reversed. See `reversals` of `original`.',
  REVERSAL_AMOUNT_EXCEEDED:
    'The requested amount exceeds what is left to reverse. Request less, with a new key.',
  CONDITION_FAILED: 'A condition of the request does not hold. Read the account again, then decide again.',
  INSUFFICIENT_FUNDS: 'An account would fall by more than it has available. No money moved.',
  BALANCE_LIMIT_EXCEEDED: 'An account would rise above its maxBalance. No money moved.',
  IDEMPOTENCY_CONFLICT:
    'The idempotency key was used before for a different request. `differingFields` names the differences. Use a new key for ' +
    'a new request.',
  COUNTERPARTY:
    'Of a caller restricted to an owner: the other account cannot take part. The reason and the facts of the account are not ' +
    'shown.',
  BATCH_ABORTED: 'One operation failed, so no operation of the batch was posted.',
  FORBIDDEN: 'The caller does not have this permission.',
  RATE_LIMITED:
    'The caller sent too many requests. Nothing was done: retry the same request after `retryAfterMs`.',
  OVERLOADED: 'The ledger is busy. Nothing was done: retry the same request after `retryAfterMs`.',
  UNAVAILABLE:
    'The outcome is unknown. Retry the same request with the same idempotency key: it is never executed twice.',
  INTERNAL: 'The ledger has an internal error. The log has its details under the request id.',
};

const JOURNAL_REWOUND =
  'The block of the cursor does not exist in this ledger: the ledger was restored to an earlier state, or the cursor is from ' +
  'another ledger. Compare the ledger with what you have processed. Then read the journal from the beginning or from ' +
  '`ledger.head.cursor`.';

const LedgerErrorCode = builder.enumType('LedgerErrorCode', {
  description:
    'The reason for an error. A later release may add codes: handle unknown codes by `retryable` and `message`.',
  values: described({ ...CODES, JOURNAL_REWOUND }),
});

/** Returns the name of a code's type: `InvalidInputError` for `INVALID_INPUT`. */
export function refusalTypeName(code: RefusalCode): string {
  const words = code.split('_').map((word) => word.charAt(0) + word.slice(1).toLowerCase());
  return `${words.join('')}Error`;
}

/** The interface of all refusals. */
export const LedgerError = builder.interfaceType('LedgerError', {
  description:
    'A refusal: the reason why a request changed nothing. All error types implement this interface, so `... on LedgerError` ' +
    'matches any of them. Amounts are from the time of the refusal. Accounts, holds and transactions are in their current state.',
  fields: (t) => ({
    code: t.field({
      type: LedgerErrorCode,
      description: 'The reason, for programs.',
      resolve: ({ code }) => code,
    }),
    message: t.string({
      description:
        'The reason, for people: the problem, the values and the remedy. The wording may change in any release.',
      resolve: (refusal) => messageOf(refusal),
    }),
    retryable: t.exposeBoolean('retryable', {
      description: 'True if the same request with the same key may succeed without any other change.',
    }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'True if this refusal was recorded by an earlier request: the key always returns it. False if it is fresh, or is of a ' +
        'kind that is never recorded.',
    }),
  }),
  resolveType: ({ code }) => refusalTypeName(code),
});

/** Returns a reference to the type of a code. */
export function typeOf<C extends RefusalCode>(code: C) {
  return builder.objectRef<Refusal<C>>(refusalTypeName(code));
}

/** Any refusal type. The compiler does not check which refusals a union can contain: the table of refusals decides that. */
export type RefusalType = ObjectRef<SchemaTypes, Refusal>;

/** Returns the values of an enum from their descriptions. */
export function described<Name extends string>(descriptions: Readonly<Record<Name, string>>) {
  const values = Object.entries<string>(descriptions).map(([name, description]) => [name, { description }]);
  // Object.fromEntries loses the literal types of the names.
  return Object.fromEntries(values) as Record<Name, { description: string }>;
}
