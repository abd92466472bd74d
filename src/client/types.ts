/** The types of the client's inputs and results, by the names of the schema. */
import type * as g from './generated.ts';

export type {
  AccountFieldsFragment as Account,
  AccountFilter,
  ApiKeyFieldsFragment as ApiKey,
  AuditEventFieldsFragment as AuditEvent,
  AuditFilter,
  BalanceConditionInput,
  BalanceLimitInput,
  BatchMode,
  CaptureHoldInput,
  ClosePeriodInput,
  CreateAccountInput,
  CreateApiKeyInput,
  CreateCurrencyInput,
  CreateLedgerInput,
  DepositInput,
  EntryFieldsFragment as Entry,
  EntryInput,
  HistoryFilter,
  HoldFieldsFragment as Hold,
  HoldFilter,
  LedgerErrorCode,
  LedgerFieldsFragment as Ledger,
  LedgerNameFragment as LedgerName,
  OperationInput,
  PartyFieldsFragment as Party,
  PlaceHoldInput,
  PostTransactionInput,
  ReverseTransactionInput,
  Scope,
  TimeRange,
  TransactionFieldsFragment as Transaction,
  TransactionFilter,
  TransferInput,
  UpdateAccountInput,
  VoidHoldInput,
  WithdrawInput,
} from './generated.ts';

/** The one field of a document's data, without null: data without the field is no result. */
type ResultOf<Answer> = NonNullable<Answer[keyof Answer]>;

export type DepositResult = ResultOf<g.DepositMutation>;
export type WithdrawResult = ResultOf<g.WithdrawMutation>;
export type TransferResult = ResultOf<g.TransferMutation>;
export type PostTransactionResult = ResultOf<g.PostTransactionMutation>;
export type ReverseTransactionResult = ResultOf<g.ReverseTransactionMutation>;
export type PlaceHoldResult = ResultOf<g.PlaceHoldMutation>;
export type CaptureHoldResult = ResultOf<g.CaptureHoldMutation>;
export type VoidHoldResult = ResultOf<g.VoidHoldMutation>;
export type CreateAccountResult = ResultOf<g.CreateAccountMutation>;
export type CreateAccountsResult = ResultOf<g.CreateAccountsMutation>;
export type CreateCurrencyResult = ResultOf<g.CreateCurrencyMutation>;
export type UpdateAccountResult = ResultOf<g.UpdateAccountMutation>;
export type ClosePeriodResult = ResultOf<g.ClosePeriodMutation>;
export type CreateLedgerResult = ResultOf<g.CreateLedgerMutation>;
export type CreateApiKeyResult = ResultOf<g.CreateApiKeyMutation>;
export type RevokeApiKeyResult = ResultOf<g.RevokeApiKeyMutation>;
export type PostBatchResult = ResultOf<g.PostBatchMutation>;
/** The result for one account of createAccounts. */
export type AccountResult = Extract<
  CreateAccountsResult,
  { __typename: 'AccountsCreated' }
>['results'][number];
export type OperationResult = Extract<PostBatchResult, { __typename: 'BatchProcessed' }>['results'][number];
export type PreviewResult = ResultOf<g.PreviewQuery>;
export type Outcome = ResultOf<g.OutcomeByKeyQuery>;
export type Viewer = ResultOf<g.ViewerQuery>;
export type TrialBalanceLine = g.TrialBalanceQuery['ledger']['trialBalance'][number];
/** A transaction with the accounts that it moves, also those of other owners. */
export type TransactionWithParties = NonNullable<ResultOf<g.TransactionQuery>>;
/** A hold with its two accounts, also those of other owners. */
export type HoldWithParties = NonNullable<ResultOf<g.HoldQuery>>;
export type BlockHead = g.HeadQuery['ledger']['head'];
export type NamedNode = ResultOf<g.NodeQuery>;
export type HistoryEntry = NonNullable<g.HistoryQuery['account']>['history']['nodes'][number];

/** An id such as `acct_…`, or `ext:` and the name that the caller gave as `externalId`: `ext:alice`. A name alone finds nothing. */
export type NodeId = string;

/** Transactions of the journal, and the cursor after them. */
export interface JournalPage {
  readonly transactions: readonly g.TransactionFieldsFragment[];
  readonly cursor: string;
}

/** An input with an optional idempotency key: the client makes one. */
export type Keyless<Input> = Omit<Input, 'idempotencyKey'> & {
  readonly idempotencyKey?: string | null | undefined;
};

type OperationName = keyof g.OperationInput;

/** An operation of a batch or a preview, with an optional idempotency key: the client makes one. */
export type Operation = {
  [Name in OperationName]: {
    readonly [Only in Name]: Keyless<NonNullable<g.OperationInput[Only]>>;
  } & { readonly [Other in Exclude<OperationName, Name>]?: never };
}[OperationName];
