import type { Side } from '../../core/account.ts';
import { MAX_ENTRIES } from '../../core/decide/request.ts';
import type { Transaction, TransactionType } from '../../core/transaction.ts';
import { formatId, parseId } from '../../core/values/ids.ts';
import type { Money } from '../../core/values/money.ts';
import { builder } from '../builder.ts';
import { getActor, getParties, getTransaction, getVisibleAccount } from '../context.ts';
import { DESCRIPTION_COST, METADATA_COST, STATEMENT_COST, TRANSACTION_COST } from '../protection/prices.ts';
import { shownLayer, sideOf, sizeOf } from './entry.ts';

export const TransactionTypeEnum = builder.enumType('TransactionType', {
  description: 'The type of a transaction.',
  values: {
    DEPOSIT: { description: 'Incoming money, from the external account of the currency to an account.' },
    WITHDRAWAL: { description: 'Outgoing money, from an account to the external account of the currency.' },
    TRANSFER: { description: 'A movement from one account to another: debits `from` and credits `to`.' },
    JOURNAL: { description: 'Any balanced set of entries, as the caller gave them.' },
    REVERSAL: {
      description: 'The entries of an earlier transaction, completely or in part, with the sides swapped.',
    },
    HOLD: { description: 'A reservation of money.' },
    CAPTURE: { description: 'A movement of reserved money.' },
    RELEASE: { description: 'The release of reserved money: a hold was voided or expired.' },
  } satisfies Record<TransactionType, object>,
});

builder.node('Transaction', {
  description:
    'An immutable, balanced set of entries. To correct a transaction, reverse it. Declined attempts are not transactions: ' +
    '`outcomeByKey` returns them.',
  id: {
    description: 'The id of the transaction: `txn_…`. Ids are ordered by `createdAt`.',
    resolve: ({ id }) => formatId('transaction', id),
  },
  loadWithoutCache: (id, { loaders: { transactions } }) => {
    const uuid = parseId('transaction', id);
    return uuid === undefined ? null : transactions.load(uuid);
  },
  fields: (t) => ({
    type: t.expose('type', { type: TransactionTypeEnum, description: 'The type of the transaction.' }),
    keyAccount: t.field({
      type: 'Account',
      nullable: true,
      description:
        'The account that the idempotency key belongs to, in its current state: the `from` account of a transfer or hold, the ' +
        'account of a deposit or withdrawal, or the `keyAccountId` of a journal. Captures and releases have that of the hold, ' +
        'reversals that of the original. Null: the caller may not read that account.',
      resolve: ({ keyAccountId }, _, context, info) => getVisibleAccount(context, keyAccountId, info),
    }),
    parties: t.field({
      type: ['Party'],
      complexity: { multiplier: MAX_ENTRIES },
      description: 'The accounts that the transaction moves, each once, in the order of their first entries.',
      resolve: ({ id }, _, context) => getParties(context, id),
    }),
    idempotencyKey: t.exposeString('idempotencyKey', {
      nullable: true,
      description:
        'The key of the request. Null: the ledger itself made the transaction, such as an expiry, or the caller is restricted to an ' +
        'owner and may not read `keyAccount`.',
    }),
    externalId: t.exposeString('externalId', {
      nullable: true,
      description:
        "The caller's own name for the business event, unique among the posted transactions of the ledger. Null: none was given.",
    }),
    amount: t.field({
      type: 'Money',
      nullable: true,
      description:
        'The sum of the POSTED debits, or of the PENDING debits if there are no POSTED ones. Null: it has several currencies. For ' +
        'a caller restricted to an owner: the larger sum of one side of `entries`.',
      resolve: amountOf,
    }),
    entries: t.field({
      type: ['Entry'],
      complexity: { multiplier: MAX_ENTRIES },
      description:
        'The entries, in the order in which they were posted. A caller restricted to an owner sees those of its accounts.',
      resolve: (transaction, _, { loaders: { transactions } }) => {
        // `Entry.transaction` finds the transaction in the loader, without another statement.
        transactions.prime(transaction.id, transaction);
        const { id: transactionId, effectiveAt, createdAt } = transaction;
        return transaction.entries.map((entry) => ({ ...entry, transactionId, effectiveAt, createdAt }));
      },
    }),
    description: t.exposeString('description', {
      nullable: true,
      complexity: DESCRIPTION_COST,
      description: 'The note of the caller. Null: none was given, or it was erased.',
    }),
    metadata: t.field({
      type: 'Metadata',
      complexity: METADATA_COST,
      description:
        'The metadata of the transaction. Empty: none was given, it was erased, or the caller is restricted to an owner and may not ' +
        'read `keyAccount`.',
      resolve: ({ metadata }) => metadata ?? {},
    }),
    reverses: t.field({
      type: 'Transaction',
      nullable: true,
      complexity: TRANSACTION_COST,
      description:
        'The transaction that this one reverses, completely or in part. Null: it is not a reversal.',
      resolve: ({ reverses }, _, context, info) =>
        reverses === null ? null : getTransaction(context, reverses, info),
    }),
    actor: t.field({
      type: 'Actor',
      nullable: true,
      description:
        'The caller whose request was recorded. A repetition of the request by another caller does not change it. Null: the caller ' +
        'had no credential because none was needed, the ledger itself made the transaction, such as an expiry, or the caller of this ' +
        'request is restricted to an owner and may not read `keyAccount`.',
      resolve: ({ actor }, _, context, info) => getActor(context, actor, info),
    }),
    effectiveAt: t.field({
      type: 'DateTime',
      description: 'The effective time: `createdAt`, unless the caller gave another instant.',
      resolve: ({ effectiveAt, createdAt }) => effectiveAt ?? createdAt,
    }),
    createdAt: t.field({
      type: 'DateTime',
      description:
        'When the transaction was recorded. It never decreases from one version of an account to the next.',
      resolve: ({ createdAt }) => createdAt,
    }),
  }),
});

builder.queryField('transaction', (t) =>
  t.field({
    type: 'Transaction',
    nullable: true,
    complexity: STATEMENT_COST + TRANSACTION_COST,
    description: 'The posted transaction with this id. Null: it does not exist.',
    args: {
      id: t.arg.id({
        required: true,
        description: 'The id, `txn_…`, or `ext:<externalId>`, such as `ext:order-42`.',
      }),
    },
    resolve: async (_, { id }, { ledger, loaders: { transactions } }) => {
      const uuid = await ledger.transactionIdOf(id);
      return uuid === undefined ? null : transactions.load(uuid);
    },
  }),
);

/**
 * Returns the value of the field `amount`. All debits equal all credits. Of the entries of one owner, they can differ: then the
 * larger sum counts.
 */
function amountOf({ entries }: Transaction): Money | null {
  const [first] = entries;
  if (first === undefined || entries.some(({ currency }) => currency.code !== first.currency.code))
    return null;
  const posted = entries.filter((entry) => shownLayer(entry) === 'POSTED');
  const counted = posted.length > 0 ? posted : entries;
  const sumOf = (side: Side) =>
    counted.reduce((sum, entry) => (sideOf(entry) === side ? sum + sizeOf(entry.amount) : sum), 0n);
  const [debits, credits] = [sumOf('DEBIT'), sumOf('CREDIT')];
  return { minor: debits > credits ? debits : credits, currency: first.currency };
}
