/** The messages of refusals: each says what is wrong, which value is concerned, and what to do. */
import type { Refusal, RefusalCode, RefusalFacts } from './errors.ts';
import { EXTERNAL_ID_MARK, formatId } from './values/ids.ts';
import { formatInstant } from './values/instant.ts';
import { formatMoney } from './values/money.ts';
import { excerpt } from './values/text.ts';

/** Returns the text that the caller reads. */
export function messageOf(refusal: Refusal): string {
  // The code selects both the writer and its facts; the compiler cannot relate two lookups by one union.
  const write = MESSAGES[refusal.code] as (facts: Refusal['facts']) => string;
  const message = write(refusal.facts);
  return refusal.recorded ? `${message} ${RECORDED}` : message;
}

const RECORDED =
  'This outcome is recorded: the same idempotency key always returns it. To try again, use a new key.';

const MESSAGES: { readonly [C in RefusalCode]: (facts: RefusalFacts[C]) => string } = {
  FORBIDDEN: ({ needs, scopes }) =>
    `The caller is not permitted to do this: it needs ${needs}. The caller has ` +
    `${scopes.length === 0 ? 'no scopes' : `the scopes ${scopes.join(', ')}`}. Use a key that permits it.`,
  RATE_LIMITED: ({ retryAfterMs }) =>
    `Too many requests. Nothing was done. Repeat the request after ${retryAfterMs} ms.`,
  OVERLOADED: ({ retryAfterMs }) =>
    `The ledger is overloaded. Nothing was done. Repeat the request after ${retryAfterMs} ms.`,
  INVALID_INPUT: ({ field, problem }) => `${field} ${problem}.`,
  INVALID_AMOUNT: ({ field, problem }) => `${field} ${problem}.`,
  ACCOUNT_NOT_FOUND: ({ accountId }) => notFound('Account', accountId, 'Create the account'),
  HOLD_NOT_FOUND: ({ holdId }) => notFound('Hold', holdId, 'Place the hold'),
  TRANSACTION_NOT_FOUND: ({ transactionId }) =>
    notFound('Transaction', transactionId, 'Post the transaction'),
  API_KEY_NOT_FOUND: ({ apiKeyId }) => notFound('API key', apiKeyId, 'Create the key'),
  IDEMPOTENCY_CONFLICT: ({ differingFields }) =>
    `This idempotency key was used with different values of: ${differingFields.join(', ')}. ` +
    'Repeat the first request to see its outcome, or use a new key for a new request.',
  SAME_ACCOUNT: ({ accountId }) => `Both accounts are ${quote(accountId)}. Use two different accounts.`,
  UNKNOWN_CURRENCY: ({ currency }) =>
    `Currency ${quote(currency)} does not exist. Use an ISO 4217 code, or register it with createCurrency.`,
  CURRENCY_MISMATCH: ({ expected, given }) =>
    `The accounts have different currencies: ${expected} and ${given}. Use accounts of one currency.`,
  UNBALANCED: ({ difference }) =>
    `Debits and credits differ by ${formatMoney(difference)}. They must be equal in each currency.`,
  UNSUPPORTED_ACCOUNT: ({ account }) =>
    `Account ${formatId('account', account)} does not support this operation: ` +
    'its kind or normal side is unsuitable. Use another account.',
  NOT_REVERSIBLE: ({ transaction }) =>
    `Transaction ${formatId('transaction', transaction)} cannot be reversed this way. ` +
    'Holds, releases and reversals cannot be reversed; a partial reversal needs exactly two posted entries.',
  PERIOD_CLOSED: ({ closedBefore }) =>
    `The period before ${formatInstant(closedBefore)} is closed. ` +
    'Set effectiveAt to that instant or later, or omit it.',
  EXTERNAL_ID_TAKEN: ({ takenBy }) =>
    takenBy === null
      ? 'The externalId is taken by another operation of this batch. Use a different one for each operation.'
      : `The externalId is taken by ${formatId(takenBy.kind, takenBy.id)}. ` +
        'If that is the result you wanted, you are done. Otherwise use another externalId.',
  HOLD_EXPIRED: ({ hold }) => `Hold ${formatId('hold', hold)} has expired. Place another hold.`,
  HOLD_NOT_OPEN: ({ hold }) =>
    `Hold ${formatId('hold', hold)} is not open: it was captured, was voided or has expired.`,
  HOLD_AMOUNT_EXCEEDED: ({ hold, remaining, requested }) =>
    `Hold ${formatId('hold', hold)} has ${formatMoney(remaining)} remaining, ` +
    `less than the requested ${formatMoney(requested)}.`,
  ALREADY_REVERSED: ({ transaction }) =>
    `Transaction ${formatId('transaction', transaction)} is already reversed in full.`,
  REVERSAL_AMOUNT_EXCEEDED: ({ remaining, requested }) =>
    `The transaction has ${formatMoney(remaining)} left to reverse, ` +
    `less than the requested ${formatMoney(requested)}.`,
  ACCOUNT_CLOSED: ({ account }) =>
    `Account ${formatId('account', account)} is closed. Closing is final. Use another account.`,
  ACCOUNT_FROZEN: ({ account }) => `Account ${formatId('account', account)} is frozen. Unfreeze it first.`,
  CONDITION_FAILED: ({ account, condition, actualBalance, actualVersion }) => {
    const verb = condition === 'EXPECTED_VERSION' ? 'has' : 'would have';
    return (
      `Condition ${condition} failed: account ${formatId('account', account)} ` +
      `${verb} ${formatMoney(actualBalance)} at version ${actualVersion}. Read the account before the next attempt.`
    );
  },
  INSUFFICIENT_FUNDS: ({ account, available, requested }) =>
    `Account ${formatId('account', account)} has ${formatMoney(available)} available, ` +
    `less than the requested ${formatMoney(requested)}.`,
  BALANCE_LIMIT_EXCEEDED: ({ account, limit, resulting }) =>
    `Account ${formatId('account', account)} would reach ${formatMoney(resulting)}, ` +
    `more than its limit of ${formatMoney(limit)}.`,
  ACCOUNT_NOT_EMPTY: ({ account, balance, openHolds }) =>
    `Account ${formatId('account', account)} has a balance of ${formatMoney(balance)} and ${openHolds} open holds. ` +
    'Empty it and end its holds first.',
  LIMIT_UNMET: ({ limit, balance, held, incoming }) =>
    `The account does not meet the limit of ${formatMoney(limit)}: its balance is ${formatMoney(balance)}, ` +
    `with ${formatMoney(held)} held and ${formatMoney(incoming)} incoming.`,
  CURRENCY_TAKEN: ({ registered }) =>
    `Currency ${registered.code} exists with ${registered.exponent} decimals, which cannot be changed. ` +
    'Use another code.',
  COUNTERPARTY: ({ account }) =>
    `Account ${formatId('account', account)} cannot take part. The reason is shown only to callers who may read that account. ` +
    'Ask its owner, or use another account.',
  BATCH_ABORTED: ({ index, cause }) =>
    `Nothing of the batch was posted, because operation ${index} was refused: ${messageOf(cause)}`,
  UNAVAILABLE: () =>
    'The ledger cannot reach its database. The outcome is unknown: ' +
    'repeat the request with the same idempotency key.',
  INTERNAL: () => 'Internal error. Nothing was done. The log has the details under the request id.',
};

/** An externalId may be given to something later. Then the same request finds it: this refusal is not recorded. */
function notFound(kind: string, given: string, create: string): string {
  const advice = given.startsWith(EXTERNAL_ID_MARK)
    ? `${create}, then repeat the request with the same key.`
    : 'Check the id.';
  return `${kind} ${quote(given)} does not exist. ${advice}`;
}

function quote(text: string): string {
  return JSON.stringify(excerpt(text));
}
