import {
  type CallOptions,
  type CaptureHoldResult,
  type DepositResult,
  IntentConflict,
  type LedgerClient,
  type MutationOptions,
  type Operation,
  type PlaceHoldResult,
  type PostTransactionResult,
  type ReverseTransactionResult,
  type TransferResult,
  type VoidHoldResult,
  type WithdrawResult,
} from '../../../client/index.ts';
import type { Attempt } from './send-once.ts';

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
function send(client: LedgerClient, operation: Operation, options: MutationOptions): Promise<SentResult> {
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

/**
 * Sends an operation under an intent, with a key for it. A duplicate of the tab may have sent the same intent with a key of its own: then
 * the operation has that key, and its result.
 */
export async function sendWithKey(
  client: LedgerClient,
  operation: Operation,
  { intent, key, wasSent, rekey, ...options }: Attempt & CallOptions,
): Promise<SentResult> {
  const sendAs = (as: string, named: MutationOptions) => send(client, withKey(operation, as), named);
  try {
    return await sendAs(key, { ...options, intent });
  } catch (error) {
    if (!(error instanceof IntentConflict)) throw error;
    const kept = /^\{"key":"(\w+)"\}$/.exec(error.kept)?.[1];
    if (kept !== undefined) {
      rekey(kept);
      return sendAs(kept, { ...options, intent });
    }
    // The intent is kept for other values. A request that was sent has its own key.
    if (wasSent) return sendAs(key, options);
    throw error;
  }
}

function withKey(operation: Operation, idempotencyKey: string): Operation {
  const named = Object.entries(operation).map(([name, input]) => [name, { ...input, idempotencyKey }]);
  return Object.fromEntries(named) as Operation;
}
