import type { Viewer } from '../../core/access/viewer.ts';
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
import type { TransactionType } from '../../core/transaction.ts';
import { builder } from '../builder.ts';
import { CaptureHoldInput, PlaceHoldInput, VoidHoldInput } from '../holds/hold-mutations.ts';
import { STATEMENT_COST, TRANSACTION_COST } from '../protection/prices.ts';
import * as refusals from '../refusals/refusals.ts';
import { ATTEMPT_REFUSALS, forbidden, outcomeTypeName } from './attempt.ts';
import { PostTransactionInput } from './journal.ts';
import { DepositInput, TransferInput, WithdrawInput } from './posting.ts';
import { ReverseTransactionInput } from './reversal.ts';

export const OperationInput = builder.inputType('OperationInput', {
  description: 'Any operation that moves money, with the input of its mutation. Set exactly one field.',
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

/** Returns the path of an operation's input. `path`: the path of the operation. */
export function pathInto(operation: Operation, path: string): string {
  const [field = ''] = Object.keys(operation);
  return `${path}.${field}.`;
}

const TYPES: Readonly<Record<keyof Operation, TransactionType>> = {
  deposit: 'DEPOSIT',
  withdraw: 'WITHDRAWAL',
  transfer: 'TRANSFER',
  post: 'JOURNAL',
  reverse: 'REVERSAL',
  placeHold: 'HOLD',
  captureHold: 'CAPTURE',
  voidHold: 'RELEASE',
};

/** Returns the command of a viewer's operation, or the refusal of its input, whose fields begin with `path`. */
export function toCommand(operation: Operation, path: string, viewer: Viewer): Command | Refusal {
  const { deposit, withdraw, transfer, post, reverse, placeHold, captureHold, voidHold } = operation;
  if (viewer.owner !== null) {
    const [field = 'post'] = Object.keys(operation) as (keyof Operation)[];
    const refusal = forbidden(viewer, TYPES[field], transfer ?? placeHold ?? {});
    if (refusal !== undefined) return refusal;
  }
  if (deposit) return toDeposit(deposit, path);
  if (withdraw) return toWithdrawal(withdraw, path);
  if (transfer) return toTransfer(transfer, path);
  if (post) return toJournal(post, path);
  if (reverse) return toReversal(reverse, path);
  if (placeHold) return toHold(placeHold, path);
  if (captureHold) return toCapture(captureHold, path);
  if (voidHold) return toVoid(voidHold, path);
  throw new TypeError('an operation must have exactly one field');
}

/** Returns the answer with `path` before the field of a refusal that the ledger made. */
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

/** The refusals of all operations, without those of the idempotency key. */
export const OPERATION_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.CounterpartyError,
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
  description: 'The outcome of an operation that moves money.',
  types: ['TransactionPosted', 'HoldPlaced', ...OPERATION_REFUSALS, ...ATTEMPT_REFUSALS],
  resolveType: outcomeTypeName,
});

builder.queryField('outcomeByKey', (t) =>
  t.field({
    type: OperationResult,
    nullable: true,
    complexity: STATEMENT_COST + TRANSACTION_COST,
    description:
      'The recorded outcome of an idempotency key, posted or declined, with `replayed: true`. Null: none is recorded yet. The ' +
      'request may still be in progress: to be certain, send the same request with the same key again.',
    args: {
      accountId: t.arg.id({
        required: true,
        description: 'The account that the key belongs to: its id, `acct_…`, or `ext:<externalId>`.',
      }),
      idempotencyKey: t.arg.string({ required: true, description: 'The idempotency key.' }),
    },
    resolve: async (_, { accountId, idempotencyKey }, { ledger }) =>
      (await ledger.outcomeByKey(accountId, idempotencyKey)) ?? null,
  }),
);
