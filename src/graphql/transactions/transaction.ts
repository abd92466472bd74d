import { MAX_ENTRIES } from '../../core/decide/request.ts';
import type { Transaction, TransactionType } from '../../core/transaction.ts';
import { formatId, parseId } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import { builder } from '../builder.ts';
import { getAccount, getTransaction } from '../context.ts';
import { DESCRIPTION_COST, METADATA_COST, TRANSACTION_COST } from '../protection/cost.ts';
import { shownLayer, sideOf, sizeOf } from './entry.ts';

export const TransactionTypeEnum = builder.enumType('TransactionType', {
  description: 'What kind of act a transaction is.',
  values: {
    DEPOSIT: { description: "Money came in: from the currency's external account to an account." },
    WITHDRAWAL: { description: "Money went out: from an account to the currency's external account." },
    TRANSFER: { description: 'From one account to another; from is debited, to is credited.' },
    JOURNAL: { description: 'Any balanced set of entries, posted as it was given.' },
    REVERSAL: {
      description: 'The entries of an earlier transaction, or a part of them, with the sides swapped.',
    },
    HOLD: { description: 'Money was reserved.' },
    CAPTURE: { description: 'Money that was reserved has moved.' },
    RELEASE: { description: 'A hold was voided or has expired: what was reserved is free again.' },
  } satisfies Record<TransactionType, object>,
});

builder.node('Transaction', {
  description:
    'An immutable, balanced set of entries. Nothing is ever edited: what was wrong is reversed by another transaction. ' +
    'A refused attempt is no transaction; `outcomeByKey` shows it.',
  id: {
    description: 'Names the transaction: `txn_…`. In the order of these ids transactions were recorded.',
    resolve: ({ id }) => formatId('transaction', id),
  },
  loadWithoutCache: (id, { loaders: { transactions } }) => {
    const uuid = parseId('transaction', id);
    return uuid === undefined ? null : transactions.load(uuid);
  },
  fields: (t) => ({
    type: t.expose('type', { type: TransactionTypeEnum, description: 'What kind of act it is.' }),
    keyAccount: t.field({
      type: 'Account',
      description:
        'The account whose idempotency key this is, as it is now: the from-account of a transfer or hold, the account of a ' +
        "deposit or withdrawal, the one that a journal names. Captures, releases and reversals have the hold's or the " +
        "original's.",
      resolve: ({ keyAccountId }, _, context) => getAccount(context, keyAccountId),
    }),
    idempotencyKey: t.exposeString('idempotencyKey', {
      nullable: true,
      description:
        'The key of the request that made it; null where it is an act of the ledger itself, such as an expiry.',
    }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description:
        "The caller's own name for the business event, unique among posted transactions of the ledger; null where none " +
        'was given.',
    }),
    amount: t.field({
      type: 'Money',
      nullable: true,
      description:
        'The sum of its POSTED debits, or of its PENDING ones where none is POSTED. Null where it has several currencies.',
      resolve: amountOf,
    }),
    entries: t.field({
      type: ['Entry'],
      complexity: { multiplier: MAX_ENTRIES },
      description: 'Its lines, in the order in which they were posted.',
      resolve: (transaction, _, { loaders: { transactions } }) => {
        // The way back from an entry leads to what is there already.
        transactions.prime(transaction.id, transaction);
        const { id: transactionId, effectiveAt, createdAt } = transaction;
        return transaction.entries.map((entry) => ({ ...entry, transactionId, effectiveAt, createdAt }));
      },
    }),
    description: t.exposeString('description', {
      nullable: true,
      complexity: DESCRIPTION_COST,
      description: 'What the caller noted; null where nothing was, or where it was erased.',
    }),
    metadata: t.field({
      type: 'Metadata',
      complexity: METADATA_COST,
      description: 'What the caller attached; empty where nothing was, or where it was erased.',
      resolve: ({ metadata }) => metadata ?? {},
    }),
    reverses: t.field({
      type: 'Transaction',
      nullable: true,
      complexity: TRANSACTION_COST,
      description: 'The transaction that this one reverses, wholly or in part; null where it is no reversal.',
      resolve: ({ reverses }, _, context) => (reverses === null ? null : getTransaction(context, reverses)),
    }),
    effectiveAt: t.field({
      type: 'DateTime',
      description: 'When it counts economically: createdAt, unless the caller gave another instant.',
      resolve: ({ effectiveAt, createdAt }) => effectiveAt ?? createdAt,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description: "When it was recorded. Along an account's versions it never decreases.",
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.queryField('transaction', (t) =>
  t.field({
    type: 'Transaction',
    nullable: true,
    complexity: TRANSACTION_COST,
    description: 'A posted transaction; null where there is none.',
    args: {
      id: t.arg.id({
        required: true,
        description: 'Its id, `txn_…`, or `ext:` and its externalId, such as `ext:order-42`.',
      }),
    },
    resolve: async (_, { id }, { ledger, loaders: { transactions } }) => {
      const uuid = await ledger.transactionIdOf(id);
      return uuid === undefined ? null : transactions.load(uuid);
    },
  }),
);

/** See the field `amount`. */
function amountOf({ entries }: Transaction): Money | null {
  const [first] = entries;
  if (first === undefined || entries.some(({ currency }) => currency.code !== first.currency.code))
    return null;
  const debitsOf = (layer: 'POSTED' | 'PENDING') =>
    entries.filter((entry) => shownLayer(entry) === layer && sideOf(entry) === 'DEBIT');
  const posted = debitsOf('POSTED');
  const debits = posted.length > 0 ? posted : debitsOf('PENDING');
  return { minor: debits.reduce((sum, { amount }) => sum + sizeOf(amount), 0n), currency: first.currency };
}
