import { type Command, toDeposit, toTransfer, toWithdrawal } from '../core/command.ts';
import type { Refusal } from '../core/errors.ts';
import type { Outcome } from '../core/transaction.ts';
import { builder, type InputFields } from './builder.ts';
import { type Context, settle } from './context.ts';
import * as refusals from './refusals.ts';

/** What every input has that moves money. */
const attemptFields = (t: InputFields) => ({
  idempotencyKey: t.string({
    required: true,
    description:
      'Names this one attempt, 1 to 255 bytes, unique among those of the account whose key it is: answered the same way ' +
      'forever, posted or declined. Send the same key to hear the answer again, a new key for a new attempt. Kept forever: ' +
      'no personal data in it.',
  }),
  externalId: t.string({
    description:
      'Your own name for the business event, such as an order or a payout, 1 to 255 bytes: at most one posted transaction ' +
      'of the ledger has it, whatever the keys.',
  }),
  description: t.string({ description: 'A note for people, at most 1,000 bytes.' }),
  metadata: t.field({
    type: 'Metadata',
    description: 'What you want kept with it, such as ids of your own systems.',
  }),
  effectiveAt: t.field({
    type: 'DateTime',
    description:
      'When it counts economically, in the past or the future. Absent: when it is recorded. Not before `closedBefore`.',
  }),
});

const accountIdField = (t: InputFields, description: string) =>
  t.id({
    required: true,
    description: `${description} Its id, \`acct_…\`, or \`ext:\` and its externalId.`,
  });

const amountField = (t: InputFields) =>
  t.field({
    type: 'Decimal',
    required: true,
    description: 'How much, above zero, with at most as many decimals as the currency has.',
  });

const DepositInput = builder.inputType('DepositInput', {
  description: 'Money that came in from outside. The key is one of `accountId`.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The CREDIT account that receives it.'),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

const WithdrawInput = builder.inputType('WithdrawInput', {
  description: 'Money that goes outside. The key is one of `accountId`.',
  fields: (t) => ({
    accountId: accountIdField(t, 'The CREDIT account that pays it.'),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

const TransferInput = builder.inputType('TransferInput', {
  description: 'Money that moves between two accounts of one currency. The key is one of `fromAccountId`.',
  fields: (t) => ({
    fromAccountId: accountIdField(t, 'The account that is debited: where it is a CREDIT account, it pays.'),
    toAccountId: accountIdField(
      t,
      'The account that is credited: where it is a CREDIT account, it receives.',
    ),
    amount: amountField(t),
    ...attemptFields(t),
  }),
});

builder.objectType('TransactionPosted', {
  description: 'It has happened, durably: the money has moved.',
  fields: (t) => ({
    transaction: t.expose('transaction', { type: 'Transaction', description: 'What was recorded.' }),
    replayed: t.exposeBoolean('replayed', {
      description:
        'This key had been answered before: nothing moved again, and the first answer is repeated.',
    }),
  }),
});

/** What any movement between two accounts can be refused by, beside what any mutation can be. */
const MOVEMENT_REFUSALS: readonly refusals.RefusalType[] = [
  refusals.InvalidAmountError,
  refusals.AccountNotFoundError,
  refusals.PeriodClosedError,
  refusals.ExternalIdTakenError,
  refusals.AccountClosedError,
  refusals.AccountFrozenError,
  refusals.IdempotencyConflictError,
  ...refusals.COMMON_REFUSALS,
];

const DepositResult = builder.unionType('DepositResult', {
  description: 'The posted deposit, or why there is none.',
  types: [
    'TransactionPosted',
    refusals.UnsupportedAccountError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const WithdrawResult = builder.unionType('WithdrawResult', {
  description: 'The posted withdrawal, or why there is none.',
  types: [
    'TransactionPosted',
    refusals.UnsupportedAccountError,
    refusals.InsufficientFundsError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const TransferResult = builder.unionType('TransferResult', {
  description: 'The posted transfer, or why there is none.',
  types: [
    'TransactionPosted',
    refusals.SameAccountError,
    refusals.CurrencyMismatchError,
    refusals.ConditionFailedError,
    refusals.InsufficientFundsError,
    refusals.BalanceLimitExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

const OperationResult = builder.unionType('OperationResult', {
  description: 'What became of any operation that moves money.',
  types: [
    'TransactionPosted',
    refusals.UnsupportedAccountError,
    refusals.SameAccountError,
    refusals.CurrencyMismatchError,
    refusals.UnbalancedError,
    refusals.ConditionFailedError,
    refusals.InsufficientFundsError,
    refusals.BalanceLimitExceededError,
    refusals.TransactionNotFoundError,
    refusals.NotReversibleError,
    refusals.AlreadyReversedError,
    refusals.ReversalAmountExceededError,
    ...MOVEMENT_REFUSALS,
  ],
  resolveType: outcomeTypeName,
});

builder.mutationFields((t) => ({
  deposit: t.field({
    type: DepositResult,
    nullable: true,
    description: "Posts money that came in: from the currency's external account to an account.",
    args: { input: t.arg({ type: DepositInput, required: true, description: 'The deposit.' }) },
    resolve: (_, { input }, context) => post(context, toDeposit(input)),
  }),
  withdraw: t.field({
    type: WithdrawResult,
    nullable: true,
    description: "Posts money that goes out: from an account to the currency's external account.",
    args: { input: t.arg({ type: WithdrawInput, required: true, description: 'The withdrawal.' }) },
    resolve: (_, { input }, context) => post(context, toWithdrawal(input)),
  }),
  transfer: t.field({
    type: TransferResult,
    nullable: true,
    description: 'Moves money from one account to another: from is debited, to is credited.',
    args: { input: t.arg({ type: TransferInput, required: true, description: 'The transfer.' }) },
    resolve: (_, { input }, context) => post(context, toTransfer(input)),
  }),
}));

builder.queryField('outcomeByKey', (t) =>
  t.field({
    type: OperationResult,
    nullable: true,
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

async function post(context: Context, command: Command | Refusal): Promise<Outcome> {
  return settle(context, 'code' in command ? command : await context.ledger.post(command));
}

function outcomeTypeName({ code }: Outcome): string {
  return code === 'POSTED' ? 'TransactionPosted' : refusals.refusalTypeName(code);
}
