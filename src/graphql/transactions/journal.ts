import { MAX_ENTRIES, MIN_ENTRIES, toJournal } from '../../core/decide/request.ts';
import { builder } from '../builder.ts';
import * as refusals from '../refusals.ts';
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
  description: 'One debit or credit line of one account.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The account. It may stand in several entries.'),
    side: t.field({ type: SideEnum, required: true, description: 'The side of the books.' }),
    amount: amountField(t),
    description: t.string({ description: 'A note for this line, at most 1,000 bytes.' }),
  }),
});

export const PostTransactionInput = builder.inputType('PostTransactionInput', {
  description:
    'Any balanced set of entries. Several currencies are taken together, such as in an exchange: debits equal credits in each.',
  fields: (t) => ({
    keyAccountId: accountIdField(
      t,
      "The account whose key this is: one of the entries' accounts, usually the one that pays.",
    ),
    entries: t.field({
      type: [EntryInput],
      required: true,
      description: `Its ${MIN_ENTRIES} to ${MAX_ENTRIES} lines, in the order in which they are to be posted.`,
    }),
    conditions: conditionsField(t),
    ...attemptFields(t),
  }),
});

const PostTransactionResult = builder.unionType('PostTransactionResult', {
  description: 'The posted transaction, or why there is none.',
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
      'Posts a journal: entries of your own making, all of them or none. Limits are looked at on what all of them leave.',
    args: { input: t.arg({ type: PostTransactionInput, required: true, description: 'The journal.' }) },
    resolve: (_, { input }, context) => post(context, toJournal(input)),
  }),
);
