import type {
  CreateAccountResult,
  CreateApiKeyResult,
  CreateLedgerResult,
  OperationResult,
  PreviewResult,
  RefusalOf,
  RevokeApiKeyResult,
  UpdateAccountResult,
} from '../../../client/index.ts';

/** A refusal of the ledger, with the facts that it is about. */
export type Refusal = RefusalOf<
  | CreateAccountResult
  | CreateApiKeyResult
  | CreateLedgerResult
  | OperationResult
  | PreviewResult
  | RevokeApiKeyResult
  | UpdateAccountResult
>;

interface Money {
  readonly amount: string;
  readonly currency: string;
}

/** A fact of a refusal, and how it is shown. */
export type Fact =
  | { readonly name: string; readonly money: Money }
  | { readonly name: string; readonly text: string }
  | { readonly name: string; readonly instant: string }
  | { readonly name: string; readonly link: 'account' | 'transaction' | 'hold'; readonly id: string };

/** A refusal in words: what is wrong, the facts, and what to do. */
export interface ExplainedRefusal {
  readonly title: string;
  readonly facts: readonly Fact[];
  readonly advice: string;
}

/** The advice for a request whose outcome is not known. */
export const REPEATABLE = 'Try again: the request keeps its key, so that it is executed once at most.';

/** Explains a refusal. The message of the ledger says the same in one sentence, and is shown as its details. */
export function explainRefusal(refusal: Refusal): ExplainedRefusal {
  const explain = EXPLANATIONS[refusal.__typename] as (refusal: Refusal) => ExplainedRefusal;
  return explain(refusal);
}

/** Refusals that say that this request was not executed, and nothing of an earlier one with its key. */
const NOT_EXECUTED: readonly string[] = ['FORBIDDEN', 'OVERLOADED', 'RATE_LIMITED'];
/** Refusals after which the same request may have another outcome. */
const UNRECORDED: readonly string[] = ['IDEMPOTENCY_CONFLICT', 'INTERNAL'];

/**
 * Returns whether a refusal leaves the outcome of its key open, so that only the same request, with the same key, shows what happened.
 * `wasSent`: an earlier request with the key may have been executed. Without it, that is assumed.
 */
export function isUndecided(
  { code, retryable }: Pick<Refusal, 'code' | 'retryable'>,
  wasSent = true,
): boolean {
  if (NOT_EXECUTED.includes(code)) return wasSent;
  return retryable || UNRECORDED.includes(code);
}

const money = (name: string, value: Money): Fact => ({ name, money: value });
const text = (name: string, value: string): Fact => ({ name, text: value });
const account = ({ id }: { readonly id: string }): Fact => ({ name: 'Account', link: 'account', id });
const hold = ({ id }: { readonly id: string }): Fact => ({ name: 'Hold', link: 'hold', id });

const usedBy = ({ id }: { readonly id: string }): Fact =>
  id.startsWith('acct_')
    ? { name: 'Used by', link: 'account', id }
    : { name: 'Used by', link: 'transaction', id };

type Explanations = {
  readonly [Name in Refusal['__typename']]: (
    refusal: Extract<Refusal, { readonly __typename: Name }>,
  ) => ExplainedRefusal;
};

const CONDITIONS: Readonly<Record<string, string>> = {
  AVAILABLE_AT_LEAST: 'its available amount is too low',
  BALANCE_AT_LEAST: 'its balance is too low',
  BALANCE_AT_MOST: 'its balance is too high',
  EXPECTED_VERSION: 'it has changed since it was read',
};

const EXPLANATIONS: Explanations = {
  AccountClosedError: (refusal) => ({
    title: 'The account is closed.',
    facts: [account(refusal.account)],
    advice: 'A closed account stays closed. Choose another account.',
  }),
  AccountFrozenError: (refusal) => ({
    title: 'The account is frozen.',
    facts: [account(refusal.account)],
    advice: 'Unfreeze the account first, or choose another one.',
  }),
  AccountNotEmptyError: (refusal) => ({
    title: 'The account is not empty.',
    facts: [
      account(refusal.account),
      money('Balance', refusal.balance),
      text('Open holds', String(refusal.openHolds)),
    ],
    advice: 'Move its balance to another account, and capture or void its holds. Then close it.',
  }),
  AccountNotFoundError: (refusal) => ({
    title: 'There is no such account.',
    facts: [text('Given', refusal.accountId)],
    advice: 'Choose an account from the list, or create it first.',
  }),
  AlreadyReversedError: (refusal) => ({
    title: 'The transaction is already reversed.',
    facts: [{ name: 'Transaction', link: 'transaction', id: refusal.original.id }],
    advice: 'Open it to see its reversals.',
  }),
  ApiKeyNotFoundError: (refusal) => ({
    title: 'There is no such API key.',
    facts: [text('Given', refusal.apiKeyId)],
    advice: 'Reload the list of keys.',
  }),
  BalanceLimitExceededError: (refusal) => ({
    title: 'The balance would be above the limit of the account.',
    facts: [
      account(refusal.account),
      money('Highest balance', refusal.limit),
      money('Balance would be', refusal.resulting),
    ],
    advice: 'Move less, or raise the limit of the account.',
  }),
  ConditionFailedError: (refusal) => ({
    title: `A condition on an account is not met: ${CONDITIONS[refusal.condition] ?? refusal.condition}.`,
    facts: [
      account(refusal.account),
      money('Balance', refusal.actualBalance),
      ...(refusal.actualAvailable == null ? [] : [money('Available', refusal.actualAvailable)]),
      text('Version', refusal.actualVersion),
    ],
    advice: 'Look at the account, then decide again.',
  }),
  CounterpartyError: (refusal) => ({
    title: 'The other account cannot take part in this.',
    facts: [text('Account', refusal.accountId)],
    advice: 'Choose another account, or ask its owner.',
  }),
  CurrencyMismatchError: (refusal) => ({
    title: 'The accounts have different currencies.',
    facts: [text('Expected', refusal.expected), text('Given', refusal.given)],
    advice:
      'Choose two accounts in one currency. A journal can exchange currencies through accounts of your own.',
  }),
  ExternalIdTakenError: (refusal) => ({
    title: 'This external id is already used.',
    facts: refusal.takenBy == null ? [] : [usedBy(refusal.takenBy)],
    advice: 'It names one thing of the ledger. Use another id, or look at what has this one.',
  }),
  ForbiddenError: () => ({
    title: 'Your key or token does not permit this.',
    facts: [],
    advice: 'Ask an administrator for one with the scope that the message names.',
  }),
  HoldAmountExceededError: (refusal) => ({
    title: 'The hold has less than this left.',
    facts: [hold(refusal.hold), money('Remaining', refusal.remaining), money('Requested', refusal.requested)],
    advice: 'Capture at most what remains.',
  }),
  HoldExpiredError: (refusal) => ({
    title: 'The hold has expired.',
    facts: [hold(refusal.hold)],
    advice: 'Its money is available again. Place another hold, or transfer the money.',
  }),
  HoldNotFoundError: (refusal) => ({
    title: 'There is no such hold.',
    facts: [text('Given', refusal.holdId)],
    advice: 'Choose an open hold of the account.',
  }),
  HoldNotOpenError: (refusal) => ({
    title: `The hold is not open: it is ${refusal.hold.status.toLowerCase()}.`,
    facts: [hold(refusal.hold)],
    advice: 'Open it to see its captures and its release.',
  }),
  IdempotencyConflictError: (refusal) => ({
    title: 'This key was already used for another request.',
    facts: [
      text('Different', refusal.differingFields.join(', ')),
      ...(refusal.recordedTransaction == null
        ? []
        : [{ name: 'Posted', link: 'transaction', id: refusal.recordedTransaction.id } as const]),
    ],
    advice: 'Start a new one. Nothing was posted now.',
  }),
  InsufficientFundsError: (refusal) => ({
    title: 'The account does not have enough money.',
    facts: [
      account(refusal.account),
      money('Available', refusal.available),
      money('Requested', refusal.requested),
    ],
    advice: 'Move less, deposit more first, or lower the account’s lowest balance.',
  }),
  InternalError: () => ({
    title: 'The service had a fault. The outcome is not known.',
    facts: [],
    advice: REPEATABLE,
  }),
  InvalidAmountError: (refusal) => ({
    title: 'The amount is not valid.',
    facts: [text('Field', refusal.field)],
    advice: 'Write digits, a point, and as many decimals as the currency has, such as 12.34.',
  }),
  InvalidInputError: (refusal) => ({
    title: 'A value is not valid.',
    facts: [text('Field', refusal.field)],
    advice: 'Correct what the message names.',
  }),
  LimitUnmetError: (refusal) => ({
    title: 'The account is already outside of this limit.',
    facts: [
      money('Limit', refusal.limit),
      money('Balance', refusal.balance),
      money('Held', refusal.held),
      money('Incoming', refusal.incoming),
    ],
    advice: 'Choose a limit that its balance, held and incoming amounts meet.',
  }),
  NotReversibleError: (refusal) => ({
    title: 'This transaction cannot be reversed.',
    facts: [{ name: 'Transaction', link: 'transaction', id: refusal.transactionId }],
    advice:
      'Holds are ended by a capture or a release, and a reversal is not reversed. Post a correction instead.',
  }),
  OverloadedError: (refusal) => ({
    title: 'The service is too busy. Nothing was done.',
    facts: [text('Wait', seconds(refusal.retryAfterMs))],
    advice: 'Try again in a moment.',
  }),
  PeriodClosedError: (refusal) => ({
    title: 'The period of this effective date is closed.',
    facts: [{ name: 'Closed before', instant: refusal.closedBefore }],
    advice: 'Choose a later effective date.',
  }),
  RateLimitedError: (refusal) => ({
    title: 'Your key or token has sent too many requests. Nothing was done.',
    facts: [text('Wait', seconds(refusal.retryAfterMs))],
    advice: 'Try again in a moment.',
  }),
  ReversalAmountExceededError: (refusal) => ({
    title: 'Less than this can still be reversed.',
    facts: [money('Remaining', refusal.remaining), money('Requested', refusal.requested)],
    advice: 'Reverse at most what remains.',
  }),
  SameAccountError: (refusal) => ({
    title: 'Both accounts are the same.',
    facts: [{ name: 'Account', link: 'account', id: refusal.accountId }],
    advice: 'Choose two different accounts.',
  }),
  TransactionNotFoundError: (refusal) => ({
    title: 'There is no such transaction.',
    facts: [text('Given', refusal.transactionId)],
    advice: 'Search for it by its id or its external id.',
  }),
  UnavailableError: () => ({
    title: 'The database cannot be reached. The outcome is not known.',
    facts: [],
    advice: REPEATABLE,
  }),
  UnbalancedError: (refusal) => ({
    title: 'The debits and the credits of the journal are not equal.',
    facts: [money('Difference', refusal.difference)],
    advice: 'Add what is missing, for each currency.',
  }),
  UnknownCurrencyError: (refusal) => ({
    title: 'The ledger does not know this currency.',
    facts: [text('Currency', refusal.currency)],
    advice: 'Use a code of ISO 4217, such as EUR, or register the currency through the API.',
  }),
  UnsupportedAccountError: (refusal) => ({
    title: 'This kind of account cannot be used here.',
    facts: [account(refusal.account)],
    advice: 'External accounts stand for money outside of the ledger: use a deposit or a withdrawal.',
  }),
};

function seconds(milliseconds: number): string {
  return milliseconds < 1000 ? 'less than a second' : `${Math.ceil(milliseconds / 1000)} s`;
}
