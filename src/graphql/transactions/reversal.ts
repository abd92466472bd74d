import { toReversal } from '../../core/decide/request.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals.ts';
import { attemptFields, MOVEMENT_REFUSALS, outcomeTypeName, post } from './attempt.ts';

export const ReverseTransactionInput = builder.inputType('ReverseTransactionInput', {
  description:
    "What is to be undone by a new transaction with the sides swapped. The key is one of the original's key account.",
  fields: (t) => ({
    transactionId: t.id({
      required: true,
      description:
        'A deposit, withdrawal, transfer, journal or capture: its id, `txn_…`, or `ext:` and its externalId.',
    }),
    amount: t.field({
      type: 'Decimal',
      description:
        'How much of a transaction of two entries, in parts up to the whole; of any other a part is NOT_REVERSIBLE. Absent: ' +
        'all that is not reversed yet.',
    }),
    ...attemptFields(t),
  }),
});

const ReverseTransactionResult = builder.unionType('ReverseTransactionResult', {
  description: 'The posted reversal, or why there is none.',
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
      'Reverses a transaction, wholly or in part: its POSTED entries again, with the sides swapped. Limits are looked at as ' +
      'for any posting; a hold that was captured does not open again.',
    args: { input: t.arg({ type: ReverseTransactionInput, required: true, description: 'The reversal.' }) },
    resolve: (_, { input }, context) => post(context, toReversal(input)),
  }),
);
