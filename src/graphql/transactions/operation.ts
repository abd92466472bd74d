import type { Command } from '../../core/decide/command.ts';
import {
  toCapture,
  toDeposit,
  toHold,
  toJournal,
  toReversal,
  toTransfer,
  toVoid,
  toWithdrawal,
} from '../../core/decide/request.ts';
import type { Refusal } from '../../core/errors.ts';
import { builder } from '../builder.ts';
import { CaptureHoldInput, PlaceHoldInput, VoidHoldInput } from '../holds/hold-mutations.ts';
import { TRANSACTION_COST } from '../protection/cost.ts';
import * as refusals from '../refusals.ts';
import { ATTEMPT_REFUSALS, outcomeTypeName } from './attempt.ts';
import { PostTransactionInput } from './journal.ts';
import { DepositInput, TransferInput, WithdrawInput } from './posting.ts';
import { ReverseTransactionInput } from './reversal.ts';

export const OperationInput = builder.inputType('OperationInput', {
  description:
    'Any operation that moves money, as its own mutation takes it. Exactly one of the fields is given.',
  isOneOf: true,
  fields: (t) => ({
    deposit: t.field({ type: DepositInput, description: 'See the mutation `deposit`.' }),
    withdraw: t.field({ type: WithdrawInput, description: 'See the mutation `withdraw`.' }),
    transfer: t.field({ type: TransferInput, description: 'See the mutation `transfer`.' }),
    post: t.field({ type: PostTransactionInput, description: 'See the mutation `postTransaction`.' }),
    reverse: t.field({
      type: ReverseTransactionInput,
      description: 'See the mutation `reverseTransaction`.',
    }),
    placeHold: t.field({ type: PlaceHoldInput, description: 'See the mutation `placeHold`.' }),
    captureHold: t.field({ type: CaptureHoldInput, description: 'See the mutation `captureHold`.' }),
    voidHold: t.field({ type: VoidHoldInput, description: 'See the mutation `voidHold`.' }),
  }),
});

type Operation = typeof OperationInput.$inferInput;

/** The path of the input that an operation is given by; `path` leads to the operation itself. */
export function pathInto(operation: Operation, path: string): string {
  const [field = ''] = Object.keys(operation);
  return `${path}.${field}.`;
}

/** The command of an operation, or what is wrong with its input, to which the path leads. */
export function toCommand(operation: Operation, path: string): Command | Refusal {
  const { deposit, withdraw, transfer, post, reverse, placeHold, captureHold, voidHold } = operation;
  if (deposit) return toDeposit(deposit, path);
  if (withdraw) return toWithdrawal(withdraw, path);
  if (transfer) return toTransfer(transfer, path);
  if (post) return toJournal(post, path);
  if (reverse) return toReversal(reverse, path);
  if (placeHold) return toHold(placeHold, path);
  if (captureHold) return toCapture(captureHold, path);
  if (voidHold) return toVoid(voidHold, path);
  throw new TypeError('one of the fields is given');
}

/** An answer in which the field that is wrong beside the books is named by its path, too. */
export function withPath<Done extends { readonly code: 'POSTED' | 'PREVIEWED' }>(
  answer: Done | Refusal,
  path: string,
): Done | Refusal {
  switch (answer.code) {
    case 'INVALID_INPUT':
    case 'INVALID_AMOUNT':
      return { ...answer, facts: { ...answer.facts, field: `${path}${answer.facts.field}` } };
    default:
      return answer;
  }
}

/** What one or another operation can be refused by beside its key. */
export const OPERATION_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.InvalidAmountError,
  refusals.AccountNotFoundError,
  refusals.HoldNotFoundError,
  refusals.TransactionNotFoundError,
  refusals.SameAccountError,
  refusals.CurrencyMismatchError,
  refusals.UnbalancedError,
  refusals.UnsupportedAccountError,
  refusals.NotReversibleError,
  refusals.PeriodClosedError,
  refusals.ExternalIdTakenError,
  refusals.HoldExpiredError,
  refusals.HoldNotOpenError,
  refusals.HoldAmountExceededError,
  refusals.AlreadyReversedError,
  refusals.ReversalAmountExceededError,
  refusals.AccountClosedError,
  refusals.AccountFrozenError,
  refusals.ConditionFailedError,
  refusals.InsufficientFundsError,
  refusals.BalanceLimitExceededError,
];

export const OperationResult = builder.unionType('OperationResult', {
  description: 'What became of any operation that moves money.',
  types: ['TransactionPosted', 'HoldPlaced', ...OPERATION_REFUSALS, ...ATTEMPT_REFUSALS],
  resolveType: outcomeTypeName,
});

builder.queryField('outcomeByKey', (t) =>
  t.field({
    type: OperationResult,
    nullable: true,
    complexity: TRANSACTION_COST,
    description:
      'What was answered to an idempotency key, posted or declined, with `replayed: true`. Null: nothing is recorded yet. It ' +
      'may still be on its way, so that only sending the same request with the same key again is safe.',
    args: {
      accountId: t.arg.id({
        required: true,
        description: 'Whose key it is: its id, `acct_…`, or `ext:` and its externalId.',
      }),
      idempotencyKey: t.arg.string({ required: true, description: 'The key.' }),
    },
    resolve: async (_, { accountId, idempotencyKey }, { ledger }) =>
      (await ledger.outcomeByKey(accountId, idempotencyKey)) ?? null,
  }),
);
