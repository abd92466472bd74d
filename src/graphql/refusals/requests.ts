import { TRANSACTION_COST } from '../protection/prices.ts';
import { CODES, LedgerError, typeOf } from './refusal.ts';

export const IdempotencyConflictError = typeOf('IDEMPOTENCY_CONFLICT').implement({
  interfaces: [LedgerError],
  description: CODES.IDEMPOTENCY_CONFLICT,
  fields: (t) => ({
    differingFields: t.stringList({
      description:
        'The input fields that differ. `type` if the key was used before for another kind of request.',
      resolve: ({ facts }) => facts.differingFields,
    }),
    recordedTransaction: t.field({
      type: 'Transaction',
      nullable: true,
      complexity: TRANSACTION_COST,
      description:
        'The transaction that the first request with this key posted. Null: that request was declined, or created an account.',
      resolve: ({ facts }, _, { loaders: { transactions } }) =>
        facts.transaction === null ? null : transactions.load(facts.transaction),
    }),
  }),
});

export const BatchAbortedError = typeOf('BATCH_ABORTED').implement({
  interfaces: [LedgerError],
  description: CODES.BATCH_ABORTED,
  fields: (t) => ({
    index: t.int({
      description: 'The position of the failed operation in the request, from 0.',
      resolve: ({ facts }) => facts.index,
    }),
    cause: t.field({
      type: LedgerError,
      description:
        'The reason for the failure. Its amounts include the effect of the earlier operations of the batch. Its accounts, holds ' +
        'and transactions are in their current state, without that effect.',
      resolve: ({ facts }) => facts.cause,
    }),
  }),
});
