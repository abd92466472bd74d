import { MAX_ENTRIES, MIN_ENTRIES, toJournal } from '../../core/decide/request.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals/refusals.ts';
import {
  accountIdField,
  amountField,
  attemptFields,
  conditionsField,
  MOVEMENT_REFUSALS,
  outcomeTypeName,
  post,
} from './attempt.ts';
import { SideEnum } from './entry.ts';

const EntryInput = builder.inputType('EntryInput', {
  description: 'One debit or credit of one account.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The account. Several entries may have the same account.'),
    side: t.field({ type: SideEnum, required: true, description: 'The side of the books.' }),
    amount: amountField(t),
    description: t.string({ description: 'A note for this entry, at most 1,000 bytes.' }),
  }),
});

export const PostTransactionInput = builder.inputType('PostTransactionInput', {
  description:
    'Any balanced set of entries. It may have several currencies, such as an exchange. Debits equal credits in each currency.',
  fields: (t) => ({
    keyAccountId: accountIdField(
      t,
      'The account that the idempotency key belongs to: an account of one of the entries, usually the one that pays.',
    ),
    entries: t.field({
      type: [EntryInput],
      required: true,
      description: `${MIN_ENTRIES} to ${MAX_ENTRIES} entries, posted in this order.`,
    }),
    conditions: conditionsField(t),
    ...attemptFields(t),
  }),
});

const PostTransactionResult = builder.unionType('PostTransactionResult', {
  description: 'The posted transaction, or the reason why it was not posted.',
  types: [
    'TransactionPosted',
    refusals.AccountNotFoundError,
    refusals.UnbalancedError,
    refusals.AccountClosedError,
    refusals.ConditionFailedError,
    refusals.InsufficientFundsError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

builder.mutationField('postTransaction', (t) =>
  t.field({
    type: PostTransactionResult,
    nullable: true,
    description:
      'Posts a journal: any balanced entries, all or none. Limits are checked on the balances after all entries.',
    args: { input: t.arg({ type: PostTransactionInput, required: true, description: 'The journal.' }) },
    resolve: (_, { input }, context) => post(context, toJournal(input)),
  }),
);
