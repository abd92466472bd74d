import { toReversal } from '../../core/decide/request.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals/refusals.ts';
import { attemptFields, MOVEMENT_REFUSALS, outcomeTypeName, post } from './attempt.ts';

export const ReverseTransactionInput = builder.inputType('ReverseTransactionInput', {
  description:
    'A reversal of a transaction. The idempotency key belongs to the `keyAccount` of the original.',
  fields: (t) => ({
    transactionId: t.id({
      required: true,
      description:
        'The original, a deposit, withdrawal, transfer, journal or capture: its id, `txn_…`, or `ext:<externalId>`.',
    }),
    amount: t.field({
      type: 'Decimal',
      description:
        'The amount to reverse. Several reversals can reverse parts. Only a transaction of two entries can be reversed in part; any ' +
        'other is NOT_REVERSIBLE. Default: all that is not reversed yet.',
    }),
    ...attemptFields(t),
  }),
});

const ReverseTransactionResult = builder.unionType('ReverseTransactionResult', {
  description: 'The posted reversal, or the reason why it was not posted.',
  types: [
    'TransactionPosted',
    refusals.TransactionNotFoundError,
    refusals.NotReversibleError,
    refusals.AlreadyReversedError,
    refusals.ReversalAmountExceededError,
    refusals.AccountClosedError,
    refusals.InsufficientFundsError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

builder.mutationField('reverseTransaction', (t) =>
  t.field({
    type: ReverseTransactionResult,
    nullable: true,
    description:
      'Reverses a transaction completely or in part: posts its POSTED entries with the sides swapped. Limits are checked as for any ' +
      'posting. A captured hold is not reopened.',
    args: { input: t.arg({ type: ReverseTransactionInput, required: true, description: 'The reversal.' }) },
    resolve: (_, { input }, context) => post(context, toReversal(input)),
  }),
);
