import type {
  CaptureHoldResult,
  DepositResult,
  LedgerClient,
  MutationOptions,
  Operation,
  PlaceHoldResult,
  PostTransactionResult,
  ReverseTransactionResult,
  TransferResult,
  VoidHoldResult,
  WithdrawResult,
} from '../../../client/index.ts';

/** The result of an operation that was sent alone: it has the entries of its transaction. */
export type SentResult =
  | CaptureHoldResult
  | DepositResult
  | PlaceHoldResult
  | PostTransactionResult
  | ReverseTransactionResult
  | TransferResult
  | VoidHoldResult
  | WithdrawResult;

/** Sends one operation, by the mutation of its name. */
export function send(
  client: LedgerClient,
  operation: Operation,
  options: MutationOptions,
): Promise<SentResult> {
  if (operation.deposit) return client.deposit(operation.deposit, options);
  if (operation.withdraw) return client.withdraw(operation.withdraw, options);
  if (operation.transfer) return client.transfer(operation.transfer, options);
  if (operation.post) return client.postTransaction(operation.post, options);
  if (operation.reverse) return client.reverseTransaction(operation.reverse, options);
  if (operation.placeHold) return client.placeHold(operation.placeHold, options);
  if (operation.captureHold) return client.captureHold(operation.captureHold, options);
  if (operation.voidHold) return client.voidHold(operation.voidHold, options);
  throw new TypeError('An operation has no name');
}
