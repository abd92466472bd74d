import { formatId } from '../../core/values/ids.ts';
import { getTransaction } from '../context.ts';
import { TRANSACTION_COST } from '../protection/prices.ts';
import { CODES, LedgerError, typeOf } from './refusal.ts';

export const ExternalIdTakenError = typeOf('EXTERNAL_ID_TAKEN').implement({
  interfaces: [LedgerError],
  description: CODES.EXTERNAL_ID_TAKEN,
  fields: (t) => ({
    takenBy: t.node({
      complexity: TRANSACTION_COST,
      description:
        'The Account or Transaction that has the externalId, in its current state. Null: another operation of the same aborted ' +
        'batch had taken it.',
      id: ({ facts: { takenBy } }) => (takenBy === null ? null : formatId(takenBy.kind, takenBy.id)),
    }),
  }),
});

export const PeriodClosedError = typeOf('PERIOD_CLOSED').implement({
  interfaces: [LedgerError],
  description: CODES.PERIOD_CLOSED,
  fields: (t) => ({
    closedBefore: t.field({
      type: 'DateTime',
      description: 'The earliest effectiveAt that the ledger accepts.',
      resolve: ({ facts }) => facts.closedBefore,
    }),
  }),
});

export const TransactionNotFoundError = typeOf('TRANSACTION_NOT_FOUND').implement({
  interfaces: [LedgerError],
  description: CODES.TRANSACTION_NOT_FOUND,
  fields: (t) => ({
    transactionId: t.id({
      description: 'The transaction as given in the request.',
      resolve: ({ facts }) => facts.transactionId,
    }),
  }),
});

export const NotReversibleError = typeOf('NOT_REVERSIBLE').implement({
  interfaces: [LedgerError],
  description: CODES.NOT_REVERSIBLE,
  fields: (t) => ({
    transactionId: t.id({
      description: 'The id of the transaction.',
      resolve: ({ facts }) => formatId('transaction', facts.transaction),
    }),
  }),
});

export const AlreadyReversedError = typeOf('ALREADY_REVERSED').implement({
  interfaces: [LedgerError],
  description: CODES.ALREADY_REVERSED,
  fields: (t) => ({
    original: t.field({
      type: 'Transaction',
      complexity: TRANSACTION_COST,
      description: 'The transaction that is already reversed. Its `reversals` lists the reversals.',
      resolve: ({ facts }, _, context, info) => getTransaction(context, facts.transaction, info),
    }),
  }),
});

export const ReversalAmountExceededError = typeOf('REVERSAL_AMOUNT_EXCEEDED').implement({
  interfaces: [LedgerError],
  description: CODES.REVERSAL_AMOUNT_EXCEEDED,
  fields: (t) => ({
    remaining: t.field({
      type: 'Money',
      description: 'The amount that was left to reverse.',
      resolve: ({ facts }) => facts.remaining,
    }),
    requested: t.field({
      type: 'Money',
      description: 'The requested amount.',
      resolve: ({ facts }) => facts.requested,
    }),
  }),
});
